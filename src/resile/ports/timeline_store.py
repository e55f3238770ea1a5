"""Where timelines rest: append with the expected version, read, follow what is new."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from msgspec import Struct

from resile.model.draft import AsOf
from resile.model.event import Event


class Append(Struct, frozen=True, gc=False):
    """Events for one incident, to be appended only if its timeline is at `expected_version` (0: it does not exist).

    Attributes:
        taken: set by imports: (origin, ref, digest of the draft), remembered in the same transaction.
        as_of: with `taken`, of when the draft is, where its origin says so; remembered too.
    """

    incident_id: str
    expected_version: int
    events: tuple[Event, ...]
    taken: tuple[str, str, bytes] | None = None
    as_of: AsOf | None = None


class StoredEvent(Struct, frozen=True, gc=False):
    """An event with its place in the order of the whole store.

    Attributes:
        seq: strictly increasing over the store; a reader that saw seq has seen everything before it.
        version: place within the timeline, from 1; a timeline's version is that of its last event.
    """

    seq: int
    incident_id: str
    version: int
    event: Event


class TimelineStore(Protocol):
    """Timelines of all incidents. Whatever a method acknowledged by returning has survived a crash since.

    Every method may raise StoreError (locked, read-only, full, damaged, of a newer version).
    Instances may be used from several threads.
    """

    def append(self, appends: Sequence[Append]) -> int:
        """Append to several timelines in one transaction: all or nothing.

        Returns:
            The seq of the last event appended (or of the store's last event, if there was none).

        Raises:
            ConflictError: a timeline is not at its expected version, or its ref was taken as of later already;
                nothing was appended.
        """
        ...

    def read(self, incident_id: str) -> list[Event]:
        """The whole timeline in order of version; empty if there is none."""
        ...

    def read_many(self, incident_ids: Sequence[str]) -> dict[str, list[Event]]:
        """Several whole timelines; ids without a timeline are absent."""
        ...

    def follow(self, after_seq: int, *, limit: int = 10_000) -> list[StoredEvent]:
        """What was appended after `after_seq`, oldest first, at most `limit` events."""
        ...

    def incidents_changed(self, after_seq: int, up_to_seq: int) -> Iterator[tuple[str, list[Event]]]:
        """Whole timelines of the incidents that got events in (after_seq, up_to_seq], streamed in id order.

        Events after `up_to_seq` are left out.
        """
        ...

    def wait(self, after_seq: int, timeout_s: float) -> bool:
        """Block until something after `after_seq` is stored; False if `timeout_s` passed without."""
        ...

    def last_seq(self) -> int:
        """The seq of the newest event; 0 for an empty store."""
        ...

    def n_incidents(self) -> int:
        """How many timelines there are."""
        ...

    def taken(self, origin: str, refs: Sequence[str]) -> Mapping[str, bytes]:
        """The digests remembered for these refs of an origin; refs never taken are absent."""
        ...

    def taken_as_of(self, origin: str, refs: Sequence[str]) -> Mapping[str, AsOf]:
        """Of when the latest dated telling taken of these refs is; refs of which none was are absent."""
        ...

    def next_number(self, n: int = 1) -> int:
        """A number for a newly declared incident, never given twice: INC-1, INC-2, ...; of `n` in a row, the first."""
        ...

    def close(self) -> None:
        """Let go of files and connections."""
        ...
