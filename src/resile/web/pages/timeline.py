"""A timeline as lines to read: what happened when, who says so, what was learnt later, what was corrected."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import assert_never

from msgspec import UNSET, Struct
from msgspec.structs import replace

from resile.app.paging_lines import Move, grouped, paging_words
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
    kind_of,
)
from resile.model.incident import KIND_OF_CLAIM, Correction, Incident

# What was recorded this much later than it happened was learnt afterwards.
_LATE = timedelta(minutes=5)

_KINDS = {
    "impact_began": "detect", "detected": "detect", "acknowledged": "acknowledge", "identified": "identify",
    "mitigated": "mitigate", "restored": "verify", "closed": "verify", "alert_fired": "detect",
    "paging_began": "acknowledge", "escalated": "acknowledge", "paged": "acknowledge",
    "nobody_reachable": "acknowledge",
}  # fmt: skip


class Line(Struct, frozen=True, kw_only=True):
    """One event as it is read.

    Attributes:
        at: when it happened, after corrections.
        was_at: when it was first said to have happened, if that was corrected.
        is_taken_back: a correction says that it did not happen.
        recorded_at: when it was learnt, if that was later.
        can_correct: it is an instant, so its time can be corrected.
        moves: what came of it: the pages of a step, the comings and goings of an alert.
    """

    event_id: str
    at: datetime
    what: str
    text: str
    kind: str
    source: str
    by: str
    was_at: datetime | None = None
    is_taken_back: bool = False
    corrected_by: str = ""
    recorded_at: datetime | None = None
    can_correct: bool = False
    moves: tuple[Move, ...] = ()


def lines_of(timeline: Sequence[Event], incident: Incident) -> list[Line]:
    """The timeline in the order in which things happened, newest last; corrections stand with what they correct."""
    kinds = {event.id: kind_of(event) for event in timeline}
    # What came in one import was learnt at one time; saying so on every line would hide what was learnt later.
    taken_in_at = timeline[0].recorded_at if timeline else None
    told = grouped(timeline)
    corrected = incident.corrections
    lines = [
        replace(_line(event, corrected.get(event.id), kinds, taken_in_at), moves=told.moves.get(event.id, ()))
        for event in timeline
        if event.id not in told.within
    ]
    return sorted(lines, key=lambda line: (line.at, line.event_id))


def _line(event: Event, correction: Correction | None, kinds: Mapping[str, str], taken_in_at: datetime | None) -> Line:
    what, text = _words(event, kinds)
    is_instant = type(event) in KIND_OF_CLAIM
    # An import corrects its source's notes and updates too; of other events only instants heed corrections.
    if not is_instant and not isinstance(event, Noted | Updated):
        correction = None
    moved = correction is not None and correction.to is not None and correction.to != event.at
    is_late = event.recorded_at - event.at > _LATE and event.recorded_at != taken_in_at
    at = correction.to if moved and correction is not None and correction.to is not None else event.at
    return Line(
        event_id=event.id,
        at=at,
        what=what,
        text=text,
        kind=_KINDS.get(kind_of(event), "none"),
        source=event.source.value,
        by=who(event.by),
        was_at=event.at if moved else None,
        is_taken_back=correction is not None and correction.to is None,
        corrected_by="" if correction is None else who(correction.by),
        recorded_at=event.recorded_at if is_late else None,
        can_correct=is_instant,
    )


def who(by: str) -> str:
    """Who said it, without the kind of account: `ann` for `user:ann`; an import is named as one."""
    kind, _, name = by.partition(":")
    return f"imported from {name}" if kind == "import" and name else name or by


def _words(event: Event, kinds: Mapping[str, str]) -> tuple[str, str]:  # noqa: C901, PLR0911, PLR0912 - one case per kind
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
