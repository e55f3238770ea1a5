"""`resile drill`: everybody on call is paged to try the way, and what came of it."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from resile.cli.accounts_command import BY
from resile.cli.door_command import opened
from resile.cli.invocation import invocation_of

if TYPE_CHECKING:
    from rich.console import Console

    from resile.app.drill_results import Answer, Drills

app = typer.Typer(no_args_is_help=True)
_AS_JSON = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_MINUTE_S = 60


def add_to(root: typer.Typer) -> None:
    """Make `resile drill` a command."""
    root.add_typer(app, name="drill", help="Ring drills: page everybody on call to try the way, and see who answered.")


@app.command()
def ring(
    ctx: typer.Context,
    *,
    now: Annotated[bool, typer.Option("--now", help="Page them now, by the running server.")] = False,
) -> None:
    """Say whom a ring drill would page; with --now, page them."""
    from datetime import datetime  # noqa: PLC0415 - loads when asked

    from resile.app.drill_results import drills_of  # noqa: PLC0415

    invocation = invocation_of(ctx)
    with opened(invocation) as (resile, _):
        drills = drills_of(resile)
        rung = drills.ring(by=BY) if now else drills.would_ring()
        next_at = drills.next_at()
    if isinstance(rung, datetime):
        invocation.out.print(
            f"Somebody is being paged for a real incident: the drill is put off until {rung:%Y-%m-%d %H:%M} UTC."
        )
        return
    verb = "Paging" if now else "A ring drill would page"
    invocation.out.print(Text(f"{verb} {', '.join(sorted(rung.people)) or 'nobody'}."), soft_wrap=True)
    for gap in rung.gaps:
        invocation.out.print(Text(f"Nobody else: {gap}."), soft_wrap=True)
    if now:
        invocation.out.print("Who answers, and how fast: resile drill list")
    else:
        when = "none begins by itself" if next_at is None else f"the next begins {next_at:%Y-%m-%d %H:%M} UTC"
        invocation.out.print(f"Begin one now with --now; {when}.")


@app.command("list")
def list_drills(ctx: typer.Context, *, as_json: _AS_JSON = False) -> None:
    """List the drills of the last year: who answered, how fast, and who did not."""
    import msgspec  # noqa: PLC0415 - loads when asked

    from resile.app.drill_results import drills_listed  # noqa: PLC0415

    invocation = invocation_of(ctx)
    with opened(invocation) as (resile, _):
        found = drills_listed(resile)
    if as_json:
        typer.echo(msgspec.json.encode(found).decode())
    else:
        _show(invocation.out, found)


def _show(out: "Console", found: "Drills") -> None:
    for drill in found.drills:
        n_answered = sum(one.answered_after_s is not None for one in drill.answers)
        head = f"{drill.began_at:%Y-%m-%d %H:%M} UTC  {n_answered} of {len(drill.answers)} answered"
        out.print(Text(head, "bold"), soft_wrap=True)
        for one in drill.answers:
            out.print(Text(f"  {_line(one)}"), soft_wrap=True)
    if not found.drills:
        out.print("No drills yet: resile drill ring --now pages everybody who is on call.")
    if found.next_at is not None:
        out.print(f"The next begins {found.next_at:%Y-%m-%d %H:%M} UTC.")


def _line(one: "Answer") -> str:
    by = f" by {', '.join(one.channels)}" if one.channels else ""
    trouble = f" ({'; '.join(one.problems)})" if one.problems else ""
    if one.answered_after_s is None:
        said = "has not answered yet" if one.is_open else "did not answer"
        return f"{one.person} {said}, paged{by or ' by nothing'}{trouble}"
    who = one.person if one.by is None else f"{one.by} for {one.person}"
    return f"{who} answered after {_length(one.answered_after_s)}, paged{by}{trouble}"


def _length(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), _MINUTE_S)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
