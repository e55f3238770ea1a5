"""Steps that only look run by themselves when the page goes out: whoever is woken finds what they would have asked.

Where the playbook is opened later, by people or because an alert came that it is for, they run then.
"""

import threading
from collections.abc import Sequence
from datetime import timedelta

import structlog

from resile.app.runs import Runs, begins_paging
from resile.model.errors import ConflictError, ResileError, StoreError
from resile.model.event import Event
from resile.model.room_event import PlaybookOpened
from resile.ports.clock import Clock
from resile.ports.timeline_store import StoredEvent, TimelineStore

AT_ONCE = 500
# Where resile was down meanwhile: what is older was looked at by people.
LATE_AFTER = timedelta(minutes=10)
# Incidents that wait for a place to run in; beyond these, people run the steps.
MAX_WAITING = 100
_LOOK_EVERY_S = 1.0
_ENDS_WITHIN_S = 5.0
_REST_S = 5.0
_log = structlog.get_logger()


class AutoSteps:
    """Follows what is told of incidents, in a thread of its own. Any number of nodes may: each step runs once."""

    def __init__(self, runs: Runs, timelines: TimelineStore, clock: Clock) -> None:
        self._runs = runs
        self._timelines = timelines
        self._clock = clock
        self._place: int | None = None
        self._waiting: dict[str, None] = {}
        self._is_ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="auto steps", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._is_ending.set()
        self._thread.join(timeout=_ENDS_WITHIN_S)

    def step(self) -> int:
        """Look at a portion of what was told; how many events that were.

        Raises:
            StoreError: the stores cannot be read or written.
        """
        if self._place is None:
            # What was told while resile was down is among the last events.
            self._place = max(self._timelines.last_seq() - AT_ONCE, 0)
        stored = self._timelines.follow(self._place, limit=AT_ONCE)
        for incident_id in self._looked_at(stored):
            if len(self._waiting) < MAX_WAITING:
                self._waiting[incident_id] = None
        if stored:
            self._place = stored[-1].seq
        for incident_id in list(self._waiting):
            if not self._begun(incident_id):
                break
            del self._waiting[incident_id]
        return len(stored)

    def _looked_at(self, stored: Sequence[StoredEvent]) -> list[str]:
        since = self._clock.now() - LATE_AFTER
        return [one.incident_id for one in stored if _may_begin(one.event) and one.event.recorded_at >= since]

    def _begun(self, incident_id: str) -> bool:
        """Whether all that may run by itself has begun; False: there was no place to run in."""
        try:
            self._runs.begin_by_itself(incident_id)
        except StoreError:
            raise
        except ConflictError:
            return False
        except ResileError as error:
            _log.warning("steps not run by themselves", incident=incident_id, error=str(error))
        return True

    def _run(self) -> None:
        while not self._is_ending.is_set():
            try:
                if not self.step():
                    self._timelines.wait(self._place or 0, _LOOK_EVERY_S)
            except StoreError as error:
                _log.error("steps wait for the store", error=str(error), again_in_s=_REST_S)
                self._is_ending.wait(_REST_S)
            except Exception as error:  # noqa: BLE001 - a thread that ends would run nothing, unseen
                _log.error("steps by themselves failed", exc_info=error, again_in_s=_REST_S)
                self._is_ending.wait(_REST_S)


def _may_begin(event: Event) -> bool:
    """Whether steps may have something to begin with after it: a page that goes out, or a playbook that is opened."""
    return isinstance(event, PlaybookOpened) or begins_paging(event)
