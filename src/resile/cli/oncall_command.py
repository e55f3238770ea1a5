"""`resile oncall`: who is on call now and later, and the overrides that change it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from resile.cli.door_command import opened
from resile.cli.invocation import Invocation, invocation_of
from resile.cli.tables import plain_table, print_table
from resile.model.errors import ConfigError

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from resile.app.oncall import Calendar, Standing
    from resile.model.schedule import Override
    from resile.response.oncall import Duty

app = typer.Typer()

_SCHEDULE = Annotated[str, typer.Argument(metavar="SCHEDULE", help="Its name in the catalog.")]
_PERSON = Annotated[str, typer.Argument(metavar="PERSON", help="Their name in the catalog.")]
_BECAUSE = Annotated[str, typer.Option("--because", metavar="TEXT", help="Why, for whoever reads it later.")]
_AS_JSON = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_FROM = Annotated[
    str | None, typer.Option("--from", metavar="TIME", help="ISO 8601; without an offset by the schedule's clock.")
]
_TO = Annotated[str | None, typer.Option("--to", metavar="TIME", help="ISO 8601, as --from.")]
_SHOWN_DAYS = 14
_WHY = {
    "turn": "turn",
    "stands_in": "stands in",
    "override": "override",
    "taken_off": "override: nobody",
    "no_layer": "no rotation",
    "not_begun": "rotation not begun",
    "ended": "rotation ended",
    "off_hours": "outside hours",
    "nobody_left": "nobody in the rotation",
}


def add_to(root: typer.Typer) -> None:
    """Make `resile oncall` a command."""
    root.add_typer(app, name="oncall", help="Who is on call now and later, and overrides that change it.")


@app.callback(invoke_without_command=True)
def now(
    ctx: typer.Context,
    *,
    at: Annotated[str | None, typer.Option("--at", metavar="TIME", help="At another instant, ISO 8601.")] = None,
    as_json: _AS_JSON = False,
) -> None:
    """Say who is on call now in every schedule, who is next, and where nobody is within fourteen days."""
    if ctx.invoked_subcommand is not None:
        return
    from resile.model.time import parse_instant  # noqa: PLC0415 - loads when asked

    invocation = invocation_of(ctx)
    with opened(invocation) as (resile, _):
        standings = resile.oncall.standings(None if at is None else parse_instant(at))
        for sentence in resile.catalog.unreadable():
            invocation.err.print(sentence, markup=False, soft_wrap=True)
    if as_json:
        _print_json(standings)
    elif not standings:
        invocation.out.print("No schedules yet: write one as a file, and bring it in with resile apply DIR.")
    else:
        _show_standings(invocation, standings)


@app.command()
def show(
    ctx: typer.Context, schedule: _SCHEDULE, *, begins: _FROM = None, ends: _TO = None, as_json: _AS_JSON = False
) -> None:
    """Show a schedule duty by duty, with gaps and overrides; fourteen days unless --from and --to say otherwise."""
    invocation = invocation_of(ctx)
    with opened(invocation) as (resile, _):
        zone = _zone(resile.catalog.schedules(), schedule)
        starts_at = resile.clock.now() if begins is None else _instant("--from", begins, zone)
        ends_at = starts_at + timedelta(days=_SHOWN_DAYS) if ends is None else _instant("--to", ends, zone)
        calendar = resile.oncall.calendar(schedule, starts_at, ends_at)
    if as_json:
        _print_json(calendar)
    else:
        _show_calendar(invocation, calendar, zone)


@app.command()
def override(
    ctx: typer.Context,
    schedule: _SCHEDULE,
    person: Annotated[str, typer.Argument(metavar="PERSON", help="Who is on duty; nobody takes it from everybody.")],
    *,
    begins: Annotated[str, typer.Option("--from", metavar="TIME", help="ISO 8601; else by the schedule's clock.")],
    ends: Annotated[str, typer.Option("--to", metavar="TIME", help="ISO 8601, as --from.")],
    because: _BECAUSE = "",
) -> None:
    """Put somebody on duty from one instant to another, whatever the rotations say."""
    invocation = invocation_of(ctx)
    with opened(invocation) as (resile, keeper):
        zone = _zone(resile.catalog.schedules(), schedule)
        starts_at, ends_at = _instant("--from", begins, zone), _instant("--to", ends, zone)
        who = None if person == "nobody" else person
        entered = resile.oncall.override(keeper, schedule, who, starts_at=starts_at, ends_at=ends_at, because=because)
    _say(invocation, entered, zone)


@app.command()
def take(ctx: typer.Context, schedule: _SCHEDULE, person: _PERSON, *, because: _BECAUSE = "") -> None:
    """Put a person on duty from now until the present duty ends."""
    invocation = invocation_of(ctx)
    with opened(invocation) as (resile, keeper):
        zone = _zone(resile.catalog.schedules(), schedule)
        entered = resile.oncall.take(keeper, schedule, person, because)
    _say(invocation, entered, zone)


@app.command()
def swap(
    ctx: typer.Context,
    schedule: _SCHEDULE,
    first: Annotated[str, typer.Argument(metavar="TIME", help="An instant within the one duty, ISO 8601.")],
    second: Annotated[str, typer.Argument(metavar="TIME", help="An instant within the other.")],
    *,
    because: _BECAUSE = "",
) -> None:
    """Let the two who are on duty at two instants exchange their duties."""
    invocation = invocation_of(ctx)
    with opened(invocation) as (resile, keeper):
        zone = _zone(resile.catalog.schedules(), schedule)
        instants = _instant("the first time", first, zone), _instant("the second time", second, zone)
        entered = resile.oncall.swap(keeper, schedule, *instants, because)
    _say(invocation, entered, zone)


@app.command()
def remove(ctx: typer.Context, override_id: Annotated[str, typer.Argument(metavar="OVERRIDE", help="Its id.")]) -> None:
    """Let an override hold no longer; `resile oncall show` lists them."""
    invocation = invocation_of(ctx)
    with opened(invocation) as (resile, keeper):
        resile.oncall.remove(keeper, override_id)
    invocation.out.print(f"Override {override_id} holds no longer.", markup=False)


@app.command("calendar")
def duty_calendar(
    ctx: typer.Context,
    schedule: Annotated[str | None, typer.Argument(metavar="SCHEDULE", help="Its name; without: all.")] = None,
    *,
    person: Annotated[str | None, typer.Option("--person", metavar="PERSON", help="Only the duties of one.")] = None,
    weeks: Annotated[int, typer.Option("--weeks", metavar="N", help="How far ahead, 1 to 40.")] = 12,
) -> None:
    """Write duties as an iCalendar file to standard output, such as > duty.ics; read again, it changes what changed."""
    from resile.app.documents.duty_calendar import duty_calendar as written  # noqa: PLC0415 - loads when asked

    with opened(invocation_of(ctx)) as (resile, _):
        body = written(resile.oncall, now=resile.clock.now(), schedule=schedule, person=person, weeks=weeks)
    typer.echo(body, nl=False)


def _zone(schedules: object, name: str) -> "ZoneInfo":
    from zoneinfo import ZoneInfo  # noqa: PLC0415 - loads when asked

    schedule = schedules.get(name) if isinstance(schedules, dict) else None
    if schedule is None:
        raise ConfigError(f"schedule {name[:64]!r} is unknown; resile oncall lists them")
    return ZoneInfo(schedule.zone)


def _instant(option: str, said: str, zone: "ZoneInfo") -> datetime:
    from resile.model.time import parse_instant  # noqa: PLC0415 - loads when asked

    try:
        at = datetime.fromisoformat(said.strip())
    except ValueError:
        raise ConfigError(f"{option} {said[:40]!r} is not ISO 8601; write it as 2026-03-02T09:00") from None
    return parse_instant((at if at.tzinfo is not None else at.replace(tzinfo=zone)).isoformat())


def _print_json(value: object) -> None:
    import msgspec  # noqa: PLC0415 - loads when asked

    typer.echo(msgspec.json.encode(value).decode())


def _show_standings(invocation: Invocation, standings: "Sequence[Standing]") -> None:
    from zoneinfo import ZoneInfo  # noqa: PLC0415 - loads when asked

    table = plain_table()
    for column in ("Schedule", "On call", "Until", "Next", "Gaps in 14 days"):
        table.add_column(column)
    for one in standings:
        zone = ZoneInfo(one.zone)
        following = "" if one.next is None else one.next.person or "nobody"
        until = "beyond 40 days" if one.next is None else _local(one.now.ends_at, zone)
        gaps = "none" if not one.gaps else f"{len(one.gaps)}, first {_local(one.gaps[0].starts_at, zone)}"
        on_call = Text(one.now.person or "nobody", style="" if one.now.person else "bold red")
        table.add_row(Text(one.schedule), on_call, until, Text(following), Text(gaps, style="red" if one.gaps else ""))
    print_table(invocation.out, table)


def _show_calendar(invocation: Invocation, calendar: "Calendar", zone: "ZoneInfo") -> None:
    from resile.response.oncall import spells  # noqa: PLC0415 - loads when asked

    table = plain_table()
    for column in ("From", "Until", "On call", "Why", "Override"):
        table.add_column(column)
    for spell in spells(calendar.duties):
        person = Text(spell.person or "nobody", style="" if spell.person else "bold red")
        why = ", ".join(dict.fromkeys(map(_why, spell.duties)))
        overrides = ", ".join(dict.fromkeys(duty.override for duty in spell.duties if duty.override))
        times = _local(spell.starts_at, zone), _local(spell.ends_at, zone)
        table.add_row(*times, person, Text(why), Text(overrides))
    print_table(invocation.out, table)
    for lost in calendar.lost_shifts:
        invocation.out.print(
            f"The clock leaves out a whole shift of {lost.person or 'nobody'} in {lost.layer} at "
            f"{_local(lost.at, zone)}: their turn is lost.",
            markup=False,
            soft_wrap=True,
        )
    invocation.out.print(f"Times are {calendar.zone}.", style="dim", markup=False)


def _why(duty: "Duty") -> str:
    layer = f" ({duty.layer})" if duty.layer else ""
    return _WHY[duty.because] + layer + (f" for {duty.stands_in_for}" if duty.stands_in_for else "")


def _local(at: datetime, zone: "ZoneInfo") -> str:
    return f"{at.astimezone(zone):%a %Y-%m-%d %H:%M}"


def _say(invocation: Invocation, entered: "Sequence[Override]", zone: "ZoneInfo") -> None:
    for one in entered:
        times = f"from {_local(one.starts_at, zone)} to {_local(one.ends_at, zone)} ({zone.key})"
        invocation.out.print(
            f"{one.person or 'Nobody'} is on call {times}; override {one.id}.", markup=False, soft_wrap=True
        )
