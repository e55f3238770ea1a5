"""`resile journal`: what arrived at the doors, and what became of it."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer
from rich.padding import Padding
from rich.text import Text

from resile.cli.door_command import opened
from resile.cli.invocation import invocation_of
from resile.cli.tables import plain_table, print_table
from resile.model.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from resile.app.journal import JournalLine
    from resile.ports.journal import Verdict

app = typer.Typer(no_args_is_help=True)

# Narrower terminals have no room for reasons beside the rest.
_LEAST_WIDE = 110

_DOOR = Annotated[str | None, typer.Option("--door", metavar="DOOR", help="Only what arrived at this door.")]
_VERDICT = Annotated[
    str | None, typer.Option("--verdict", metavar="VERDICT", help="Only waiting, taken, unmapped or failed.")
]


def add_to(root: typer.Typer) -> None:
    """Make `resile journal` a command."""
    root.add_typer(app, name="journal", help="What arrived at the doors, and what became of it.")


@app.command("list")
def list_entries(
    ctx: typer.Context,
    *,
    door: _DOOR = None,
    verdict: _VERDICT = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, metavar="N", help="At most so many.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List what arrived, the newest first."""
    import msgspec  # noqa: PLC0415 - loads when asked

    from resile.app.journal import lines_of  # noqa: PLC0415

    invocation = invocation_of(ctx)
    with opened(invocation) as (resile, keeper):
        found = lines_of(resile, keeper, door=door, verdict=_verdict(verdict), limit=limit)
    if as_json:
        typer.echo(msgspec.json.encode(found).decode())
        return
    if not found.entries:
        invocation.out.print("Nothing of that kind is in the journal.")
        return
    if invocation.out.width < _LEAST_WIDE:
        _print_narrow(invocation.out, found.entries)
        return
    table = plain_table()
    table.add_column("Seq", justify="right")
    for column in ("Received (UTC)", "Door"):
        table.add_column(column, overflow="fold")
    table.add_column("Bytes", justify="right", no_wrap=True)
    table.add_column("Verdict", no_wrap=True)
    table.add_column("Why", overflow="fold", ratio=1)
    for line in found.entries:
        received = f"{line.received_at:%Y-%m-%d %H:%M:%S}"
        table.add_row(str(line.seq), received, Text(line.door), f"{line.n_bytes:,}", line.verdict, Text(line.reason))
    print_table(invocation.out, table)


def _print_narrow(out: "Console", entries: "Sequence[JournalLine]") -> None:
    """Each delivery in lines of its own: columns would cut the names of doors, and fold each reason ten times."""
    width = max(len(str(line.seq)) for line in entries)
    for line in entries:
        received = f"{line.received_at:%Y-%m-%d %H:%M:%S}"
        out.print(Text(f"{line.seq:{width}}  {received} UTC  {line.verdict}  {line.n_bytes:,} bytes"), soft_wrap=True)
        indent = width + 2
        out.print(Text(f"{'':{indent}}{line.door}"), soft_wrap=True)
        if line.reason:
            out.print(Padding(Text(line.reason, "dim"), (0, 0, 0, indent), expand=False))


@app.command()
def show(
    ctx: typer.Context,
    seq: Annotated[int, typer.Argument(min=1, max=2**63 - 1, metavar="SEQ", help="As the list has it.")],
    *,
    raw: Annotated[bool, typer.Option("--raw", help="Only the body, byte for byte.")] = False,
) -> None:
    """Show one delivery with its body."""
    from resile.app.journal import entry_of  # noqa: PLC0415 - loads when asked

    invocation = invocation_of(ctx)
    with opened(invocation) as (resile, keeper):
        entry = entry_of(resile, keeper, seq)
    if raw:
        sys.stdout.flush()
        sys.stdout.buffer.write(entry.delivery.body)
        sys.stdout.buffer.flush()
        return
    told = {
        "seq": entry.seq,
        "door": entry.delivery.door,
        "id": entry.delivery.id,
        "received": f"{entry.delivery.received_at:%Y-%m-%d %H:%M:%S} UTC",
        "verdict": entry.verdict.value + (f": {entry.reason}" if entry.reason else ""),
        **entry.delivery.headers,
    }
    width = max(map(len, told))
    for name, value in told.items():
        typer.echo(f"{name:{width}}  {_printable(str(value))}")
    typer.echo(f"\n{_printable(entry.delivery.body.decode(errors='replace'))}")


@app.command()
def replay(
    ctx: typer.Context,
    *,
    door: _DOOR = None,
    verdict: _VERDICT = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="TIME", help="Only what arrived since, ISO 8601.")
    ] = None,
) -> None:
    """Process deliveries once more, such as those that failed before an update; nothing is doubled by it."""
    from resile.analytics.words import counted  # noqa: PLC0415 - loads when asked
    from resile.app.journal import replay as let_wait  # noqa: PLC0415
    from resile.app.receive import receiver_of, receiving_alone  # noqa: PLC0415
    from resile.model.time import parse_instant  # noqa: PLC0415

    invocation = invocation_of(ctx)
    with opened(invocation) as (resile, keeper):
        instant = None if since is None else parse_instant(since)
        n = let_wait(resile, keeper, door=door, verdict=_verdict(verdict), since=instant)
        if not n:
            invocation.out.print("Nothing of that kind is in the journal.")
            return
        with receiving_alone(resile.settings.data) as is_alone:
            if is_alone:
                receiver_of(resile).process_waiting()
    end = "processed once more" if is_alone else "waits again; the running server takes it now"
    invocation.out.print(f"{counted(n, 'delivery', 'deliveries')}: {end}.")


def _verdict(text: str | None) -> "Verdict | None":
    from resile.ports.journal import Verdict  # noqa: PLC0415 - loads when asked

    try:
        return None if text is None else Verdict(text.strip().lower())
    except ValueError:
        raise ConfigError(f"verdict {text!r} is unknown; use {', '.join(Verdict)}") from None


def _printable(text: str) -> str:
    """Without what a terminal would obey: strangers wrote it."""
    return "".join(sign if sign.isprintable() or sign in "\n\t" else "\ufffd" for sign in text)
