"""What waits in the journal is understood and stored, in order; each ends with a verdict, and none stops the others."""

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

import structlog
from msgspec.structs import replace

from resile.app.alert_intake import Told, last_of_each_telling
from resile.app.deliver import take_in
from resile.app.opened_doors import MAX_REASON, OpenedDoors
from resile.app.record_drafts import Telling, record_drafts, telling_of
from resile.model.draft import Draft, incident_id_of
from resile.model.errors import ConflictError, ResileError, StoreError
from resile.ports.clock import Clock
from resile.ports.delivery_door import DeliveryDoor, DoorOptions, Understood
from resile.ports.door_book import Door
from resile.ports.journal import Delivery, Entry, Journal, Verdict
from resile.sources.doors.registry import open_door

MAX_AT_ONCE = 200
# Alerts after which nothing more is added to a step: whoever else must be woken waits for no more than one.
ENOUGH_ALERTS = 2_000
# Beside those of a flood so many of each other door are taken in one step, as they came: else they would queue up.
_FEW_ALERTS = 100
# While much arrives, processing rests after each batch, at least so long and so many times as long as the batch took:
# those who are to be answered go first, and what waits is taken all the same. Not so after alerts: a page goes before.
_LEAST_REST_S = 0.2
_RESTS_TIMES = 4
_LONGEST_REST_S = 30.0
_LOOK_FOR_S = 0.5
# After the store failed: so long, then twice as long, up to the last. Alerts wait for as long, once it is back.
_FIRST_REST_S = 1.0
_LAST_REST_S = 3.0
# A delivery that is refused though the store can be written: by others who were first, or at its own fault.
_TRIES_ALONE = 6
_LET_GO_EVERY = timedelta(hours=1)
# What was received longer ago, and is taken anew from the journal, is history.
LIVE_WITHIN = timedelta(hours=1)
if TYPE_CHECKING:
    from resile.app.wiring import Resile

_log = structlog.get_logger()

# Stores what deliveries say; telling the same again changes nothing.
TakeIn = Callable[[Sequence[tuple[Entry, Understood]]], None]
# Raises StoreError where the store cannot be written at all.
Probe = Callable[[], None]
Ended = tuple[int, Verdict, str]


