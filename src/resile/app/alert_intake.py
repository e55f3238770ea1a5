"""Taking alerts in: all that a batch of deliveries tells is one commit, decided anew where somebody else was first."""

import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import structlog
from msgspec import Struct

from resile.alerting.case import Case
from resile.app.alert_batch import AlertBatch
from resile.app.alert_incidents import OpenPlaybook, Pages, opens_none
from resile.app.alert_rules import AlertRules
from resile.app.few_lines import FewLines
from resile.app.recent_incidents import RecentIncidents
from resile.model.alert import Alert, AlertState, alert_id_of
from resile.model.errors import ConflictError
from resile.model.severity import Severity
from resile.model.time import MINUTE
from resile.ports.clock import Clock
from resile.ports.paging_store import Changes, PagingStore, Timer
from resile.ports.silence_book import SilenceBook
from resile.ports.timeline_store import TimelineStore

# Decided and written together; a delivery that holds more is written in several steps, each whole.
MAX_AT_ONCE = 2_000
# Where others keep writing first, a batch is decided anew this often, then each half of it.
TRIES = 6
# At a door; what is new beyond that is refused, and an incident of resile's own says so.
MAX_FIRING = 100_000
OWN_DOOR = "resile"
_FLOOD_LASTS = 15 * MINUTE
_COUNTED_AGAIN_AFTER = MINUTE
_log = structlog.get_logger()


class Told(Struct, frozen=True, kw_only=True):
    """What one delivery tells; `timers`: what it sets, such as when the next sign of life is due."""

    alerts: tuple[Alert, ...] = ()
    timers: tuple[Timer, ...] = ()


class AlertIntake:
    """The use case of alerts that arrive. May be used from several threads.

    Args:
        pages: gives what pages by the catalog as it is now, for one batch: to read it for each incident would take
            longer than everything else.
        opening: gives what opens playbooks, likewise for one batch.
    """

    def __init__(
        self,
        store: PagingStore,
        timelines: TimelineStore,
        clock: Clock,
        *,
        rules: AlertRules,
        silences: SilenceBook,
        pages: Callable[[], Pages],
        opening: Callable[[], OpenPlaybook] = lambda: opens_none,
    ) -> None:
        self._store = store
        self._timelines = timelines
        self._clock = clock
        self._rules = rules
        self._silences = silences
        self._pages = pages
        self._opening = opening
        self._numbers = _Numbers(timelines)
        self._recent = RecentIncidents(store, timelines)
        self.firing = FiringCounts(store, most=MAX_FIRING)
        self._refusing = threading.Lock()
        # By door, those of which the log does not tell yet.
        self._n_refused: Counter[str] = Counter()
        self._lines = FewLines(first=1)

    def take(self, told: Sequence[Told]) -> None:
        """Decide and write all that was told, in its order; telling the same again changes nothing.

        Raises:
            ConflictError: others kept writing first.
            StoreError: the store failed; what was written until then stays, and does no harm when told again.
        """
        alerts = last_of_each_telling([alert for one in told for alert in one.alerts])
        timers = tuple(timer for one in told for timer in one.timers)
        if not alerts and not timers:
            return
        for start in range(0, max(len(alerts), 1), MAX_AT_ONCE):
            self._take(alerts[start : start + MAX_AT_ONCE], timers if start == 0 else ())

    def _take(self, alerts: Sequence[Alert], timers: tuple[Timer, ...]) -> None:
        for _ in range(TRIES):
            now = self._clock.now()
            numbers = self._numbers.drawing()
            batch = self._batch([_case(alert, now) for alert in alerts], now, numbers)
            changes = batch.decide() + Changes(timers=timers)
            try:
                if not changes.is_empty:
                    self._store.commit(changes)
            except ConflictError:
                numbers.give_back()
                continue
            self._was_written(batch, now)
            return
        if len(alerts) < 2:  # noqa: PLR2004 - nothing left to halve
            raise ConflictError("others keep writing the same alerts or incidents; it is taken when it is told again")
        middle = len(alerts) // 2
        self._take(alerts[:middle], timers)
        self._take(alerts[middle:], ())

    def batch(self, cases: Sequence[Case], now: datetime) -> AlertBatch:
        """Cases that are decided together, not yet decided; whoever commits what they come to is the caller."""
        return self._batch(cases, now, self._numbers.drawing())

    def _batch(self, cases: Sequence[Case], now: datetime, numbers: "_Drawing") -> AlertBatch:
        return AlertBatch(
            cases,
            store=self._store,
            timelines=self._timelines,
            rules=self._rules.at,
            pages=self._pages(),
            open_playbook=self._opening(),
            now=now,
            number=numbers.draw,
            room=lambda door: self.firing.room(door, now=now),
            recent=self._recent,
        )

    def _was_written(self, batch: AlertBatch, now: datetime) -> None:
        self.firing.add(batch.n_more_firing)
        if batch.muted:
            self._silences.count_muted(batch.muted, at=now)
        with self._refusing:
            self._n_refused.update(batch.n_refused)
            told = {door: self._n_refused.pop(door) for door in list(self._n_refused) if self._lines.may_say(door)}
        for door, n_refused in told.items():
            _log.warning("alerts refused", door=door, n=n_refused, firing=MAX_FIRING)
        if batch.n_refused:
            self._take([_flood(door, now) for door in sorted(batch.n_refused) if door != OWN_DOOR], ())


