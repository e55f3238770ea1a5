"""Where everything that arrives at a door rests, raw, before it is processed: durable before it is answered."""

from collections.abc import Sequence
from concurrent.futures import Future
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from msgspec import Struct


class Delivery(Struct, frozen=True, kw_only=True, gc=False):
    """One body that arrived at a door, checked for its signature and size, and nothing else.

    Attributes:
        door: name of the door, e.g. `github`; of several of one kind `github/shop`.
        id: the sender's name of this delivery, or a digest of the body; the same id at the same door is the same.
        headers: those that a door needs to understand it, names in lower case; never a secret or signature.
    """

    door: str
    id: str
    received_at: datetime
    headers: dict[str, str] = {}
    body: bytes


class Verdict(StrEnum):
    """What became of a delivery."""

    WAITING = "waiting"  # not processed yet
    TAKEN = "taken"  # understood, and what it says is stored
    UNMAPPED = "unmapped"  # of a kind that means nothing to resile so far; kept
    FAILED = "failed"  # could not be processed; kept, and tried again by a replay


class Entry(Struct, frozen=True, kw_only=True, gc=False):
    """A delivery in the journal with what became of it; `seq` is its place, rising in order of arrival.

    Attributes:
        n_bytes: the size of the body, also where the body itself was not asked for.
    """

    seq: int
    delivery: Delivery
    n_bytes: int = 0
    verdict: Verdict = Verdict.WAITING
    reason: str = ""


class Journal(Protocol):
    """Deliveries in order of arrival. Instances may be used from several threads.

    Every method may raise StoreError (locked, read-only, full, damaged, of a newer version).
    """

    def append(self, delivery: Delivery) -> bool:
        """Write one down; once this returns it survives a crash. False: it was there already, nothing was written.

        Threads that append at the same moment share one write to the disk.
        """
        ...

    def submit(self, delivery: Delivery) -> "Future[bool]":
        """Append without waiting for the disk: done once it survives a crash, with what `append` returns.

        Cancelled while it still waits, nothing is written.
        """
        ...

    def waiting(self, *, limit: int = 100) -> list[Entry]:
        """What waits: the oldest of each door, the second of each, and so on; of one door always in its order.

        So nobody who sends much keeps another door waiting; of those whose turn it is the smallest goes first. Fewer
        than `limit` where they are large, but at least one; of one, it is the oldest of all.
        """
        ...

    def conclude(self, verdicts: Sequence[tuple[int, Verdict, str]]) -> None:
        """Note what became of entries: (seq, verdict, reason)."""
        ...

    def entries(
        self,
        *,
        door: str | None = None,
        verdict: Verdict | None = None,
        before_seq: int | None = None,
        limit: int = 100,
        with_bodies: bool = True,
    ) -> list[Entry]:
        """The newest first; without bodies, those are empty."""
        ...

    def entry(self, seq: int) -> Entry | None:
        """The entry at that place; None where there is none, or it was let go."""
        ...

    def replay(self, *, door: str | None = None, verdict: Verdict | None = None, since: datetime | None = None) -> int:
        """Let entries wait again; returns how many. Processing is idempotent, so that replaying changes no result."""
        ...

    def let_go(self, *, before: datetime, max_bytes: int) -> int:
        """Remove concluded entries that arrived before an instant, and the oldest while more than `max_bytes` rest.

        What waits is never removed. Returns how many were.
        """
        ...

    def wait(self, timeout_s: float) -> bool:
        """Block until something waits; False if `timeout_s` passed without."""
        ...

    def close(self) -> None:
        """Let go of files and connections."""
        ...
