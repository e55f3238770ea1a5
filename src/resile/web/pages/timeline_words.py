"""What each event of a timeline is called, and what it says."""

from collections.abc import Mapping
from typing import assert_never

from msgspec import UNSET

from resile.app.paging_lines import paging_words
from resile.app.room_lines import room_words
from resile.model.event import (
    Absorbed,
    Acknowledged,
    AlertCleared,
    AlertFired,
    Closed,
    Corrected,
    Declared,
    Described,
    Detected,
    Escalated,
    Event,
    Identified,
    ImpactBegan,
    Marked,
    Merged,
    Mitigated,
    NobodyReachable,
    Noted,
    Paged,
    PageMoved,
    PagingBegan,
    PagingEnded,
    Reopened,
    Restored,
    SeverityChanged,
    Updated,
)
from resile.model.room_event import RoomEvent


def words_of(  # noqa: C901, PLR0911, PLR0912 - one case per kind
    event: Event, kinds: Mapping[str, str]
) -> tuple[str, str]:
    """Its name and its text; `kinds`: by id of each event of the timeline, its kind."""
    match event:
        case Declared():
            return "Declared", event.title
        case ImpactBegan():
            return "Impact began", ""
        case Detected():
            return "Detected", ""
        case Acknowledged():
            return "Acknowledged", f"by {event.who}" if event.who else ""
        case Identified():
            return "Cause identified", event.cause or ""
        case Mitigated():
            return "Mitigated", ""
        case Restored():
            return "Restored", ""
        case Closed():
            return "Closed", ""
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
            return "Took in another incident", event.incident_id
        case Noted():
            return "Note", event.text
        case Updated():
            says_more = event.status and event.status.casefold() != "update"
            return f"Update: {event.status}" if says_more else "Update", event.text
        case (
            AlertFired()
            | AlertCleared()
            | PagingBegan()
            | Escalated()
            | Paged()
            | PageMoved()
            | NobodyReachable()
            | PagingEnded()
        ):
            return paging_words(event)
        case RoomEvent():
            return room_words(event)
        case Corrected():
            return _corrected(event, kinds)
        case _:
            assert_never(event)


def _described(event: Described) -> str:
    said = []
    if event.title is not UNSET:
        said.append(f"title “{event.title}”")
    if event.services is not UNSET:
        said.append(f"services {', '.join(event.services) or 'none'}")
    if event.team is not UNSET:
        said.append(f"team {event.team or 'none'}")
    if event.url is not UNSET:
        said.append("address")
    said += [f"{name} = {value}" if value else f"{name} taken away" for name, value in event.labels.items()]
    return "; ".join(said)


def _corrected(event: Corrected, kinds: Mapping[str, str]) -> tuple[str, str]:
    subject = kinds.get(event.event_id, f"event {event.event_id}").replace("_", " ")
    what = f"Correction: {subject} did not happen" if event.to is None else f"Correction: {subject} happened then"
    return what, event.reason or ""
