"""What did not come through is followed by the person's next way, or the next step, at once, where nobody dies."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise, product

from msgspec import Struct

from resile.model.event import (
    Acknowledged,
    Escalated,
    Event,
    NobodyReachable,
    Paged,
    PageMoved,
    PagingBegan,
    PagingEnded,
)
from resile.model.message import Message, message_id_of
from resile.model.policy import Policy

# Engines that are up look at once; a whole second is much.
NEXT_WAY_WITHIN = timedelta(seconds=1)
_NEVER = datetime.max.replace(tzinfo=UTC)
_LOST = frozenset({"failed", "uncertain", "refused"})
_OVER = (Acknowledged, PagingEnded, NobodyReachable, PagingBegan)
Span = tuple[datetime, datetime]


class Ringing(Struct, frozen=True, kw_only=True):
    """One person who is paged in one step.

    Attributes:
        began: place of the step on the timeline.
        paged: by way, in their order.
    """

    person: str
    step: int
    round: int
    began: int
    paged: tuple[Paged, ...]


def unused_ways(
    incident_id: str,
    events: Sequence[Event],
    messages: Mapping[str, Message],
    policy: Policy,
    n_ways: Mapping[str, int],
) -> Iterator[str]:
    """Where nothing of what a person was sent came through, and what was next was not done."""
    lost = {name: list(_lost(events, message)) for name, message in messages.items()}
    for ringing in _ringing(incident_id, events, n_ways):
        for number in range(len(ringing.paged)):
            so_far = ringing.paged[: number + 1]
            for since, until in _together([lost.get(one.message_id, []) for one in so_far], so_far[-1].recorded_at):
                if until - since <= NEXT_WAY_WITHIN:
                    continue  # It arrived after all, before anybody could look.
                latest = since + NEXT_WAY_WITHIN
                what = _missing(ringing, number, events, policy, n_ways, latest=latest)
                if what is not None:
                    yield f"nothing that {ringing.person} was sent had come through at {since}, and {what}"


def _missing(
    ringing: Ringing,
    number: int,
    events: Sequence[Event],
    policy: Policy,
    n_ways: Mapping[str, int],
    *,
    latest: datetime,
) -> str | None:
    """What should have been done by then."""
    since = events[ringing.began + 1 :]
    if any(
        isinstance(event, _OVER) or (isinstance(event, Escalated) and event.round != ringing.round)
        for event in since
        if event.recorded_at <= latest
    ):
        return None
    if number + 1 < n_ways[ringing.person]:
        is_used = number + 1 < len(ringing.paged) and ringing.paged[number + 1].recorded_at <= latest
        return None if is_used else f"the next way, number {number + 2}, was not used by {latest}"
    if ringing.step + 1 < len(policy.steps) and not any(
        isinstance(event, Escalated) and event.recorded_at <= latest for event in since
    ):
        return f"the next step had not begun by {latest}"
    return None


def _ringing(incident_id: str, events: Sequence[Event], n_ways: Mapping[str, int]) -> Iterator[Ringing]:
    """All who were paged, as the ids of their pages say."""
    paged = {event.message_id: event for event in events if isinstance(event, Paged)}
    n_starts = 0
    for place, event in enumerate(events):
        n_starts += isinstance(event, PagingBegan)
        if not isinstance(event, Escalated):
            continue
        for person in event.people:
            ids = [
                message_id_of("page", incident_id, n_starts, event.round - 1, event.step - 1, person, number)
                for number in range(n_ways[person])
            ]
            its = tuple(paged[one] for one in ids if one in paged)
            yield Ringing(person=person, step=event.step - 1, round=event.round, began=place, paged=its)


def _lost(events: Sequence[Event], message: Message) -> Iterator[Span]:
    """When a page counted as not come through: by the word of its provider, or for want of it."""
    moves = [(event.recorded_at, event.state) for event in events
             if isinstance(event, PageMoved) and event.message_id == message.id]  # fmt: skip
    for (at, state), (until, _) in pairwise([*moves, (_NEVER, "")]):
        if state in _LOST:
            yield at, until
        elif state == "handed" and message.receipt_due_at is not None and message.receipt_due_at < until:
            yield message.receipt_due_at, until


def _together(spans: Sequence[Sequence[Span]], since: datetime) -> Iterator[Span]:
    """When all of them counted as lost at once, from some instant on."""
    for chosen in product(*spans):
        begins = max(since, *(one for one, _ in chosen))
        ends = min(end for _, end in chosen)
        if begins < ends:
            yield begins, ends
