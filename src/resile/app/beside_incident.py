"""What happened beside an incident: its alerts, those of services near it, and what was deployed before it began."""

from datetime import datetime

from msgspec import Struct

from resile.app.alerts import AlertRow, row_of
from resile.app.deployments import DeploymentRow, deployments_before
from resile.app.incidents import IncidentView
from resile.app.wiring import Resile
from resile.model.incident import value_of

MAX_OWN = 200
MAX_BESIDE = 50


class IncidentAlerts(Struct, frozen=True, kw_only=True):
    """Alerts that may tell of it.

    Attributes:
        own: those that belong to it, the oldest first, at most `MAX_OWN`; `n_own`: how many there are.
        beside: those that fire now and do not, of its services, of those that these need, and of those that need them;
            the newest decision first.
    """

    own: list[AlertRow]
    n_own: int
    beside: list[AlertRow]


class IncidentDeployments(Struct, frozen=True, kw_only=True):
    """What was deployed to its services in the day before it began, the newest first; `began_at` null: nobody knows."""

    began_at: datetime | None
    deployments: list[DeploymentRow]


def alerts_of(resile: Resile, view: IncidentView) -> IncidentAlerts:
    """Its alerts, and those near it."""
    near = _near(resile, value_of(view.incident.services, ()))
    incident_id = view.incident.id
    own = resile.paging.alerts_of([incident_id], limit=MAX_OWN)
    firing = resile.paging.alerts_firing() if near else []
    beside = [one for one in firing if one.alert.service in near and one.incident_id != incident_id]
    return IncidentAlerts(
        own=[row_of(one) for one in own],
        n_own=resile.paging.n_alerts_of(incident_id),
        beside=[row_of(one) for one in beside[:MAX_BESIDE]],
    )


def _near(resile: Resile, services: tuple[str, ...]) -> set[str]:
    known = resile.catalog.services()
    its = set(services)
    needed = {other for name in its if name in known for other in known[name].depends_on}
    needing = {name for name, service in known.items() if its & set(service.depends_on)}
    return its | needed | needing


def deployments_of(resile: Resile, view: IncidentView) -> IncidentDeployments:
    """What was deployed before it began."""
    began = view.instants.impact_began or view.instants.detected
    if began is None:
        return IncidentDeployments(began_at=None, deployments=[])
    services: tuple[str, ...] = value_of(view.incident.services, ())
    found = deployments_before(resile, services, began.at)
    return IncidentDeployments(began_at=began.at, deployments=found)
