"""`resile maintenance` and `resile subscriber`: when services are worked on, and who hears of it."""

from datetime import datetime, timedelta
from itertools import islice
from typing import Annotated

import typer
from rich.text import Text

from resile.cli.door_command import opened
from resile.cli.invocation import invocation_of
from resile.cli.tables import plain_table, print_table
from resile.model.errors import ConfigError

app = typer.Typer()
subscribers = typer.Typer()

_AS_JSON = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_WINDOW = Annotated[str, typer.Argument(metavar="WINDOW", help="Its id.")]
_LONGEST = timedelta(days=14)
_MAX_LISTED = 1_000


def add_to(root: typer.Typer) -> None:
    """Make `resile maintenance` and `resile subscriber` commands."""
    root.add_typer(app, name="maintenance", help="When services are worked on on purpose: announced, and not measured.")
    root.add_typer(subscribers, name="subscriber", help="Who hears of updates by e-mail or webhook.")


@app.command()
def add(
    ctx: typer.Context,
    title: Annotated[str, typer.Argument(metavar="TITLE", help="What is done, as customers read it.")],
    *,
    service: Annotated[
        list[str] | None, typer.Option("--service", metavar="NAME", help="A service that is worked on; repeats.")
    ] = None,
    component: Annotated[
        list[str] | None, typer.Option("--component", metavar="NAME", help="A component of the status page; repeats.")
    ] = None,
    begins: Annotated[
        str | None, typer.Option("--from", metavar="TIME", help="From when, ISO 8601, else UTC; else from now on.")
    ] = None,
    until: Annotated[str | None, typer.Option("--until", metavar="TIME", help="Until when.")] = None,
    lasts: Annotated[str | None, typer.Option("--for", metavar="LENGTH", help="Or how long: 90m, 2h.")] = None,
    text: Annotated[str, typer.Option("--text", metavar="TEXT", help="What it means for customers.")] = "",
    quiet: Annotated[bool, typer.Option("--quiet", help="Tell no subscribers of it.")] = False,
    as_json: _AS_JSON = False,
) -> None:
    """Enter a maintenance window; what goes wrong within it counts in no measure."""
    from resile.app.maintenance_out import window_out  # noqa: PLC0415 - loads when asked
    from resile.model.document import length_of  # noqa: PLC0415
    from resile.model.time import parse_instant  # noqa: PLC0415

    if (until is None) == (lasts is None):
        raise ConfigError("a maintenance window needs --until, or --for, and not both; say when it is over")
    named = [*(service or ()), *(f"component/{name}" for name in component or ())]
    invocation = invocation_of(ctx)
    with opened(invocation) as (resile, keeper):
        now = resile.clock.now()
        starts_at = now if begins is None else parse_instant(begins)
        length = None if lasts is None else length_of(lasts, "--for", least=timedelta(minutes=1), most=_LONGEST)
        ends_at = parse_instant(until or "") if length is None else starts_at + length
        made = resile.communication.maintenance.add(
            keeper, title, named, starts_at=starts_at, ends_at=ends_at, text=text, is_announced=not quiet
        )
        shown = window_out(made, now)
    if as_json:
        _print_json(shown)
    else:
        times = f"from {_shown(shown.starts_at)} until {_shown(shown.ends_at)} UTC"
        said = f"Maintenance {shown.id} of {', '.join(shown.components)} {times}."
        invocation.out.print(said, markup=False, soft_wrap=True)


@app.command("list")
def list_windows(
    ctx: typer.Context,
    *,
    is_all: Annotated[bool, typer.Option("--all", help="Also those that are over.")] = False,
    as_json: _AS_JSON = False,
) -> None:
    """List maintenance windows that are not over."""
    from resile.app.maintenance_out import window_out  # noqa: PLC0415 - loads when asked
    from resile.model.time import EARLIEST  # noqa: PLC0415

    invocation = invocation_of(ctx)
    with opened(invocation) as (resile, _):
        now = resile.clock.now()
        found = resile.communication.maintenance.listed(since=EARLIEST if is_all else None)
        rows = [window_out(one, now) for one in found]
    if as_json:
        _print_json(rows)
    elif not rows:
        invocation.out.print("No maintenance is planned." if not is_all else "No maintenance is known.")
    else:
        table = plain_table()
        for column in ("Window", "What", "Of", "From (UTC)", "Until (UTC)", "State", "By"):
            table.add_column(column)
        for row in rows:
            times = (_shown(row.starts_at), _shown(row.ends_at))
            state = row.phase.replace("_", " ")
            table.add_row(*map(Text, (row.id, row.title, ", ".join(row.components), *times, state, row.by)))
        print_table(invocation.out, table)


