"""List deployments, show one with all that is known of it, and say which incident one caused."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import ibis
import numpy as np
from msgspec import Struct

from resile.analytics.delivery_listing import STATES as COUNTING
from resile.analytics.delivery_listing import rows_at
from resile.analytics.delivery_query import DeliveryQuery
from resile.analytics.delivery_results import FailureLink
from resile.analytics.delivery_shipments import NONE
from resile.analytics.query import Window
from resile.app.dora import Known, Look, links_of, refreshed
from resile.app.wiring import Resile
from resile.model.change import Commit, Deployment, DeploymentReported, LinkReported, PullRequest
from resile.model.errors import ConfigError
from resile.model.time import DAY, HOUR, MICROSECOND, format_instant

STATES = ("all", *COUNTING, "unsuccessful")
# Of each metric, the deployments behind it.
STATE_BEHIND = {
    "lead_time": "known_changes",
    "deployment_frequency": "succeeded",
    "change_fail_rate": "failed",
    "recovery_time": "incident_known",
    "rework_rate": "unplanned",
}
MAX_PER_PAGE = 1000
# Of a release with more commits the page shows the first ones and their number.
MOST_COMMITS = 500
# Of incidents around a deployment, so many are suggested to whoever says which one it caused.
_MOST_NEARBY = 50
_NEARBY = 3 * DAY
# A link told by a person: long enough to say why.
MAX_REASON = 500
_COLUMNS = (
    "deployment_id", "service", "environment", "version", "sha", "status", "started_at", "deployed_at", "unplanned",
    "n_changes", "origin",
)  # fmt: skip


class DeploymentListing(Struct, frozen=True, kw_only=True):
    """Which of the deployments of a look to list.

    Attributes:
        state: `succeeded`: those that count; `failed`: they caused a failure; `incident_known`: so did they, and an
            incident tells how long it took; `pending`: not failed so far, their attribution window has not passed;
            `unplanned`: fixes; `known_changes`, `unknown_changes`: they count, and their commits are known, or not;
            `unsuccessful`: told of, and not succeeded.
        page: from 1.
    """

    state: str = "all"
    page: int = 1
    per_page: int = 20


class DeploymentRow(Struct, frozen=True, kw_only=True):
    """A deployment in a list; `links` are the evidence that it failed, the strongest first.

    Middleware's definitions look at other evidence: by them it may have failed without links, or not in spite of them.
    """

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
    has_failed: bool = False
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
        n_commits: how many it first brought; None where that is not known. `commits` holds the newest of those known.
        pull_requests: by commit.
        links: why it counts as failed.
        before, after: its neighbours in its service and environment.
        titles: of the incidents that its links name, as far as they are known.
        nearby: id and title of incidents that began around it, those of its service first: one of them may be meant.
    """

    deployment: Deployment
    reports: list[DeploymentReported | LinkReported]
    n_commits: int | None
    commits: list[Commit]
    pull_requests: dict[str, PullRequest]
    links: list[FailureLink]
    before: DeploymentRow | None
    after: DeploymentRow | None
    titles: dict[str, str]
    nearby: list[tuple[str, str]]


