"""An incident is the fold of its timeline; knowledge that arrives late, in any order, gives the same state."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Generic, TypeVar, assert_never

from msgspec import UNSET, Struct
from msgspec.structs import replace

from resile.model.event import (
    Absorbed,
    Acknowledged,
    Closed,
    Corrected,
    Declared,
    Described,
    Detected,
    Event,
    Exclusion,
    Identified,
    ImpactBegan,
    InstantEvent,
    Marked,
    Merged,
    Mitigated,
    Noted,
    PagingEvent,
    Reopened,
    Restored,
    SeverityChanged,
    Source,
    Updated,
)
from resile.model.room_event import RoomEvent
from resile.model.severity import Severity

T = TypeVar("T")
Stamp = tuple[datetime, datetime, str]


class InstantName(StrEnum):
    """The instants of an incident in the order in which they belong."""

    IMPACT_BEGAN = "impact_began"
    DETECTED = "detected"
    ACKNOWLEDGED = "acknowledged"
    IDENTIFIED = "identified"
    MITIGATED = "mitigated"
    RESTORED = "restored"
    CLOSED = "closed"


# gc=False here and below: nothing that these hold refers back to them, so the cycle collector need not look.
class Register(Struct, Generic[T], frozen=True, gc=False):
    """A value and the stamp (at, recorded_at, event id) under which it was set; the greatest stamp holds."""

    value: T
    stamp: Stamp

    def offered(self, value: T, stamp: Stamp) -> "Register[T]":
        """This register after somebody set `value` under `stamp`, earlier or later."""
        return self if stamp < self.stamp else Register(value, stamp)


class Claim(Struct, frozen=True, gc=False):
    """Somebody's word that an instant, or a reopening, happened; `text`: who acknowledged, or the cause identified."""

    at: datetime
    event_id: str
    recorded_at: datetime
    source: Source
    by: str
    text: str | None = None


class Correction(Struct, frozen=True, gc=False):
    """The latest word on when the event it aims at happened; None: not at all."""

    to: datetime | None
    source: Source
    by: str
    stamp: tuple[datetime, str]


class Incident(Struct, frozen=True, kw_only=True, gc=False):
    """What is known of one incident. `Incident(id=...)` is one of which nothing is known yet.

    Attributes:
        claims: per kind (the instants' names and `reopened`), sorted by (at, event id); as claimed, not corrected.
        corrections: by the id of the event they correct, whether that is known already or not.
    """

    id: str
    n_events: int = 0
    declared_at: datetime | None = None
    title: Register[str] | None = None
    severity: Register[Severity | None] | None = None
    services: Register[tuple[str, ...]] | None = None
    team: Register[str | None] | None = None
    url: Register[str | None] | None = None
    labels: Mapping[str, Register[str | None]] = {}
    exclusion: Register[Exclusion | None] | None = None
    merged_into: Register[str | None] | None = None
    absorptions: Mapping[str, Register[bool]] = {}
    origin: str | None = None
    ref: str | None = None
    claims: Mapping[str, tuple[Claim, ...]] = {}
    corrections: Mapping[str, Correction] = {}

    @property
    def exists(self) -> bool:
        """Whether it was declared."""
        return self.declared_at is not None

    @property
    def absorbed(self) -> frozenset[str]:
        """The incidents for which it carries on."""
        return frozenset(name for name, register in self.absorptions.items() if register.value)


KIND_OF_CLAIM: dict[type, str] = {
    ImpactBegan: "impact_began",
    Detected: "detected",
    Acknowledged: "acknowledged",
    Identified: "identified",
    Mitigated: "mitigated",
    Restored: "restored",
    Closed: "closed",
    Reopened: "reopened",
}


def fold(incident_id: str, events: Iterable[Event]) -> Incident:
    """The incident that a timeline, or any part of one, tells of."""
    incident = Incident(id=incident_id)
    for event in events:
        incident = evolve(incident, event)
    return incident


