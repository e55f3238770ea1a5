"""List deployments, show one with all that is known of it, and say which incident one caused."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import ibis
from msgspec import Struct
from msgspec.structs import replace

from resile.analytics.delivery_query import DeliveryQuery
from resile.analytics.delivery_results import FailureLink
from resile.analytics.delivery_unplanned import unplanned_ids
from resile.analytics.query import Window
from resile.app.dora import Known, links_of, refreshed
from resile.app.wiring import Resile
from resile.model.change import Commit, Deployment, DeploymentReported, LinkReported, PullRequest
from resile.model.errors import ConfigError
from resile.model.time import DAY, MICROSECOND, format_instant

STATES = ("all", "succeeded", "failed", "pending", "unplanned", "unsuccessful", "unknown_changes")
MAX_PER_PAGE = 1000
# Of a release with more commits the page shows the first ones and their number.
MOST_COMMITS = 500
# A link told by a person: long enough to say why.
MAX_REASON = 500
_COLUMNS = (
    "deployment_id", "service", "environment", "version", "sha", "status", "started_at", "deployed_at", "unplanned",
    "n_changes", "origin",
)  # fmt: skip


class DeploymentListing(Struct, frozen=True, kw_only=True):
    """Which deployments to list.

    Attributes:
        state: `succeeded`: those that count; `failed`: they caused a failure; `pending`: not failed so far, their
            attribution window has not passed; `unplanned`: fixes; `unsuccessful`: told of, never succeeded;
            `unknown_changes`: they count, and their commits are not known.
        page: from 1.
    """

    query: DeliveryQuery
    state: str = "all"
    page: int = 1
    per_page: int = 20


class DeploymentRow(Struct, frozen=True, kw_only=True):
    """A deployment in a list; `links` say why it counts as failed, the strongest first."""

    deployment_id: str
    service: str | None
    environment: str | None
    version: str | None
    sha: str | None
    status: str | None
    started_at: datetime | None
    deployed_at: datetime | None
    unplanned: str | None
    n_changes: int | None
    origin: str
    links: list[FailureLink] = []
    is_pending: bool = False

    @property
    def name(self) -> str:
        """What people call it: its version, else the commit, else its id."""
        return self.version or (self.sha or "")[:10] or self.deployment_id


class DeploymentPage(Struct, frozen=True, kw_only=True):
    """One page of a list, and how many there are in all."""

    rows: list[DeploymentRow]
    total: int
    page: int
    n_pages: int


class DeploymentView(Struct, frozen=True, kw_only=True):
    """All that is known of one deployment.

    Attributes:
        reports: what was told of it, in order of time.
        n_commits: how many it first brought; None where that is not known. `commits` holds the first of them.
        pull_requests: by commit.
        links: why it counts as failed.
        before, after: its neighbours in its service and environment.
    """

    deployment: Deployment
    reports: list[DeploymentReported | LinkReported]
    n_commits: int | None
    commits: list[Commit]
    pull_requests: dict[str, PullRequest]
    links: list[FailureLink]
    before: DeploymentRow | None
    after: DeploymentRow | None


def list_deployments(
    resile: Resile, known: Known, listing: DeploymentListing, links: Sequence[FailureLink]
) -> DeploymentPage:
    """One page of the deployments that the listing asks for, newest first.

    Raises:
        ConfigError: an unknown state, or a page size out of bounds.
    """
    if listing.state not in STATES:
        raise ConfigError(f"there is no state {listing.state!r} of deployments; use {', '.join(STATES)}")
    if not 1 <= listing.per_page <= MAX_PER_PAGE or listing.page < 1:
        raise ConfigError(f"page {listing.page} of {listing.per_page} rows: pages start at 1 and hold 1 to 1000 rows")
    by_id = _by_deployment(links)
    pending_from = resile.clock.now() - listing.query.attribution_window
    table = in_scope(known.deliveries.deployments, listing.query)
    if listing.state == "unplanned":
        fixed = unplanned_ids(known.deliveries.deployments, listing.query, known_until=resile.clock.now())
        found = _among(table.filter(table.deployed_at.notnull()), fixed)
    else:
        found = _in_state(table, listing.state, list(by_id), pending_from)
    total = int(found.count().to_pyarrow().as_py())
    rows = (
        found.order_by(found.at.desc(nulls_first=False), found.deployment_id.asc())
        .limit(listing.per_page, offset=(listing.page - 1) * listing.per_page)
        .select(*_COLUMNS)
        .to_pyarrow()
        .to_pylist()
    )
    return DeploymentPage(
        rows=[_row(row, by_id, pending_from) for row in rows],
        total=total,
        page=listing.page,
        n_pages=max(1, -(-total // listing.per_page)),
    )


def in_scope(deployments: ibis.Table, query: DeliveryQuery) -> ibis.Table:
    """The deployments of the question's window, services and environments, whatever became of them; `at` is when."""
    table = deployments.mutate(at=ibis.coalesce(deployments.deployed_at, deployments.started_at))
    table = table.filter(table.at >= query.window.start, table.at < query.window.end)
    if query.services:
        table = table.filter(table.service.fill_null("").isin(list(query.services)))
    if query.environments:
        table = table.filter(table.environment.lower().fill_null("").isin(list(query.environments)))
    return table


