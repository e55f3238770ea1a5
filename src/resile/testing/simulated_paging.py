"""Paging as it is in the product, on a simulated clock: engines that die, providers that fail, people who sleep."""

import heapq
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from itertools import count

import numpy as np

from resile.app.catalog import Catalog
from resile.app.directory import Directory
from resile.app.growing import Growing
from resile.app.links import Deed, Links
from resile.app.paging import Paging
from resile.app.receipts import Receipts
from resile.app.tick import Handler
from resile.model.errors import ConflictError, ResileError
from resile.model.event import Event, NobodyReachable, Source
from resile.model.incident import Incident, InstantName, value_of
from resile.model.lifecycle import Reach
from resile.model.time import HOUR
from resile.ports.channel import Outgoing, Receipt
from resile.ports.clock import Clock
from resile.ports.paging_store import Changes, PagingStore, TimerKind
from resile.ports.timeline_store import TimelineStore
from resile.response.escalate import NewPage
from resile.testing.faulty_paging import CrashError, FaultyPagingStore
from resile.testing.simulated_alerts import SimulatedAlerts
from resile.testing.simulated_catalog import CHANNELS, write_catalog
from resile.testing.simulated_channel import Accepted, Arrival, Mood, SimulatedChannel
from resile.testing.simulated_engine import SimulatedEngine, WorldClock
from resile.testing.simulated_record import Chances, Record, Stores
from resile.testing.simulated_strands import Strand, Strands

BEGINS_AT = datetime(2026, 3, 2, 2, tzinfo=UTC)
# All that is declared lies within the first part; the rest is time in which everything must have come to its end.
DECLARES_WITHIN = timedelta(minutes=40)
LASTS = timedelta(hours=5)
_MAX_STEPS = 20_000
_STANDS_STILL = timedelta(seconds=5)


def _words(incident: Incident, events: Sequence[Event], page: NewPage, *, now: datetime) -> tuple[str, str]:
    del events, now
    return f"{incident.id}: {value_of(incident.title, '')}", page.why


