"""Rows of facts from timelines; those of the usual kind straight from their events, far quicker than by folding."""

from collections.abc import Sequence
from datetime import datetime

import pyarrow as pa

from resile.analytics.facts import FACTS_SCHEMA, facts_of
from resile.analytics.playbook_use import playbooks_of
from resile.model.event import (
    Acknowledged,
    Closed,
    Declared,
    Detected,
    Event,
    Identified,
    ImpactBegan,
    Mitigated,
    Noted,
    Paged,
    PageMoved,
    PagingEvent,
    Restored,
    Updated,
)
from resile.model.incident import KIND_OF_CLAIM, InstantName, fold
from resile.model.message import MessageState
from resile.model.phases import Status, instants
from resile.model.room_event import PlaybookOpened, RoomEvent, StepBegan
from resile.stores.arrow_rows import Row, arrow_table

_N_INSTANTS = len(InstantName)
_NOT_KNOWN = (None,) * _N_INSTANTS
_NEVER_PAGED = (None, None)
_NO_PLAYBOOKS = (None, None)
_TAKEN = frozenset({MessageState.HANDED.value, MessageState.DELIVERED.value})
_PLACE: dict[type, int] = {
    kind: list(InstantName).index(InstantName(KIND_OF_CLAIM[kind]))
    for kind in (ImpactBegan, Detected, Acknowledged, Identified, Mitigated, Restored, Closed)
}
_MITIGATED, _RESTORED, _CLOSED = _PLACE[Mitigated], _PLACE[Restored], _PLACE[Closed]
_STATUS = (
    *(Status.OPEN, Status.OPEN),  # Impact and detection change nothing of it.
    *(Status.ACKNOWLEDGED, Status.IDENTIFIED, Status.MITIGATED, Status.RESTORED, Status.CLOSED),
)


def row_of(incident_id: str, timeline: Sequence[Event]) -> Row:
    """One incident's facts in the order of FACTS_SCHEMA."""
    plain = _plain_row(incident_id, timeline)
    if plain is not None:
        return plain
    last_recorded_at = max([event.recorded_at for event in timeline])
    page_queued_at, paged_at = paging_of(timeline)
    incident = fold(incident_id, timeline)
    known = instants(incident)
    over = known.mitigated or known.restored
    row = facts_of(
        incident,
        last_recorded_at,
        page_queued_at=page_queued_at,
        paged_at=paged_at,
        playbooks=playbooks_of(timeline, None if over is None else over.at),
    )
    return tuple([row[name] for name in FACTS_SCHEMA.names])


def paging_of(timeline: Sequence[Event]) -> tuple[datetime | None, datetime | None]:
    """When the first page was queued, and when a provider took one first; other messages are no pages."""
    queued_at = {event.message_id: event.at for event in timeline if isinstance(event, Paged)}
    taken_at = [
        event.at
        for event in timeline
        if isinstance(event, PageMoved) and event.state in _TAKEN and event.message_id in queued_at
    ]
    return min(queued_at.values(), default=None), min(taken_at, default=None)


def _plain_row(incident_id: str, timeline: Sequence[Event]) -> Row | None:
    """The facts of an incident that was declared first, and whose instants were each told once; None if it is another.

    Nothing was changed, corrected, reopened or merged then, so there is nothing to fold.
    """
    declared = timeline[0]
    if type(declared) is not Declared:
        return None
    at: list[datetime | None] = [*_NOT_KNOWN]
    sources: list[str | None] = [*_NOT_KNOWN]
    last_recorded_at = declared.recorded_at
    has_paged = has_playbook = False
    for event in timeline[1:]:
        if event.recorded_at > last_recorded_at:  # noqa: PLR1730 - max() would be a call more, for every event
            last_recorded_at = event.recorded_at
        place = _PLACE.get(type(event))
        if place is None:
            if isinstance(event, Noted | Updated | PagingEvent | RoomEvent):
                has_paged = has_paged or isinstance(event, Paged)
                has_playbook = has_playbook or isinstance(event, PlaybookOpened | StepBegan)
                continue
            return None
        if at[place] is not None:
            return None
        at[place], sources[place] = event.at, event.source
    services = declared.services if len(declared.services) < 2 else tuple(dict.fromkeys(declared.services))  # noqa: PLR2004 - named twice, it is still one
    return (
        incident_id,
        declared.title,
        declared.severity,
        services[0] if services else None,
        services[1:] or None,
        declared.team,
        declared.origin or None,
        declared.ref or None,
        sorted(declared.labels.items()),
        declared.exclusion,
        _status(at),
        not _is_in_order(at),
        0,
        declared.at,
        *at,
        *sources,
        *(paging_of(timeline) if has_paged else _NEVER_PAGED),
        *(playbooks_of(timeline, at[_MITIGATED] or at[_RESTORED]) if has_playbook else _NO_PLAYBOOKS),
        len(timeline),
        last_recorded_at,
    )


def _status(at: Sequence[datetime | None]) -> Status:
    """The furthest instant that is known."""
    for place in range(_CLOSED, 0, -1):
        if at[place] is not None:
            return _STATUS[place]
    return Status.OPEN


def _is_in_order(at: Sequence[datetime | None]) -> bool:
    """Whether no known instant is before the known one before it, from impact to restoration."""
    before = None
    for one in at[:_CLOSED]:
        if one is not None:
            if before is not None and one < before:
                return False
            before = one
    return True


def table_of(rows: Sequence[Row]) -> pa.Table:
    """Rows as an Arrow table in FACTS_SCHEMA; at least one."""
    return arrow_table(rows, FACTS_SCHEMA)