def _in_state(table: ibis.Table, state: str, failed: list[str], pending_from: datetime) -> ibis.Table:
    if state == "all":
        return table
    if state == "unsuccessful":
        return table.filter(table.deployed_at.isnull())
    table = table.filter(table.deployed_at.notnull())
    match state:
        case "failed":
            return _among(table, failed)
        case "pending":
            table = table.filter(table.deployed_at > pending_from)
            return table.filter(~table.deployment_id.isin(failed)) if failed else table
        case "unknown_changes":
            return table.filter(table.n_changes.isnull())
        case _:
            return table


def _among(table: ibis.Table, ids: list[str]) -> ibis.Table:
    return table.filter(table.deployment_id.isin(ids)) if ids else table.limit(0)


def _by_deployment(links: Sequence[FailureLink]) -> dict[str, list[FailureLink]]:
    found: dict[str, list[FailureLink]] = {}
    for link in sorted(links, key=lambda link: -link.confidence):
        found.setdefault(link.deployment_id, []).append(link)
    return found


def _row(row: dict[str, Any], by_id: dict[str, list[FailureLink]], pending_from: datetime) -> DeploymentRow:
    links = by_id.get(row["deployment_id"], [])
    deployed_at = row["deployed_at"]
    return DeploymentRow(
        **row, links=links, is_pending=not links and deployed_at is not None and deployed_at > pending_from
    )


def show_deployment(resile: Resile, deployment_id: str) -> DeploymentView | None:
    """One deployment with its commits, incidents and neighbours; None if there is none of that id."""
    deployment = resile.deliveries.deployment(deployment_id)
    if deployment is None:
        return None
    n_commits, commits = _commits(resile, deployment)
    pulls = resile.deliveries.pull_requests_with(commits[0].repo, [c.sha for c in commits]) if commits else {}
    with refreshed(resile) as known:
        links = _links(resile, known, deployment)
        before, after = _neighbours(known, deployment)
    return DeploymentView(
        deployment=deployment,
        reports=list(resile.deliveries.reports_on(deployment_id)),
        n_commits=n_commits,
        commits=commits,
        pull_requests=dict(pulls),
        links=links,
        before=before,
        after=after,
    )