def list_deployments(of: Look, listing: DeploymentListing) -> DeploymentPage:
    """One page of the deployments of a look that the listing asks for, newest first.

    Raises:
        ConfigError: an unknown state, or a page size out of bounds.
    """
    if listing.state not in STATES:
        raise ConfigError(f"there is no state {listing.state!r} of deployments; use {', '.join(STATES)}")
    if not 1 <= listing.per_page <= MAX_PER_PAGE or listing.page < 1:
        raise ConfigError(f"page {listing.page} of {listing.per_page} rows: pages start at 1 and hold 1 to 1000 rows")
    deployments = of.known.deliveries.deployments
    first, last = (listing.page - 1) * listing.per_page, listing.page * listing.per_page
    if listing.state in COUNTING:
        behind = of.behind(listing.state)
        total, places = len(behind), behind[first:last]
        rows = rows_at(of.found, deployments, places, _COLUMNS)
    else:
        found = in_scope(deployments, of.found.query)
        if listing.state == "unsuccessful":
            found = found.filter(found.at < of.found.window.end, found.deployed_at.isnull())
        total = int(found.count().to_pyarrow().as_py())
        newest = found.order_by(found.at.desc(nulls_first=False), found.deployment_id.asc())
        some = newest.limit(listing.per_page, offset=first)
        table = some.select(*_COLUMNS, id_hash=some.deployment_id.hash()).to_pyarrow()
        places = of.places(np.asarray(table["id_hash"]))
        rows = table.drop_columns("id_hash").to_pylist()
    by_id = _by_deployment(of.links(places[places != NONE]))
    return DeploymentPage(
        rows=[_row(of, row, place, by_id) for row, place in zip(rows, places.tolist(), strict=True)],
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


def _by_deployment(links: Sequence[FailureLink]) -> dict[str, list[FailureLink]]:
    found: dict[str, list[FailureLink]] = {}
    for link in sorted(links, key=lambda link: -link.confidence):
        found.setdefault(link.deployment_id, []).append(link)
    return found


def _row(of: Look, row: dict[str, Any], place: int, by_id: dict[str, list[FailureLink]]) -> DeploymentRow:
    if place == NONE:
        return DeploymentRow(**row)
    return DeploymentRow(
        **row,
        links=by_id.get(row["deployment_id"], []),
        has_failed=bool(of.has_failed[place]),
        is_pending=bool(of.is_pending[place]),
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
        titles = _titles(known, deployment, links)
        nearby = _nearby(known, deployment)
    return DeploymentView(
        deployment=deployment,
        reports=list(resile.deliveries.reports_on(deployment_id)),
        n_commits=n_commits,
        commits=commits,
        pull_requests=dict(pulls),
        links=links,
        before=before,
        after=after,
        titles=titles,
        nearby=nearby,
    )


def _commits(resile: Resile, deployment: Deployment) -> tuple[int | None, list[Commit]]:
    """How many commits it first brought, None where nobody knows; and the newest of those that are known."""
    shipped = resile.deliveries.shipped([deployment.id]).get(deployment.id)
    if shipped is None:
        return None, []
    found = resile.deliveries.commits(shipped.repo, shipped.known)
    newest = sorted(found.values(), key=lambda commit: (commit.committed_at, commit.sha), reverse=True)
    return None if shipped.shas is None else len(shipped.shas), newest[:MOST_COMMITS]


def _titles(known: Known, deployment: Deployment, links: Sequence[FailureLink]) -> dict[str, str]:
    named = {link.incident_id for link in links if link.incident_id is not None}
    named |= {link.incident_id for link in deployment.links}
    if not named:
        return {}
    table = known.incidents
    rows = table.filter(table.incident_id.isin(sorted(named))).select("incident_id", "title").to_pyarrow().to_pylist()
    return {row["incident_id"]: row["title"] for row in rows if row["title"]}


def _nearby(known: Known, deployment: Deployment) -> list[tuple[str, str]]:
    """Incidents noticed from an hour before it until days after it."""
    at = deployment.deployed_at or deployment.started_at
    if at is None:
        return []
    table = known.incidents
    noticed_at = ibis.coalesce(table.detected, table.impact_began, table.declared_at)
    table = table.filter(table.exclusion.isnull(), noticed_at >= at - HOUR, noticed_at <= at + _NEARBY)
    its_own = table.service == (deployment.service or "")
    rows = table.order_by(its_own.desc(), noticed_at.asc()).limit(_MOST_NEARBY).select("incident_id", "title")
    return [(row["incident_id"], row["title"]) for row in rows.to_pyarrow().to_pylist()]


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
        table.environment.lower().fill_null("") == (deployment.environment or "").lower(),
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
