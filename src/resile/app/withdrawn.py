"""Timelines as they are shown: what was withdrawn is there, and says nothing any more."""

from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from resile.model.event import Event, Noted, Updated
from resile.model.room_event import EvidenceAdded, NoteEdited, Said, UpdateDrafted, Withdrawn


def shown_timeline(timeline: Sequence[Event]) -> list[Event]:
    """The same events in the same order; words, addresses and pictures of what was withdrawn are left out."""
    withdrawn = {event.event_id for event in timeline if isinstance(event, Withdrawn)}
    return (
        [_emptied(event) if _owner(event) in withdrawn else event for event in timeline] if withdrawn else [*timeline]
    )


def _owner(event: Event) -> str:
    return event.note_id if isinstance(event, NoteEdited) else event.id


def _emptied(event: Event) -> Event:
    nothing: dict[str, Any] = {"text": ""}
    if isinstance(event, EvidenceAdded):
        nothing |= {"title": "", "url": None, "picture": None}
    elif isinstance(event, Noted):
        nothing["pictures"] = ()
    elif isinstance(event, Updated | UpdateDrafted):
        nothing |= {"title": "", "reason": ""}
    elif not isinstance(event, NoteEdited | Said):
        return event
    return replace(event, **nothing)
