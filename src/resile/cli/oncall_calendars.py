"""`resile oncall import` and `resile oncall feed`: calendars in, and calendars to which programs subscribe."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from resile.cli.door_command import base_of, opened
from resile.cli.invocation import Invocation, invocation_of
from resile.cli.oncall_command import app
from resile.model.errors import ConfigError

if TYPE_CHECKING:
    from resile.app.calendar_in import Reading
    from resile.model.schedule import Override

_SHOWN = "%a %Y-%m-%d %H:%M"


def add_to(_root: typer.Typer) -> None:
    """Make them commands of `resile oncall`."""
    app.command("import")(bring_in)
    app.command()(feed)


def bring_in(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An iCalendar file (.ics).", show_default=False)],
    *,
    schedule: Annotated[str, typer.Option("--schedule", metavar="SCHEDULE", help="Its name in the catalog.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would change.")] = False,
    prune: Annotated[
        bool, typer.Option("--prune", help="Remove what earlier files entered and this one holds no longer.")
    ] = False,
) -> None:
    """Enter the events of a calendar as overrides of a schedule; read again, what changed is changed.

    Exit code 1 where an event could not be placed; all others are entered.
    """
    from resile.app.ics_events import MAX_BYTES  # noqa: PLC0415 - loads when asked

    invocation = invocation_of(ctx)
    try:
        with file.open("rb") as stream:
            body = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"file {file} cannot be read: {error.strerror}; give another") from None
    with opened(invocation) as (resile, keeper):
        reading = resile.calendars.read(keeper, schedule, body, prunes=prune, tries=dry_run)
        zone = resile.oncall.schedule(schedule).zone
    _show(invocation, reading, zone, is_tried=dry_run)
    if reading.n_problems:
        raise typer.Exit(1)


def _show(invocation: Invocation, reading: "Reading", zone: str, *, is_tried: bool) -> None:
    say = invocation.out.print
    replaced = {one.id: one for one in reading.replaced}
    for one in reading.added:
        before = f" (was: {_told(replaced[one.id], zone)})" if one.id in replaced else ""
        say(f"{'~' if one.id in replaced else '+'} {_told(one, zone)}{before}", markup=False, soft_wrap=True)
    for one in reading.removed:
        say(f"- {_told(one, zone)}", markup=False, soft_wrap=True)
    would = "would be " if is_tried else ""
    say(
        f"{len(reading.added) - len(replaced)} {would}entered, {len(replaced)} {would}changed, "
        f"{len(reading.removed)} {would}removed, {reading.n_same} held already; {reading.n_over} over already, "
        f"{reading.n_beyond} more than a year ahead. Times are {zone}.",
        markup=False,
        soft_wrap=True,
    )
    for sentence in reading.problems:
        invocation.err.print(sentence, markup=False, soft_wrap=True)
    if reading.n_problems > len(reading.problems):
        more = reading.n_problems - len(reading.problems)
        invocation.err.print(f"{more} more events could not be placed.", markup=False)


def _told(one: "Override", zone: str) -> str:
    from zoneinfo import ZoneInfo  # noqa: PLC0415 - loads when asked

    starts, ends = (at.astimezone(ZoneInfo(zone)).strftime(_SHOWN) for at in (one.starts_at, one.ends_at))
    return f"{one.person or 'nobody'} from {starts} to {ends}"


def feed(
    ctx: typer.Context,
    person: Annotated[
        str | None, typer.Argument(metavar="PERSON", help="Whose duties, over all schedules.", show_default=False)
    ] = None,
    *,
    schedule: Annotated[
        str | None, typer.Option("--schedule", metavar="SCHEDULE", help="Everybody's duties in one schedule instead.")
    ] = None,
    revoke: Annotated[bool, typer.Option("--revoke", help="Let nobody read it any more.")] = False,
) -> None:
    """Print the address to which a calendar program subscribes, made where there is none; it holds until revoked."""
    from resile.ports.feed_book import FeedOf  # noqa: PLC0415 - loads when asked

    invocation = invocation_of(ctx)
    if (person is None) == (schedule is None):
        raise ConfigError("a feed is of a person or of a schedule; name one person, or give --schedule")
    of, name = (FeedOf.PERSON, person) if person is not None else (FeedOf.SCHEDULE, schedule or "")
    with opened(invocation) as (resile, keeper):
        if revoke:
            resile.feeds.revoke(keeper, of, name)
            invocation.out.print(f"Nobody reads the calendar of {name} by its address any more.", markup=False)
            return
        made = resile.feeds.make(keeper, of, name)
    typer.echo(base_of(invocation) + made.path)
