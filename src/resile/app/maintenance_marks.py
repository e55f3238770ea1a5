"""What goes wrong within a maintenance window counts in no measure: its incident is marked as planned.

Only where the whole of its impact lies within a window of all its services, and nobody else said how it counts. An
incident that outlasts its window, or reaches another service, counts again, and whole: that was not planned.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

import msgspec
import structlog

from resile.app.endings import ending_looked_at
from resile.app.following import Following
from resile.app.growing import Growing
from resile.model.errors import ConflictError
from resile.model.event import Declared, Event, Exclusion, Marked, Source
from resile.model.incident import value_of
from resile.model.phases import instants
from resile.model.time import EARLIEST, format_instant
from resile.ports.clock import Clock
from resile.ports.delivery_store import DeliveryStore
from resile.ports.maintenance_book import MaintenanceBook, Window
from resile.ports.paging_store import Changes, PagingStore
from resile.ports.timeline_store import TimelineStore

BY = "resile:maintenance"
AT_ONCE = 500
_CURSOR = "maintenance"
_WRITE_EVERY = 1_000
_TRIES = 20
_log = structlog.get_logger()


class Marking:
    """Marks incidents, and takes the mark back, as windows and incidents change."""

    def __init__(
        self,
        book: MaintenanceBook,
        timelines: TimelineStore,
        paging: PagingStore,
        deliveries: DeliveryStore,
        clock: Clock,
    ) -> None:
        self._book = book
        self._timelines = timelines
        self._paging = paging
        self._deliveries = deliveries
        self._clock = clock
        self._seq: int | None = None
        self._written = 0

    def __call__(self, window: Window, now: datetime) -> Changes:
        """What follows for the incidents that are marked for a window, from how it is written now."""
        timelines = self._timelines.read_many(list(self._book.marked(window.id)))
        changes = Changes()
        for incident_id, timeline in timelines.items():
            growing = Growing(incident_id, timeline, now=now, by=BY)
            if self._marked(growing):
                changes += Changes(appends=growing.appends()) + ending_looked_at(growing)
        return changes

    def begin(self) -> int:
        """How far events were looked at; at first from now on.

        Raises:
            StoreError: the stores cannot be read or written.
        """
        if self._seq is None:
            kept = self._deliveries.cursor(_CURSOR)
            if kept is None:
                self._seq = self._timelines.last_seq()
                self._write()
            else:
                self._seq = self._written = msgspec.json.decode(kept, type=int)
        return self._seq

    def step(self) -> int:
        """Look at the incidents of a portion of events; how many events there were.

        Raises:
            StoreError: the stores cannot be read or written; they are looked at again.
        """
        stored = self._timelines.follow(self.begin(), limit=AT_ONCE)
        if not stored:
            return 0
        has_windows = bool(self._book.windows(since=EARLIEST, limit=1))
        if has_windows:
            for incident_id in dict.fromkeys(one.incident_id for one in stored):
                self._look(incident_id)
        self._seq = stored[-1].seq
        # After a crash they are looked at again, which changes nothing.
        if has_windows or self._seq - self._written >= _WRITE_EVERY:
            self._write()
        return len(stored)

    def _write(self) -> None:
        self._deliveries.set_cursor(_CURSOR, msgspec.json.encode(self._seq))
        self._written = self._seq or 0

    def _look(self, incident_id: str) -> None:
        for _ in range(_TRIES):
            growing = Growing(incident_id, self._timelines.read(incident_id), now=self._clock.now(), by=BY)
            if not self._marked(growing):
                return
            try:
                self._paging.commit(Changes(appends=growing.appends()) + ending_looked_at(growing))
            except ConflictError:
                continue
            return
        _log.info("incident left unmarked", incident=incident_id)

    def _marked(self, growing: Growing) -> bool:
        """Add the mark that is due, or take it back; whether anything is to be written."""
        if not growing.incident.exists or _is_settled(growing.events):
            return False
        is_marked = value_of(growing.incident.exclusion, None) is Exclusion.PLANNED
        window = within(growing, self._windows_of(growing))
        if window is not None:
            # Before it is told: of a mark that nobody remembers nobody would take it back.
            self._book.mark(window.id, growing.incident_id)
            if is_marked:
                return False
            reason = (
                f"its impact lies within maintenance {window.id}, {window.title}, "
                f"{format_instant(window.starts_at)} to {format_instant(window.over_at)}"
            )
            growing.tell(Marked, exclusion=Exclusion.PLANNED, reason=reason, source=Source.INFERRED)
            return True
        if not is_marked:
            return False
        reason = "its impact does not lie within a maintenance window any more"
        growing.tell(Marked, exclusion=None, reason=reason, source=Source.INFERRED)
        return True

    def _windows_of(self, growing: Growing) -> Sequence[Window]:
        """Windows that may hold the whole of its impact."""
        began_at = _began_at(growing)
        return () if began_at is None else self._book.windows(since=began_at, until=began_at)


def within(growing: Growing, windows: Sequence[Window]) -> Window | None:
    """The window of all of an incident's services in which the whole of its impact lies, as far as it is known."""
    known, began_at = instants(growing.incident), _began_at(growing)
    ended = known.mitigated or known.restored
    services: tuple[str, ...] = value_of(growing.incident.services, ())
    for window in windows:
        # What went wrong besides with a service that nobody worked on was not planned.
        is_of = bool(services) and set(services) <= set(window.services) and window.cancelled_at is None
        is_inside = growing.now < window.over_at if ended is None else ended.at <= window.over_at
        if is_of and began_at is not None and window.starts_at <= began_at and is_inside:
            return window
    return None


def _is_settled(events: Sequence[Event]) -> bool:
    """Whether somebody else said how it counts."""
    return any(
        (isinstance(event, Marked) and event.by != BY) or (isinstance(event, Declared) and event.exclusion is not None)
        for event in events
    )


def _began_at(growing: Growing) -> datetime | None:
    """When its impact began, as far as it is known."""
    known = instants(growing.incident)
    began = known.impact_began or known.detected
    return growing.incident.declared_at if began is None else began.at


class MarkingThread(Following):
    """Marks for as long as the server runs, in a thread of its own."""

    def __init__(self, marking: Marking, wait: Callable[[int, float], object]) -> None:
        super().__init__("maintenance", marking.step, lambda most_s: wait(marking.begin(), most_s))