class _Numbers:
    """Numbers of incidents: drawn several at a time where many are needed, for each drawing is a write to the disk."""

    def __init__(self, timelines: TimelineStore) -> None:
        self._timelines = timelines
        self._guard = threading.Lock()
        self.spare: list[int] = []

    def drawing(self) -> "_Drawing":
        """For one batch."""
        return _Drawing(self)

    def next(self, n_so_far: int) -> int:
        """The lowest that is spare; where none is, as many are drawn as the batch has needed so far."""
        with self._guard:
            if not self.spare:
                n = max(1, n_so_far)
                first = self._timelines.next_number(n)
                self.spare = list(range(first, first + n))
            return self.spare.pop(0)

    def give_back(self, numbers: Sequence[int]) -> None:
        """They were not used."""
        with self._guard:
            self.spare = sorted((*self.spare, *numbers))


class _Drawing:
    """The numbers of one batch."""

    def __init__(self, numbers: _Numbers) -> None:
        self._numbers = numbers
        self._drawn: list[int] = []

    def draw(self) -> int:
        """A number for an incident."""
        self._drawn.append(self._numbers.next(len(self._drawn)))
        return self._drawn[-1]

    def give_back(self) -> None:
        """The batch was not written."""
        self._numbers.give_back(self._drawn)
        self._drawn = []


class FiringCounts:
    """How many alerts fire at each door; counted from the store once, then along with what is written here.

    What another process writes is not seen, so that it is counted again before anything is refused.
    """

    def __init__(self, store: PagingStore, *, most: int) -> None:
        self._store = store
        self._most = most
        self._counts: Counter[str] | None = None
        self._counted_at: datetime | None = None
        self._is_in_doubt = False

    def room(self, door: str, *, now: datetime) -> int:
        """How many more alerts may fire at a door."""
        if self._counts is None or self._is_old(self._most - self._counts[door], now):
            self._is_in_doubt = False
            self._counts, self._counted_at = Counter(self._store.firing_counts()), now
        return self._most - self._counts[door]

    def _is_old(self, room: int, now: datetime) -> bool:
        """Whether to count again: what is known might have something refused, and need not be true any more."""
        is_long_ago = self._counted_at is None or now - self._counted_at >= _COUNTED_AGAIN_AFTER
        return (room <= 0 and is_long_ago) or (room <= MAX_AT_ONCE and self._is_in_doubt)

    def foresee(self, more: Mapping[str, int]) -> None:
        """So many more, or fewer, may fire soon, if it can be written, of which nobody is told.

        More is believed at once, fewer once it is counted.
        """
        self.add({door: n for door, n in more.items() if n > 0})
        self._is_in_doubt = self._is_in_doubt or any(more.values())

    def add(self, more: dict[str, int]) -> None:
        """So many more, or fewer, fire by now."""
        if self._counts is not None:
            self._counts.update(more)


def _case(alert: Alert, now: datetime) -> Case:
    return Case(id=alert_id_of(alert.door, alert.fingerprint), alert=alert, known=None, now=now)


def last_of_each_telling(alerts: Sequence[Alert]) -> list[Alert]:
    """Of what one delivery says several times of the same alert, the last; told again, it will be that again."""
    last = {(alert.door, alert.fingerprint, alert.told_at): n for n, alert in enumerate(alerts)}
    return [alerts[n] for n in sorted(last.values())]


def _flood(door: str, now: datetime) -> Alert:
    return Alert(
        door=OWN_DOOR,
        fingerprint=f"flood/{door}",
        state=AlertState.FIRING,
        title=f"Door {door} sends too many distinct alerts",
        description=(
            f"{MAX_FIRING:,} alerts fire at this door, the most that resile keeps; new ones are refused until some of "
            "them clear. Look for a label whose value is always another, such as a time or an id, and leave it out."
        ),
        labels={"alertname": "too many alerts", "door": door},
        severity=Severity.SEV2,
        starts_at=now,
        told_at=now,
        expires_at=now + _FLOOD_LASTS,
    )