class Receiver:
    """Takes deliveries out of the journal. One at a time may be at work; two would do the same work twice, no harm.

    Args:
        doors: the doors by name, as they are made now; of one that was removed what it received is still understood.
        take_in: stores what deliveries say, in one go or not at all.
        probe: whether the store can be written.
        understands: gives what understands a kind of door.

    Attributes:
        is_urgent: whether the last batch told alerts or signs of life: somebody may have to be woken.
    """

    def __init__(
        self,
        journal: Journal,
        doors: Callable[[], dict[str, Door]],
        take_in: TakeIn,
        probe: Probe,
        *,
        understands: Callable[[str, DoorOptions], DeliveryDoor] = open_door,
    ) -> None:
        self._journal = journal
        self._doors = doors
        self._take_in = take_in
        self._probe = probe
        self._opened = OpenedDoors(understands)
        self.is_urgent = False
        # By entry, what was not taken yet of it: of each door one at most.
        self._rests: dict[int, Understood] = {}

    def process_waiting(self, *, after_each: Callable[[], bool] = lambda: True) -> int:
        """Process everything that waits; how many entries were concluded.

        Args:
            after_each: called after each batch; whether to go on.

        A crash at any point leaves entries waiting whose reports may be stored already; they are taken once more, and
        their reports, having the same ids, change nothing.

        Raises:
            StoreError: the journal or the store failed; what was not concluded still waits.
        """
        n_concluded = 0
        while entries := self._journal.waiting(limit=MAX_AT_ONCE):
            n_concluded += self._process(entries)
            if not after_each():
                break
        return n_concluded

    def _process(self, entries: Sequence[Entry]) -> int:
        doors = self._doors()
        ended: list[Ended] = []
        understood: list[tuple[Entry, Understood]] = []
        n_alerts: Counter[str] = Counter()
        for entry in entries:
            if n_alerts.total() >= ENOUGH_ALERTS and n_alerts[entry.delivery.door] >= _FEW_ALERTS:
                continue  # it had its turn, and waits on; so does whatever else came to its door after this
            told = self._rests.get(entry.seq) or self._understood(entry, doors.get(entry.delivery.door))
            if isinstance(told, str):
                ended.append((entry.seq, Verdict.FAILED, told))
            elif told.unmapped is not None:
                ended.append((entry.seq, Verdict.UNMAPPED, told.unmapped[:MAX_REASON]))
            else:
                part = self._part_of(entry, told)
                understood.append((entry, part))
                n_alerts[entry.delivery.door] += len(part.alerts)
        # Who tells of few alerts has them decided first. Of one door they stay in their order.
        understood.sort(key=lambda one: n_alerts[one[0].delivery.door])
        self.is_urgent = any(told.alerts or told.beats for _, told in understood)
        try:
            stored = self._stored(understood)
        except BaseException:
            # What was to be stored just now is among what was cut off: all of it is taken anew.
            self._rests.clear()
            raise
        ended += [one for one in stored if not self._goes_on_with(one)]
        self._journal.conclude(ended)
        return len(ended)

    def _part_of(self, entry: Entry, told: Understood) -> Understood:
        """What is taken now of a delivery. Of one with very many alerts, some; it waits on, and the rest is kept here.

        After a crash it is taken from its beginning, which changes nothing of what was taken before.
        """
        if len(told.alerts) <= ENOUGH_ALERTS:
            self._rests.pop(entry.seq, None)
            return told
        alerts = told.alerts if entry.seq in self._rests else tuple(last_of_each_telling(told.alerts))
        self._rests[entry.seq] = replace(told, alerts=alerts[ENOUGH_ALERTS:])
        return Understood(alerts=alerts[:ENOUGH_ALERTS])

    def _goes_on_with(self, ended: Ended) -> bool:
        """Whether there is a rest; of a delivery that failed none is taken."""
        seq, verdict, _ = ended
        if verdict is not Verdict.TAKEN:
            self._rests.pop(seq, None)
        return seq in self._rests

    def _understood(self, entry: Entry, door: Door | None) -> Understood | str:
        """What a delivery says; or why it cannot be understood."""
        try:
            return self._opened.of(entry.delivery.door, door).understand(entry.delivery)
        except ResileError as error:
            return str(error)[:MAX_REASON]
        except Exception as error:  # noqa: BLE001 - strangers write these bodies: whatever one breaks, the next is taken
            return self._fault(entry, error)

    def _stored(self, understood: Sequence[tuple[Entry, Understood]]) -> list[Ended]:
        """Store all together; where that fails, one by one, to find out which it is."""
        if not understood:
            return []
        try:
            self._take_in(understood)
        except Exception as error:  # noqa: BLE001 - told apart below, one by one
            self._probe()
            if len(understood) > 1:
                return [ended for one in understood for ended in self._stored([one])]
            return [self._stored_alone(*understood[0], error)]
        return [(entry.seq, Verdict.TAKEN, "") for entry, _ in understood]

    def _stored_alone(self, entry: Entry, told: Understood, before: Exception) -> Ended:
        """A delivery that the store, which can be written, has refused once.

        It may have been locked just then, or others were first: given up at once, an alert would page nobody.
        """
        error = before
        for _ in range(_TRIES_ALONE):
            if not isinstance(error, StoreError | ConflictError):
                break
            try:
                self._take_in([(entry, told)])
            except Exception as again:  # noqa: BLE001 - as above
                self._probe()
                error = again
            else:
                return entry.seq, Verdict.TAKEN, ""
        return entry.seq, Verdict.FAILED, self._fault(entry, error)

    def _fault(self, entry: Entry, error: Exception) -> str:
        if isinstance(error, ResileError):
            return str(error)[:MAX_REASON]
        _log.error("delivery failed", seq=entry.seq, door=entry.delivery.door, exc_info=error)
        return (
            f"a fault of resile ({type(error).__name__}); the server's log says more, please report it, "
            "and `resile journal replay` after an update"
        )


def receiver_of(resile: "Resile", *, understands: Callable[[str, DoorOptions], DeliveryDoor] = open_door) -> Receiver:
    """The receiver of an open resile."""
    store = resile.deliveries

    def keep(told: Sequence[tuple[Entry, Understood]]) -> None:
        # First what may page somebody.
        alerts = [Told(alerts=one.alerts) for _, one in told if one.alerts]
        beats = [beat for _, one in told for beat in one.beats]
        alerts.append(resile.alerting.heartbeats.told(beats, now=resile.clock.now()))
        resile.alerting.intake.take(alerts)
        commits = [commit for _, one in told for commit in one.commits]
        # Having no parents as they stand, they would be taken for roots.
        commits += [replace(commit, parents=None) for _, one in told for commit in one.pushed]
        take_in(store, commits, [report for _, one in told for report in one.reports])
        resile.chats.hear([one for _, what in told for one in what.heard])
        now = resile.clock.now()
        tellings = tellings_of([(entry.delivery, one.incidents) for entry, one in told], now=now)
        if tellings:
            record_drafts(resile.timelines, tellings, now=now, opening=resile.playbooks.opening)

    return Receiver(
        resile.journal, resile.doors.all, keep, lambda: store.set_cursor("receive", b""), understands=understands
    )


