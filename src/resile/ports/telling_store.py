"""Where it rests which subscribers are to be told of what, and how far each of these messages has come."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from msgspec import Struct


class TellingKind(StrEnum):
    """What is told."""

    UPDATE = "update"
    MAINTENANCE = "maintenance"
    CONFIRM = "confirm"  # to one address alone: whether it wants to hear at all


class CopyState(StrEnum):
    """How far the message to one address has come."""

    QUEUED = "queued"
    SENDING = "sending"  # it may be leaving at this moment
    HANDED = "handed"
    FAILED = "failed"  # refused, or the address is no subscriber any more
    UNCERTAIN = "uncertain"  # nobody knows whether it left; it is not sent again
    CALLED_BACK = "called_back"  # corrected or withdrawn before it left


class Telling(Struct, frozen=True, kw_only=True):
    """Something that subscribers are told; it has an id of what it tells, so that it is told once.

    Attributes:
        components: only subscribers of one of these hear it; empty: all do.
        body: what webhooks get beside title and text, as JSON.
        told_at: when all of it was over; None: not yet.
        calls_back: ids of tellings that hold no more: what of them did not leave yet never will.
        is_for_told: only those hear it who were, or may have been, told one of these.
    """

    id: str
    kind: TellingKind
    title: str
    text: str
    components: tuple[str, ...] = ()
    body: str = "{}"
    incident_id: str | None = None
    made_at: datetime
    told_at: datetime | None = None
    calls_back: tuple[str, ...] = ()
    is_for_told: bool = False


class Copy(Struct, frozen=True, kw_only=True):
    """A telling's message to one address.

    Attributes:
        subscriber_id: to whom; of a CONFIRM the id of the ask.
        first_due_at: since when it waits; `due_at` is when it is tried next.
    """

    telling_id: str
    subscriber_id: str
    channel: str
    address: str
    state: CopyState = CopyState.QUEUED
    first_due_at: datetime
    due_at: datetime
    n_tries: int = 0
    lease_by: str | None = None
    lease_until: datetime | None = None
    error: str = ""


class Done(Struct, frozen=True, kw_only=True):
    """What came of a copy.

    Attributes:
        is_bounce: the address was refused for good, which is counted with its subscriber.
        due_at: when it is tried again, where it is queued.
    """

    copy: Copy
    state: CopyState
    error: str = ""
    is_bounce: bool = False
    due_at: datetime | None = None


class TellingCounts(Struct, frozen=True, kw_only=True):
    """How many addresses are in which state."""

    queued: int = 0
    sending: int = 0
    handed: int = 0
    failed: int = 0
    uncertain: int = 0
    called_back: int = 0

    @property
    def is_over(self) -> bool:
        """Whether nothing of it will be sent any more."""
        return not self.queued and not self.sending

    @property
    def n(self) -> int:
        """How many in all."""
        return self.queued + self.sending + self.handed + self.failed + self.uncertain + self.called_back


class TellingStore(Protocol):
    """Tellings and their copies. Instances may be used from several threads and processes.

    Every method may raise StoreError. What a method acknowledged by returning has survived a crash since.
    """

    def spread(self, telling: Telling) -> int:
        """Note it, with one copy for each subscriber who is told and wants it; how many.

        One of that id that is there already is left as it is. What it calls back is called back with it, also where
        that was not spread yet: it never will be.
        """
        ...

    def ask_for(self, telling: Telling, copy: Copy) -> None:
        """Note one with its only copy."""
        ...

    def claim(self, channel: str, *, now: datetime, until: datetime, by: str, limit: int) -> list[Copy]:
        """Copies of a channel that are queued and due and nobody's, held by `by` until then; the longest due first."""
        ...

    def begin(self, copy: Copy, *, done: Done | None, most_bounces: int, now: datetime) -> bool:
        """Write what came of the one before, and that this one is leaving, in one transaction.

        Returns:
            Whether `copy` is still held by whoever claimed it, queued and within its lease: else it must not be sent.
        """
        ...

    def finish(self, done: Sequence[Done], *, most_bounces: int, now: datetime) -> None:
        """Write what came of some; a copy that is not SENDING, or held by another, is left as it is.

        An address that bounced `most_bounces` times in a row is put aside; one that was told bounced none.
        """
        ...

    def give_back(self, copies: Sequence[Copy]) -> None:
        """Let others take what was claimed and not begun."""
        ...

    def close_gaps(self, now: datetime, *, limit: int = 500) -> list[Copy]:
        """Copies that were leaving when their lease ran out become UNCERTAIN; these."""
        ...

    def over(self, *, limit: int = 50) -> list[tuple[Telling, TellingCounts]]:
        """Tellings that came to their end and were not noted as told, oldest first."""
        ...

    def note_told(self, telling_id: str, now: datetime) -> None:
        """Note that it came to its end, and that whoever has to know does."""
        ...

    def telling(self, telling_id: str) -> Telling | None:
        """The one of that id."""
        ...

    def counts(self, telling_ids: Sequence[str]) -> dict[str, TellingCounts]:
        """How far each has come; those that are not known are absent."""
        ...

    def holders(self) -> list[str]:
        """By whom copies are held."""
        ...

    def cut_short(self, by: str, now: datetime) -> None:
        """End the leases of one who is no more: what waits is free, what was leaving is for `close_gaps`."""
        ...

    def next_due_at(self, channel: str) -> datetime | None:
        """When the next copy is due, or the next lease of one runs out; None: nothing waits."""
        ...

    def let_go(self, before: datetime, *, limit: int = 1_000) -> int:
        """Forget tellings that were over before then, with their copies; how many tellings."""
        ...
