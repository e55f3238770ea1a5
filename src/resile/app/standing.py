"""How things stand now: which incidents page or wait, who took them, and what is overdue."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from resile.model.escalation import Escalation, EscalationState
from resile.model.event import Acknowledged, Event, Paged, PageMoved
from resile.model.incident import fold, value_of
from resile.model.message import Message, MessageClass, MessageState
from resile.model.phases import instants
from resile.model.severity import Severity
from resile.model.time import MINUTE
from resile.ports.paging_store import PagingStore, TimerKind
from resile.ports.timeline_store import TimelineStore
from resile.response.escalate import stand_of

# A page that waits for longer than this, or a timer that is due for longer, is overdue: somebody should look.
OVERDUE_AFTER = 2 * MINUTE
# So many are looked at, of so many that are known of.
MAX_SHOWN = 500
MAX_KNOWN = 10_000
_ORDER = (EscalationState.UNREACHABLE, EscalationState.RUNNING, EscalationState.ACKNOWLEDGED)


class OpenIncident(Struct, frozen=True, kw_only=True):
    """An incident that is not over.

    Attributes:
        state: of its paging.
        detected_at, first_paged_at, acknowledged_at: None where it was not.
        by: who acknowledged.
        paged: who was paged in this round, each once.
        next_at: when the next way, step or round is due.
        is_overdue: a page of it waits for too long, or what is due was not done.
        problems: why pages did not come through, the latest of each kind.
    """

    incident_id: str
    title: str
    severity: Severity | None
    services: tuple[str, ...]
    team: str | None
    state: EscalationState
    policy: str
    step: int
    n_steps: int
    round: int
    declared_at: datetime | None
    detected_at: datetime | None
    first_paged_at: datetime | None
    acknowledged_at: datetime | None
    by: str | None
    paged: tuple[str, ...]
    next_at: datetime | None
    is_overdue: bool
    problems: tuple[str, ...] = ()


class PagedNow(Struct, frozen=True, kw_only=True):
    """The open incidents for which somebody is, was, or should have been paged.

    Attributes:
        shown: the most urgent first, at most 500.
        ids: of all.
        n_untaken: how many page, of all; `n_unreachable`: for how many that came to nothing.
    """

    shown: list[OpenIncident]
    ids: frozenset[str]
    n_untaken: int
    n_unreachable: int


def standing(
    store: PagingStore, timelines: TimelineStore, *, now: datetime, most: int = MAX_SHOWN
) -> list[OpenIncident]:
    """The newest open ones for which somebody is, was, or should have been paged: the most urgent first."""
    return _stand(store, timelines, store.open_escalations(limit=most), now=now)


def paged_now(store: PagingStore, timelines: TimelineStore, *, now: datetime) -> PagedNow:
    """All of them, of which the most urgent are looked at; what nobody answers is hidden by nothing that came later."""
    known = sorted(store.open_escalations(limit=MAX_KNOWN), key=_urgency_as_known)
    shown = _stand(store, timelines, known[:MAX_SHOWN], now=now)
    states = {one.incident_id: one.state for one in known[MAX_SHOWN:]} | {one.incident_id: one.state for one in shown}
    n_of = Counter(states.values())
    return PagedNow(
        shown=shown,
        ids=frozenset(states),
        n_untaken=n_of[EscalationState.RUNNING],
        n_unreachable=n_of[EscalationState.UNREACHABLE],
    )


def _stand(
    store: PagingStore, timelines: TimelineStore, known: Sequence[Escalation], *, now: datetime
) -> list[OpenIncident]:
    ids = [one.incident_id for one in known]
    told = timelines.read_many(ids)
    messages: dict[str, list[Message]] = {}
    for message in store.messages_of(ids):
        messages.setdefault(message.incident_id or "", []).append(message)
    due = {timer.subject: timer.due_at for timer in store.timers(TimerKind.ESCALATION)}
    found = [
        _open(one, told.get(one.incident_id, []), messages.get(one.incident_id, []), due.get(one.incident_id), now)
        for one in known
    ]
    return sorted((one for one in found if one.state is not EscalationState.ENDED), key=_urgency)


def _open(
    known: Escalation, events: Sequence[Event], messages: Sequence[Message], due_at: datetime | None, now: datetime
) -> OpenIncident:
    incident = fold(known.incident_id, events)
    at = instants(incident)
    stand = stand_of(incident, events)
    waiting = [one for one in messages if one.state is MessageState.QUEUED and one.message_class is MessageClass.PAGE]
    state = known.state if stand.state is EscalationState.RUNNING else stand.state
    is_late = state is EscalationState.RUNNING and due_at is not None and due_at < now - OVERDUE_AFTER
    return OpenIncident(
        incident_id=known.incident_id,
        title=value_of(incident.title, "") or known.incident_id,
        severity=value_of(incident.severity, None),
        services=value_of(incident.services, ()),
        team=value_of(incident.team, None),
        state=state,
        policy=known.policy.name,
        step=known.step + 1,
        n_steps=len(known.policy.steps),
        round=known.round + 1,
        declared_at=incident.declared_at,
        detected_at=None if at.detected is None else at.detected.at,
        first_paged_at=_first_handed(events),
        acknowledged_at=_acknowledged(events) if state is EscalationState.ACKNOWLEDGED else None,
        by=stand.by,
        paged=tuple(dict.fromkeys(ringing.person for ringing in known.ringing)),
        next_at=due_at if state is EscalationState.RUNNING else None,
        is_overdue=is_late or any(one.queued_at < now - OVERDUE_AFTER for one in waiting),
        problems=tuple(dict.fromkeys(one.error for one in reversed(messages) if one.error))[:3],
    )


def _first_handed(events: Sequence[Event]) -> datetime | None:
    """When the first page was handed to a provider."""
    pages = {event.message_id for event in events if isinstance(event, Paged)}
    handed = (
        event.at
        for event in events
        if isinstance(event, PageMoved) and event.message_id in pages and event.state == MessageState.HANDED
    )
    return next(handed, None)


def _acknowledged(events: Sequence[Event]) -> datetime | None:
    return next((event.at for event in reversed(events) if isinstance(event, Acknowledged)), None)


def _urgency(one: OpenIncident) -> tuple[int, str, str, int, str]:
    began = "" if one.declared_at is None else one.declared_at.isoformat()
    # INC-9 comes before INC-10.
    return _ORDER.index(one.state), one.severity or "SEV9", began, len(one.incident_id), one.incident_id


def _urgency_as_known(one: Escalation) -> tuple[int, str, datetime, int, str]:
    """The same as far as it can be told without the timeline."""
    return _ORDER.index(one.state), one.severity or "SEV9", one.started_at, len(one.incident_id), one.incident_id
