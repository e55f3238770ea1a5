"""Services and teams: how they deliver, and how soon they are restored, side by side."""

from collections.abc import Sequence
from datetime import timedelta

from msgspec import Struct
from msgspec.structs import replace

from resile.analytics.delivery_query import DeliveryQuery
from resile.analytics.delivery_results import DoraReport, ServiceDelivery
from resile.analytics.query import Condition, Query, Window
from resile.analytics.results import GroupStatistics, RestoreReport
from resile.app import report
from resile.app.deployments import DeploymentListing, DeploymentRow, list_deployments
from resile.app.dora import look, refreshed, report_of, window_of
from resile.app.extent import default_window, refreshed_facts
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
        services: whose deliveries these are: a team's are those in which an incident of the team began.
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
    """Both sides of a team: its incidents, and the deliveries of the services in which they began; None if it has none.

    Services that were only hit as well are other teams'.
    """
    window = known_year(resile)
    where = (Condition("team", (name,)),)
    groups = report.restore(resile, Query(window=window, by=("service",), where=where)).groups
    with refreshed_facts(resile) as facts:
        table = facts.filter(facts.team == name, facts.service.notnull())
        first = set(table.select("service").distinct().to_pyarrow()["service"].to_pylist())
    services = sorted({service for group in groups if (service := group.key["service"]) and service in first})
    return _sides(resile, window, where, services)


def _sides(resile: Resile, window: Window, where: tuple[Condition, ...], services: Sequence[str]) -> BothSides | None:
    query = Query(window=window, where=where)
    recovery = report.restore(resile, query)
    incidents = list_incidents(resile, Listing(query=query, per_page=_NEWEST)).rows
    # A question without services asks for all of them; a team without services has none.
    asked = DeliveryQuery(window=window, services=tuple(services) or ("\x00",))
    with refreshed(resile) as known:
        seen = look(resile, known, asked)
        delivery = seen.report() if services else replace(seen.report(), services=[])
        deployments = list_deployments(seen, DeploymentListing(per_page=_NEWEST)).rows
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
