"""Subscribers, what they are told, and maintenance windows in memory: whole stores for tests, gone with them."""

import threading
from collections import Counter
from collections.abc import Collection, Sequence
from datetime import datetime

from msgspec.structs import replace

from resile.model.errors import ConflictError
from resile.ports.maintenance_book import Window
from resile.ports.subscriber_book import Ask, AskCounts, Subscriber
from resile.ports.telling_store import Copy, CopyState, Done, Telling, TellingCounts, TellingKind

_OPEN = frozenset({CopyState.QUEUED, CopyState.SENDING})
_Key = tuple[str, str]


class MemorySubscriberBook:
    """The SubscriberBook in memory."""

    def __init__(self) -> None:
        self.guard = threading.RLock()
        self.subscribers: dict[str, Subscriber] = {}
        self._asks: dict[str, Ask] = {}

    def asks_since(self, since: datetime, *, address_digest: bytes, host_digest: bytes) -> AskCounts:
        """How many asks there were since then."""
        with self.guard:
            late = [one for one in self._asks.values() if one.asked_at > since]
        sent = [one for one in late if one.is_sent]
        return AskCounts(
            of_address=sum(one.address_digest == address_digest for one in sent),
            of_host=sum(one.host_digest == host_digest for one in late),
            of_all=len(sent),
        )

    def add_ask(self, ask: Ask) -> None:
        """Note that somebody asked."""
        with self.guard:
            self._asks[ask.id] = ask

    def ask(self, ask_id: str) -> Ask | None:
        """The ask of that id."""
        with self.guard:
            return self._asks.get(ask_id)

    def let_go_asks(self, before: datetime) -> None:
        """Forget those that were made before."""
        with self.guard:
            self._asks = {name: one for name, one in self._asks.items() if one.asked_at >= before}

    def confirm(self, subscriber: Subscriber) -> Subscriber:
        """Make it a subscriber, or renew the one of that address."""
        whose = (subscriber.channel, subscriber.address)
        with self.guard:
            known = next((one for one in self.subscribers.values() if (one.channel, one.address) == whose), None)
            kept = subscriber if known is None else replace(subscriber, id=known.id)
            self.subscribers[kept.id] = kept
            return kept

    def subscriber(self, subscriber_id: str) -> Subscriber | None:
        """The one of that id."""
        with self.guard:
            return self.subscribers.get(subscriber_id)

    def remove(self, subscriber_id: str) -> bool:
        """Forget it."""
        with self.guard:
            gone = self.subscribers.pop(subscriber_id, None)
            if gone is None:
                return False
            for one in list(self._asks.values()):
                if (one.channel, one.address) == (gone.channel, gone.address):
                    self._asks[one.id] = replace(one, address="", expires_at=one.asked_at)
            return True

    def listed(self, *, after: str = "", limit: int = 1_000) -> Sequence[Subscriber]:
        """By id, those after one."""
        with self.guard:
            return [one for name, one in sorted(self.subscribers.items()) if name > after][:limit]

    def n_hearing(self, components: Collection[str]) -> int:
        """How many are told of what touches some components."""
        wanted = frozenset(components)
        with self.guard:
            told = [one for one in self.subscribers.values() if one.is_told]
        return sum(not wanted or not one.components or not wanted.isdisjoint(one.components) for one in told)

    def count(self) -> tuple[int, int]:
        """How many are told, and how many were put aside."""
        with self.guard:
            told = sum(one.is_told for one in self.subscribers.values())
            return told, len(self.subscribers) - told


