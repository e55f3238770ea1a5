"""`resile roster`: who is on call in another tool, as files of the catalog."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from resile.cli.invocation import Invocation, invocation_of
from resile.model.errors import ConfigError

if TYPE_CHECKING:
    from resile.sources.rosters.roster import Roster

app = typer.Typer(no_args_is_help=True)

NOTES = "NOTES.md"
_TOOLS = {"pagerduty": "PagerDuty", "opsgenie": "Opsgenie", "grafana-oncall": "Grafana OnCall"}


def add_to(root: typer.Typer) -> None:
    """Make `resile roster` a command."""
    root.add_typer(app, name="roster", help="Move people, schedules and escalation policies from another tool.")


@app.command("import")
def import_roster(
    ctx: typer.Context,
    tool: Annotated[str, typer.Argument(metavar="TOOL", help="pagerduty, opsgenie or grafana-oncall.")],
    path: Annotated[Path, typer.Argument(metavar="PATH", help="A file with the API's answers, or a folder of them.")],
    *,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Where the files go, a new folder; else catalog-TOOL."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="What came of it as JSON.")] = False,
) -> None:
    """Turn what another tool's API answered into files of the catalog, for you to look at and then to apply.

    Nothing changes until `resile apply DIR`. What resile cannot say as the other tool does is listed with what was
    taken instead, here and in NOTES.md beside the files.
    """
    invocation = invocation_of(ctx)
    roster = _read(tool, path)
    documents = roster.checked()
    if not documents:
        raise ConfigError(f"{path} holds nothing of {_TOOLS[tool]} that is read; see docs/how-to/move-from.md")
    folder = out if out is not None else Path(f"catalog-{tool}")
    _write(roster, folder, tool)
    if as_json:
        _show_json(roster, folder)
    else:
        _show(invocation, roster, folder)


def _read(tool: str, path: Path) -> "Roster":
    from resile.app.system_clock import SystemClock  # noqa: PLC0415 - loads when asked
    from resile.sources.rosters import grafana_oncall, opsgenie, pagerduty  # noqa: PLC0415

    readers = {"pagerduty": pagerduty.read, "opsgenie": opsgenie.read, "grafana-oncall": grafana_oncall.read}
    if tool not in readers:
        raise ConfigError(f"tool {tool[:40]!r} is unknown; use one of {', '.join(readers)}")
    if not path.exists():
        raise ConfigError(f"{path} does not exist; name a file, or a folder, with the answers of {_TOOLS[tool]}'s API")
    return readers[tool](path, SystemClock().now())


def _write(roster: "Roster", folder: Path, tool: str) -> None:
    from resile.sources.catalog_folder import file_text, path_of  # noqa: PLC0415 - loads when asked

    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            # What was written there before may have been mended by hand.
            raise ConfigError(f"{folder} is there already and not empty; name another with --out, or remove it")
        for (kind, name), body in roster.documents.items():
            file = folder / path_of(kind, name)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(file_text(kind, name, body), encoding="utf-8")
        (folder / NOTES).write_text(_notes(roster, _TOOLS[tool]), encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{folder} cannot be written ({error.strerror}); name another with --out") from None


def _notes(roster: "Roster", tool: str) -> str:
    lines = [f"# From {tool}", "", "## What is said otherwise", ""]
    lines += [f"- {one}" for one in roster.notes] or ["Nothing."]
    lines += ["", "## Overrides that are to come", ""]
    if roster.overrides:
        lines += ["They are entered after the files were applied:", "", "```sh"]
        lines += [one.command for one in roster.overrides]
        lines += ["```"]
    else:
        lines += ["None."]
    return "\n".join(lines) + "\n"


def _show(invocation: Invocation, roster: "Roster", folder: Path) -> None:
    from collections import Counter  # noqa: PLC0415 - loads when asked

    from resile.app.printable import printable  # noqa: PLC0415

    counts = Counter(kind for kind, _ in roster.documents)
    said = ", ".join(f"{n} {kind}{'' if n == 1 else 's'}" for kind, n in counts.items())
    out = invocation.out
    out.print(f"{said} in {folder}.", markup=False, soft_wrap=True)
    for note in roster.notes:
        out.print(f"- {printable(note)}", markup=False, soft_wrap=True)
    out.print(f"Look at them, then: resile apply {folder} --dry-run", markup=False, soft_wrap=True)
    if roster.overrides:
        out.print("Overrides are entered afterwards:", markup=False)
        for one in roster.overrides:
            out.print(f"  {one.command}", markup=False, soft_wrap=True)


def _show_json(roster: "Roster", folder: Path) -> None:
    import msgspec  # noqa: PLC0415 - loads when asked

    told = {
        "folder": str(folder),
        "documents": [{"kind": kind, "name": name, "body": body} for (kind, name), body in roster.documents.items()],
        "notes": roster.notes,
        "overrides": roster.overrides,
    }
    typer.echo(msgspec.json.encode(told).decode())
