"""The five DORA metrics over what is stored: what the terminal, the page, the documents and the API call."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property

import ibis
from msgspec import Struct

from resile.analytics import history
from resile.analytics.delivery import report_on
from resile.analytics.delivery_failures import failure_links, links_on
from resile.analytics.delivery_figures import pending
from resile.analytics.delivery_known import Deliveries, deliveries
from resile.analytics.delivery_listing import counts_as_failed, places_behind
from resile.analytics.delivery_query import DeliveryQuery
from resile.analytics.delivery_results import DeliveryTrend, DoraReport, FailureLink
from resile.analytics.delivery_shipments import Places
from resile.analytics.delivery_trend import delivery_trend, trend_on
from resile.analytics.ordered import Bools, Ints
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


class Look:
    """One look at the deliveries that a question is about, from which report, trend, reasons and lists are taken.

    So a page asks once, and its figures agree whatever is imported meanwhile.
    """

    def __init__(self, known: Known, found: Deliveries) -> None:
        self.known = known
        self.found = found
        self._behind: dict[str, Ints] = {}

    def report(self) -> DoraReport:
        """The five metrics per service and environment."""
        return report_on(self.found, self.known.deliveries.deployments)

    def links(self, places: Ints | None = None) -> list[FailureLink]:
        """Which deployments of the window failed, by which evidence; or which of those at these places."""
        return links_on(self.found, self.known.deliveries.deployments, places)

    def places(self, id_hashes: Ints) -> Ints:
        """Where deployments stand in what was found, by the hashes of their ids; NONE where they do not count."""
        return Places(self.found.shipped.ids).of(id_hashes)

    def behind(self, state: str) -> Ints:
        """The places of the deployments in a state, as analytics/delivery_listing.py has them; found once."""
        if state not in self._behind:
            self._behind[state] = places_behind(self.found, state)
        return self._behind[state]

    @cached_property
    def has_failed(self) -> Bools:
        """Which failed by the definitions that are asked for, over all that was found."""
        return counts_as_failed(self.found)

    @cached_property
    def is_pending(self) -> Bools:
        """Which may still be found to have failed, over all that was found."""
        return pending(self.found.shipped, self.found.known)

    def trend(self, service: str | None, environment: str | None, every: Every) -> DeliveryTrend | None:
        """One row of the report over time; None where it has no such row."""
        of = self.of_place(service, environment)
        return None if of is None else trend_on(of.found, every)[0]

    def of_place(self, service: str | None, environment: str | None) -> "Look | None":
        """One row of the report alone; None where it has no such row."""
        key = (service, environment)
        return Look(self.known, self.found.only(self.found.keys.index(key))) if key in self.found.keys else None


def look(resile: Resile, known: Known, query: DeliveryQuery) -> Look:
    """Look once at facts that are at hand."""
    tables = known.deliveries
    now = resile.clock.now()
    return Look(known, deliveries(tables.deployments, tables.changes, known.incidents, query, now))


def report_of(resile: Resile, known: Known, query: DeliveryQuery) -> DoraReport:
    """The five metrics, of facts that are at hand already."""
    return look(resile, known, query).report()


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
        n_incident_known: failed ones of which an incident is known that tells how long it took.
        n_elsewhere: successful ones of the same service in other environments.
    """

    n_told: int
    n_succeeded: int
    n_unsuccessful: int
    n_unknown_changes: int
    n_incident_known: int
    n_elsewhere: int


def counts_of(of: Look) -> Counts:
    """Count them, for a look at one place."""
    ((service, environment),) = of.found.keys
    window = of.found.window
    table = of.known.deliveries.deployments
    at = ibis.coalesce(table.deployed_at, table.started_at)
    table = table.filter(at >= window.start, at < window.end, table.service.fill_null("") == (service or ""))
    is_here = table.environment.lower().fill_null("") == (environment or "")
    is_done = table.deployed_at.notnull()
    row = table.aggregate(
        n_told=table.count(where=is_here),
        n_unsuccessful=table.count(where=is_here & ~is_done),
        n_elsewhere=table.count(where=~is_here & is_done),
    )
    behind = {f"n_{state}": len(of.behind(state)) for state in ("succeeded", "unknown_changes", "incident_known")}
    return Counts(**row.to_pyarrow().to_pylist()[0], **behind)


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
