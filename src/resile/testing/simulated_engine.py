"""A process of a simulation: it ticks and sends until it dies, and comes back under another name."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

from numpy.random import Generator

from resile.app.links import Links
from resile.app.notify import Notifier
from resile.app.steady_clock import SteadyClock
from resile.app.tick import Handler, Ticker
from resile.ports.clock import Clock
from resile.ports.paging_store import PagingStore, TimerKind
from resile.ports.timeline_store import TimelineStore
from resile.testing.faulty_paging import CrashError, FaultyPagingStore
from resile.testing.simulated_channel import SimulatedChannel


class World(Protocol):
    """What an engine sees of the world around it."""

    engine_at_work: str

    @property
    def clock(self) -> "WorldClock":
        """The time of the world."""
        ...

    @property
    def rng(self) -> Generator:
        """Where chance comes from."""
        ...

    @property
    def channels(self) -> Mapping[str, SimulatedChannel]:
        """Providers, by name."""
        ...

    @property
    def links(self) -> Links:
        """What messages lead to."""
        ...

    @property
    def until_calm(self) -> datetime:
        """When nothing dies any more."""
        ...

    @property
    def store(self) -> PagingStore:
        """What outlives every process."""
        ...

    @property
    def timelines(self) -> TimelineStore:
        """As store."""
        ...

    @property
    def jump(self) -> float:
        """How often an engine's clock is set."""
        ...

    @property
    def n_engines(self) -> int:
        """How many there are."""
        ...

    def handlers(self, store: PagingStore, clock: Clock) -> Mapping[TimerKind, Handler]:
        """What is asked when timers are due, over a sight of the store."""
        ...

    def at(self, who: str, place: str) -> None:
        """A place at which a process may die, or others run."""
        ...

    def note_crash(self, engine: str) -> None:
        """It died."""
        ...

    def note_done(self, engine: str) -> None:
        """It sends nothing now."""
        ...

    def note_jump(self) -> None:
        """A clock was set."""
        ...


class WorldClock:
    """The time of the world, which only runs forward; each process has its own sight of it."""

    def __init__(self, now: datetime) -> None:
        self.at = now
        self._began = now

    def now(self) -> datetime:
        """The present instant."""
        return self.at

    def sleep(self, length_s: float) -> None:
        """Let so many seconds pass."""
        self.at += timedelta(seconds=length_s)

    def elapsed_s(self) -> float:
        """Seconds since it began."""
        return (self.at - self._began).total_seconds()


class _Skewed:
    """A machine's clock, which somebody may set."""

    def __init__(self, world: WorldClock) -> None:
        self._world = world
        self.offset = timedelta(0)

    def now(self) -> datetime:
        return self._world.now() + self.offset


class SimulatedEngine:
    """One process: it ticks and sends until it dies, and comes back under another name."""

    def __init__(self, world: World, name: str) -> None:
        self.name = name
        self._world = world
        self._n_lives = 0
        self._down_until = world.clock.now()
        self._machine = _Skewed(world.clock)
        self._begin()

    def _begin(self) -> None:
        world = self._world
        self._n_lives += 1
        by = f"{self.name}.{self._n_lives}"
        clock = SteadyClock(self._machine, world.clock.elapsed_s)
        self._clock = clock
        store = FaultyPagingStore(world.store, partial(world.at, self.name))
        self._ticker = Ticker(store, clock, world.handlers(store, clock), by=by)
        channels: Mapping[str, SimulatedChannel] = world.channels
        self._notifier = Notifier(store, world.timelines, clock, channels, links=world.links, by=by)

    def is_up(self) -> bool:
        """Whether it runs."""
        return self._world.clock.now() >= self._down_until

    def work(self, *, limit: int) -> bool:
        """Tick and send; whether anything was done."""
        world = self._world
        if not self.is_up():
            return False
        self._perhaps_set_clock()
        told = self._due_at()
        if told is None or told > self._clock.now():
            return False
        before, world.engine_at_work = world.engine_at_work, self.name
        try:
            n_done = self._ticker.tick(limit=limit)
            n_done += self._notifier.send_due(limit=limit)
        except CrashError:
            world.note_crash(self.name)
            self._down_until = world.clock.now() + timedelta(seconds=float(world.rng.uniform(0.5, 90)))
            self._begin()
            return False
        finally:
            world.note_done(self.name)
            world.engine_at_work = before
        return n_done > 0

    def _perhaps_set_clock(self) -> None:
        """Its clock is set, a little or an hour; not while it is sending."""
        world = self._world
        if world.clock.now() < world.until_calm and world.rng.random() < world.jump / 50:
            world.note_jump()
            # Several machines are kept together by NTP, as the manual asks; one alone may be an hour off.
            most_s = 3_600 if world.n_engines == 1 else 8
            self._machine.offset = timedelta(seconds=float(world.rng.uniform(-most_s, most_s)))
        elif world.clock.now() >= world.until_calm:
            self._machine.offset = timedelta(0)

    def next_at(self) -> datetime | None:
        """When it wakes next."""
        if not self.is_up():
            return self._down_until
        told = self._due_at()
        if told is None:
            return None
        # By its own clock, which may be another than the world's; at least a little later.
        return self._world.clock.now() + max(told - self._clock.now(), timedelta(milliseconds=250))

    def _due_at(self) -> datetime | None:
        """When there is something to do, by what is written."""
        store = self._world.store
        return min((at for at in (store.next_timer_at(), store.next_message_at()) if at is not None), default=None)
