"""What any event of a timeline says, in words to read: what it is called, and what it tells."""

from collections.abc import Mapping
from typing import assert_never

from msgspec import UNSET

from resile.app.paging_lines import paging_words
from resile.app.room_lines import room_words
from resile.model.audience import Audience
from resile.model.event import (
    Absorbed,
    Acknowledged,
    Closed,
    Corrected,
    Declared,
    Described,
    Detected,
    Event,
    Identified,
    ImpactBegan,
    Marked,
    Merged,
    Mitigated,
    Noted,
    PagingEvent,
    Reopened,
    Restored,
    SeverityChanged,
    Updated,
)
from resile.model.room_event import RoomEvent
from resile.model.time import format_instant

_INSTANTS = {
    ImpactBegan: "Impact began",
    Detected: "Detected",
    Mitigated: "Mitigated",
    Restored: "Restored",
    Closed: "Closed",
}


def event_words(event: Event, kinds: Mapping[str, str]) -> tuple[str, str]:
    """What it is called, and what it says.

    Args:
        kinds: by id, what kind each event of the timeline is.
    """
    if isinstance(event, PagingEvent):
        return paging_words(event)
    if isinstance(event, RoomEvent):
        return room_words(event)
    return _of_people(event, kinds)


def _of_people(event: Event, kinds: Mapping[str, str]) -> tuple[str, str]:  # noqa: C901, PLR0911, PLR0912 - one case per kind
    match event:
        case ImpactBegan() | Detected() | Mitigated() | Restored() | Closed():
            return _INSTANTS[type(event)], ""
        case Declared():
            return "Declared", event.title
        case Acknowledged():
            return "Acknowledged", f"by {event.who}" if event.who else ""
        case Identified():
            return "Cause identified", event.cause or ""
        case Reopened():
            return "Reopened", event.reason or ""
        case SeverityChanged():
            return "Severity changed", f"to {event.severity}" if event.severity else "taken away"
        case Described():
            return "Described anew", _described(event)
        case Marked():
            what = f"Excluded as {event.exclusion}" if event.exclusion else "Counted again"
            return what, event.reason or ""
        case Merged():
            return ("Merged", f"into {event.into}") if event.into else ("Apart again", "")
        case Absorbed():
            return "Stands apart again" if event.is_apart else "Took in another incident", event.incident_id
        case Noted():
            return "Note", event.text
        case Updated():
            return _updated(event)
        case Corrected():
            subject = kinds.get(event.event_id, f"event {event.event_id}").replace("_", " ")
            when = "did not happen" if event.to is None else f"happened {format_instant(event.to)}"
            return f"Correction: {subject} {when}", event.reason or ""
        case PagingEvent() | RoomEvent():
            return "", ""
        case _:
            assert_never(event)


def _updated(event: Updated) -> tuple[str, str]:
    """For whom, how far it is, and to how many it went: `Update for customers: identified, to 1,204 addresses`."""
    what = "Update" if event.corrects is None else "Correction of an update"
    what += f" for {event.audience}" if event.audience else ""
    if event.status and event.status.casefold() != "update":
        what += f": {event.status}"
    if event.n_told or event.audience == Audience.CUSTOMERS:
        many = "nobody" if not event.n_told else "1 address" if event.n_told == 1 else f"{event.n_told:,} addresses"
        what += f", sent to {many}"
    why = f"({event.reason})" if event.reason else ""
    return what, " ".join(filter(None, (event.text, why)))


def _described(event: Described) -> str:
    said = [] if event.title is UNSET else [f"title “{event.title}”"]
    said += [] if event.services is UNSET else [f"services {', '.join(event.services) or 'none'}"]
    said += [] if event.team is UNSET else [f"team {event.team or 'none'}"]
    said += [] if event.url is UNSET else ["address"]
    said += [f"{name} = {value}" if value else f"{name} taken away" for name, value in event.labels.items()]
    return "; ".join(said)