class SimulatedPaging:
    """One world of one seed.

    Args:
        stores: empty but for their shape.
        n_engines: processes over the same store.
    """

    def __init__(self, stores: Stores, *, seed: int, n_engines: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.stores = stores
        self.clock = WorldClock(BEGINS_AT, self._pause)
        self.strands = Strands()
        self.record = Record()
        self._queue: list[tuple[datetime, int, Callable[[], None]]] = []
        self._numbers = count()
        self._depth = 0
        self._seen_until = 0
        self._followed = 0
        self.until_calm = BEGINS_AT + DECLARES_WITHIN + HOUR
        self.chances = self._chances()
        self.links = Links("https://resile.example.org", lambda: b"simulated")
        self.channels = {name: self._channel(name) for name in CHANNELS}
        self.catalog = Catalog(stores.catalog, self.clock)
        self.n_ways = write_catalog(stores.catalog, self.rng, at=BEGINS_AT)
        self.policy = self.catalog.policies()["default"]
        self.alerts = SimulatedAlerts(self, seed)
        self.engines = [SimulatedEngine(self, f"engine-{number}") for number in range(n_engines)]
        self._plan()

    def _chances(self) -> Chances:
        # A third of the worlds is calm, so that what needs no crash to go wrong is seen too.
        wild = float(self.rng.choice([0.0, 0.01, 0.04]))
        meanwhile = float(self.rng.choice([0.0, 0.05, 0.15]))
        return Chances(crash=wild, stall=wild / 4, meanwhile=meanwhile, jump=0.1 if wild else 0.0)

    def _channel(self, name: str) -> SimulatedChannel:
        return SimulatedChannel(
            name,
            self.rng,
            self.clock,
            has_receipts=bool(self.rng.random() < 0.5),  # noqa: PLR2004 - half of them
            deliver=self._arrived,
            later=self.later,
            tell=self._receipts,
            before=self._before_send,
            during=self._during_send,
            took=self._note_taken,
            after=self._after_send,
        )

    def paging(self, store: PagingStore, clock: Clock, *, is_for_batch: bool = False) -> Paging:
        """The product's paging over a sight of the store; for a batch of alerts everybody is read once."""
        look = cache(self._look) if is_for_batch else self._look
        return Paging(store, self.stores.timelines, clock, look=look, words=_words)

    def _look(self, now: datetime) -> Directory:
        return Directory(self.catalog, self.stores.catalog, now=now, verified=dict)

    def handlers(self, store: PagingStore, clock: Clock) -> Mapping[TimerKind, Handler]:
        """What one process asks when timers are due."""
        return {TimerKind.ESCALATION: self.paging(store, clock).due, **self.alerts.alerting(store, clock).handlers}

    # The world's own course.

    def later(self, after: timedelta, act: Callable[[], None]) -> None:
        """Have something done after a while."""
        heapq.heappush(self._queue, (self.clock.now() + after, next(self._numbers), act))

    def _plan(self) -> None:
        is_storm = self.rng.random() < 0.2  # noqa: PLR2004 - in some worlds everything breaks at once
        # A few bring more than a channel sends at once.
        most = 31 if self.rng.random() < 0.1 else 13  # noqa: PLR2004 - of storms, a tenth
        for _ in range(int(self.rng.integers(6, most) if is_storm else self.rng.integers(1, 5))):
            after = 60.0 if is_storm else self.rng.uniform(0, DECLARES_WITHIN.total_seconds())
            self.later(timedelta(seconds=float(after)), self._declare)
        for channel in self.channels.values():
            self.later(timedelta(0), partial(self._change_mood, channel))
        self.alerts.plan()

    def _change_mood(self, channel: SimulatedChannel) -> None:
        is_fine = self.rng.random() < 0.5 or self.clock.now() > self.until_calm  # noqa: PLR2004 - half of the time
        channel.mood = Mood.FINE if is_fine else Mood(str(self.rng.choice([str(mood) for mood in Mood])))
        self.later(timedelta(seconds=float(self.rng.uniform(30, 900))), partial(self._change_mood, channel))

    def _declare(self) -> None:
        """A person declares, by a process that may die; whoever asked then asks again."""
        store = FaultyPagingStore(self.stores.paging, partial(self.at, "web"))
        paging = self.paging(store, self.clock)
        incident_id = ""
        try:
            incident_id = paging.page("Checkout is slow", who="eve", by="user:eve")
        except CrashError:
            self.later(timedelta(seconds=1), self.find_declared)
            return
        self._declared(incident_id)

    def find_declared(self) -> None:
        """What was committed before the process died counts as declared, though nobody was told."""
        last = self.stores.timelines.last_seq()
        found = self.stores.timelines.incidents_changed(self._seen_until, last)
        self._seen_until = last
        for incident_id, events in found:
            if incident_id not in self.record.declared:
                self.record.declared[incident_id] = events[0].recorded_at
                self._perhaps_ended(incident_id, is_by_alert=events[0].by.startswith("door:"))

    def _declared(self, incident_id: str) -> None:
        # What came meanwhile may have counted it already.
        if incident_id not in self.record.declared:
            self.record.declared[incident_id] = self.clock.now()
            self._perhaps_ended(incident_id, is_by_alert=False)

    def _perhaps_ended(self, incident_id: str, *, is_by_alert: bool) -> None:
        chance = self.rng.random()
        after = timedelta(seconds=float(self.rng.uniform(10, 3_000)))
        if chance < 0.15 and not is_by_alert:  # noqa: PLR2004 - some end by themselves
            self.later(after, partial(self._restore, incident_id))
        elif chance < 0.3:  # noqa: PLR2004 - some are pushed on by a person
            self.later(after, partial(self._answer, incident_id, Deed.ESCALATE, "eve"))

    def _restore(self, incident_id: str) -> None:
        """The alert clears."""
        store = self.stores.paging
        events = self.stores.timelines.read(incident_id)
        growing = Growing(incident_id, events, now=self.clock.now(), by="door:alertmanager")
        growing.carry_out(Reach(InstantName.RESTORED), source=Source.MEASURED)
        known = store.escalations([incident_id]).get(incident_id)
        ended = self.paging(store, self.clock).following(growing, known, store.messages_of([incident_id]))
        store.commit(ended + Changes(appends=growing.appends()))

    def _arrived(self, arrival: Arrival) -> None:
        self.record.arrivals.append(arrival)
        # Many sleep on; some answer, through the link in the message or elsewhere.
        if arrival.incident_id is not None and self.rng.random() < 0.35:  # noqa: PLR2004 - a third answers
            act = partial(self._follow_link, arrival.ack_url, arrival.incident_id, arrival.person or "")
            self.later(timedelta(seconds=float(self.rng.uniform(1, 400))), act)

    def _follow_link(self, url: str | None, incident_id: str, person: str) -> None:
        if url is None or self.rng.random() < 0.3:  # noqa: PLR2004 - the terminal does as well
            self._answer(incident_id, Deed.ACKNOWLEDGE, person)
            return
        leave = self.links.read(url.rsplit("/", 1)[1], now=self.clock.now())
        self._asked(lambda receipts: receipts.by_link(leave, Deed.ACKNOWLEDGE))

    def _answer(self, incident_id: str, deed: Deed, who: str) -> None:
        def act(receipts: Receipts) -> None:
            paging = receipts.paging
            deed_of = paging.acknowledge if deed is Deed.ACKNOWLEDGE else paging.escalate
            deed_of(incident_id, who=who, by=f"user:{who}")

        self._asked(act)

    def _receipts(self, channel: str, receipts: list[Receipt]) -> None:
        self._asked(lambda taker: taker.take(channel, receipts))

    def _asked(self, act: Callable[[Receipts], object]) -> None:
        """A request to a process that may die; whoever sent it sends it again."""
        store = FaultyPagingStore(self.stores.paging, partial(self.at, "web"))
        paging = self.paging(store, self.clock)
        try:
            act(Receipts(store, self.stores.timelines, paging, self.clock))
        except CrashError:
            self.later(timedelta(seconds=float(self.rng.uniform(1, 20))), partial(self._asked, act))
        except ConflictError:
            self.later(timedelta(seconds=1), partial(self._asked, act))
        except ResileError as error:
            self.record.problems.append(f"somebody was told: {error}")

    # What happens around commits and sends.

    def at(self, who: str, place: str) -> None:
        """A place at which a process may die or stand still, or others run."""
        engine, strand = self._at_work(who)
        if place == "after commit" and strand is not None:
            # What it sent is written: whatever happens now, it is not sent again.
            strand.sending = None
        self._others_run(who, self.chances.meanwhile)
        if self.clock.now() >= self.until_calm:
            return
        if self.rng.random() < self.chances.crash:
            self.record.crashes.append((who, self.clock.now()))
            raise CrashError
        if engine is not None and self._depth == 0 and self.rng.random() < self.chances.stall:
            length = timedelta(seconds=float(self.rng.uniform(1, 90)))
            self.record.n_stalls += 1
            # What stands still for so long while sending is as one that died: its lease may run out.
            engine.stand_still(length, breaks_off=length >= _STANDS_STILL)

    def _at_work(self, who: str) -> tuple[SimulatedEngine | None, Strand | None]:
        """The engine of that name, and its strand that runs now; None: it is no engine that is at work."""
        strand = self.strands.running
        if strand is None or strand.who != who:
            return None, None
        return next(engine for engine in self.engines if engine.name == who), strand

    def _others_run(self, who: str, chance: float) -> None:
        """Perhaps others run; whoever died meanwhile goes no further."""
        if self._depth == 0 and self.rng.random() < chance:
            self._depth += 1
            try:
                self._meanwhile(who)
            finally:
                self._depth -= 1
        engine, _ = self._at_work(who)
        if engine is not None:
            engine.go_on()

    def _meanwhile(self, who: str) -> None:
        """Others run: an engine, or somebody who acknowledges."""
        others = [engine for engine in self.engines if engine.name != who and engine.is_up()]
        chance = self.rng.random()
        if others and chance < 0.4:  # noqa: PLR2004 - of engines, what comes anyway, and people
            others[int(self.rng.integers(len(others)))].work(limit=3)
            return
        soon = self.clock.now() + timedelta(minutes=2)
        if chance < 0.7 and self._queue and self._queue[0][0] <= soon:  # noqa: PLR2004 - as above
            heapq.heappop(self._queue)[2]()
            return
        if self.record.declared:
            ids = sorted(self.record.declared)
            self._answer(ids[int(self.rng.integers(len(ids)))], Deed.ACKNOWLEDGE, "eve")

    def _before_send(self, outgoing: Outgoing) -> None:
        if self.pages_nobody(outgoing.id, outgoing.incident_id):
            self.record.handed_after_ack.append(outgoing.id)
        self.record.called.setdefault(outgoing.id, self.clock.now())
        strand = self.strands.running
        if strand is not None:
            strand.sending = outgoing.id

    def _during_send(self) -> None:
        """Others run while a call takes its time."""
        self._others_run(self.engine_at_work, 10 * self.chances.meanwhile)

    def _note_taken(self, outgoing: Outgoing) -> None:
        self.record.accepted.append(
            Accepted(
                message_id=outgoing.id,
                incident_id=outgoing.incident_id,
                at=self.clock.now(),
                engine=self.engine_at_work,
            )
        )

    def _after_send(self) -> None:
        self.at(self.engine_at_work, "after send")

    @property
    def engine_at_work(self) -> str:
        """Who is sending."""
        strand = self.strands.running
        return "" if strand is None else strand.who

    def pages_nobody(self, message_id: str, incident_id: str | None) -> bool:
        """Whether nobody is to be paged for what a message is about, as the timelines say at this moment."""
        from resile.testing.paging_invariants import pages  # noqa: PLC0415 - that module reads this one

        ids = [incident_id] if incident_id is not None else []
        ids += [one.incident_id for one in self.stores.paging.bundled_into(message_id) if one.incident_id is not None]
        return bool(ids) and not any(pages(one, self.stores.timelines.read(one)) for one in ids)

    # Time.

    def _pause(self, length: timedelta) -> None:
        """Have whoever runs wait for so long, while others go on."""
        engine, strand = self._at_work(self.engine_at_work)
        if engine is None or strand is None:
            self.clock.at += length
            return
        self.later(length, partial(engine.wake, strand))
        self.strands.pause()

    def run(self) -> Record:
        """Let everything happen, until long after the last bound."""
        try:
            self._run()
        finally:
            self.strands.close()
        self.find_declared()
        return self.record

    def _run(self) -> None:
        ends_at = BEGINS_AT + LASTS
        for _ in range(_MAX_STEPS):
            self._work()
            if self.record.n_jumps:
                self._note_unreachable()
            next_at = self._next_at()
            if next_at is None or next_at > ends_at:
                break
            self.clock.at = max(self.clock.at, next_at)
            while self._queue and self._queue[0][0] <= self.clock.at:
                heapq.heappop(self._queue)[2]()
        else:
            self.record.problems.append("the simulation did not come to rest")

    def _work(self) -> None:
        """Engines, in any order, until none has anything to do."""
        for _ in range(200):
            order = self.rng.permutation(len(self.engines))
            did = [self.engines[int(place)].work(limit=12) for place in order]
            if not any(did):
                return
        self.record.problems.append(f"engines were never done at {self.clock.now()}")

    def _next_at(self) -> datetime | None:
        told = [self._queue[0][0]] if self._queue else []
        told += [at for engine in self.engines if (at := engine.next_at()) is not None]
        return min(told, default=None)

    @property
    def store(self) -> PagingStore:
        """What outlives every process."""
        return self.stores.paging

    @property
    def timelines(self) -> TimelineStore:
        """As store."""
        return self.stores.timelines

    @property
    def jump(self) -> float:
        """How often an engine's clock is set."""
        return self.chances.jump

    @property
    def n_engines(self) -> int:
        """How many there are."""
        return len(self.engines)

    def note_jump(self) -> None:
        """A clock was set: from now on the times that are told need not be the world's."""
        if not self.record.n_jumps:
            self._followed = self.stores.timelines.last_seq()
        self.record.n_jumps += 1

    def _note_unreachable(self) -> None:
        """When in the world it was told that nobody is reachable, whatever clock told it."""
        for stored in self.stores.timelines.follow(self._followed):
            self._followed = stored.seq
            if isinstance(stored.event, NobodyReachable):
                self.record.unreachable_at[stored.incident_id, stored.event.id] = self.clock.now()

    def note_broken_off(self, message_ids: list[str]) -> None:
        """Whoever was sending these may send them again, or others."""
        self.record.broken_off.update(message_ids)

    def n_unreachable(self) -> int:
        """How often it was declared that nobody is reachable."""
        told = self.stores.timelines.read_many(sorted(self.record.declared)).values()
        return sum(isinstance(event, NobodyReachable) for events in told for event in events)