class MemoryTellingStore:
    """The TellingStore in memory.

    Args:
        book: whose subscribers are told.
    """

    def __init__(self, book: MemorySubscriberBook) -> None:
        self._book = book
        self._guard = book.guard
        self._tellings: dict[str, Telling] = {}
        self._copies: dict[_Key, Copy] = {}
        # Called back while they were leaving.
        self._leaving: set[_Key] = set()

    def spread(self, telling: Telling) -> int:
        """Note it, with one copy for each subscriber who wants it."""
        wanted = frozenset(telling.components)
        with self._guard:
            if telling.id in self._tellings:
                return 0
            self._tellings[telling.id] = replace(telling, calls_back=(), is_for_told=False)
            heard = self._called_back(telling)
            who = [
                one
                for one in self._book.subscribers.values()
                if one.is_told
                and (not wanted or not one.components or not wanted.isdisjoint(one.components))
                and (one.id in heard or not telling.is_for_told)
            ]
            for one in who:
                self._put(
                    Copy(
                        telling_id=telling.id,
                        subscriber_id=one.id,
                        channel=one.channel,
                        address=one.address,
                        first_due_at=telling.made_at,
                        due_at=telling.made_at,
                    )
                )
            return len(who)

    def _called_back(self, telling: Telling) -> set[str]:
        """Call back what a telling does; who may have heard of it."""
        for name in telling.calls_back:
            known = self._tellings.get(name)
            at = telling.made_at
            if known is None:
                known = Telling(id=name, kind=telling.kind, title="", text="", made_at=at, told_at=at)
            elif telling.is_for_told:
                known = replace(known, title="", text="", body="{}")
            self._tellings[name] = known
        its = [one for one in self._copies.values() if one.telling_id in telling.calls_back]
        for one in its:
            if one.state is CopyState.QUEUED:
                gone = {"address": "", "lease_by": None, "lease_until": None}
                self._put(replace(one, state=CopyState.CALLED_BACK, **gone))
            elif one.state is CopyState.SENDING:
                self._leaving.add(_key(one))
        heard = {CopyState.SENDING, CopyState.HANDED, CopyState.UNCERTAIN}
        return {one.subscriber_id for one in its if one.state in heard}

    def ask_for(self, telling: Telling, copy: Copy) -> None:
        """Note one with its only copy."""
        with self._guard:
            if telling.id not in self._tellings:
                self._tellings[telling.id] = telling
                self._put(copy)

    def claim(self, channel: str, *, now: datetime, until: datetime, by: str, limit: int) -> list[Copy]:
        """Copies that are due and nobody's, held by `by` until then."""
        with self._guard:
            free = [
                one
                for one in self._copies.values()
                if one.channel == channel
                and one.state is CopyState.QUEUED
                and one.due_at <= now
                and (one.lease_until is None or one.lease_until <= now)
            ]
            free.sort(key=lambda one: (one.due_at, one.telling_id, one.subscriber_id))
            held = [replace(one, lease_by=by, lease_until=until) for one in free[:limit]]
            for one in held:
                self._put(one)
            return held

    def begin(self, copy: Copy, *, done: Done | None, most_bounces: int, now: datetime) -> bool:
        """Write what came of the one before, and that this one is leaving."""
        with self._guard:
            if done is not None:
                self._finish(done, most_bounces, now)
            known = self._copies.get(_key(copy))
            if known is None or known.state is not CopyState.QUEUED or known.lease_by != copy.lease_by:
                return False
            if known.lease_until is None or known.lease_until <= now:
                return False
            whose = self._book.subscribers.get(copy.subscriber_id)
            is_ask = self._tellings[copy.telling_id].kind is TellingKind.CONFIRM
            if not is_ask and (whose is None or not whose.is_told):
                error = "left, or was put aside, before"
                self._put(replace(known, state=CopyState.FAILED, error=error, address=""))
                return False
            self._put(replace(known, state=CopyState.SENDING, n_tries=known.n_tries + 1))
            return True

    def finish(self, done: Sequence[Done], *, most_bounces: int, now: datetime) -> None:
        """Write what came of some."""
        with self._guard:
            for one in done:
                self._finish(one, most_bounces, now)

    def _finish(self, done: Done, most_bounces: int, now: datetime) -> None:
        known = self._copies.get(_key(done.copy))
        if known is None or known.state is not CopyState.SENDING or known.lease_by != done.copy.lease_by:
            return
        state = done.state
        if state is CopyState.QUEUED and _key(known) in self._leaving:
            state = CopyState.CALLED_BACK
        is_over = state is not CopyState.QUEUED
        self._put(
            replace(
                known,
                state=state,
                error=done.error,
                lease_by=None,
                lease_until=None,
                due_at=known.due_at if is_over else done.due_at or now,
                address="" if is_over else known.address,
            )
        )
        whose = self._book.subscribers.get(done.copy.subscriber_id)
        if whose is None:
            return
        if done.state is CopyState.HANDED:
            self._book.subscribers[whose.id] = replace(
                whose, n_bounced=0, because="" if whose.n_bounced else whose.because
            )
        elif done.is_bounce:
            n_bounced = whose.n_bounced + 1
            aside = now if n_bounced >= most_bounces else whose.put_aside_at
            self._book.subscribers[whose.id] = replace(
                whose, n_bounced=n_bounced, because=done.error, put_aside_at=aside
            )

    def give_back(self, copies: Sequence[Copy]) -> None:
        """Let others take what was claimed and not begun."""
        with self._guard:
            for copy in copies:
                known = self._copies[_key(copy)]
                if known.state is CopyState.QUEUED and known.lease_by == copy.lease_by:
                    self._put(replace(known, lease_by=None, lease_until=None))

    def close_gaps(self, now: datetime, *, limit: int = 500) -> list[Copy]:
        """Copies that were leaving when their lease ran out become UNCERTAIN."""
        with self._guard:
            gaps = [
                one
                for _, one in sorted(self._copies.items())
                if one.state is CopyState.SENDING and one.lease_until is not None and one.lease_until <= now
            ][:limit]
            error = "whoever sent it died meanwhile; it is not sent again"
            for one in gaps:
                fields = {"lease_by": None, "lease_until": None, "address": "", "error": error}
                self._put(replace(one, state=CopyState.UNCERTAIN, **fields))
            return gaps

    def over(self, *, limit: int = 50) -> list[tuple[Telling, TellingCounts]]:
        """Tellings that came to their end and were not noted as told."""
        with self._guard:
            waits = {one.telling_id for one in self._copies.values() if one.state in _OPEN}
            found = [one for one in self._tellings.values() if one.told_at is None and one.id not in waits]
            found.sort(key=lambda one: (one.made_at, one.id))
            return [(one, self.counts([one.id])[one.id]) for one in found[:limit]]

    def note_told(self, telling_id: str, now: datetime) -> None:
        """Note that it came to its end."""
        with self._guard:
            self._tellings[telling_id] = replace(self._tellings[telling_id], told_at=now)

    def telling(self, telling_id: str) -> Telling | None:
        """The one of that id."""
        with self._guard:
            return self._tellings.get(telling_id)

    def counts(self, telling_ids: Sequence[str]) -> dict[str, TellingCounts]:
        """How far each has come."""
        with self._guard:
            found = {}
            for name in telling_ids:
                if name in self._tellings:
                    states = Counter(one.state.value for one in self._copies.values() if one.telling_id == name)
                    found[name] = TellingCounts(**states)
            return found

    def holders(self) -> list[str]:
        """By whom copies are held."""
        with self._guard:
            return sorted(
                {one.lease_by for one in self._copies.values() if one.state in _OPEN and one.lease_by is not None}
            )

    def cut_short(self, by: str, now: datetime) -> None:
        """End the leases of one who is no more."""
        with self._guard:
            for one in list(self._copies.values()):
                if one.state in _OPEN and one.lease_by == by:
                    self._put(replace(one, lease_until=now))

    def next_due_at(self, channel: str) -> datetime | None:
        """When the next copy is due, or the next lease of one runs out."""
        with self._guard:
            return min(
                (
                    one.lease_until or one.due_at
                    for one in self._copies.values()
                    if one.channel == channel and one.state in _OPEN
                ),
                default=None,
            )

    def let_go(self, before: datetime, *, limit: int = 1_000) -> int:
        """Forget tellings that were over before then, with their copies."""
        with self._guard:
            gone = [one.id for one in self._tellings.values() if one.told_at is not None and one.told_at < before]
            for name in gone[:limit]:
                del self._tellings[name]
            self._copies = {key: one for key, one in self._copies.items() if key[0] in self._tellings}
            return len(gone[:limit])

    def _put(self, copy: Copy) -> None:
        self._copies[_key(copy)] = copy


