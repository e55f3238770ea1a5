"""What must hold of paging in every simulated world, whatever died, failed or hung."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from resile.app.notify import SEND_WITHIN_S
from resile.model.escalation import Escalation, EscalationState
from resile.model.event import Escalated, Event, NobodyReachable, Paged, PageMoved, PagingBegan
from resile.model.incident import fold
from resile.model.message import Message, MessageClass, MessageState
from resile.model.time import MINUTE
from resile.ports.paging_store import TimerKind
from resile.response.escalate import stand_of
from resile.testing.next_way_invariants import unused_ways
from resile.testing.simulated_paging import SimulatedPaging
from resile.testing.simulated_record import Record

# Beyond the policy's own time: a lease that must run out after each of a few deaths, and the time for which engines
# stay dead.
SLACK = 12 * MINUTE
# Where a storm pages over one channel at once, one turn of calls may go before, of which each may hang.
TURN_WITHIN = timedelta(seconds=SEND_WITHIN_S + 1)
_OVER = {
    MessageState.HANDED: "handed",
    MessageState.DELIVERED: "delivered",
    MessageState.FAILED: "failed",
    MessageState.UNCERTAIN: "uncertain",
    MessageState.CANCELLED: "cancelled",
}


def pages(incident_id: str, events: Sequence[Event]) -> bool:
    """Whether somebody is to be paged for an incident, as its timeline stands."""
    return stand_of(fold(incident_id, events), events).state is EscalationState.RUNNING


def violations(world: SimulatedPaging) -> list[str]:
    """Everything that does not hold, one sentence each."""
    record, stores = world.record, world.stores
    found = list(record.problems)
    found += [f"message {one} was handed over after its incident was acknowledged" for one in record.handed_after_ack]
    found += _duplicates(record)
    timelines = stores.timelines.read_many(sorted(record.declared))
    messages = stores.paging.messages_of(sorted(record.declared))
    escalations = stores.paging.escalations(sorted(record.declared))
    timed = {timer.subject for timer in stores.paging.timers(TimerKind.ESCALATION)}
    for incident_id, declared_at in sorted(record.declared.items()):
        events = timelines.get(incident_id, [])
        its = [message for message in messages if message.incident_id == incident_id]
        found += [f"{incident_id}: {fault}" for fault in _ends(world, incident_id, declared_at, events)]
        found += [f"{incident_id}: {fault}" for fault in _timeline(events, its, record)]
        found += [f"{incident_id}: {fault}" for fault in _written(escalations.get(incident_id), events, its, timed)]
        if record.is_calm:
            by_id = {message.id: message for message in its}
            faults = [
                *unused_ways(incident_id, events, by_id, world.policy, world.n_ways),
                *_waits(events, its, record),
            ]
            found += [f"{incident_id}: {fault}" for fault in faults]
    return found


def duplicates_of(record: Record) -> int:
    """How often a provider was given a message that it had taken already."""
    return sum(n - 1 for n in Counter(one.message_id for one in record.accepted).values())


def _duplicates(record: Record) -> Iterator[str]:
    for message_id, n in Counter(one.message_id for one in record.accepted).items():
        if n > 1 and message_id not in record.broken_off:
            yield f"message {message_id} was handed over {n} times, and nobody died while sending it"


def _ends(world: SimulatedPaging, incident_id: str, declared_at: datetime, events: Sequence[Event]) -> Iterator[str]:
    """It reached somebody who answered, or nobody was reachable, within its bound."""
    bound = world.policy.ends_after + SLACK
    incident = fold(incident_id, events)
    stand = stand_of(incident, events)
    if stand.state is not EscalationState.RUNNING:
        return
    # Pushed on by hand, or taken back: it begins anew.
    began_at = max([declared_at, *(event.recorded_at for event in events if isinstance(event, PagingBegan))])
    began = max((place for place, event in enumerate(events) if isinstance(event, PagingBegan)), default=0)
    ended = [event for event in events[began:] if isinstance(event, NobodyReachable)]
    if not ended:
        yield "nobody acknowledged, and it was never declared that nobody is reachable"
        return
    latest = began_at + bound
    if world.record.n_jumps:
        latest = max(latest, world.until_calm + bound)
    ended_at = world.record.unreachable_at.get((incident_id, ended[0].id), ended[0].recorded_at)
    if ended_at > latest:
        yield f"nobody reachable was declared {ended_at - latest} after its bound"


def _timeline(events: Sequence[Event], messages: Sequence[Message], record: Record) -> Iterator[str]:
    """The timeline is whole and in order."""
    ids = [event.id for event in events]
    if ids != sorted(set(ids)):
        yield "events are not in the order of their ids"
    latest_back = timedelta(seconds=20)
    if not record.n_jumps and any(two.recorded_at < one.recorded_at - latest_back for one, two in pairwise(events)):
        yield "an event was recorded before the one that it follows"
    paged = {event.message_id: place for place, event in enumerate(events) if isinstance(event, Paged)}
    moves: dict[str, list[tuple[int, str]]] = {}
    for place, event in enumerate(events):
        if isinstance(event, PageMoved):
            moves.setdefault(event.message_id, []).append((place, event.state))
    taken = {one.message_id for one in record.accepted}
    of_pages = [message for message in messages if message.message_class is MessageClass.PAGE]
    for message in of_pages:
        was_taken = message.id in taken or message.bundled_into in taken
        yield from _told(message, paged.get(message.id), moves.get(message.id, []), was_taken=was_taken)
    missing = set(paged) - {message.id for message in of_pages}
    if missing:
        yield f"pages {sorted(missing)} are told and were never written"
    told = [(event.round, event.step) for event in events if isinstance(event, Escalated)]
    if sum(isinstance(event, PagingBegan) for event in events) == 1 and told != sorted(set(told)):
        yield f"steps began twice or out of order: {told}"


def _told(message: Message, place: int | None, moves: Sequence[tuple[int, str]], *, was_taken: bool) -> Iterator[str]:
    """What the timeline says of one page is what is written of it, and never goes backwards."""
    if place is None:
        yield f"page {message.id} is not on the timeline"
        return
    states = [state for _, state in moves]
    if moves and moves[0][0] < place:
        yield f"page {message.id} moved before it was told"
    word = _OVER.get(message.state)
    if word is not None and states[-1:] != [word]:
        yield f"page {message.id} is {word}, and the timeline's last word is {states[-1] if states else 'none'}"
    if not was_taken and message.state in {MessageState.HANDED, MessageState.DELIVERED}:
        yield f"page {message.id} is written as {message.state}, and no provider took it"
    if message.state is MessageState.SENDING:
        yield f"page {message.id} is still being sent, long after everything is over"
    # One that goes with others may be called off when those go all the same.
    if was_taken and message.bundled_into is None and message.state in {MessageState.QUEUED, MessageState.CANCELLED}:
        yield f"page {message.id} was taken by its provider, and is written as {message.state}"
    if "delivered" in states and states.index("delivered") != len(states) - 1:
        yield f"page {message.id} moved backwards after it was delivered"


def _waits(events: Sequence[Event], messages: Sequence[Message], record: Record) -> Iterator[str]:
    """No page waits for longer than others before it may take, whatever hangs; what is bundled waits by intent."""
    moved = {event.message_id: event.recorded_at for event in reversed(events) if isinstance(event, PageMoved)}
    for message in messages:
        if message.message_class is MessageClass.PAGE and message.bundled_into is None:
            began_at = record.called.get(message.id) or moved.get(message.id)
            if began_at is not None and began_at - message.queued_at > TURN_WITHIN:
                yield f"page {message.id} had its turn only {began_at - message.queued_at} after it was due"


def _written(
    escalation: Escalation | None, events: Sequence[Event], messages: Sequence[Message], timed: set[str]
) -> Iterator[str]:
    if escalation is None:
        if any(isinstance(event, PagingBegan) and event.policy for event in events):
            yield "paging began, and no escalation is written"
        return
    if escalation.state is EscalationState.RUNNING and escalation.incident_id not in timed:
        yield "paging runs, and no timer is set for it"
    if escalation.state in {EscalationState.ACKNOWLEDGED, EscalationState.ENDED} and any(
        message.state is MessageState.QUEUED for message in messages
    ):
        yield f"paging is {escalation.state}, and a page waits still"
