"""`resile import` of deliveries: releases and commits of a clone, or what a forge tells of a repository."""

import os
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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
    from pydantic import SecretStr

    from resile.app.import_deliveries import DeliveryListeners, DeliverySummary
    from resile.model.change import Deployment
    from resile.ports.delivery_source import DeliveryKind, DeliveryOptions, Unused

SOME_NOT_READ = 1
_SHOWN_KINDS = 8
_MAX_TOKEN_BYTES = 64 << 10
_TOKEN = re.compile(r"[!-~]{1,4096}")
_LONGEST_WAIT_MINUTES = 7 * 24 * 60

SERVICE = Annotated[
    str | None,
    typer.Option("--service", metavar="NAME", help="Of deliveries: whose they are; of a forge else the repository's."),
]
ENVIRONMENT = Annotated[
    list[str] | None,
    typer.Option(
        "--environment",
        metavar="ENV[=PATTERN]",
        help="Of git: where releases go: production='v*' by tag, staging=branch:main by branch, or a name. Of a forge: "
        "production='live-*', what else is production there. Repeats.",
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
HOST = Annotated[
    str | None, typer.Option("--host", metavar="HOST", help="Of a forge: its own host, such as git.acme.example.")
]
TOKEN_FILE = Annotated[
    Path | None,
    typer.Option("--token-file", metavar="FILE", help="Of a forge: where its token stands; else the environment."),
]
SINCE = Annotated[
    str | None,
    typer.Option("--since", metavar="DATE", help="Of a forge: leave out what was last touched before, at first."),
]
RUN = Annotated[
    list[str] | None,
    typer.Option(
        "--run",
        metavar="NAME=ENV",
        help="Of a forge: runs of this workflow or pipeline deploy there: 'Deploy=production'; repeats.",
    ),
]
INCIDENT_LABEL = Annotated[
    list[str] | None,
    typer.Option(
        "--incident-label", metavar="LABEL", help="Of a forge: issues with it are incidents; else incident; repeats."
    ),
]
RELEASES = Annotated[
    bool | None,
    typer.Option("--releases/--no-releases", help="Of a forge: whether releases are deployments; else they are."),
]
WAIT = Annotated[
    int | None,
    typer.Option(
        "--wait",
        metavar="MINUTES",
        min=0,
        max=_LONGEST_WAIT_MINUTES,
        help="Of a forge: for how long to wait for its limit at a time; else 65.",
    ),
]

# The field of DeliveryOptions that a flag fills, where it is called otherwise than the flag.
_FIELDS = {
    "environment": "environments",
    "run": "runs",
    "incident_label": "incident_labels",
    "token_file": "token",
    "releases": "counts_releases",
    "wait": "patience",
}


class DeliveryAsked(msgspec.Struct, frozen=True, kw_only=True):
    """What was said on the command line, a field for each flag; None and an empty list: nothing."""

    service: str | None = None
    name: str | None = None
    environment: list[str] | None = None
    tags: list[str] | None = None
    first_parent: bool | None = None
    host: str | None = None
    token_file: Path | None = None
    since: str | None = None
    run: list[str] | None = None
    incident_label: list[str] | None = None
    releases: bool | None = None
    wait: int | None = None

    def given(self) -> dict[str, Any]:
        """What was said, by flag."""
        said = {name: getattr(self, name) for name in self.__struct_fields__}
        return {f"--{name.replace('_', '-')}": value for name, value in said.items() if value not in (None, [])}


def import_delivery(
    invocation: Invocation, kind_name: str, target: str, asked: DeliveryAsked, *, shows: ImportShown
) -> None:
    """Import the history and say what came of it.

    Raises:
        ConfigError: an option does not fit or cannot be used, or the history cannot be read.
        Exit: not all could be read so far.
    """
    from resile.app.import_deliveries import derive_facts, import_deliveries  # noqa: PLC0415 - see above
    from resile.app.system_clock import SystemClock  # noqa: PLC0415
    from resile.ports.source import Progress  # noqa: PLC0415
    from resile.sources.delivery_registry import delivery_kind  # noqa: PLC0415

    kind = delivery_kind(kind_name)
    _refuse_unfit(kind_name, kind, asked)
    source = kind.open(_options(kind, asked), SystemClock())
    with invocation.open() as resile, ImportBar(invocation) as bar:
        try:
            summary = import_deliveries(
                source,
                target,
                deliveries=resile.deliveries,
                timelines=resile.timelines,
                clock=resile.clock,
                facts=resile.facts,
                service=(asked.service or "").strip() or None,
                is_first_parent=asked.first_parent,
                listeners=_listeners(bar, shows),
            )
        except KeyboardInterrupt:
            # After an hour one would like to know; that it was interrupted is said further out.
            invocation.err.print("What was read is kept; the same command goes on from there.")
            raise
        # Here, where it is seen to take its time; else whoever looks first would wait.
        derive_facts(
            resile.delivery_facts,
            summary,
            lambda done, total: bar.show(Progress(done, total, unit="deployments")),
        )
    if shows.as_json:
        typer.echo(msgspec.json.encode(summary).decode())
    else:
        _show(invocation.out, summary)
    if summary.broken_off is not None:
        raise typer.Exit(SOME_NOT_READ)


def _refuse_unfit(kind_name: str, kind: "DeliveryKind", asked: DeliveryAsked) -> None:
    for flag in asked.given():
        name = flag.removeprefix("--").replace("-", "_")
        if _FIELDS.get(name, name) not in kind.fits:
            shown = "--first-parent or --all-parents" if name == "first_parent" else flag
            raise ConfigError(f"{shown} does not go with {kind_name}; leave it out")


def _options(kind: "DeliveryKind", asked: DeliveryAsked) -> "DeliveryOptions":
    from resile.ports.delivery_source import DeliveryOptions  # noqa: PLC0415 - see above

    token, public_token = _tokens(kind, asked.token_file)
    given: dict[str, Any] = {
        "since": None if asked.since is None else _since(asked.since),
        "runs": None if not asked.run else _runs(asked.run),
        "incident_labels": None if not asked.incident_label else tuple(asked.incident_label),
        "counts_releases": asked.releases,
        "patience": None if asked.wait is None else timedelta(minutes=asked.wait),
    }
    return DeliveryOptions(
        service=asked.service,
        name=asked.name,
        environments=tuple(asked.environment or ()),
        tags=tuple(asked.tags or ()),
        host=asked.host,
        token=token,
        public_token=public_token,
        **{name: value for name, value in given.items() if value is not None},
    )


def _tokens(kind: "DeliveryKind", file: Path | None) -> tuple["SecretStr | None", "SecretStr | None"]:
    """The token for any host, and the one for the public host alone."""
    if file is not None:
        try:
            with file.open("rb") as opened:
                text = opened.read(_MAX_TOKEN_BYTES).decode(errors="replace")
        except OSError as error:
            raise ConfigError(
                f"token file {file} cannot be read: {error.strerror}; check name and permissions"
            ) from None
        return _secret(text, f"what stands in {file}"), None
    own, public = (
        _secret(os.environ.get(name, ""), f"what stands in {name}") if name and os.environ.get(name) else None
        for name in (kind.token_variable, kind.public_token_variable)
    )
    return own, public


def _secret(text: str, what: str) -> "SecretStr":
    from pydantic import SecretStr  # noqa: PLC0415 - see above

    token = text.strip()
    if not _TOKEN.fullmatch(token):
        raise ConfigError(
            f"{what} is no token: one word without spaces, line breaks or signs beyond ASCII; put it alone there"
        )
    return SecretStr(token)


def _since(text: str) -> datetime:
    from resile.model.time import parse_instant  # noqa: PLC0415 - see above

    try:
        return parse_instant(text)
    except ConfigError:
        raise ConfigError(f"--since {text[:50]!r} is no date; write 2024-01-31, or 2024-01-31T08:30:00Z") from None


def _runs(given: list[str]) -> Mapping[str, str]:
    runs = {}
    for text in given:
        # A workflow's name may hold an equals sign, an environment's hardly.
        name, _, environment = text.rpartition("=")
        if not name.strip() or not environment.strip():
            raise ConfigError(f"--run {text[:100]!r} cannot be used; write NAME=ENV, such as 'Deploy=production'")
        runs[name.strip()] = environment.strip()
    return runs


def _listeners(bar: ImportBar, shows: ImportShown) -> "DeliveryListeners":
    from resile.app.import_deliveries import DeliveryListeners  # noqa: PLC0415 - see above

    def unused(one: "Unused") -> None:
        typer.echo(printable(f"{one.place}: unused: {one.reason}"), err=shows.as_json)

    def deployment(one: "Deployment", is_new: bool) -> None:
        what = "new" if is_new else "changed"
        where = f" to {one.environment} at {one.deployed_at.isoformat()}" if one.deployed_at else f": {_state(one)}"
        said = f"{one.ref}: {what}: {one.version or one.title} {(one.sha or '')[:12]}{where}"
        typer.echo(printable(said), err=shows.as_json)

    if not shows.explain:
        return DeliveryListeners(progress=bar.show)
    return DeliveryListeners(progress=bar.show, unused=unused, deployment=deployment)


def _state(deployment: "Deployment") -> str:
    # Of a clone, what does not count as deployed any more once did.
    return "taken back" if deployment.origin == "git" else deployment.status or "not deployed so far"


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
        (summary.n_unused, "unused"),
    ]
    told = [
        (summary.n_pull_requests, "pull requests read"),
        (summary.n_new_incidents, "new incidents"),
        (summary.n_updated_incidents, "incidents of which something else is said than before"),
    ]
    for count, what in [*lines, *((count, what) for count, what in told if count)]:
        counts.add_row(f"{count:,}", escape(printable(what)))
    out.print(counts)
    for remark in summary.remarks:
        out.print(escape(printable(remark)), soft_wrap=True)
    if summary.broken_off is not None:
        out.print(f"[bold]Not all was read:[/] {escape(printable(summary.broken_off))}", soft_wrap=True)
    if summary.unused:
        out.print("\n[bold]Unused[/]")
    for kind in summary.unused[:_SHOWN_KINDS]:
        out.print(f"{kind.count:>9,}  {escape(printable(kind.example))}", soft_wrap=True)
    if len(summary.unused) > _SHOWN_KINDS:
        rest = sum(kind.count for kind in summary.unused[_SHOWN_KINDS:])
        out.print(f"{rest:>9,}  for other reasons; --explain shows them all")
