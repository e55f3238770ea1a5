"""`resile apply`: the catalog from files, with the difference shown before it is made."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from resile.cli.door_command import opened
from resile.cli.invocation import Invocation, invocation_of
from resile.model.errors import ConfigError

if TYPE_CHECKING:
    from resile.app.catalog import Change

_COLOURS = {"+": "green", "-": "red", "@": "dim"}


def add_to(root: typer.Typer) -> None:
    """Make `resile apply` a command."""
    root.command()(apply)


def apply(
    ctx: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder with YAML files, of any depth.")],
    *,
    prune: Annotated[
        bool, typer.Option("--prune", help="Take out of the catalog what the folder does not hold.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the difference, change nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The differences as JSON; does not ask.")] = False,
) -> None:
    """Bring people, teams, services and schedules in from files, all or none, after showing what changes.

    A file holds YAML documents, each with kind (person, team, service, schedule) and name. `resile export DIR` writes
    them back under catalog/.
    """
    from resile.sources.catalog_folder import read_folder  # noqa: PLC0415 - loads when asked

    invocation = invocation_of(ctx)
    wanted = read_folder(folder)
    if prune and not wanted:
        # Most likely a volume that is not mounted, or a checkout that failed; and nobody would be called any more.
        raise ConfigError(
            f"catalog {folder} holds no document, and --prune would take everything out; check the folder"
        )
    with opened(invocation) as (resile, keeper):
        changes = resile.catalog.changes_to(wanted, prunes=prune)
        if as_json:
            _show_json(changes)
        else:
            _show(invocation, changes)
        if not changes:
            if not as_json:
                invocation.out.print(f"The catalog is as {folder} says: {len(wanted)} documents.", markup=False)
            return
        if dry_run:
            return
        if not (yes or as_json) and not typer.confirm(f"Make these {len(changes)} changes?", err=True):
            raise ConfigError("nothing was changed")
        resile.catalog.apply(keeper, changes)
    if not as_json:
        invocation.out.print(f"{len(changes)} of {len(wanted)} documents changed.", markup=False)


def _show_json(changes: "list[Change]") -> None:
    import msgspec  # noqa: PLC0415 - loads when asked

    told = [
        {
            "kind": one.kind,
            "name": one.name,
            "before": None if one.before is None else one.before.body,
            "after": one.after,
        }
        for one in changes
    ]
    typer.echo(msgspec.json.encode(told).decode())


def _show(invocation: Invocation, changes: "list[Change]") -> None:
    from resile.app.printable import printable  # noqa: PLC0415 - loads when asked

    for change in changes:
        for line in _difference(change):
            style = "bold" if line.startswith(("+++", "---")) else _COLOURS.get(line[:1], "")
            invocation.out.print(Text(printable(line), style=style), soft_wrap=True)


def _difference(change: "Change") -> list[str]:
    from difflib import unified_diff  # noqa: PLC0415 - loads when asked

    from resile.sources.catalog_folder import path_of, yaml_of  # noqa: PLC0415

    before = None if change.before is None else change.before.body
    old, new = (yaml_of(change.kind, change.name, body).splitlines() for body in (before, change.after))
    path = str(path_of(change.kind, change.name))
    from_file, to_file = path if before is not None else "/dev/null", path if change.after is not None else "/dev/null"
    return list(unified_diff(old, new, from_file, to_file, lineterm="", n=2))
