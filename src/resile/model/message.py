"""A message to one person, or one address, and how far it has come."""

import hashlib
from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from resile.model.severity import Severity


class MessageClass(StrEnum):
    """What a message is for; of this depends what is promised of it."""

    PAGE = "page"  # at least once, until acknowledged
    EMITTED = "emitted"  # an event for another system: at least once
    UPDATE = "update"  # a status update, a digest: at most once
    NOTICE = "notice"  # a shift begins, a silence was forgotten: at most once
    CHECK = "check"  # a code that proves an address: at most once

    @property
    def is_at_least_once(self) -> bool:
        """Whether it is sent again where nobody knows whether it left; else the gap is told."""
        return self in {MessageClass.PAGE, MessageClass.EMITTED}


class MessageState(StrEnum):
    """How far it has come."""

    QUEUED = "queued"
    SENDING = "sending"  # somebody holds a lease and may be handing it over at this moment
    HANDED = "handed"  # its provider took it
    DELIVERED = "delivered"  # its provider says that it arrived
    FAILED = "failed"  # refused for good
    UNCERTAIN = "uncertain"  # nobody knows whether the provider took it
    CANCELLED = "cancelled"  # no longer needed before it was handed over
    BUNDLED = "bundled"  # goes with another one to the same address


# What a provider may still move; a receipt that comes late moves nothing backwards.
_RANK = {
    MessageState.QUEUED: 0,
    MessageState.SENDING: 1,
    MessageState.UNCERTAIN: 2,
    MessageState.HANDED: 3,
    MessageState.FAILED: 4,
    MessageState.DELIVERED: 5,
}
_WEB = frozenset({"http", "https"})
# Rooms, and people whom everybody can see.
_NAMED = frozenset({"#", "@"})
_FEWEST_DIGITS, _SHOWN_DIGITS = 6, 4
OVER = frozenset({MessageState.FAILED, MessageState.UNCERTAIN, MessageState.CANCELLED})


def moves_forward(before: MessageState, after: MessageState) -> bool:
    """Whether a provider's word may still move a message."""
    return before in _RANK and after in _RANK and _RANK[after] > _RANK[before]


class Message(Struct, frozen=True, kw_only=True):
    """One message.

    Attributes:
        id: idempotency key: the same whenever it is sent again.
        incident_id: None for what belongs to no incident.
        person, contact: whose address it is, and what they call it; None for an address of nobody.
        title, text: in plain words, rendered when it was queued.
        is_first: the first of its incident: passes every throttle.
        is_repeat: it may have been sent before; said in it.
        can_answer: whether it carries links to acknowledge and to escalate.
        due_at: not before.
        expires_at: not handed over from then on; None: it never comes too late.
        version: from 1; rises with each writing.
        ref: the provider's name of it.
        receipt_no: place of the last receipt that moved it.
        receipt_due_at: without a receipt by then, it counts as not arrived; None: its channel gives none.
        error: why the last try failed.
        bundled_into: id of the message with which it goes.
        extra: what only its channel understands, such as the body of an emitted event.
    """

    id: str
    message_class: MessageClass
    channel: str
    address: str
    title: str
    text: str
    queued_at: datetime
    due_at: datetime
    incident_id: str | None = None
    person: str | None = None
    contact: str | None = None
    severity: Severity | None = None
    state: MessageState = MessageState.QUEUED
    version: int = 1
    n_tries: int = 0
    is_first: bool = False
    is_repeat: bool = False
    can_answer: bool = False
    lease_by: str | None = None
    lease_until: datetime | None = None
    handed_at: datetime | None = None
    delivered_at: datetime | None = None
    ref: str | None = None
    receipt_no: int = -1
    receipt_due_at: datetime | None = None
    error: str | None = None
    bundled_into: str | None = None
    extra: dict[str, str] = {}
    expires_at: datetime | None = None


def shown_address(address: str) -> str:
    """Enough of an address to know which one it is, too little to use it: `a…@example.org`, `…0100`, `ntfy.sh/…`."""
    scheme, is_url, rest = address.partition("://")
    if is_url and scheme.lower() not in _WEB:
        # Apprise: what stands where hosts stand is a key.
        return f"{scheme}://…"
    if is_url:
        # The path of a topic or a webhook is its secret.
        return f"{rest.partition('/')[0].partition('?')[0].rpartition('@')[2]}/…"
    name, is_mailbox, host = address.rpartition("@")
    if name and is_mailbox:
        return f"{name[:1]}…@{host}"
    if address[:1] in _NAMED or len(address) == 1:
        return address
    digits = [sign for sign in address if sign.isdigit()]
    if len(digits) >= _FEWEST_DIGITS:
        return "…" + "".join(digits[-_SHOWN_DIGITS:])
    return f"{address[:2]}…"


def message_id_of(*parts: object) -> str:
    """The id of a message, from what it is for: deciding twice to send it makes one message."""
    return hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()[:24]
