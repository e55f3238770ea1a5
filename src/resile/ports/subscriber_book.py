"""Where it rests who wants to hear of updates: those who asked, those who confirmed, and whose address bounces."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

from msgspec import Struct

CHANNELS = ("email", "webhook")


class Subscriber(Struct, frozen=True, kw_only=True):
    """An address to which updates go because whoever reads there said so twice.

    Attributes:
        channel: `email` or `webhook`.
        components: names of those that it hears of; empty: all.
        n_bounced: how often in a row the address was refused for good.
        put_aside_at: from then on nothing is sent there, for the reason `because`.
    """

    id: str
    channel: str
    address: str
    components: tuple[str, ...] = ()
    confirmed_at: datetime
    n_bounced: int = 0
    put_aside_at: datetime | None = None
    because: str = ""

    @property
    def is_told(self) -> bool:
        """Whether updates go there."""
        return self.put_aside_at is None


class Ask(Struct, frozen=True, kw_only=True):
    """Somebody wants updates to go to an address, and has to show that they read there.

    Attributes:
        address_digest, host_digest: by which asks for one address, and from one host, are counted.
        is_sent: whether a confirmation goes out; not where too many went there lately.
    """

    id: str
    channel: str
    address: str
    components: tuple[str, ...] = ()
    address_digest: bytes
    host_digest: bytes
    asked_at: datetime
    expires_at: datetime
    is_sent: bool = True


class AskCounts(Struct, frozen=True, kw_only=True):
    """How many asks there were lately."""

    of_address: int
    of_host: int
    of_all: int


class SubscriberBook(Protocol):
    """The subscribers. Instances may be used from several threads; every method may raise StoreError."""

    def asks_since(self, since: datetime, *, address_digest: bytes, host_digest: bytes) -> AskCounts:
        """How many asks there were since then; of an address and all, those for which a confirmation went out."""
        ...

    def add_ask(self, ask: Ask) -> None:
        """Note that somebody asked."""
        ...

    def ask(self, ask_id: str) -> Ask | None:
        """The ask of that id, however old; None: it was let go, or there was none."""
        ...

    def let_go_asks(self, before: datetime) -> None:
        """Forget those that were made before."""
        ...

    def confirm(self, subscriber: Subscriber) -> Subscriber:
        """Make it a subscriber, or give the one of that channel and address these components, and let it be told again.

        Returns:
            The subscriber as it is then; its id stays that of whoever came first.
        """
        ...

    def subscriber(self, subscriber_id: str) -> Subscriber | None:
        """The one of that id."""
        ...

    def remove(self, subscriber_id: str) -> bool:
        """Forget it, address and all; links that were sent there confirm nothing any more. False if there is none."""
        ...

    def listed(self, *, after: str = "", limit: int = 1_000) -> Sequence[Subscriber]:
        """By id, those after one."""
        ...

    def n_hearing(self, components: Collection[str]) -> int:
        """How many are told of what touches some components; of none: of everything."""
        ...

    def count(self) -> tuple[int, int]:
        """How many are told, and how many were put aside."""
        ...
