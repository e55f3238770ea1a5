"""What of a timeline other systems hear: a few kinds of events, each with the incident as it was known then."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from resile.model.event import (
    Acknowledged,
    Closed,
    Declared,
    Escalated,
    Event,
    Exclusion,
    NobodyReachable,
    Reopened,
    Restored,
)
from resile.model.incident import Incident, evolve, value_of

# Nobody else is to act on these.
_UNHEARD = frozenset({Exclusion.DRILL, Exclusion.TEST})
_NAMES: dict[type[Event], str] = {
    Declared: "declared",
    Acknowledged: "acknowledged",
    Escalated: "escalated",
    NobodyReachable: "nobody_reachable",
    Restored: "restored",
    Reopened: "reopened",
    Closed: "closed",
}


class Happened(Struct, frozen=True, kw_only=True):
    """Something that other systems hear of.

    Attributes:
        name: `declared`, `nobody_reachable`, ...
        version: its place in the timeline, from 1; rises with what became known.
        before, incident: the incident as it was known before and after.
        more: what only this kind of event says.
    """

    name: str
    version: int
    event: Event
    before: Incident
    incident: Incident
    more: Mapping[str, Any]


def happenings(incident_id: str, timeline: Sequence[Event]) -> Iterator[Happened]:
    """Of a timeline what others hear of, in order; nothing while the incident is a drill or a test."""
    incident = Incident(id=incident_id)
    for version, event in enumerate(timeline, start=1):
        before, incident = incident, evolve(incident, event)
        name = _name_of(event)
        if name is not None and value_of(incident.exclusion, None) not in _UNHEARD:
            yield Happened(name=name, version=version, event=event, before=before, incident=incident, more=_more(event))


def _name_of(event: Event) -> str | None:
    # That the first step began is what declaring it means.
    is_first = isinstance(event, Escalated) and event.step == 1 and event.round == 1
    return None if is_first else _NAMES.get(type(event))


def _more(event: Event) -> dict[str, Any]:
    if isinstance(event, Acknowledged):
        return {"who": event.who}
    if isinstance(event, Escalated):
        return {"step": event.step, "round": event.round, "people": list(event.people), "missing": list(event.missing)}
    if isinstance(event, NobodyReachable):
        return {"because": event.because}
    return {"because": event.reason} if isinstance(event, Reopened) else {}
