"""Subscribers are told for as long as the server runs, in threads of their own, so that no page waits for them."""

import os
import secrets
import socket
import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import structlog

from resile.app.growing import Growing
from resile.app.tell import CHANNEL
from resile.app.teller import Teller
from resile.model.errors import ConflictError, DeliveryError, StoreError
from resile.model.event import PageMoved
from resile.model.time import DAY, HOUR
from resile.ports.clock import Clock
from resile.ports.paging_store import Changes, PagingStore
from resile.ports.telling_store import Telling, TellingCounts, TellingStore
from resile.ports.timeline_store import TimelineStore

# Connections to a mail server, or calls to addresses that may hang, at one moment.
LANES: Mapping[str, int] = {"email": 4, "webhook": 8}
BY = "resile"
KEEPS = 90 * DAY
_LOOK_EVERY_S = 0.5
# A channel that cannot be reached is tried again after so long.
_REST_S = 10.0
_LAST_REST_S = 60.0
_ENDS_WITHIN_S = 12.0
_LET_GO_EVERY = HOUR
_TRIES = 20
_log = structlog.get_logger()


class Outcomes:
    """Says on the timelines what came of tellings, gaps too.

    Args:
        let_go: forgets who asked long ago and confirmed nothing.
    """

    def __init__(
        self,
        store: TellingStore,
        timelines: TimelineStore,
        paging: PagingStore,
        clock: Clock,
        *,
        let_go: Callable[[], None],
    ) -> None:
        self._store = store
        self._let_go = let_go
        self._timelines = timelines
        self._paging = paging
        self._clock = clock
        self._let_go_at = clock.now()

    def step(self) -> int:
        """Close gaps, and tell of what came to its end; how many tellings did.

        Raises:
            StoreError: the store failed; told by the next step.
        """
        now = self._clock.now()
        gaps = self._store.close_gaps(now)
        if gaps:
            _log.warning("subscribers perhaps not told", n=len(gaps))
        over = self._store.over()
        for telling, counts in over:
            if telling.incident_id is not None:
                self._tell(telling, telling.incident_id, counts)
            self._store.note_told(telling.id, now)
        if now >= self._let_go_at:
            self._let_go_at = now + _LET_GO_EVERY
            self._store.let_go(now - KEEPS)
            self._let_go()
        return len(over)

    def _tell(self, telling: Telling, incident_id: str, counts: TellingCounts) -> None:
        state = "uncertain" if counts.uncertain else "handed"
        for _ in range(_TRIES):
            growing = Growing(incident_id, self._timelines.read(incident_id), now=self._clock.now(), by=BY)
            if any(isinstance(one, PageMoved) and one.message_id == telling.id for one in growing.events):
                return  # Whoever told it died before noting that.
            growing.tell(PageMoved, message_id=telling.id, state=state, channel=CHANNEL, because=told_words(counts))
            try:
                self._paging.commit(Changes(appends=growing.appends()))
            except ConflictError:
                continue
            return
        raise ConflictError(f"incident {incident_id}: others keep appending; told later")


def told_words(counts: TellingCounts) -> str:
    """What came of it, in a sentence."""
    told = f"{counts.handed:,} of {counts.n:,} subscribers were told"
    if counts.n == 0:
        told = "nobody has subscribed"
    if counts.failed:
        told += f"; {counts.failed:,} could not be"
    if counts.called_back:
        told += f"; from {counts.called_back:,} it was called back before it left"
    if counts.uncertain:
        told += f"; of {counts.uncertain:,} nobody knows, and they are not told again"
    return told


class TellingThreads:
    """Looks for what waits, and hands it to as many threads as a channel may have."""

    def __init__(self, store: TellingStore, outcomes: Outcomes, clock: Clock, teller: Teller) -> None:
        self._store = store
        self._outcomes = outcomes
        self._clock = clock
        self._teller = teller
        self._is_ending = threading.Event()
        self._lanes: dict[str, list[threading.Thread]] = {channel: [] for channel in LANES}
        self._rests: dict[str, _Rest] = {channel: _Rest() for channel in LANES}
        self._thread = threading.Thread(target=self._run, name="tell", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Claim nothing more, and end with what is leaving."""
        self._is_ending.set()
        self._thread.join(timeout=_ENDS_WITHIN_S)
        for thread in [one for lane in self._lanes.values() for one in lane]:
            thread.join(timeout=_ENDS_WITHIN_S)

    def _run(self) -> None:
        is_first = True
        while not self._is_ending.is_set():
            try:
                if is_first:
                    free_the_dead(self._store, self._clock)
                    is_first = False
                for channel in LANES:
                    self._look(channel)
                self._outcomes.step()
            except StoreError as error:
                _log.error("telling waits for the store", error=str(error))
                self._is_ending.wait(_REST_S)
            except Exception as error:  # noqa: BLE001 - a thread that ends would tell nobody, unseen
                _log.error("telling failed", exc_info=error)
                self._is_ending.wait(_REST_S)
            self._is_ending.wait(_LOOK_EVERY_S)

    def _look(self, channel: str) -> None:
        """Set as many to work as there may be, where something is due."""
        lane = self._lanes[channel]
        lane[:] = [thread for thread in lane if thread.is_alive()]
        now = self._clock.now()
        if len(lane) >= LANES[channel] or self._rests[channel].lasts(now):
            return
        due_at = self._store.next_due_at(channel)
        if due_at is None or due_at > now:
            return
        for _ in range(LANES[channel] - len(lane)):
            thread = threading.Thread(target=self._work, args=(channel,), name=f"tell {channel}", daemon=True)
            thread.start()
            lane.append(thread)

    def _work(self, channel: str) -> None:
        """Until nothing of the channel is due."""
        try:
            self._teller.run(channel, goes_on=lambda: not self._is_ending.is_set())
            self._rests[channel].ends()
        except DeliveryError as error:
            rest = self._rests[channel].begins(self._clock.now())
            _log.error("subscribers wait for the channel", channel=channel, error=str(error), again_in_s=rest)
        except StoreError as error:
            self._rests[channel].begins(self._clock.now())
            _log.error("telling waits for the store", error=str(error))
        except Exception as error:  # noqa: BLE001 - as above
            self._rests[channel].begins(self._clock.now())
            _log.error("telling failed", channel=channel, exc_info=error)


class _Rest:
    """How long a channel is left alone after it could not be reached."""

    def __init__(self) -> None:
        self._until: datetime | None = None
        self._next_s = _REST_S

    def lasts(self, now: datetime) -> bool:
        return self._until is not None and now < self._until

    def begins(self, now: datetime) -> float:
        """Of several at one moment the first counts; how long it is."""
        rest_s = self._next_s
        if not self.lasts(now):
            self._until = now + timedelta(seconds=rest_s)
            self._next_s = min(2 * rest_s, _LAST_REST_S)
        return rest_s

    def ends(self) -> None:
        self._until, self._next_s = None, _REST_S


def own_name() -> str:
    """By which leases of this process are told from those of others."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"


def free_the_dead(store: TellingStore, clock: Clock) -> None:
    """End the leases of processes of this machine that are no more, so that nobody waits for them to run out.

    Taken wrongly for dead, one cannot begin what it holds, and of what is leaving it would be said that nobody knows:
    nobody is told twice.
    """
    for by in store.holders():
        host, _, rest = by.partition(":")
        pid = rest.partition(":")[0]
        if host == socket.gethostname() and pid.isdigit() and not _is_alive(int(pid)):
            store.cut_short(by, clock.now())


def _is_alive(pid: int) -> bool:
    if pid == os.getpid():
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
