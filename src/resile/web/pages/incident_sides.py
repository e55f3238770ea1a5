"""What an incident's page holds beside the timeline: who may be asked, what was deployed, which alerts belong to it."""

from collections.abc import Callable, Hashable, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

import structlog
from msgspec import Struct

from resile.analytics.query import Condition, Query, Window
from resile.analytics.results import GroupStatistics
from resile.analytics.sentences import typical_s
from resile.app import report
from resile.app.alerts import AlertRow
from resile.app.beside_incident import alerts_of
from resile.app.deployments import DeploymentRow, deployments_before
from resile.app.incident_pages import AlertOfIncident, IncidentPages
from resile.app.incidents import IncidentView
from resile.app.now import Now
from resile.app.persons import account_of
from resile.app.questions import known_window
from resile.app.wiring import Resile
from resile.model.alert import AlertState
from resile.model.errors import StoreError
from resile.model.event import AlertFired
from resile.model.incident import value_of
from resile.model.room import Room
from resile.model.severity import Severity
from resile.web.shared_room import Figures

T = TypeVar("T")

_MAX_OTHERS = 50
_log = structlog.get_logger()


class RelatedAlert(Struct, frozen=True, kw_only=True):
    """An alert of the incident, and why it belongs here."""

    alert: AlertOfIncident
    why: str


class OtherIncident(Struct, frozen=True):
    """An open incident into which this one may be merged."""

    incident_id: str
    title: str


def beside(
    resile: Resile, figures: Figures, service: str | None, severity: Severity | None
) -> tuple[str, GroupStatistics] | None:
    """The figures of all incidents of its service and severity, to hold this one against."""
    if service is None and severity is None:
        return None
    given = (("service", service), ("severity", None if severity is None else severity.value))

    def ask() -> GroupStatistics:
        window: Window = known_window(resile)
        where = tuple(Condition(name, (value,)) for name, value in given if value)
        return report.restore(resile, Query(window=window, where=where)).overall

    overall = _asked(figures, ("beside", given), ask)
    if overall is None:
        return None
    name = " ".join(value for _, value in given if value)
    return (name, overall) if typical_s(overall) is not None else None


def deployed_before(
    resile: Resile, figures: Figures, view: IncidentView, services: tuple[str, ...]
) -> list[tuple[DeploymentRow, timedelta]]:
    """What was deployed to its services in the day before it began, newest first, and how long before."""
    began = view.instants.impact_began or view.instants.detected
    if began is None or not services:
        return []
    at: datetime = began.at
    found = _asked(figures, ("deployments", services, at), lambda: deployments_before(resile, services, at))
    return [(row, at - row.deployed_at) for row in found or () if row.deployed_at is not None]


def _asked(figures: Figures, key: Hashable, ask: Callable[[], T]) -> T | None:
    """The answer; None where it cannot be had: on a full disk an incident's page still tells what is to be done."""
    try:
        return figures.of(key, ask)
    except StoreError as error:
        _log.warning("figures left out of an incident's page", error=str(error))
        return None


def related_alerts(view: IncidentView, paging: IncidentPages) -> list[RelatedAlert]:
    """Its alerts, those that fire first, each with why it belongs here."""
    whys = {event.alert_id: event.because for event in view.timeline if isinstance(event, AlertFired)}
    found = [RelatedAlert(alert=one, why=whys.get(one.alert_id, "")) for one in paging.alerts]
    return sorted(found, key=lambda one: one.alert.state is not AlertState.FIRING)


def near_alerts(resile: Resile, figures: Figures, view: IncidentView) -> list[AlertRow]:
    """Alerts of its services and of those beside them, which fire and belong to no incident, or to another one."""
    services = value_of(view.incident.services, ())
    return figures.of(("near", view.incident.id, services), lambda: alerts_of(resile, view).beside)


def to_call_in(resile: Resile) -> list[tuple[str, list[str]]]:
    """Whom one may call in: `service/payments`, `person/ann`, by kind."""
    catalog = resile.catalog
    kinds = (
        ("service", catalog.services()),
        ("person", catalog.people()),
        ("schedule", catalog.schedules()),
        ("team", catalog.teams()),
    )
    return [(kind, [f"{kind}/{name}" for name in names]) for kind, names in kinds if names]


def out_of_reach(resile: Resile, room: Room) -> dict[str, str]:
    """Who has a role and cannot be expected to answer, by name, and why: a name mistyped, somebody who left."""
    people, accounts = resile.catalog.people(), {user.name: user for user in resile.accounts.users()}
    found = {}
    for name in {holder.person for holders in room.roles.values() for holder in holders}:
        told = people.get(name)
        account = accounts.get(name.lower() if told is None else account_of(name, told))
        if account is not None and account.disabled_at is not None:
            found[name] = "the account is disabled"
        elif told is None and account is None and people:
            found[name] = "nobody of that name is in the catalog"
    return found


def other_open(now: Now, incident_id: str) -> list[OtherIncident]:
    """The other open incidents, the most urgent first."""
    found: Sequence[OtherIncident] = [
        *(OtherIncident(one.incident_id, one.title) for one in now.open),
        *(OtherIncident(row.incident_id, row.title) for row in now.unpaged),
    ]
    return [one for one in found if one.incident_id != incident_id][:_MAX_OTHERS]
