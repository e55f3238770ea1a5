"""Senders of alerts in a simulated world: they repeat themselves, flap, fall silent, are late or heard twice."""

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Protocol

import numpy as np

from resile.app.alert_intake import Told
from resile.app.alert_parts import Alerting, alerting_over
from resile.app.catalog import Catalog
from resile.app.paging import Paging
from resile.model.alert import Alert, AlertState, alert_id_of
from resile.model.errors import ConflictError
from resile.model.matcher import Matcher
from resile.model.policy import Way
from resile.model.severity import Severity
from resile.model.silence import Silence
from resile.model.time import MINUTE
from resile.ports.clock import Clock
from resile.ports.door_book import Door
from resile.ports.paging_store import Changes, PagingStore
from resile.testing.faulty_paging import CrashError, FaultyPagingStore
from resile.testing.simulated_engine import WorldClock
from resile.testing.simulated_record import Stores

DOOR = "alertmanager"
# Senders that tell again and again are taken for silent after so long.
EXPIRES_AFTER = 5 * MINUTE
_NAMES = ("errors", "slow")
# Told by a clock that is behind, until a while from then by that clock.
SLOW_CLOCK = "slow-clock"
_HOLDS_FOR = 4 * MINUTE


class World(Protocol):
    """What senders see of the world around them."""

    @property
    def clock(self) -> WorldClock:
        """Its time."""
        ...

    @property
    def stores(self) -> Stores:
        """What outlives every process."""
        ...

    @property
    def catalog(self) -> Catalog:
        """Of people and policies."""
        ...

    def paging(self, store: PagingStore, clock: Clock, *, is_for_batch: bool = False) -> Paging:
        """The product's paging over a sight of the store."""
        ...

    def later(self, after: timedelta, act: Callable[[], None]) -> None:
        """Have something done after a while."""
        ...

    def at(self, who: str, place: str) -> None:
        """A place at which a process may die, or others run."""
        ...

    def find_declared(self) -> None:
        """Count what alerts declared."""
        ...