@app.command()
def move(
    ctx: typer.Context,
    window: _WINDOW,
    *,
    begins: Annotated[str | None, typer.Option("--from", metavar="TIME", help="Another beginning.")] = None,
    until: Annotated[str | None, typer.Option("--until", metavar="TIME", help="Another end.")] = None,
) -> None:
    """Let a maintenance window begin or end at another time; of one that has begun only the end."""
    from resile.model.time import parse_instant  # noqa: PLC0415 - loads when asked

    invocation = invocation_of(ctx)
    with opened(invocation) as (resile, keeper):
        moved = resile.communication.maintenance.move(
            keeper,
            window,
            starts_at=None if begins is None else parse_instant(begins),
            ends_at=None if until is None else parse_instant(until),
        )
    times = f"from {_shown(moved.starts_at)} until {_shown(moved.ends_at)} UTC"
    invocation.out.print(f"Maintenance {moved.id} {times}.", markup=False)


@app.command()
def finish(ctx: typer.Context, window: _WINDOW) -> None:
    """Let a maintenance window be over now."""
    invocation = invocation_of(ctx)
    with opened(invocation) as (resile, keeper):
        over = resile.communication.maintenance.finish(keeper, window)
    invocation.out.print(f"Maintenance {over.id} is over.", markup=False)


@app.command()
def cancel(ctx: typer.Context, window: _WINDOW) -> None:
    """Let a maintenance window not take place; what was marked for it counts again."""
    invocation = invocation_of(ctx)
    with opened(invocation) as (resile, keeper):
        cancelled = resile.communication.maintenance.cancel(keeper, window)
    invocation.out.print(f"Maintenance {cancelled.id} is cancelled.", markup=False)


@subscribers.command("list")
def list_subscribers(
    ctx: typer.Context,
    *,
    as_json: _AS_JSON = False,
) -> None:
    """List who hears of updates, and whose address was put aside and why."""
    from resile.app.maintenance_out import subscriber_out  # noqa: PLC0415 - loads when asked

    invocation = invocation_of(ctx)
    with opened(invocation) as (resile, _):
        use = resile.communication.subscribers
        rows = [subscriber_out(one, is_whole=True) for one in islice(use.listed(), None if as_json else _MAX_LISTED)]
        n_told, n_aside = use.count()
    if as_json:
        _print_json(rows)
        return
    if rows:
        table = plain_table()
        for column in ("Subscriber", "Channel", "Address", "Hears of", "Since (UTC)", "State"):
            table.add_column(column)
        for row in rows:
            state = "told" if row.is_told else "put aside"
            said = f"{state}: {row.because}" if row.because else state
            of = ", ".join(row.components) or "all"
            table.add_row(*map(Text, (row.id, row.channel, row.address, of, _shown(row.confirmed_at), said)))
        print_table(invocation.out, table)
    invocation.out.print(f"{n_told:,} are told, {n_aside:,} were put aside.", markup=False)


@subscribers.command()
def remove(
    ctx: typer.Context,
    subscriber: Annotated[str, typer.Argument(metavar="SUBSCRIBER", help="Its id, as the list shows it.")],
) -> None:
    """Take somebody off the list; the address is forgotten."""
    invocation = invocation_of(ctx)
    with opened(invocation) as (resile, keeper):
        resile.communication.subscribers.remove(keeper, subscriber)
    invocation.out.print(f"Subscriber {subscriber} is told nothing any more.", markup=False)


def _print_json(value: object) -> None:
    import msgspec  # noqa: PLC0415 - loads when asked

    typer.echo(msgspec.json.encode(value).decode())


def _shown(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M}"
