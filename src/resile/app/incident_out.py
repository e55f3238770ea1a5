"""One incident as data: the same for `resile incident show --json` and the API."""

from datetime import datetime

from msgspec import Struct

from resile.app.incidents import IncidentView
from resile.model.event import Event, Exclusion
from resile.model.incident import InstantName, labels_of, value_of
from resile.model.phases import Instant, cause_of, responder_of
from resile.model.severity import Severity


class PhaseOut(Struct, frozen=True, kw_only=True):
    """A stretch between two known instants; names joined by `+` where the instants between are not known."""

    phase: str
    began_at: datetime
    ended_at: datetime
    lasted_s: float


class IncidentOut(Struct, frozen=True, kw_only=True):
    """All that is known of one incident: what holds now, and the timeline as it is stored.

    Attributes:
        version: how many events its timeline has; give it back as `If-Match` with a command.
        instants: null where nobody knows.
    """

    incident_id: str
    title: str
    severity: Severity | None
    services: list[str]
    team: str | None
    status: str
    labels: dict[str, str]
    origin: str | None
    ref: str | None
    url: str | None
    exclusion: Exclusion | None
    merged_into: str | None
    absorbed: list[str]
    cause: str | None
    responder: str | None
    n_reopened: int
    version: int
    instants: dict[str, Instant | None]
    phases: list[PhaseOut]
    contradictions: list[str]
    timeline: list[Event]


def incident_out(view: IncidentView) -> IncidentOut:
    """The incident as data."""
    incident = view.incident
    services = value_of(incident.services, ())
    return IncidentOut(
        incident_id=incident.id,
        title=value_of(incident.title, ""),
        severity=value_of(incident.severity, None),
        services=list(services),
        team=value_of(incident.team, None),
        status=view.status.value,
        labels=labels_of(incident),
        origin=incident.origin,
        ref=incident.ref,
        url=value_of(incident.url, None),
        exclusion=value_of(incident.exclusion, None),
        merged_into=value_of(incident.merged_into, None),
        absorbed=sorted(incident.absorbed),
        cause=cause_of(incident),
        responder=responder_of(incident),
        n_reopened=view.instants.n_reopened,
        version=view.version,
        instants={name.value: view.instants.get(name) for name in InstantName},
        phases=[
            PhaseOut(
                phase="+".join(phase.names),
                began_at=phase.began.at,
                ended_at=phase.ended.at,
                lasted_s=phase.lasted.total_seconds(),
            )
            for phase in view.phases
        ],
        contradictions=[str(contradiction) for contradiction in view.contradictions],
        timeline=view.timeline,
    )
