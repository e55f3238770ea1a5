"""The five DORA metrics over what is stored: what the terminal, the page, the documents and the API call."""

from collections.abc import Iterator
from contextlib import contextmanager

import ibis
from msgspec import Struct

from resile.analytics import history
from resile.analytics.delivery import dora_report
from resile.analytics.delivery_failures import failure_links
from resile.analytics.delivery_query import DeliveryQuery
from resile.analytics.delivery_results import DeliveryTrend, DoraReport, FailureLink
from resile.analytics.delivery_trend import delivery_trend
from resile.analytics.query import Every, Window
from resile.app.wiring import Resile
from resile.model.time import DAY
from resile.ports.delivery_facts import DeliveryTables

_MOST_PERIODS = 45


class Known(Struct, frozen=True):
    """The facts on deliveries and on incidents, while they are being read."""

    deliveries: DeliveryTables
    incidents: ibis.Table


@contextmanager
def refreshed(resile: Resile) -> Iterator[Known]:
    """The facts of all that is stored."""
    resile.delivery_facts.refresh()
    resile.facts.refresh()
    with resile.delivery_facts.tables() as tables, resile.facts.table() as incidents:
        yield Known(tables, incidents)


def dora(resile: Resile, query: DeliveryQuery) -> DoraReport:
    """The five metrics per service and environment."""
    with refreshed(resile) as known:
        return report_of(resile, known, query)


def report_of(resile: Resile, known: Known, query: DeliveryQuery) -> DoraReport:
    """The same, of facts that are at hand already."""
    tables = known.deliveries
    return dora_report(tables.deployments, tables.changes, known.incidents, query, known_until=resile.clock.now())


def links_of(resile: Resile, known: Known, query: DeliveryQuery, deployment_id: str | None = None) -> list[FailureLink]:
    """Which deployments of the window failed, by which evidence; or of one deployment, whenever it went out."""
    return failure_links(
        known.deliveries.deployments,
        known.incidents,
        query,
        known_until=resile.clock.now(),
        deployment_id=deployment_id,
    )


def delivery_window(resile: Resile) -> Window:
    """The window where nobody names one: from midnight before the first deployment until now.

    Where nothing was deployed for 90 days the history is taken as finished, and the window ends with it.
    """
    with refreshed(resile) as known:
        return window_of(resile, known)


def window_of(resile: Resile, known: Known) -> Window:
    """The same, of facts that are at hand already."""
    deployments = known.deliveries.deployments
    at = ibis.coalesce(deployments.deployed_at, deployments.started_at)
    row = deployments.aggregate(first=at.min(), last=at.max()).to_pyarrow().to_pylist()[0]
    return history.whole_window(row["first"], row["last"], now=resile.clock.now())


class Counts(Struct, frozen=True, kw_only=True):
    """What stands behind the metrics of one service in one environment, counted over the window.

    Attributes:
        n_told: deployments told of, whatever became of them.
        n_unsuccessful: those that never succeeded.
        n_unknown_changes: successful ones whose commits are not known.
        n_elsewhere: successful ones of the same service in other environments.
    """

    n_told: int
    n_succeeded: int
    n_unsuccessful: int
    n_unknown_changes: int
    n_elsewhere: int


def counts_of(known: Known, query: DeliveryQuery, service: str | None, environment: str | None) -> Counts:
    """Count them."""
    table = known.deliveries.deployments
    at = ibis.coalesce(table.deployed_at, table.started_at)
    table = table.filter(
        at >= query.window.start, at < query.window.end, table.service.fill_null("") == (service or "")
    )
    is_here = table.environment.lower().fill_null("") == (environment or "").lower()
    is_done = table.deployed_at.notnull()
    row = table.aggregate(
        n_told=table.count(where=is_here),
        n_succeeded=table.count(where=is_here & is_done),
        n_unsuccessful=table.count(where=is_here & ~is_done),
        n_unknown_changes=table.count(where=is_here & is_done & table.n_changes.isnull()),
        n_elsewhere=table.count(where=~is_here & is_done),
    )
    return Counts(**row.to_pyarrow().to_pylist()[0])


def trends_of(resile: Resile, known: Known, query: DeliveryQuery, every: Every) -> list[DeliveryTrend]:
    """The metrics of each service and environment over time."""
    tables = known.deliveries
    return delivery_trend(
        tables.deployments, tables.changes, known.incidents, query, every, known_until=resile.clock.now()
    )


class Rhythm(Struct, frozen=True, kw_only=True):
    """How many deployments succeeded in each period, by service and environment."""

    every: str
    counts: dict[tuple[str | None, str | None], list[int]]

    def of(self, service: str | None, environment: str | None, *, most: int) -> list[float | None]:
        """The newest periods of a place; None where there was none, so that it is drawn as a gap."""
        return [count or None for count in self.counts.get((service, environment), [])[-most:]]


def rhythm(resile: Resile, query: DeliveryQuery) -> Rhythm:
    """Successful deployments per period of the window: as many periods as a line in a terminal has room for."""
    days = (query.window.end - query.window.start) / DAY
    every = Every.DAY if days <= _MOST_PERIODS else Every.WEEK if days <= 7 * _MOST_PERIODS else Every.MONTH
    with refreshed(resile) as known:
        trends = trends_of(resile, known, query, every)
    counts = {(one.service, one.environment): [period.n for period in one.deployment_frequency] for one in trends}
    return Rhythm(every=every.value, counts=counts)
