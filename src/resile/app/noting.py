"""What came of a message is written with its timeline's event, and with what goes along with it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from resile.app.bundling import is_bundle
from resile.app.growing import Growing
from resile.app.paging import SYSTEM
from resile.model.escalation import EscalationState
from resile.model.event import PageMoved
from resile.model.message import Message, MessageClass, MessageState
from resile.ports.paging_store import Changes, PagingStore, Timer, TimerKind
from resile.ports.timeline_store import TimelineStore
from resile.response.escalate import stand_of

# So a carrier moves what is bundled into it.
_FARES_ALIKE = frozenset(
    {
        MessageState.HANDED,
        MessageState.DELIVERED,
        MessageState.FAILED,
        MessageState.UNCERTAIN,
        MessageState.CANCELLED,
    }
)
_TO_BE_SENT = frozenset({MessageState.QUEUED, MessageState.SENDING})
# Whoever reads the outbox, or a backup of it, could else enter the code in its holder's place.
_STRUCK: Mapping[str, Any] = {"title": "A code for resile", "text": ""}


def noted(
    store: PagingStore,
    timelines: TimelineStore,
    message: Message,
    state: MessageState,
    *,
    now: datetime,
    because: str,
    **fields: Any,
) -> Changes:
    """The changes by which a message is in a state from now on; for others that are bundled into it, too.

    A page that would be tried again, and whose incident was acknowledged while it was being sent, is called off. A code
    that was sent, or will not be, is struck.
    """
    members = store.bundled_into(message.id) if is_bundle(message) and state in _FARES_ALIKE else []
    ids = sorted({one.incident_id for one in (message, *members) if one.incident_id is not None})
    # Read once: what is decided by a timeline is written at the version at which it was read.
    told = timelines.read_many(ids)
    growing = {name: Growing(name, timeline, now=now, by=SYSTEM) for name, timeline in told.items()}
    if state is MessageState.QUEUED and message.message_class is MessageClass.PAGE and not _is_needed(message, growing):
        state, because = MessageState.CANCELLED, "no longer needed"
    if message.message_class is MessageClass.CHECK and state not in _TO_BE_SENT:
        fields |= _STRUCK
    after = replace(
        message,
        state=state,
        version=message.version + 1,
        lease_by=None,
        lease_until=None,
        error=because or None,
        **fields,
    )
    alike = {name: fields[name] for name in ("handed_at", "delivered_at", "receipt_due_at") if name in fields}
    moved = [(message, after)]
    moved += [
        (one, replace(one, state=state, version=one.version + 1, error=because or None, **alike))
        for one in members
        if one.state in {MessageState.BUNDLED, message.state}
    ]
    return Changes(messages=tuple(one for _, one in moved)) + _told(growing, moved, because, now)


def _is_needed(message: Message, growing: Mapping[str, Growing]) -> bool:
    its = growing.get(message.incident_id or "")
    return its is None or stand_of(its.incident, its.events).state is EscalationState.RUNNING


def _told(
    growing: Mapping[str, Growing], moved: Sequence[tuple[Message, Message]], because: str, now: datetime
) -> Changes:
    """What the timelines say of it, and which of their incidents are to be looked at again."""
    timers: dict[str, Timer] = {}
    for before, after in moved:
        its = growing.get(after.incident_id or "")
        if its is None:
            continue
        if _is_worth_telling(before, after):
            its.tell(
                PageMoved,
                message_id=after.id,
                state="refused" if after.state is MessageState.QUEUED else after.state.value,
                person=after.person,
                channel=after.channel,
                because=because,
            )
        if _changes_what_is_due(after):
            # Looked at now: what is due then is worked out there, from everything.
            timers[its.incident_id] = Timer(kind=TimerKind.ESCALATION, subject=its.incident_id, due_at=now)
    # Also where nothing is told: what was decided by the timeline holds only if nobody appended meanwhile.
    appends = tuple(append for its in growing.values() for append in its.appends(is_checked=True))
    return Changes(appends=appends, timers=tuple(timers.values()))


def _is_worth_telling(before: Message, after: Message) -> bool:
    """Of one that is refused again and again the timeline tells the first time, and the end."""
    return after.state is not MessageState.QUEUED or (after.error is not None and before.n_tries <= 1)


def _changes_what_is_due(message: Message) -> bool:
    if message.message_class is not MessageClass.PAGE or message.state is MessageState.CANCELLED:
        return False
    if message.state in {MessageState.HANDED, MessageState.DELIVERED}:
        return message.receipt_due_at is not None
    return message.state is not MessageState.QUEUED or message.error is not None
