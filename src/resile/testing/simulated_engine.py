"""A process of a simulation: it ticks and sends until it dies, and comes back under another name."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

from numpy.random import Generator

from resile.app.links import Links
from resile.app.notify import Notifier
from resile.app.steady_clock import SteadyClock
from resile.app.tick import Handler, Ticker
from resile.model.message import Message
from resile.ports.clock import Clock
from resile.ports.paging_store import PagingStore, TimerKind
from resile.ports.timeline_store import TimelineStore
from resile.testing.faulty_paging import CrashError, FaultyPagingStore
from resile.testing.simulated_channel import SimulatedChannel
from resile.testing.simulated_strands import Strand, Strands
from resile.testing.simulated_turns import Turns


class World(Protocol):
    """What an engine sees of the world around it."""

    @property
    def clock(self) -> "WorldClock":
        """The time of the world."""
        ...

    @property
    def strands(self) -> Strands:
        """All that is under way."""
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
        """A place at which a process may die or stand still, or others run."""
        ...

    def later(self, after: timedelta, act: Callable[[], None]) -> None:
        """Have something done after a while."""
        ...

    def note_broken_off(self, message_ids: list[str]) -> None:
        """Whoever was sending these died, or stands still for so long that it may as well have."""
        ...

    def note_jump(self) -> None:
        """A clock was set."""
        ...


class WorldClock:
    """The time of the world, which only runs forward; each process has its own sight of it.

    Args:
        pause: has whoever runs wait for so long, while others go on.
    """

    def __init__(self, now: datetime, pause: Callable[[timedelta], None]) -> None:
        self.at = now
        self._began = now
        self._pause = pause

    def now(self) -> datetime:
        """The present instant."""
        return self.at

    def sleep(self, length_s: float) -> None:
        """Return once so many seconds have passed."""
        self._pause(timedelta(seconds=length_s))

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
    """One process: it ticks and sends until it dies, and comes back under another name.

    Calls to providers overlap, as many for each channel as in the product.
    """

    def __init__(self, world: World, name: str) -> None:
        self.name = name
        self._world = world
        self._n_lives = 0
        self._n_done = 0
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
        self._notifier.gather()
        # Sent, and not yet written what came of it.
        self._unnoted: dict[str, None] = {}
        self._turns = Turns(self._begin_to_send)
        self._under_way: list[Strand] = []
        # Those that stand still with their process, in the order in which they go on.
        self._stalled: list[Strand] = []
        self.stands_still = False

    def is_up(self) -> bool:
        """Whether it runs."""
        return self._world.clock.now() >= self._down_until and not self.stands_still

    def work(self, *, limit: int) -> bool:
        """Do what is due: tick, and begin to send; whether anything was done."""
        if not self.is_up():
            return False
        self._perhaps_set_clock()
        if self._unnoted:
            self._start(self._note)
            if not self.is_up():
                return True
        told = self._due_at()
        if told is None or told > self._clock.now():
            return False
        self._n_done = 0
        self._start(partial(self._step, limit))
        return self._n_done > 0

    def _step(self, limit: int) -> None:
        """As the two loops of app/engine.py."""
        self._n_done += self._ticker.tick(limit=limit)
        while True:
            full, n_free = self._turns.room()
            claimed = self._notifier.claim(limit=n_free, but_not=full)
            self._n_done += len(claimed)
            for message in claimed:
                self._turns.submit(message)
            if len(claimed) < n_free:
                return

    def _begin_to_send(self, message: Message) -> None:
        self._start(partial(self._deliver, self._turns, message))

    def _deliver(self, turns: Turns, message: Message) -> None:
        unnoted = self._unnoted
        self._notifier.deliver(message)
        unnoted[message.id] = None
        turns.ended(message)

    def _note(self) -> None:
        """As the thread of app/noting.py: what was sent meanwhile is written together."""
        unnoted, written = self._unnoted, list(self._unnoted)
        if self._notifier.write_waiting():
            for message_id in written:
                unnoted.pop(message_id, None)

    # Dying, and standing still.

    def _start(self, act: Callable[[], None]) -> None:
        """Begin something in this process; what begins it goes on where the process still does."""
        strands = self._world.strands
        self._under_way = [one for one in self._under_way if not one.is_over]
        within = strands.running
        strands.start(self.name, partial(self._in_this_process, act))
        if within is not None and within.who == self.name:
            self.go_on()

    def _in_this_process(self, act: Callable[[], None]) -> None:
        strand = self._world.strands.running
        if strand is None:
            return
        self._under_way.append(strand)
        try:
            act()
        except CrashError:
            # One that is over already died with another, which does the rest.
            if not strand.is_over:
                self._die()

    def _die(self) -> None:
        """Nothing that is under way goes any further; it comes back after a while."""
        world = self._world
        self._turns.close()
        world.note_broken_off(self._being_sent())
        under_way, running = self._under_way, world.strands.running
        self._down_until = world.clock.now() + timedelta(seconds=float(world.rng.uniform(0.5, 90)))
        self._begin()
        for strand in under_way:
            if strand is not running:
                world.strands.end(strand)

    def _being_sent(self) -> list[str]:
        sending = [one.sending for one in self._under_way if one.sending is not None and not one.is_over]
        return [*sending, *self._unnoted]

    def stand_still(self, length: timedelta, *, breaks_off: bool) -> None:
        """Nothing in this process moves for so long, as where its machine is moved elsewhere.

        Raises:
            CrashError: it died before it went on.
        """
        world = self._world
        if breaks_off:
            world.note_broken_off(self._being_sent())
        self.stands_still = True
        world.later(length, partial(self._move_on, self._n_lives))
        # First to go on: it may hold what others need.
        self._stall(first=True)

    def _stall(self, *, first: bool) -> None:
        strand = self._world.strands.running
        if strand is not None:
            self._stalled.insert(0 if first else len(self._stalled), strand)
            self._world.strands.pause()

    def _move_on(self, life: int) -> None:
        if life != self._n_lives:
            return
        self.stands_still = False
        while self._stalled and not self.stands_still:
            self._world.strands.resume(self._stalled.pop(0))

    def go_on(self) -> None:
        """The running strand goes on, unless its process died meanwhile; where that stands still, once it moves.

        Raises:
            CrashError: it died.
        """
        strand = self._world.strands.running
        while strand is not None and self.stands_still and strand in self._under_way:
            self._stall(first=False)
        if strand is not None and strand.is_over:
            raise CrashError

    def wake(self, strand: Strand) -> None:
        """What a strand waited for has come."""
        if strand.is_over:
            return
        if self.stands_still:
            self._stalled.append(strand)
        else:
            self._world.strands.resume(strand)

    def _perhaps_set_clock(self) -> None:
        """Its clock is set, a little or an hour; not while it is sending."""
        world = self._world
        if self._unnoted or any(not one.is_over for one in self._under_way):
            return
        if world.clock.now() < world.until_calm and world.rng.random() < world.jump / 50:
            world.note_jump()
            # Several machines are kept together by NTP, as the manual asks; one alone may be an hour off.
            most_s = 3_600 if world.n_engines == 1 else 8
            self._machine.offset = timedelta(seconds=float(world.rng.uniform(-most_s, most_s)))
        elif world.clock.now() >= world.until_calm:
            self._machine.offset = timedelta(0)

    def next_at(self) -> datetime | None:
        """When it wakes next; None: when something else happens."""
        if self.stands_still:
            return None
        if not self.is_up():
            return self._down_until
        told = self._clock.now() if self._unnoted else self._due_at(but_for_full=True)
        if told is None:
            return None
        # By its own clock, which may be another than the world's; at least a little later.
        return self._world.clock.now() + max(told - self._clock.now(), timedelta(milliseconds=250))

    def _due_at(self, *, but_for_full: bool = False) -> datetime | None:
        """When there is something to do, by what is written."""
        store = self._world.store
        timer_at, message_at = store.next_timer_at(), store.next_message_at()
        if but_for_full and message_at is not None and message_at <= self._clock.now() and self._turns.room()[0]:
            # It waits for a channel that is full, and its time comes when a call ends.
            message_at = None
        return min((at for at in (timer_at, message_at) if at is not None), default=None)
