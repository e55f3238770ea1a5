"""`resile import git`: releases and commits of a local clone."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from resile.app.printable import printable
from resile.cli.import_bar import ImportBar, ImportShown
from resile.cli.invocation import Invocation
from resile.model.errors import ConfigError

if TYPE_CHECKING:  # the sources and what they stand on load only when something is imported
    from resile.app.import_deliveries import DeliveryListeners, DeliverySummary
    from resile.model.change import DeploymentReported
    from resile.ports.delivery_source import Unused
    from resile.sources.git_repo import GitOptions

_LONGEST_NAME = 200
_SHOWN_KINDS = 8

SERVICE = Annotated[
    str | None,
    typer.Option("--service", metavar="NAME", help="Of git: the service whose deployments the releases are."),
]
ENVIRONMENT = Annotated[
    list[str] | None,
    typer.Option(
        "--environment",
        metavar="ENV[=PATTERN]",
        help="Of git: where releases go: production='v*' by tag, staging=branch:main by branch, or a name; repeats.",
    ),
]
TAGS = Annotated[
    list[str] | None,
    typer.Option("--tags", metavar="PATTERN", help="Of git: which tags are releases; else versions; repeats."),
]
FIRST_PARENT = Annotated[
    bool | None,
    typer.Option(
        "--first-parent/--all-parents", help="Of git: count merges, not what they merged; else as before, or all."
    ),
]


class GitAsked(msgspec.Struct, frozen=True, kw_only=True):
    """What was said on the command line."""

    service: str | None
    name: str | None
    environments: list[str]
    tags: list[str]


def import_git(
    invocation: Invocation, path: Path, asked: GitAsked, *, is_first_parent: bool | None, shows: ImportShown
) -> None:
    """Import the clone and say what came of it.

    Raises:
        ConfigError: an option or the repository cannot be used.
    """
    from resile.app.import_deliveries import import_deliveries  # noqa: PLC0415 - see above
    from resile.sources.git_repo import GitRepo  # noqa: PLC0415

    options = _options(asked)
    with invocation.open() as resile, ImportBar(invocation) as bar:
        summary = import_deliveries(
            GitRepo(options, resile.clock),
            path,
            deliveries=resile.deliveries,
            service=options.service,
            is_first_parent=is_first_parent,
            listeners=_listeners(bar, shows),
        )
    if shows.as_json:
        typer.echo(msgspec.json.encode(summary).decode())
    else:
        _show(invocation.out, summary)


def _options(asked: GitAsked) -> "GitOptions":
    from resile.sources.git_releases import ReleaseRules, parsed_environments  # noqa: PLC0415 - see above
    from resile.sources.git_repo import GitOptions  # noqa: PLC0415

    service = (asked.service or "").strip()
    if not service:
        raise ConfigError("git says nothing of services; name the one that is released from it with --service NAME")
    if len(service) > _LONGEST_NAME or "\0" in service:
        raise ConfigError(f"service {service[:50]!r} cannot be used; give a name of 1 to {_LONGEST_NAME} characters")
    rules, environment = parsed_environments(asked.environments)
    return GitOptions(
        service=service,
        repo=asked.name,
        rules=ReleaseRules(
            names=frozenset({service.casefold()}), patterns=tuple(asked.tags), rules=rules, environment=environment
        ),
    )


def _listeners(bar: ImportBar, shows: ImportShown) -> "DeliveryListeners":
    from resile.app.import_deliveries import DeliveryListeners  # noqa: PLC0415 - see above

    def unused(one: "Unused") -> None:
        typer.echo(printable(f"{one.place}: unused: {one.reason}"), err=shows.as_json)

    def deployment(one: "DeploymentReported") -> None:
        what = "changed" if one.supersedes_earlier else "new"
        where = f" to {one.environment} at {one.at.isoformat()}" if one.status != "cancelled" else ": taken back"
        said = f"{one.ref}: {what}: {one.version or one.title} {(one.sha or '')[:12]}{where}"
        typer.echo(printable(said), err=shows.as_json)

    if not shows.explain:
        return DeliveryListeners(progress=bar.show)
    return DeliveryListeners(progress=bar.show, unused=unused, deployment=deployment)


def _show(out: Console, summary: "DeliverySummary") -> None:
    counts = Table(box=None, show_header=False, pad_edge=False)
    counts.add_column(justify="right", style="bold")
    counts.add_column()
    lines = [
        (summary.n_commits, f"new commits, {summary.n_read - summary.n_commits:,} of those read were known"),
        (summary.n_deployments, "new deployments"),
        (summary.n_changed, "deployments of which something else is said than before"),
        *((count, f"of them to {name}") for name, count in summary.environments.items()),
        (summary.n_changes, "commits noted as first brought by one of them"),
        (summary.n_unused, "tags unused"),
    ]
    for count, what in lines:
        counts.add_row(f"{count:,}", escape(printable(what)))
    out.print(counts)
    for remark in summary.remarks:
        out.print(escape(printable(remark)), soft_wrap=True)
    if summary.unused:
        out.print("\n[bold]Unused[/]")
    for kind in summary.unused[:_SHOWN_KINDS]:
        out.print(f"{kind.count:>9,}  {escape(printable(kind.example))}", soft_wrap=True)
    if len(summary.unused) > _SHOWN_KINDS:
        rest = sum(kind.count for kind in summary.unused[_SHOWN_KINDS:])
        out.print(f"{rest:>9,}  for other reasons; --explain shows them all")
