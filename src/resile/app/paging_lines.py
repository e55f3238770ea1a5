"""What paging tells, as lines to read: a step with its pages and how far each came, an alert with its comings.

Told one by one they would bury what people did.
"""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from resile.analytics.words import exact_duration
from resile.app.tell import CHANNEL as SUBSCRIBERS
from resile.model.event import (
    AlertCleared,
    AlertFired,
    Escalated,
    Event,
    NobodyReachable,
    Paged,
    PageMoved,
    PagingBegan,
    PagingEvent,
)
from resile.model.message import MessageState

# A line holds so many; of more, the last are told and how many came before.
MAX_MOVES = 12
MOVED = {
    MessageState.QUEUED: "waits again",
    MessageState.HANDED: "handed over",
    MessageState.DELIVERED: "arrived",
    MessageState.FAILED: "failed",
    MessageState.UNCERTAIN: "nobody knows whether it went out",
    MessageState.CANCELLED: "no longer needed",
    MessageState.BUNDLED: "goes together with others",
}
# The same of a message as it stands now.
STATE_WORDS = {
    MessageState.QUEUED: "waits",
    MessageState.SENDING: "is being handed over",
    MessageState.HANDED: "handed over",
    MessageState.DELIVERED: "arrived",
    MessageState.FAILED: "failed",
    MessageState.UNCERTAIN: "uncertain",
    MessageState.CANCELLED: "no longer needed",
    MessageState.BUNDLED: "goes with others",
}
_SAID_OF_ITSELF = frozenset({MessageState.CANCELLED, MessageState.BUNDLED})


class Move(Struct, frozen=True):
    """Something that belongs to a line of the timeline."""

    at: datetime | None
    text: str
    is_bad: bool = False


class Grouped(Struct, frozen=True):
    """How events of paging share lines.

    Attributes:
        moves: by id of the event whose line it is.
        within: ids of events that stand in the line of another.
    """

    moves: dict[str, tuple[Move, ...]]
    within: frozenset[str]


def grouped(timeline: Sequence[Event]) -> Grouped:
    """Which events of a timeline, in the order in which they were told, stand in the line of which other."""
    within: set[str] = set()
    lines: dict[str, list[Move]] = {}
    moved: dict[str, list[PageMoved]] = {}
    paged = {event.message_id for event in timeline if isinstance(event, Paged)}
    for event in timeline:
        if isinstance(event, PageMoved) and event.message_id in paged:
            moved.setdefault(event.message_id, []).append(event)
            within.add(event.id)
    step: str | None = None
    alerts: dict[str, AlertFired] = {}
    for event in timeline:
        match event:
            case Escalated():
                step = event.id
            case PagingBegan():
                step = None
            case Paged():
                told = _page(event, moved.get(event.message_id, []))
                if step is None:
                    lines[event.id] = [told]
                else:
                    lines.setdefault(step, []).append(told)
                    within.add(event.id)
            case AlertFired() | AlertCleared():
                _gather(event, alerts, lines, within)
            case _:
                pass
    return Grouped({event_id: _shortened(moves) for event_id, moves in lines.items()}, frozenset(within))


def _gather(
    event: AlertFired | AlertCleared,
    alerts: dict[str, AlertFired],
    lines: dict[str, list[Move]],
    within: set[str],
) -> None:
    first = alerts.get(event.alert_id)
    if first is None:
        if isinstance(event, AlertFired):
            alerts[event.alert_id] = event
        return
    after = exact_duration(max(0.0, (event.at - first.at).total_seconds()))
    words = f"cleared after {after}" if isinstance(event, AlertCleared) else f"fired again after {after}"
    lines.setdefault(first.id, []).append(Move(event.at, words))
    within.add(event.id)


def _page(event: Paged, moved: Sequence[PageMoved]) -> Move:
    """One page and how far it came: `ann by sms (phone): handed over after 2 s, arrived after 4 s`."""
    way = f" by {event.channel}" if event.channel else ""
    contact = f" ({event.contact})" if event.contact and event.contact != event.channel else ""
    told = "; ".join(_moved(one, event.at) for one in moved if one.state != MessageState.SENDING) or "waits"
    last = moved[-1].state if moved else ""
    is_bad = last in {MessageState.FAILED, MessageState.UNCERTAIN}
    return Move(event.at, f"{event.person}{way}{contact}: {told}", is_bad=is_bad)


def _moved(event: PageMoved, paged_at: datetime) -> str:
    is_known = event.state in list(MessageState)
    words = MOVED.get(MessageState(event.state), event.state) if is_known else event.state
    if is_known and MessageState(event.state) in _SAID_OF_ITSELF:
        return words
    after = exact_duration(max(0.0, (event.at - paged_at).total_seconds()))
    because = f": {event.because}" if event.because else ""
    return f"{words} after {after}{because}"


def _shortened(moves: Sequence[Move]) -> tuple[Move, ...]:
    if len(moves) <= MAX_MOVES:
        return tuple(moves)
    return (Move(None, f"{len(moves) - MAX_MOVES} more before these"), *moves[-MAX_MOVES:])


def paging_words(event: PagingEvent) -> tuple[str, str]:
    """What an event of paging is called, and what it says."""
    match event:
        case AlertFired():
            return "Alert", " – ".join(filter(None, (event.title, event.because)))
        case AlertCleared():
            return "Alert cleared", " – ".join(filter(None, (event.title, event.because)))
        case PagingBegan():
            by = f"by policy {event.policy}" if event.policy else ""
            return ("Paging began" if event.policy else "Nobody is paged"), "; ".join(filter(None, (by, event.because)))
        case Escalated():
            people = ", ".join(event.people) or "nobody"
            round_ = f", round {event.round}" if event.round > 1 else ""
            said = (f"pages {people}", event.because, *event.missing)
            return f"Step {event.step}{round_}", "; ".join(filter(None, said))
        case Paged():
            return f"Page to {event.person}", event.because
        case PageMoved():
            return _message_words(event)
        case NobodyReachable():
            return "Nobody reachable", event.because
        case _:
            return "Paging ended", event.because


def _message_words(event: PageMoved) -> tuple[str, str]:
    if event.channel == SUBSCRIBERS:
        return "Subscribers", event.because
    whom = f" to {event.person}" if event.person else ""
    return f"Message{whom} {event.state}", " – ".join(filter(None, (event.channel, event.because)))
