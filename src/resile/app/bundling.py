"""Excess to one address goes as one message. The first page of an incident is never held up."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from msgspec.structs import replace

from resile.model.escalation import EscalationState
from resile.model.message import Message, MessageClass, MessageState, message_id_of
from resile.model.policy import Throttle
from resile.model.time import EPOCH
from resile.ports.paging_store import Changes, PagingStore

# A bundle leaves after this part of a throttle's length.
_PARTS = 5
_MAX_TITLES = 10
_BUNDLE = "bundle"
PAGES = frozenset({EscalationState.RUNNING, EscalationState.UNREACHABLE})


def is_bundle(message: Message) -> bool:
    """Whether others go with it."""
    return message.extra.get("kind") == _BUNDLE


def bundled(
    store: PagingStore, claimed: Sequence[Message], throttles: Mapping[str, Throttle], *, now: datetime
) -> tuple[list[Message], Changes]:
    """Which of the claimed messages go now, and what makes the others go together.

    Args:
        throttles: by channel; the channel `""` stands for all others.
    """
    by_address: dict[tuple[str, str], list[Message]] = {}
    for message in claimed:
        if _may_wait(message):
            by_address.setdefault((message.channel, message.address), []).append(message)
    by_throttle: dict[Throttle, list[tuple[str, str]]] = {}
    for channel, address in by_address:
        by_throttle.setdefault(_throttle_of(channel, throttles), []).append((channel, address))
    sent: dict[tuple[str, str], int] = {}
    for throttle, addresses in by_throttle.items():
        sent |= store.sent_since(addresses, now - throttle.within)
    held: set[str] = set()
    changes = Changes()
    for (channel, address), messages in by_address.items():
        throttle, n_sent = _throttle_of(channel, throttles), sent.get((channel, address), 0)
        excess = messages[-min(len(messages), n_sent - throttle.most) :] if n_sent > throttle.most else []
        if excess:
            held |= {message.id for message in excess}
            changes += _together(store, excess, every=throttle.within / _PARTS, now=now)
    return [message for message in claimed if message.id not in held], changes


def _throttle_of(channel: str, throttles: Mapping[str, Throttle]) -> Throttle:
    return throttles.get(channel) or throttles.get("") or Throttle()


def _may_wait(message: Message) -> bool:
    is_page = message.message_class is MessageClass.PAGE and message.incident_id is not None
    return is_page and not message.is_first and not message.is_repeat and not is_bundle(message)


def _together(store: PagingStore, messages: Sequence[Message], *, every: timedelta, now: datetime) -> Changes:
    """Put them into the message that leaves next with what is too much; there is one of these each so long."""
    carrier, before = _leaving_next(store, messages[0], every=every, now=now)
    members = [*before, *messages]
    carrier = replace(
        carrier,
        title=members[0].title if len(members) == 1 else f"{len(members)} more pages",
        text=members[0].text if len(members) == 1 else _titles(members),
        severity=min((one.severity for one in members if one.severity is not None), default=None),
    )
    moved = tuple(
        replace(
            message,
            state=MessageState.BUNDLED,
            version=message.version + 1,
            lease_by=None,
            lease_until=None,
            bundled_into=carrier.id,
        )
        for message in messages
    )
    # Version 1 of what is there is left as it is. Written twice, it is a conflict: who was quicker may have sent it.
    new = (carrier, replace(carrier, version=2)) if carrier.version == 1 else (carrier,)
    return Changes(messages=(*new, *moved))


def _leaving_next(
    store: PagingStore, first: Message, *, every: timedelta, now: datetime
) -> tuple[Message, list[Message]]:
    """The one that leaves next, as it is to be written, and what goes with it already."""
    n_next = (now - EPOCH) // every + 1
    for number in (n_next, n_next + 1):
        carrier_id = message_id_of(_BUNDLE, first.channel, first.address, every, number)
        known = store.messages([carrier_id]).get(carrier_id)
        if known is None:
            return _carrier(carrier_id, first, due_at=EPOCH + number * every, now=now), []
        if known.state is MessageState.QUEUED and known.n_tries == 0:
            return replace(known, version=known.version + 1), store.bundled_into(carrier_id)
    # Both have left, by other clocks: what is left goes by itself.
    own_id = message_id_of(_BUNDLE, first.id, first.version)
    return _carrier(own_id, first, due_at=now + every, now=now), []


def _carrier(carrier_id: str, first: Message, *, due_at: datetime, now: datetime) -> Message:
    return Message(
        id=carrier_id,
        message_class=MessageClass.PAGE,
        channel=first.channel,
        address=first.address,
        title="",
        text="",
        queued_at=now,
        due_at=due_at,
        person=first.person,
        contact=first.contact,
        can_answer=True,
        extra={"kind": _BUNDLE},
    )


def _titles(messages: Sequence[Message]) -> str:
    shown = [f"- {message.title}" for message in messages[:_MAX_TITLES]]
    more = len(messages) - len(shown)
    return "\n".join([*shown, *([f"- and {more} more"] if more else [])])


def members_that_page(store: PagingStore, carrier: Message) -> list[Message]:
    """Of a bundle, those for whose incidents somebody is still to be paged."""
    members = store.bundled_into(carrier.id)
    known = store.escalations(sorted({one.incident_id for one in members if one.incident_id is not None}))
    return [one for one in members if one.incident_id in known and known[one.incident_id].state in PAGES]
