"""`resile doctor`: says today what would fail at night."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from resile.cli.door_command import opened
from resile.cli.invocation import invocation_of

if TYPE_CHECKING:
    from rich.console import Console

    from resile.app.findings import Finding

_STYLES = {"critical": "bold red", "serious": "yellow", "minor": "dim"}


def add_to(root: typer.Typer) -> None:
    """Make `resile doctor` a command."""
    root.command()(doctor)


def doctor(ctx: typer.Context, *, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Say what would fail at night, the worst first; ends with 0 where there is nothing, with 1 where there is."""
    import msgspec  # noqa: PLC0415 - loads when asked

    from resile.app.doctor import Examination, examined  # noqa: PLC0415

    invocation = invocation_of(ctx)

    def tell(said: str) -> None:
        if not as_json:
            invocation.err.print(Text(f"{said} ...", "dim"), soft_wrap=True)

    with opened(invocation) as (resile, _):
        found = examined(resile, tell=tell)
        at = resile.clock.now()
    if as_json:
        typer.echo(msgspec.json.encode(Examination(examined_at=at, findings=found)).decode())
    else:
        _show(invocation.out, found)
    if found:
        raise typer.Exit(1)


def _show(out: "Console", found: "list[Finding]") -> None:
    if not found:
        out.print("Nothing was found that would fail.")
        return
    for one in found:
        out.print(Text.assemble((f"{one.gravity.value:8}", _STYLES[one.gravity]), f"  {one}"), soft_wrap=True)
    n_critical = sum(one.gravity.value == "critical" for one in found)
    out.print(f"{len(found)} found, of which {n_critical} critical.")
