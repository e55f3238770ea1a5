"""Timelines in memory: a whole TimelineStore for tests, that keeps nothing when it is gone."""

import threading
from collections.abc import Iterator, Mapping, Sequence

from resile.model.draft import AsOf
from resile.model.errors import ConflictError
from resile.model.event import Event
from resile.ports.timeline_store import Append, StoredEvent
from resile.stores.timelines import check_as_of, check_names


class MemoryTimelineStore:
    """The TimelineStore in memory. Events are frozen, so they are kept as they are."""

    def __init__(self) -> None:
        self._guard = threading.Condition()
        self._log: list[StoredEvent] = []
        self._timelines: dict[str, list[StoredEvent]] = {}
        self._taken: dict[tuple[str, str], bytes] = {}
        self._as_of: dict[tuple[str, str], AsOf] = {}
        self._n_declared = 0

    def append(self, appends: Sequence[Append]) -> int:
        """Append to several timelines, all or nothing.

        Raises:
            ConflictError: a timeline is not at its expected version, already holds an event of that id, or its ref was
                taken as of later already.
            StoreError: a name holds a NUL character.
        """
        with self._guard:
            new: list[StoredEvent] = []
            grown: dict[str, list[StoredEvent]] = {}
            as_of = dict(self._as_of)
            for append in appends:
                check_names(append)
                check_as_of(append, as_of)
                timeline = grown.setdefault(append.incident_id, list(self._timelines.get(append.incident_id, ())))
                if len(timeline) != append.expected_version:
                    raise ConflictError(f"incident {append.incident_id} is at version {len(timeline)}; read it again")
                for event in append.events:
                    if any(stored.event.id == event.id for stored in timeline):
                        raise ConflictError(f"incident {append.incident_id} holds event {event.id}; read it again")
                    timeline.append(
                        StoredEvent(self._last() + len(new) + 1, append.incident_id, len(timeline) + 1, event)
                    )
                    new.append(timeline[-1])
            self._log += new
            self._timelines |= {name: timeline for name, timeline in grown.items() if timeline}
            self._taken |= {append.taken[:2]: append.taken[2] for append in appends if append.taken is not None}
            self._as_of = as_of
            self._guard.notify_all()
            return self._last()

    def _last(self) -> int:
        return len(self._log)

    def read(self, incident_id: str) -> list[Event]:
        """The whole timeline in order of version; empty if there is none."""
        with self._guard:
            return [stored.event for stored in self._timelines.get(incident_id, ())]

    def read_many(self, incident_ids: Sequence[str]) -> dict[str, list[Event]]:
        """Several whole timelines; ids without a timeline are absent."""
        return {name: timeline for name in incident_ids if (timeline := self.read(name))}

    def follow(self, after_seq: int, *, limit: int = 10_000) -> list[StoredEvent]:
        """What was appended after `after_seq`, oldest first, at most `limit` events."""
        with self._guard:
            return self._log[max(after_seq, 0) : max(after_seq, 0) + limit]

    def incidents_changed(self, after_seq: int, up_to_seq: int) -> Iterator[tuple[str, list[Event]]]:
        """Whole timelines of the incidents that got events in (after_seq, up_to_seq], in id order."""
        with self._guard:
            changed = sorted({stored.incident_id for stored in self._log[max(after_seq, 0) : max(up_to_seq, 0)]})
            told = [(name, list(self._timelines[name])) for name in changed]
        for name, timeline in told:
            yield name, [stored.event for stored in timeline if stored.seq <= up_to_seq]

    def wait(self, after_seq: int, timeout_s: float) -> bool:
        """Block until something after `after_seq` is stored; False if `timeout_s` passed without."""
        with self._guard:
            return self._guard.wait_for(lambda: self._last() > after_seq, timeout_s)

    def last_seq(self) -> int:
        """The seq of the newest event; 0 for an empty store."""
        with self._guard:
            return self._last()

    def n_incidents(self) -> int:
        """How many timelines there are."""
        with self._guard:
            return len(self._timelines)

    def taken(self, origin: str, refs: Sequence[str]) -> Mapping[str, bytes]:
        """The digests remembered for these refs of an origin; refs never taken are absent."""
        with self._guard:
            return {ref: self._taken[origin, ref] for ref in refs if (origin, ref) in self._taken}

    def taken_as_of(self, origin: str, refs: Sequence[str]) -> Mapping[str, AsOf]:
        """Of when the latest dated telling taken of these refs is; refs of which none was are absent."""
        with self._guard:
            return {ref: self._as_of[origin, ref] for ref in refs if (origin, ref) in self._as_of}

    def next_number(self, n: int = 1) -> int:
        """A number for a newly declared incident, never given twice; of several, the first."""
        with self._guard:
            self._n_declared += n
            return self._n_declared - n + 1

    def close(self) -> None:
        """Nothing to let go of."""
