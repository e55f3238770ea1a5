"""`resile silence`: which alerts page nobody for a while, or again and again at certain hours."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from resile.cli.door_command import opened
from resile.cli.invocation import Invocation, invocation_of
from resile.cli.tables import plain_table, print_table

if TYPE_CHECKING:
    from resile.app.silences import SilenceRow

app = typer.Typer()

_AS_JSON = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_LONGEST = timedelta(days=366)


def add_to(root: typer.Typer) -> None:
    """Make `resile silence` a command."""
    root.add_typer(
        app, name="silence", help="Mute alerts for a while, or at certain hours; see who muted what and why."
    )


@app.command()
def add(
    ctx: typer.Context,
    matches: Annotated[
        list[str], typer.Argument(metavar="MATCH", help="All must fit: service=shop, host=~db-.*, env!=test, env!~t.*.")
    ],
    *,
    because: Annotated[str, typer.Option("--because", metavar="TEXT", help="Why, for whoever asks later.")],
    lasts: Annotated[str | None, typer.Option("--for", metavar="LENGTH", help="How long: 90m, 2h, 3d.")] = None,
    begins: Annotated[
        str | None, typer.Option("--from", metavar="TIME", help="From when, ISO 8601, else UTC; else from now on.")
    ] = None,
    every: Annotated[
        str | None,
        typer.Option("--every", metavar="HOURS", help='Only then: "sat 02:00-04:00", "mon-fri 22:00-06:00".'),
    ] = None,
    zone: Annotated[
        str | None, typer.Option("--zone", metavar="ZONE", help="By whose clock the hours are; else UTC.")
    ] = None,
    person: Annotated[
        str | None, typer.Option("--by", metavar="PERSON", help="Who wants it, and is reminded if it is forgotten.")
    ] = None,
    as_json: _AS_JSON = False,
) -> None:
    """Mute alerts that fit; what pages already goes on.

    Needs --for, or --every, which without --for lasts until it is ended.
    """
    from resile.model.document import length_of  # noqa: PLC0415 - loads when asked
    from resile.model.time import parse_instant  # noqa: PLC0415

    invocation = invocation_of(ctx)
    length = None if lasts is None else length_of(lasts, "--for", least=timedelta(minutes=1), most=_LONGEST)
    starts_at = None if begins is None else parse_instant(begins)
    with opened(invocation) as (resile, keeper):
        made = resile.alerting.silences.add(
            keeper,
            matches,
            because=because,
            lasts=length,
            starts_at=starts_at,
            every=every,
            zone=zone,
            person=person,
        )
    if as_json:
        _print_json(made)
    else:
        said = f"Silence {made.id} mutes {', '.join(made.matchers)} {_times(made)}."
        invocation.out.print(said, markup=False, soft_wrap=True)


@app.command("list")
def list_silences(
    ctx: typer.Context,
    *,
    is_all: Annotated[bool, typer.Option("--all", help="Also those that are over, the newest first.")] = False,
    as_json: _AS_JSON = False,
) -> None:
    """List silences with who made them, why, and how often each muted an alert."""
    invocation = invocation_of(ctx)
    with opened(invocation) as (resile, _):
        rows = resile.alerting.silences.listed(over=is_all)
    if as_json:
        _print_json(rows)
    elif not rows:
        invocation.out.print("No silences." if is_all else "No silence holds, or is to.")
    else:
        _show(invocation, rows)


@app.command()
def end(
    ctx: typer.Context,
    silence_id: Annotated[str, typer.Argument(metavar="SILENCE", help="Its id.")],
    *,
    as_json: _AS_JSON = False,
) -> None:
    """Let a silence mute nothing any more; what still fires pages at once."""
    invocation = invocation_of(ctx)
    with opened(invocation) as (resile, keeper):
        ended = resile.alerting.silences.end(keeper, silence_id)
    if as_json:
        _print_json(ended)
    else:
        invocation.out.print(f"Silence {ended.id} mutes nothing any more.", markup=False)


def _print_json(value: object) -> None:
    import msgspec  # noqa: PLC0415 - loads when asked

    typer.echo(msgspec.json.encode(value).decode())


def _show(invocation: Invocation, rows: "Sequence[SilenceRow]") -> None:
    table = plain_table()
    for column in ("Silence", "Mutes", "When (UTC)", "By", "Because", "Muted"):
        table.add_column(column)
    for row in rows:
        style = "dim" if row.is_over else ("bold" if row.holds else "")
        cells = (row.id, "\n".join(row.matchers), _times(row), row.by, row.because, f"{row.n_muted:,}")
        table.add_row(*(Text(cell, style=style) for cell in cells))
    print_table(invocation.out, table)


def _times(row: "SilenceRow") -> str:
    hours = "" if row.every is None else f"{row.every} ({row.zone}), "
    if row.ended_at is not None:
        return f"{hours}ended {_shown(row.ended_at)} by {row.ended_by}"
    until = "until it is ended" if row.ends_at is None else f"until {_shown(row.ends_at)}"
    return f"{hours}from {_shown(row.starts_at)} {until}"


def _shown(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M}"