def evolve(incident: Incident, event: Event) -> Incident:  # noqa: C901, PLR0911 - one case per kind of event
    """The incident after one more event became known. Total: every event has an effect that is defined."""
    n = incident.n_events + 1
    stamp = (event.at, event.recorded_at, event.id)
    match event:
        # The most frequent first: the cases are tried one after the other.
        case Declared():
            return _declared(incident, event, stamp)
        case Detected() | Restored() | Closed() | ImpactBegan() | Mitigated() | Reopened():
            return replace(incident, n_events=n, claims=_claimed(incident, event))
        case Acknowledged():
            return replace(incident, n_events=n, claims=_claimed(incident, event, event.who))
        case Identified():
            return replace(incident, n_events=n, claims=_claimed(incident, event, event.cause))
        case SeverityChanged():
            return replace(incident, n_events=n, severity=_set(incident.severity, event.severity, stamp))
        case Described():
            return _described(incident, event, stamp)
        case Marked():
            return replace(incident, n_events=n, exclusion=_set(incident.exclusion, event.exclusion, stamp))
        case Merged():
            return replace(incident, n_events=n, merged_into=_set(incident.merged_into, event.into, stamp))
        case Absorbed():
            register = _set(incident.absorptions.get(event.incident_id), not event.is_apart, stamp)
            return replace(incident, n_events=n, absorptions={**incident.absorptions, event.incident_id: register})
        case Corrected():
            return replace(incident, n_events=n, corrections=_corrected(incident, event))
        case Noted() | Updated() | PagingEvent() | RoomEvent():
            return replace(incident, n_events=n)
        case _:
            assert_never(event)


def _set(register: Register[T] | None, value: T, stamp: Stamp) -> Register[T]:
    return Register(value, stamp) if register is None else register.offered(value, stamp)


def _claimed(incident: Incident, event: InstantEvent, text: str | None = None) -> dict[str, tuple[Claim, ...]]:
    kind = KIND_OF_CLAIM[type(event)]
    claim = Claim(event.at, event.id, event.recorded_at, event.source, event.by, text)
    known = incident.claims.get(kind)
    claims = dict(incident.claims)
    claims[kind] = (claim,) if known is None else tuple(sorted((*known, claim), key=_claim_order))
    return claims


def _claim_order(claim: Claim) -> tuple[datetime, str]:
    return claim.at, claim.event_id


def _declared(incident: Incident, event: Declared, stamp: Stamp) -> Incident:
    return Incident(
        id=incident.id,
        n_events=incident.n_events + 1,
        declared_at=event.at if incident.declared_at is None else min(event.at, incident.declared_at),
        title=_set(incident.title, event.title, stamp),
        severity=_set(incident.severity, event.severity, stamp),
        services=_set(incident.services, event.services, stamp),
        team=_set(incident.team, event.team, stamp),
        url=_set(incident.url, event.url, stamp),
        labels=_labelled(incident, event.labels, stamp),
        exclusion=_set(incident.exclusion, event.exclusion, stamp),
        merged_into=incident.merged_into,
        absorptions=incident.absorptions,
        origin=event.origin or incident.origin,
        ref=event.ref or incident.ref,
        claims=incident.claims,
        corrections=incident.corrections,
    )


def _labelled(
    incident: Incident, labels: Mapping[str, str | None] | Mapping[str, str], stamp: Stamp
) -> dict[str, Register[str | None]]:
    after = dict(incident.labels)
    for name, value in labels.items():
        after[name] = _set(after.get(name), value, stamp)
    return after


def _described(incident: Incident, event: Described, stamp: Stamp) -> Incident:
    after = replace(incident, n_events=incident.n_events + 1, labels=_labelled(incident, event.labels, stamp))
    if event.title is not UNSET:
        after = replace(after, title=_set(incident.title, event.title, stamp))
    if event.services is not UNSET:
        after = replace(after, services=_set(incident.services, event.services, stamp))
    if event.team is not UNSET:
        after = replace(after, team=_set(incident.team, event.team, stamp))
    if event.url is not UNSET:
        after = replace(after, url=_set(incident.url, event.url, stamp))
    return after


def _corrected(incident: Incident, event: Corrected) -> dict[str, Correction]:
    after = dict(incident.corrections)
    known = after.get(event.event_id)
    stamp = (event.recorded_at, event.id)
    if known is None or known.stamp < stamp:
        after[event.event_id] = Correction(event.to, event.source, event.by, stamp)
    return after


def value_of(register: Register[T] | None, default: T) -> T:
    """What the register holds, or the default where it was never set."""
    return default if register is None else register.value


def labels_of(incident: Incident) -> dict[str, str]:
    """The labels that hold now, by name."""
    return {name: label.value for name, label in sorted(incident.labels.items()) if label.value is not None}