def _commits(resile: Resile, deployment: Deployment) -> tuple[int | None, list[Commit]]:
    """How many commits it first brought, None where nobody knows; and the newest of them."""
    shipped = resile.deliveries.shipped([deployment.id]).get(deployment.id)
    if shipped is None or shipped.shas is None:
        return None, []
    found = resile.deliveries.commits(shipped.repo, shipped.shas)
    newest = sorted(found.values(), key=lambda commit: (commit.committed_at, commit.sha), reverse=True)
    return len(shipped.shas), newest[:MOST_COMMITS]


def _links(resile: Resile, known: Known, deployment: Deployment) -> list[FailureLink]:
    at = deployment.deployed_at
    if at is None:
        return []
    query = DeliveryQuery(
        window=Window(at, at + MICROSECOND),
        services=(deployment.service or "",),
        environments=((deployment.environment or "").lower(),),
    )
    return sorted(links_of(resile, known, query, deployment.id), key=lambda link: -link.confidence)


def _neighbours(known: Known, deployment: Deployment) -> tuple[DeploymentRow | None, DeploymentRow | None]:
    """The successful deployments before and after it, of its service and environment."""
    at = deployment.deployed_at
    if at is None:
        return None, None
    table = known.deliveries.deployments
    table = table.filter(
        table.service.fill_null("") == (deployment.service or ""),
        table.environment.fill_null("") == (deployment.environment or ""),
        table.deployed_at.notnull(),
        table.deployment_id != deployment.id,
    )
    earlier = table.filter(table.deployed_at <= at).order_by(table.deployed_at.desc(), table.deployment_id.desc())
    later = table.filter(table.deployed_at > at).order_by(table.deployed_at.asc(), table.deployment_id.asc())
    first, second = (one.limit(1).select(*_COLUMNS).to_pyarrow().to_pylist() for one in (earlier, later))
    return (DeploymentRow(**first[0]) if first else None), (DeploymentRow(**second[0]) if second else None)


def deployments_before(
    resile: Resile, services: Sequence[str], at: datetime, *, within: timedelta = DAY, most: int = 20
) -> list[DeploymentRow]:
    """Successful deployments of these services shortly before an instant, newest first."""
    if not services:
        return []
    resile.delivery_facts.refresh()
    with resile.delivery_facts.tables() as tables:
        table = tables.deployments
        table = table.filter(
            table.service.isin(list(services)), table.deployed_at <= at, table.deployed_at >= at - within
        )
        rows = table.order_by(table.deployed_at.desc(), table.deployment_id).limit(most).select(*_COLUMNS)
        return [DeploymentRow(**row) for row in rows.to_pyarrow().to_pylist()]


def say_link(resile: Resile, deployment_id: str, incident_id: str, *, is_cause: bool, reason: str, by: str) -> None:
    """Record that a deployment caused an incident, or that it did not.

    Raises:
        ConfigError: there is no such deployment or incident, or the reason is too long.
    """
    wanted = incident_id.strip()
    if not wanted:
        raise ConfigError("no incident is named; write its id, such as INC-7")
    if resile.deliveries.deployment(deployment_id) is None:
        raise ConfigError(f"deployment {deployment_id[:120]!r} is not known; choose one from the list")
    if not resile.timelines.read(wanted):
        raise ConfigError(f"incident {wanted[:120]!r} is not known; write its id as the list of incidents shows it")
    if len(reason) > MAX_REASON:
        raise ConfigError(f"the reason has {len(reason)} characters; write at most {MAX_REASON}")
    now = resile.clock.now()
    said = "caused" if is_cause else "did-not-cause"
    link = LinkReported(
        id=f"{by}:{said}:{wanted}:{format_instant(now)}",
        at=now,
        recorded_at=now,
        by=by,
        deployment_id=deployment_id,
        incident_id=wanted,
        is_cause=is_cause,
        reason=reason.strip(),
    )
    resile.deliveries.record([link])


def narrowed(query: DeliveryQuery, service: str | None, environment: str | None) -> DeliveryQuery:
    """The question for one service in one environment."""
    return replace(query, services=(service or "",), environments=((environment or "").lower(),))