def tellings_of(told: Sequence[tuple[Delivery, Sequence[Draft]]], *, now: datetime) -> list[Telling]:
    """What deliveries tell of incidents, in their order.

    What was received just now is told live. Of several that tell of one incident only the last is, so that no playbook
    is opened for what had ended before it was looked at.
    """
    last = {incident_id_of(one.origin, one.ref): one for _, drafts in told for one in drafts}
    return [
        telling_of(
            draft,
            by=f"door:{delivery.door}",
            heard_at=delivery.received_at,
            is_live=now - delivery.received_at <= LIVE_WITHIN
            and last[incident_id_of(draft.origin, draft.ref)] is draft,
        )
        for delivery, drafts in told
        for draft in drafts
    ]


def receiving_alone(data: Path) -> AbstractContextManager[bool]:
    """The lock of whoever processes the journal of a data folder."""
    from resile.stores.file_lock import alone_if_free  # noqa: PLC0415 - the stores load only when needed

    return alone_if_free(data / "receive.lock")


class ReceivingThread:
    """Processes what arrives for as long as the server runs, and lets old entries go.

    Args:
        lasts, max_bytes: for how long concluded entries are kept, and how much of them.
        alone: holds the lock that says who processes this journal; whether it came to be.
        is_busy: whether several are to be answered at this moment.
        has_taken: called after deliveries were stored.
    """

    def __init__(
        self,
        receiver: Receiver,
        journal: Journal,
        clock: Clock,
        *,
        lasts: timedelta,
        max_bytes: int,
        alone: Callable[[], AbstractContextManager[bool]],
        is_busy: Callable[[], bool] = lambda: False,
        has_taken: Callable[[], None] = lambda: None,
    ) -> None:
        self._receiver = receiver
        self._journal = journal
        self._clock = clock
        self._lasts = lasts
        self._max_bytes = max_bytes
        self._alone = alone
        self._is_busy = is_busy
        self._has_taken = has_taken
        self._is_ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="receive", daemon=True)
        self._let_go_at = clock.now()
        self._batch_began = 0.0

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End after the deliveries that are being stored; what waits is taken after the next start."""
        self._is_ending.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        rest_s = _FIRST_REST_S
        while not self._is_ending.is_set():
            try:
                with self._alone() as is_alone:
                    if is_alone:
                        self._receive()
                # Another server processes this journal; it may end.
                rest_s = _FIRST_REST_S
            except Exception as error:  # noqa: BLE001 - as below; the lock is a file, which a full disk refuses
                _log.error("receiving failed", exc_info=error, again_in_s=rest_s)
                rest_s = min(2 * rest_s, _LAST_REST_S)
            self._is_ending.wait(rest_s)

    def _receive(self) -> None:
        rest_s = _FIRST_REST_S
        while not self._is_ending.is_set():
            try:
                is_waiting = self._journal.wait(_LOOK_FOR_S)
                self._batch_began = monotonic()
                if is_waiting and self._receiver.process_waiting(after_each=self._goes_on):
                    self._has_taken()
                self._let_go()
                rest_s = _FIRST_REST_S
            except StoreError as error:
                _log.error("deliveries wait", error=str(error), again_in_s=rest_s)
                self._is_ending.wait(rest_s)
                rest_s = min(2 * rest_s, _LAST_REST_S)
            except Exception as error:  # noqa: BLE001 - a thread that ends would leave everything waiting, unseen
                _log.error("receiving failed", exc_info=error, again_in_s=rest_s)
                self._is_ending.wait(rest_s)
                rest_s = min(2 * rest_s, _LAST_REST_S)

    def _goes_on(self) -> bool:
        """Give way to those who are to be answered, but not with what may page; False once it is over."""
        if self._is_busy() and not self._receiver.is_urgent:
            took_s = monotonic() - self._batch_began
            self._is_ending.wait(min(max(_LEAST_REST_S, _RESTS_TIMES * took_s), _LONGEST_REST_S))
        self._batch_began = monotonic()
        return not self._is_ending.is_set()

    def _let_go(self) -> None:
        now = self._clock.now()
        if now < self._let_go_at:
            return
        self._let_go_at = now + _LET_GO_EVERY
        n_gone = self._journal.let_go(before=now - self._lasts, max_bytes=self._max_bytes)
        if n_gone:
            _log.info("journal entries let go", n=n_gone)
