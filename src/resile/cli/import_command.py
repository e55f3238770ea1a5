"""`resile import`: bring in the history of incidents or deliveries that is already there."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from resile.app.printable import printable
from resile.cli.import_bar import ImportBar, ImportShown
from resile.cli.import_delivery import (
    ENVIRONMENT,
    FIRST_PARENT,
    HOST,
    INCIDENT_LABEL,
    RELEASES,
    RUN,
    SERVICE,
    SINCE,
    TAGS,
    TOKEN_FILE,
    WAIT,
    DeliveryAsked,
    import_delivery,
)
from resile.cli.invocation import Invocation, invocation_of
from resile.model.errors import ConfigError

if TYPE_CHECKING:  # the sources and what they stand on load only when something is imported
    from resile.app.import_history import RowOutcome
    from resile.app.import_summary import ImportSummary
    from resile.ports.source import SourceOptions

SOME_REFUSED = 1

_NAME = Annotated[
    str | None,
    typer.Option(
        "--name", metavar="NAME", help="Under which name the incidents are kept; else the kind's or mapping's."
    ),
]
_MAPPING = Annotated[
    Path | None,
    typer.Option("--mapping", metavar="FILE", help="Of a table: the YAML file that says which column is what."),
]
_TIMEZONE = Annotated[
    str | None,
    typer.Option("--timezone", metavar="ZONE", help="Of times without an offset, such as Europe/Berlin; else UTC."),
]
_REFUSED = Annotated[
    Path | None,
    typer.Option("--refused", metavar="FILE", help="Where refused rows go, to be mended; else beside the input."),
]


def add_to(app: typer.Typer) -> None:
    """Make `resile import` a command."""
    app.command(name="import", no_args_is_help=True)(import_)


def import_(
    ctx: typer.Context,
    kind: Annotated[
        str,
        typer.Argument(
            help="table, servicenow, statuspage, upptime, pagerduty, opsgenie, jira; git, github, gitlab, bitbucket; "
            "or a plugin's."
        ),
    ],
    target: Annotated[
        str,
        typer.Argument(
            metavar="TARGET", help="The file; of git and upptime the clone; of a forge acme/shop, acme, or its address."
        ),
    ],
    *,
    mapping: _MAPPING = None,
    name: _NAME = None,
    timezone: _TIMEZONE = None,
    refused: _REFUSED = None,
    guess: Annotated[
        bool, typer.Option("--guess", help="Propose a mapping for a table, with reasons, and stop.")
    ] = False,
    explain: Annotated[bool, typer.Option("--explain", help="Say of every row what became of it, and why.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The summary as one JSON object.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read and compare, store nothing.")] = False,
    service: SERVICE = None,
    environment: ENVIRONMENT = None,
    tags: TAGS = None,
    first_parent: FIRST_PARENT = None,
    host: HOST = None,
    token_file: TOKEN_FILE = None,
    since: SINCE = None,
    run: RUN = None,
    incident_label: INCIDENT_LABEL = None,
    releases: RELEASES = None,
    wait: WAIT = None,
) -> None:
    """Bring in a history of incidents or deliveries. Run again, it changes only what is told differently.

    Exit code 0: all was read, of a forge what the token opens; 1: some rows were refused, or a forge's limit was
    reached, the rest was taken; 2: nothing could be read.

    Examples: resile import table failures.csv --guess > failures.yaml; resile import table failures.csv --mapping
    failures.yaml; resile import servicenow incident_event_log.zip --timezone Europe/Lisbon; resile import git
    ../shop --service shop; resile import github acme/shop
    """
    invocation = invocation_of(ctx)
    shows = ImportShown(explain=explain, as_json=as_json)
    asked = DeliveryAsked(
        service=service,
        name=_checked_name(name),
        environment=environment,
        tags=tags,
        first_parent=first_parent,
        host=host,
        token_file=token_file,
        since=since,
        run=run,
        incident_label=incident_label,
        releases=releases,
        wait=wait,
    )
    if _is_delivery(kind):
        unfit = {"--mapping": mapping, "--timezone": timezone, "--refused": refused, "--guess": guess or None}
        _refuse(unfit | {"--dry-run": dry_run or None}, f"does not go with {kind}")
        import_delivery(invocation, kind, target, asked, shows=shows)
        return
    _refuse({flag: value for flag, value in asked.given().items() if flag != "--name"}, f"does not go with {kind}")
    path = Path(target)
    if guess:
        _guess(invocation, kind, path, timezone)
        return
    from resile.ports.source import SourceOptions  # noqa: PLC0415 - see above

    options = SourceOptions(
        name=_checked_name(name),
        mapping=mapping,
        timezone=timezone,
        severity_aliases={alias.casefold(): meant for alias, meant in invocation.settings.severity_aliases.items()},
    )
    _import_incidents(invocation, kind, path, options, refused=refused, shows=shows, dry_run=dry_run)


def _import_incidents(
    invocation: Invocation,
    kind: str,
    path: Path,
    options: "SourceOptions",
    *,
    refused: Path | None,
    shows: ImportShown,
    dry_run: bool,
) -> None:
    # The present folder and the root have no name of their own; the one is a repository as often as not.
    rows = refused or path.parent / f"{path.name or path.resolve().name or 'import'}.refused.csv"
    if rows.resolve() == path.resolve():
        raise ConfigError(f"refused rows would overwrite the input {path}; name another file with --refused")
    summary, written = _run(invocation, kind, path, options, target=rows, shows=shows, dry_run=dry_run)
    if shows.as_json:
        body = msgspec.to_builtins(summary) | {
            "n_incidents": summary.n_incidents,
            "refused_file": [str(one) for one in written],
        }
        typer.echo(msgspec.json.encode(body).decode())
    else:
        from resile.cli.import_words import show_summary  # noqa: PLC0415 - see above

        show_summary(invocation.out, summary, written)
    if summary.n_refused:
        raise typer.Exit(SOME_REFUSED)


def _is_delivery(kind: str) -> bool:
    """Whether it is a history of deliveries.

    Raises:
        ConfigError: there is no such kind of history.
    """
    from resile.sources import delivery_registry, registry  # noqa: PLC0415 - see above
    from resile.sources.installed import unknown  # noqa: PLC0415

    deliveries, incidents = delivery_registry.kinds(), registry.kinds()
    if kind not in deliveries and kind not in incidents:
        raise unknown(kind, {*deliveries, *incidents}, many="histories of kind")
    return kind in deliveries


def _refuse(given: Mapping[str, object], why: str) -> None:
    for option, value in given.items():
        if value is not None:
            raise ConfigError(f"{option} {why}; leave it out")


def _checked_name(name: str | None) -> str | None:
    if name is not None and (not name.strip() or ":" in name or len(name) > 100):  # noqa: PLR2004 - a word, not a text
        raise ConfigError(f"name {name!r} cannot be used; give one of 1 to 100 characters without a colon")
    return name


def _guess(invocation: Invocation, kind: str, path: Path, timezone: str | None) -> None:
    from resile.sources.table.guess import guessed_mapping  # noqa: PLC0415 - see above

    if kind != "table":
        raise ConfigError(f"--guess proposes mappings of tables; histories of kind {kind!r} need none")
    typer.echo(guessed_mapping(path, timezone=timezone), nl=False)
    invocation.err.print(
        f"Keep it as a file (> {path.name.partition('.')[0]}.yaml), look it through, then give it with --mapping.",
        soft_wrap=True,
    )


def _run(
    invocation: Invocation,
    kind: str,
    path: Path,
    options: Any,
    *,
    target: Path,
    shows: ImportShown,
    dry_run: bool,
) -> tuple["ImportSummary", list[Path]]:
    from resile.app.follow_facts import FactsFollower  # noqa: PLC0415 - see above
    from resile.app.import_history import Listeners, import_history  # noqa: PLC0415
    from resile.app.read_apart import readings_of  # noqa: PLC0415
    from resile.app.refused_rows import RefusedRows  # noqa: PLC0415

    readings = readings_of(kind, options, path)
    with invocation.open() as resile, RefusedRows(target, source=path) as rows:
        with ImportBar(invocation) as bar, FactsFollower(invocation.settings) as follower:
            listeners: Listeners = Listeners(
                refused=None if dry_run else rows.write,
                progress=bar.show,
                row=_explainer(is_on_stderr=shows.as_json) if shows.explain else None,
                stored=follower.stored,
            )
            summary = import_history(
                readings,
                timelines=resile.timelines,
                clock=resile.clock,
                listeners=listeners,
                is_dry_run=dry_run,
            )
        if not dry_run:
            resile.facts.refresh()
        return summary, rows.paths


def _explainer(*, is_on_stderr: bool) -> Callable[["RowOutcome"], None]:
    """One plain line per row, so that it can be searched; beside --json on standard error."""

    def explain(row: "RowOutcome") -> None:
        said = f": {'; '.join(row.sentences)}" if row.sentences else ""
        incident = f" {row.incident_id}" if row.incident_id else ""
        typer.echo(printable(f"{row.place}: {row.outcome.value}{incident}{said}"), err=is_on_stderr)

    return explain