class MemoryMaintenanceBook:
    """The MaintenanceBook in memory."""

    def __init__(self) -> None:
        self._guard = threading.RLock()
        self._windows: dict[str, Window] = {}
        self._marks: dict[str, str] = {}

    def window(self, window_id: str) -> Window | None:
        """The one of that id."""
        with self._guard:
            return self._windows.get(window_id)

    def windows(self, *, since: datetime, until: datetime | None = None, limit: int = 500) -> Sequence[Window]:
        """Those that end, or ended, after then, by their beginning."""
        with self._guard:
            found = [
                one
                for one in self._windows.values()
                if one.over_at > since and (until is None or one.starts_at <= until)
            ]
        return sorted(found, key=lambda one: (one.starts_at, one.id))[-limit:]

    def write(self, window: Window) -> None:
        """Make one, or change it on the version before."""
        with self._guard:
            known = self._windows.get(window.id)
            if window.version != (1 if known is None else known.version + 1):
                raise ConflictError(f"maintenance {window.id} was changed meanwhile; look again and repeat")
            self._windows[window.id] = window

    def mark(self, window_id: str, incident_id: str) -> None:
        """Note that an incident is marked for a window."""
        with self._guard:
            self._marks[incident_id] = window_id

    def marked(self, window_id: str) -> Sequence[str]:
        """The incidents that are marked for a window."""
        with self._guard:
            return sorted(name for name, whose in self._marks.items() if whose == window_id)


def _key(copy: Copy) -> _Key:
    return copy.telling_id, copy.subscriber_id
