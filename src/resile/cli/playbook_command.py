"""`resile playbook`: what to do when something fails: list, show, check, and open one for an incident."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from resile.cli.door_command import opened
from resile.cli.invocation import Invocation, invocation_of
from resile.model.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from resile.app.playbook_lint import Linted
    from resile.app.playbook_rows import PlaybookRow

app = typer.Typer(no_args_is_help=True)
_AS_JSON = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_UNSAFE, _DOUBTFUL = 2, 1


def add_to(root: typer.Typer) -> None:
    """Make `resile playbook` a command."""
    root.add_typer(app, name="playbook", help="What to do when something fails: list, check and open playbooks.")


@app.command("list")
def list_playbooks(ctx: typer.Context, *, as_json: _AS_JSON = False) -> None:
    """List the playbooks of the catalog: what they are for, when reviewed, how often used and to what effect."""
    from resile.app.playbook_rows import playbook_rows  # noqa: PLC0415 - loads when asked

    invocation = invocation_of(ctx)
    with opened(invocation) as (resile, _):
        rows = playbook_rows(resile)
    if as_json:
        _print_json(rows)
    elif not rows:
        invocation.out.print("The catalog has no playbook. resile playbook show --example prints one to begin with.")
    else:
        _show_list(invocation, rows)


@app.command()
def show(
    ctx: typer.Context,
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="Its name.")] = None,
    *,
    number: Annotated[
        int | None, typer.Option("--version", metavar="N", min=1, help="As it was in this version.")
    ] = None,
    example: Annotated[bool, typer.Option("--example", help="Print a playbook to begin with.")] = False,
    as_json: _AS_JSON = False,
) -> None:
    """Print a playbook as it was written; with --json what is known of it too."""
    from resile.app.playbook_rows import playbook_rows  # noqa: PLC0415 - loads when asked
    from resile.app.playbook_sample import PLAYBOOK_EXAMPLE  # noqa: PLC0415

    if example:
        typer.echo(PLAYBOOK_EXAMPLE, nl=False)
        return
    if name is None:
        raise ConfigError("which playbook? give its name; resile playbook list shows which there are")
    with opened(invocation_of(ctx)) as (resile, _):
        known = resile.playbooks.all().get(name)
        playbook = resile.playbooks.as_of(name, number or (0 if known is None else known.number))
        if playbook is None:
            which = f"no version {number} of playbook" if number is not None else "no playbook"
            raise ConfigError(f"there is {which} {name[:64]!r}; resile playbook list shows which there are")
        rows = playbook_rows(resile, [name]) if as_json and number is None else []
    if as_json:
        _print_json({"playbook": playbook, "row": rows[0] if rows else None})
    else:
        typer.echo(playbook.text, nl=False)


@app.command()
def lint(
    ctx: typer.Context,
    what: Annotated[
        str | None,
        typer.Argument(metavar="[DIR|FILE|NAME]", help="A folder, a file, or a playbook; else the whole catalog."),
    ] = None,
    *,
    as_json: _AS_JSON = False,
) -> None:
    """Say what of playbooks would let somebody down, by file and line; of the whole catalog, which alerts have none.

    Ends with 2 where a playbook is unsafe and the catalog would not take it, with 1 where something had better be
    mended, with 0 where there is nothing. A folder or a file needs no catalog; owners are looked up where there is one.
    """
    invocation = invocation_of(ctx)
    linted, findings = _looked_at(invocation, what)
    n_faults = sum(len(one.faults) for one in linted)
    if as_json:
        _print_json({"playbooks": linted, "alerts": findings})
    else:
        _show_faults(invocation, linted, findings, n_faults)
    if any(one.is_unsafe for one in linted):
        raise typer.Exit(_UNSAFE)
    if n_faults or findings:
        raise typer.Exit(_DOUBTFUL)


@app.command("open")
def open_playbook(
    ctx: typer.Context,
    incident_id: Annotated[str, typer.Argument(metavar="INCIDENT", help="Its id, such as INC-7.")],
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Which playbook; else the one that fits best.")
    ] = None,
    *,
    as_json: _AS_JSON = False,
) -> None:
    """Open a playbook for an incident, so that everybody who looks at it has it."""
    invocation = invocation_of(ctx)
    with opened(invocation) as (resile, keeper):
        told = resile.playbooks.open(incident_id, name, by=keeper.by)
    if as_json:
        _print_json(told)
    else:
        said = f"Playbook {told.playbook} is open for {incident_id}: {told.because}."
        invocation.out.print(said, markup=False, soft_wrap=True)


def _looked_at(invocation: Invocation, what: str | None) -> "tuple[list[Linted], list[str]]":
    """What there is to mend, and of the whole catalog which alerts had no playbook."""
    from resile.app.doctor_running import without_playbook  # noqa: PLC0415 - loads when asked
    from resile.app.playbook_lint import lint_catalog, lint_files  # noqa: PLC0415
    from resile.app.system_clock import SystemClock  # noqa: PLC0415

    if what is not None and _is_path(what):
        return lint_files(Path(what), teams=_teams(invocation), today=SystemClock().now().date()), []
    with opened(invocation) as (resile, _):
        linted = lint_catalog(resile, what)
        if what is not None:
            return linted, []
        playbooks = [one.playbook for one in resile.playbooks.all().values()]
        return linted, [str(one) for one in without_playbook(resile.paging, playbooks, resile.clock.now())]


def _is_path(what: str) -> bool:
    return "/" in what or what.endswith(".md") or what in {".", ".."} or Path(what).exists()


def _teams(invocation: Invocation) -> "Collection[str] | None":
    """Those of the catalog; None where there is no catalog here, as on a machine that only tests a repository."""
    settings = invocation.settings
    if settings.database_url is None and not settings.data.is_dir():
        return None
    with opened(invocation) as (resile, _):
        return frozenset(resile.catalog.teams()) or None


def _show_faults(invocation: Invocation, linted: "Sequence[Linted]", findings: "Sequence[str]", n_faults: int) -> None:
    from resile.app.printable import printable  # noqa: PLC0415 - loads when asked

    out = invocation.out
    for one in linted:
        for fault in one.faults:
            word, style = ("unsafe", "bold red") if fault.is_unsafe else ("mend", "yellow")
            said = f":{fault.line}  {fault.what}; {fault.way_out}"
            out.print(Text.assemble((f"{word:6}", style), "  ", printable(one.file), printable(said)), soft_wrap=True)
    for finding in findings:
        out.print(Text.assemble(("alerts", "yellow"), "  ", printable(finding)), soft_wrap=True)
    n = len(linted)
    playbooks = f"{n} playbook{'' if n == 1 else 's'}"
    found = f"{n_faults} thing{'' if n_faults == 1 else 's'} to mend" if n_faults else "nothing to mend"
    out.print(f"{playbooks}, {found}.", markup=False)


def _show_list(invocation: Invocation, rows: "Sequence[PlaybookRow]") -> None:
    from resile.app.printable import printable  # noqa: PLC0415 - loads when asked

    for row in rows:
        wanted = ", ".join(row.match) or "chosen by people alone"
        reviewed = "never reviewed" if row.reviewed is None else f"reviewed {row.reviewed}"
        steps = ", ".join(f"{n} {risk}" for risk, n in row.n_steps.items())
        mend = f"{len(row.faults)} to mend" if row.faults else "nothing to mend"
        used = f"opened {row.effect.n_opened:,} times, used {row.effect.n_used:,} times"
        invocation.out.print(Text.assemble((row.name, "bold"), "  ", printable(row.title)), soft_wrap=True)
        for line in (
            f"for {wanted}",
            f"{row.owner or 'nobody'}'s, {reviewed}, version {row.number}",
            f"{f'steps: {steps}' if steps else 'no steps'}; {mend}; {used}",
            row.effect.said,
        ):
            invocation.out.print(Text(f"  {printable(line)}"), soft_wrap=True)


def _print_json(value: Any) -> None:
    import msgspec  # noqa: PLC0415 - loads when asked

    typer.echo(msgspec.json.encode(value).decode())
