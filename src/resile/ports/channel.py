"""Doors out: a channel hands messages to a provider, once each time it is asked, and says what came of it."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Protocol, runtime_checkable

from msgspec import Struct
from pydantic import SecretStr

from resile.model.errors import DeliveryError
from resile.model.message import MessageClass, MessageState
from resile.model.severity import Severity


class Outgoing(Struct, frozen=True, kw_only=True):
    """A message as it is handed to a channel. Everything in it that strangers may have written is plain text.

    Attributes:
        id: idempotency key, given to the provider where it takes one.
        title, text: already with the words "may be a repeat" where it is one.
        url: the incident's page.
        ack_url, escalate_url: signed, of this message alone; to be opened, then confirmed; None where none are needed.
        act_url: takes a POST without a page between, for channels whose buttons send one: `act_url?do=acknowledge`.
        receipt_url: where the provider is to send its receipts; None where nobody outside reaches resile.
        confirm_url, leave_url: of subscribers: by which they begin, and end, to be told.
        extra: as in Message.
    """

    id: str
    message_class: MessageClass
    address: str
    title: str
    text: str
    severity: Severity | None = None
    incident_id: str | None = None
    person: str | None = None
    url: str | None = None
    ack_url: str | None = None
    escalate_url: str | None = None
    act_url: str | None = None
    receipt_url: str | None = None
    confirm_url: str | None = None
    leave_url: str | None = None
    is_repeat: bool = False
    extra: Mapping[str, str] = {}


class Handed(Struct, frozen=True, kw_only=True):
    """What the provider said when it took it.

    Attributes:
        ref: its name of it, by which receipts come.
        receipt_within: a receipt will come; without one in so long, it counts as not arrived.
    """

    ref: str | None = None
    receipt_within: timedelta | None = None


class Receipt(Struct, frozen=True, kw_only=True):
    """What a provider says later of a message, or what somebody answered with it.

    Attributes:
        message_id: resile's id; or else `ref`, the provider's.
        state: DELIVERED or FAILED; None: it is no receipt but an answer.
        number: rises with what the provider tells of one message.
        answer: `acknowledge` or `escalate`: a reply button, a digit pressed, a text sent back.
        by: who answered, as the channel names them.
        to_address: of an answer that names no message: it is meant for the newest page to that address, one
            that nobody answered before the others.
        answer_id: the provider's name of the answer, by which one that is told twice is known.
        reply_to: where the channel may tell whoever answered what came of it; for `reply` alone.
    """

    message_id: str | None = None
    ref: str | None = None
    state: MessageState | None = None
    number: int = 0
    error: str | None = None
    answer: str | None = None
    by: str | None = None
    to_address: str | None = None
    answer_id: str | None = None
    reply_to: str | None = None


class Reply(Struct, frozen=True, kw_only=True):
    """What a provider is answered to its callback.

    Attributes:
        afterwards: called once it was answered; may take a few seconds, and never fails.
    """

    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"
    afterwards: Callable[[], None] | None = None


class RefusedError(DeliveryError):
    """The provider did not take it, and certainly so: it may be tried again.

    Attributes:
        is_final: it will not take it later either: an address that does not exist.
        again_in_s: the provider asks to wait so long.
    """

    def __init__(self, sentence: str, *, is_final: bool = False, again_in_s: float | None = None) -> None:
        super().__init__(sentence)
        self.is_final = is_final
        self.again_in_s = again_in_s


class UncertainError(DeliveryError):
    """Nobody knows whether the provider took it: it hung, broke off, or answered with nonsense."""


class ChannelKind(Struct, frozen=True, kw_only=True):
    """What is known of a channel without opening it.

    Attributes:
        title: `E-mail`.
        address_words: what an address is: `an e-mail address`, `a topic's address, https://ntfy.sh/my-topic`.
        settings: names of its settings with what they are; a name that ends in `!` must be given.
        has_receipts: whether its provider tells of arrival.
    """

    name: str
    title: str
    address_words: str
    settings: Mapping[str, str] = {}
    has_receipts: bool = False


class Channel(Protocol):
    """A channel that is set up. Instances may be used from several threads."""

    @property
    def kind(self) -> ChannelKind:
        """What it is."""
        ...

    def address(self, text: str) -> str:
        """An address as this channel writes it.

        Raises:
            ConfigError: it is none.
        """
        ...

    def send(self, outgoing: Outgoing, *, timeout_s: float) -> Handed:
        """Hand it over, once; takes `timeout_s` at most.

        Raises:
            RefusedError: it was certainly not taken.
            UncertainError: it may have been.
        """
        ...

    def receipts(self, headers: Mapping[str, str], query: Mapping[str, str], body: bytes, *, url: str) -> list[Receipt]:
        """What a provider's callback says; checked for its signature by this channel.

        Args:
            url: the address as the provider called it, which some sign.

        Raises:
            AccessError: it is not from the provider.
            ConfigError: it cannot be read.
        """
        ...

    def check(self, *, timeout_s: float) -> None:
        """Whether the provider can be reached and lets us in, without sending anything.

        Raises:
            DeliveryError: it cannot, or does not.
        """
        ...


@runtime_checkable
class Signing(Protocol):
    """A channel that signs what it posts, so that a receiver can tell that it comes from here."""

    def secret_made_for(self, address: str) -> SecretStr | None:
        """The secret that resile made for the host of an address; None: the settings name the one that is used.

        Raises:
            ConfigError: it is no address.
        """
        ...


class Session(Protocol):
    """A connection that is kept for many messages; used by one thread."""

    def send(self, outgoing: Outgoing, *, timeout_s: float) -> Handed:
        """As the channel's own. After an UncertainError it is of no use any more."""
        ...

    def close(self) -> None:
        """Hang up."""
        ...


@runtime_checkable
class Bulk(Protocol):
    """A channel that can hand over many messages through one connection."""

    def session(self, *, timeout_s: float) -> Session:
        """Connect.

        Raises:
            RefusedError: nobody lets us.
        """
        ...


@runtime_checkable
class Replying(Protocol):
    """A channel whose provider wants a particular answer to its callbacks, or passes words on to whoever answered."""

    def reply(self, receipts: Sequence[Receipt], sentences: Sequence[str]) -> Reply:
        """The answer to a callback whose receipts were taken, with one sentence for each answer in them."""
        ...