class SimulatedAlerts:
    """Conditions that come and go, and what is told of them.

    Attributes:
        told: by alert, every telling that its sender ever made, in their order.
        counted: by alert, how many tellings were taken that were newer than all before.
    """

    def __init__(self, world: World, seed: int) -> None:
        self._world = world
        # Of their own, so that the rest of a world is as it is without them until they meet.
        self._rng = np.random.default_rng([seed, 1])
        self._of_clocks = np.random.default_rng([seed, 2])
        self.told: dict[str, list[Alert]] = {}
        self.counted: Counter[str] = Counter()
        self._newest: dict[str, datetime] = {}
        self._being_taken: list[Alert] = []
        self._door = self._opened()

    def alerting(self, store: PagingStore, clock: Clock) -> Alerting:
        """The product's alerting over a sight of the store."""
        world = self._world
        return alerting_over(
            store,
            world.stores.timelines,
            world.stores.silences,
            catalog=world.catalog,
            doors=_no_doors,
            pages=partial(world.paging, store, clock, is_for_batch=True),
            ways=_no_ways,
            clock=clock,
        )

    def _opened(self) -> Alerting:
        noting = _Noting(self._world.stores.paging, self._note_taken)
        return self.alerting(FaultyPagingStore(noting, partial(self._world.at, "web")), self._world.clock)

    # What senders do.

    def plan(self) -> None:
        """What comes to pass; in some worlds nothing."""
        rng = self._rng
        if rng.random() < 0.4:  # noqa: PLR2004 - in those, people declare
            return
        for number in range(int(rng.integers(1, 4))):
            self._plan_condition(f"{_NAMES[int(rng.integers(len(_NAMES)))]}-{number}")
        if rng.random() < 0.3:  # noqa: PLR2004 - in some, somebody silenced half of it
            self._silence()
        if self._of_clocks.random() < 0.3:  # noqa: PLR2004 - in some, the clock of a sender is behind
            self._plan_slow_clock()

    def _plan_slow_clock(self) -> None:
        """A condition told each minute by a sender that says until when it holds, by a clock that is behind."""
        rng = self._of_clocks
        began_at = self._world.clock.now() + timedelta(seconds=float(rng.uniform(0, 1_800)))
        behind = timedelta(minutes=float(rng.uniform(0, 90)))
        n_firing, n_over = int(rng.integers(3, 9)), int(rng.integers(1, 5))
        over_at = began_at + n_firing * MINUTE - timedelta(seconds=float(rng.uniform(1, 50)))
        for number in range(n_firing + n_over):
            told_at = began_at + number * MINUTE
            holds_until = (over_at if number >= n_firing else told_at + _HOLDS_FOR) - behind
            looks_over = holds_until <= told_at
            alert = Alert(
                door=DOOR,
                fingerprint=SLOW_CLOCK,
                state=AlertState.RESOLVED if looks_over else AlertState.FIRING,
                title="disk of the warehouse",
                labels={"alertname": "disk"},
                starts_at=began_at - behind,
                told_at=told_at,
                ends_at=holds_until if looks_over else None,
                holds_until=holds_until,
                expires_at=None if looks_over else holds_until,
            )
            self.told.setdefault(alert_id_of(DOOR, SLOW_CLOCK), []).append(alert)
            after = told_at - self._world.clock.now() + timedelta(seconds=float(rng.uniform(0.05, 2)))
            self._world.later(after, partial(self._deliver, alert))
            if rng.random() < 0.1:  # noqa: PLR2004 - some senders try again though they were heard
                after += timedelta(seconds=float(rng.uniform(5, 400)))
                self._world.later(after, partial(self._deliver, alert))

    def _plan_condition(self, name: str) -> None:
        rng = self._rng
        at, expires = float(rng.uniform(0, 1_800)), bool(rng.random() < 0.5)  # noqa: PLR2004 - half of them
        n_times = int(rng.integers(1, 4))
        for time in range(n_times):
            self._tell(name, AlertState.FIRING, at, expires=expires)
            for _ in range(int(rng.integers(0, 4))):
                over_at = at + EXPIRES_AFTER.total_seconds()
                at += float(rng.uniform(30, 200))
                # Some are heard at the very moment at which their sender would be taken for silent.
                arrives = over_at + float(rng.uniform(-0.5, 0.5)) if expires and rng.random() < 0.3 else None  # noqa: PLR2004
                is_taken = rng.random() < 0.15  # noqa: PLR2004 - somebody takes some of them where they come from
                state = AlertState.ACKNOWLEDGED if is_taken else AlertState.FIRING
                self._tell(name, state, at, expires=expires, arrives_s=arrives)
            ends = rng.random()
            at += float(rng.uniform(5, 200))
            if ends < 0.6 or (not expires and time + 1 < n_times):  # noqa: PLR2004 - else it is heard of no more
                self._tell(name, AlertState.RESOLVED, at, expires=False)
                if rng.random() < 0.2:  # noqa: PLR2004 - some say so twice
                    self._tell(name, AlertState.RESOLVED, at + 60, expires=False)
            at += float(rng.uniform(70, 600))

    def _tell(
        self, name: str, state: AlertState, at_s: float, *, expires: bool, arrives_s: float | None = None
    ) -> None:
        """Once more of the same condition; its delivery may be late, and overtaken by the next."""
        rng = self._rng
        told_at = self._world.clock.now() + timedelta(seconds=at_s)
        alert = Alert(
            door=DOOR,
            fingerprint=name,
            state=state,
            title=f"{name} of the shop",
            labels={"alertname": name.partition("-")[0]},
            severity=Severity.SEV2,
            starts_at=told_at,
            told_at=told_at,
            ends_at=told_at if state is AlertState.RESOLVED else None,
            expires_at=told_at + EXPIRES_AFTER if expires else None,
            by="zoe" if state is AlertState.ACKNOWLEDGED else None,
        )
        self.told.setdefault(alert_id_of(DOOR, name), []).append(alert)
        late_s = rng.uniform(20, 240) if rng.random() < 0.1 else rng.uniform(0.05, 2)  # noqa: PLR2004 - few are late
        arrives_s = at_s + float(late_s) if arrives_s is None else arrives_s
        self._world.later(timedelta(seconds=arrives_s), partial(self._deliver, alert))
        if rng.random() < 0.1:  # noqa: PLR2004 - some senders try again though they were heard
            self._world.later(timedelta(seconds=at_s + float(rng.uniform(5, 400))), partial(self._deliver, alert))

    def _silence(self) -> None:
        now = self._world.clock.now()
        lasts = float(self._rng.uniform(300, 3_600))
        # What fires through it is asked about again when it ends; at that moment, others of its group begin.
        for number in range(2):
            self._tell(f"{_NAMES[0]}-{9 + number}", AlertState.FIRING, lasts - 200 * number, expires=False)
            self._tell(f"{_NAMES[0]}-{9 + number}", AlertState.RESOLVED, lasts + 300, expires=False)
        self._world.stores.silences.add(
            Silence(
                id="s-1",
                matchers=(Matcher("alertname", _NAMES[0]),),
                starts_at=now,
                ends_at=now + timedelta(seconds=lasts),
                by="user:eve",
                because="known",
                made_at=now,
            )
        )

    # What is taken.

    def _deliver(self, alert: Alert) -> None:
        """A delivery that is on the disk is taken; by a process that may die, whereupon it is taken again."""
        if self._being_taken:
            # The journal hands out one after the other.
            self._world.later(timedelta(seconds=1), partial(self._deliver, alert))
            return
        self._being_taken.append(alert)
        try:
            self._door.intake.take([Told(alerts=(alert,))])
        except CrashError:
            self._door = self._opened()
            self._world.later(timedelta(seconds=float(self._rng.uniform(1, 20))), partial(self._deliver, alert))
        except ConflictError:
            self._world.later(timedelta(seconds=1), partial(self._deliver, alert))
        finally:
            self._being_taken.pop()
        self._world.find_declared()

    def _note_taken(self) -> None:
        """What is being taken was committed."""
        alert = self._being_taken[-1]
        alert_id = alert_id_of(alert.door, alert.fingerprint)
        before = self._newest.get(alert_id)
        if before is None or alert.told_at > before:
            self._newest[alert_id] = alert.told_at
            self.counted[alert_id] += 1


class _Noting:
    """A store whose commits are counted at the moment at which they are."""

    def __init__(self, store: PagingStore, note: Callable[[], None]) -> None:
        self._store = store
        self._note = note

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def commit(self, changes: Changes) -> None:
        self._store.commit(changes)
        self._note()


def _no_doors() -> Mapping[str, Door]:
    return {}


def _no_ways(person: str, severity: Severity | None) -> tuple[Way, ...]:
    del person, severity
    return ()
