"""`resile apply`: the catalog from files, with the difference shown before it is made."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from resile.cli.door_command import opened
from resile.cli.invocation import Invocation, invocation_of
from resile.model.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from resile.app.catalog import Change, Key
    from resile.app.wiring import Resile

_COLOURS = {"+": "green", "-": "red", "@": "dim"}


def add_to(root: typer.Typer) -> None:
    """Make `resile apply` a command."""
    root.command()(apply)


def apply(
    ctx: typer.Context,
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="The folder with YAML files and playbooks, of any depth.")
    ],
    *,
    prune: Annotated[
        bool, typer.Option("--prune", help="Take out of the catalog what the folder does not hold.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the difference, change nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The differences as JSON; does not ask.")] = False,
) -> None:
    """Bring the catalog in from files, all of it or nothing, after showing what changes.

    A file holds YAML documents, each with kind and name: person, team, service, schedule, policy, route, inhibition,
    template, component. Playbooks are Markdown, in playbooks/NAME.md. Backstage's entities beside them are read too.
    `resile export DIR` writes all back under catalog/.
    """
    from resile.sources.catalog_folder import read_folder  # noqa: PLC0415 - loads when asked

    invocation = invocation_of(ctx)
    with opened(invocation) as (resile, keeper):
        read = read_folder(folder, known=() if prune else resile.catalog.versions())
        wanted = read.documents
        if prune and not wanted:
            # Most likely a volume that is not mounted, or a checkout that failed; nobody would be called any more.
            raise ConfigError(
                f"catalog {folder} holds no document, and --prune would take everything out; check the folder"
            )
        for sentence in read.notes:
            invocation.err.print(f"Note: {sentence}", markup=False, soft_wrap=True)
        changes = resile.catalog.changes_to(wanted, prunes=prune)
        if as_json:
            _show_json(changes)
        else:
            _show(invocation, changes)
        for sentence in [*resile.catalog.warnings(changes), *_of_channels(resile, wanted)]:
            invocation.err.print(f"Warning: {sentence}", markup=False, soft_wrap=True)
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


def _of_channels(resile: "Resile", wanted: "Mapping[Key, tuple[dict[str, Any], str]]") -> list[str]:
    from resile.app.address_warnings import address_warnings  # noqa: PLC0415 - loads when asked
    from resile.app.paging_engine import open_outside  # noqa: PLC0415

    try:
        channels = open_outside(resile, address="").channels
    except ConfigError as error:
        return [f"{error}; whether addresses are right was not looked at"]
    return address_warnings(wanted, channels)


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
    from resile.sources.catalog_folder import difference  # noqa: PLC0415

    for change in changes:
        before = None if change.before is None else change.before.body
        for line in difference(change.kind, change.name, before, change.after):
            style = "bold" if line.startswith(("+++", "---")) else _COLOURS.get(line[:1], "")
            invocation.out.print(Text(printable(line), style=style), soft_wrap=True)
