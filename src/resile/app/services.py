"""Services and teams: how they deliver, and how soon they are restored, side by side."""

from collections.abc import Sequence
from datetime import timedelta

from msgspec import Struct

from resile.analytics.delivery_query import DeliveryQuery
from resile.analytics.delivery_results import DoraReport, ServiceDelivery
from resile.analytics.query import Condition, Query, Window
from resile.analytics.results import GroupStatistics, RestoreReport
from resile.app import report
from resile.app.deployments import DeploymentListing, DeploymentRow, list_deployments
from resile.app.dora import links_of, refreshed, report_of, window_of
from resile.app.extent import default_window
from resile.app.incidents import IncidentRow, Listing, list_incidents
from resile.app.wiring import Resile

# Newest deployments and incidents on a page; the lists hold all.
_NEWEST = 8
# A shorter time says little of a service; a longer one is another service.
USUAL = timedelta(days=365)


class ServiceRow(Struct, frozen=True, kw_only=True):
    """A service in a list; `recovery` is None without incidents, `delivery` empty without deployments."""

    name: str
    delivery: list[ServiceDelivery]
    recovery: GroupStatistics | None


class BothSides(Struct, frozen=True, kw_only=True):
    """Delivery and recovery of one service, or of a team's services.

    Attributes:
        services: whose deliveries these are.
    """

    window: Window
    services: list[str]
    delivery: DoraReport
    recovery: RestoreReport
    deployments: list[DeploymentRow]
    incidents: list[IncidentRow]


def service_rows(resile: Resile) -> tuple[Window, list[ServiceRow]]:
    """Every service of which a deployment or an incident is known, by name, over the last year that is known."""
    window = known_year(resile)
    recovery = report.restore(resile, Query(window=window, by=("service",)))
    with refreshed(resile) as known:
        delivery = report_of(resile, known, DeliveryQuery(window=window))
    told = {group.key["service"]: group for group in recovery.groups if group.key["service"]}
    delivered: dict[str, list[ServiceDelivery]] = {}
    for row in delivery.services:
        if row.service:
            delivered.setdefault(row.service, []).append(row)
    names = sorted({*told, *delivered} - {None}, key=lambda name: (name or "").casefold())
    rows = [ServiceRow(name=name, delivery=delivered.get(name, []), recovery=told.get(name)) for name in names if name]
    return window, rows


def service_sides(resile: Resile, name: str) -> BothSides | None:
    """Both sides of a service; None where nothing at all is known of it."""
    window = known_year(resile)
    return _sides(resile, window, (Condition("service", (name,)),), [name])


def team_sides(resile: Resile, name: str) -> BothSides | None:
    """Both sides of a team: its incidents, and the deliveries of the services that had one; None if it has none."""
    window = known_year(resile)
    where = (Condition("team", (name,)),)
    groups = report.restore(resile, Query(window=window, by=("service",), where=where)).groups
    services = sorted({service for group in groups if (service := group.key["service"])})
    return _sides(resile, window, where, services)


def _sides(resile: Resile, window: Window, where: tuple[Condition, ...], services: Sequence[str]) -> BothSides | None:
    query = Query(window=window, where=where)
    recovery = report.restore(resile, query)
    incidents = list_incidents(resile, Listing(query=query, per_page=_NEWEST)).rows
    # A question without services asks for all of them; a team without services has none.
    asked = DeliveryQuery(window=window, services=tuple(services) or ("\x00",))
    with refreshed(resile) as known:
        delivery = report_of(resile, known, asked)
        listing = DeploymentListing(query=asked, per_page=_NEWEST)
        deployments = list_deployments(resile, known, listing, links_of(resile, known, asked)).rows
    n_incidents = recovery.overall.n_restored + recovery.overall.n_open + sum(recovery.excluded.values())
    if not n_incidents and not deployments:
        return None
    return BothSides(
        window=window,
        services=list(services),
        delivery=delivery,
        recovery=recovery,
        deployments=deployments,
        incidents=incidents,
    )


def known_year(resile: Resile) -> Window:
    """The last year of what is known of incidents and deployments."""
    incidents = default_window(resile)
    with refreshed(resile) as known:
        has_deployments = known.deliveries.deployments.limit(1).count().to_pyarrow().as_py() > 0
        deliveries = window_of(resile, known) if has_deployments else incidents
    has_incidents = resile.timelines.n_incidents() > 0
    ends = [window for window, is_known in ((incidents, has_incidents), (deliveries, has_deployments)) if is_known]
    ends = ends or [incidents]
    end = max(window.end for window in ends)
    start = min(window.start for window in ends)
    return Window(max(start, end - USUAL), end)
