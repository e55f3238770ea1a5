"""A night with an engine, people and channels, on a clock that stands still until it is told otherwise."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from resile.app.access import LOCAL, Identity
from resile.app.catalog import Catalog
from resile.app.directory import Directory
from resile.app.growing import Growing
from resile.app.links import Links
from resile.app.notify import Notifier
from resile.app.paging import Paging
from resile.app.receipts import Receipts
from resile.app.tick import Ticker
from resile.model.event import Event, Paged, PageMoved
from resile.model.incident import Incident
from resile.model.message import Message
from resile.model.policy import Throttle
from resile.ports.catalog import Writing
from resile.ports.channel import ChannelKind, Handed, Outgoing, Receipt
from resile.ports.paging_store import Changes, PagingStore, TimerKind
from resile.ports.timeline_store import TimelineStore
from resile.response.escalate import NewPage
from resile.testing.memory_catalog import MemoryCatalogStore
from resile.testing.memory_paging import MemoryPagingStore
from resile.testing.memory_store import MemoryTimelineStore
from resile.testing.simulated_clock import SimulatedClock

NIGHT = datetime(2026, 3, 2, 3, tzinfo=UTC)
LOCAL_IDENTITY: Identity = LOCAL


class FakeChannel:
    """A channel that keeps what it is handed, and fails as it is told."""

    def __init__(self, name: str) -> None:
        self.kind = ChannelKind(name=name, title=name, address_words="anything")
        self.sent: list[Outgoing] = []
        self.fault: Exception | None = None
        self.handed = Handed()

    def address(self, text: str) -> str:
        return text

    def send(self, outgoing: Outgoing, *, timeout_s: float) -> Handed:
        del timeout_s
        if self.fault is not None:
            raise self.fault
        self.sent.append(outgoing)
        return self.handed

    def receipts(self, headers: Mapping[str, str], query: Mapping[str, str], body: bytes, *, url: str) -> list[Receipt]:
        del headers, query, body, url
        return []

    def check(self, *, timeout_s: float) -> None:
        del timeout_s


def person(*channels: str, rules: Sequence[Mapping[str, Any]] = (), **also: Any) -> dict[str, Any]:
    """A person's document with a contact on each channel."""
    contacts = [{"name": channel, "channel": channel, "address": f"{channel}:x"} for channel in channels]
    return {"contacts": contacts, **({"rules": list(rules)} if rules else {}), **also}


def policy(*steps: tuple[str, str], repeat: int = 0, last: str = "5m") -> dict[str, Any]:
    """A policy of (target, after)."""
    return {"steps": [{"page": [target], "after": after} for target, after in steps], "repeat": repeat, "last": last}


TWO_PEOPLE: dict[tuple[str, str], dict[str, Any]] = {
    ("person", "ann"): person("push", "sms"),
    ("person", "bob"): person("push"),
    ("policy", "default"): policy(("person/ann", "0"), ("person/bob", "5m")),
}


def wait_until(holds: Callable[[], bool]) -> None:
    """Until it holds, which it must soon."""
    ends_at = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < ends_at, "it never came to pass"
        threading.Event().wait(0.01)


class Night:
    """Everything that pages, over stores in memory unless others are given."""

    def __init__(
        self,
        documents: Mapping[tuple[str, str], dict[str, Any]] = TWO_PEOPLE,
        *,
        stores: tuple[PagingStore, TimelineStore] | None = None,
        throttles: Mapping[str, Throttle] | None = None,
    ) -> None:
        self.clock = SimulatedClock(NIGHT)
        if stores is None:
            memory = MemoryTimelineStore()
            stores = MemoryPagingStore(memory), memory
        self.store, self.timelines = stores
        self.documents = MemoryCatalogStore()
        self.catalog = Catalog(self.documents, self.clock)
        self.write(documents)
        self.verified: dict[str, frozenset[str]] = {}
        self.channels = {name: FakeChannel(name) for name in ("push", "sms", "mail")}
        self.paging = Paging(self.store, self.timelines, self.clock, look=self._look, words=_words)
        self.receipts = Receipts(self.store, self.timelines, self.paging, self.clock)
        self.links = Links("https://resile.example.org", lambda: b"night")
        self.ticker = Ticker(self.store, self.clock, {TimerKind.ESCALATION: self.paging.due}, by="engine")
        self.notifier = Notifier(
            self.store,
            self.timelines,
            self.clock,
            self.channels,
            links=self.links,
            by="engine",
            throttles=throttles,
        )

    def _look(self, now: datetime) -> Directory:
        return Directory(self.catalog, self.documents, now=now, verified=lambda: self.verified)

    def write(self, documents: Mapping[tuple[str, str], dict[str, Any]]) -> None:
        stood = {(one.kind, one.name): one.number for one in self.documents.newest()}
        writings = [
            Writing(kind=kind, name=name, body=body, expected=stood.get((kind, name), 0))
            for (kind, name), body in documents.items()
        ]
        self.documents.write(writings, at=self.clock.now(), by="user:ann")

    def page(self, text: str = "Checkout is slow", **asked: Any) -> str:
        """Somebody pages by hand."""
        incident_id = self.paging.page(text, who="eve", by="user:eve", **asked)
        self.work()
        return incident_id

    def work(self) -> None:
        """Everything that is due now."""
        for _ in range(100):
            if not self.ticker.tick() + self.notifier.send_due():
                return
        raise AssertionError("it never came to rest")

    def advance(self, length: timedelta) -> None:
        """Let time pass, doing what falls due on the way."""
        ends_at = self.clock.now() + length
        while True:
            self.work()
            due = [at for at in (self.store.next_timer_at(), self.store.next_message_at()) if at is not None]
            next_at = min(due, default=ends_at)
            if next_at >= ends_at:
                break
            self.clock.advance(max(next_at - self.clock.now(), timedelta(milliseconds=1)))
        self.clock.advance(ends_at - self.clock.now())
        self.work()

    def sent(self) -> list[tuple[str, str]]:
        """Who got what, on which channel, in the order of the timeline's pages."""
        return [(one.person or "", name) for name, channel in self.channels.items() for one in channel.sent]

    def paged(self, incident_id: str = "INC-1") -> list[str]:
        """Whom the timeline says to be paged, in order."""
        return [event.person for event in self.events(incident_id) if isinstance(event, Paged)]

    def events(self, incident_id: str = "INC-1") -> list[Event]:
        return self.timelines.read(incident_id)

    def kinds(self, incident_id: str = "INC-1") -> list[str]:
        return [type(event).__name__ for event in self.events(incident_id)]

    def moves(self, incident_id: str = "INC-1") -> list[str]:
        return [event.state for event in self.events(incident_id) if isinstance(event, PageMoved)]

    def messages(self, incident_id: str = "INC-1") -> list[Message]:
        return self.store.messages_of([incident_id])


def _words(incident: Incident, events: Sequence[Event], page: NewPage, *, now: datetime) -> tuple[str, str]:
    return f"{incident.id} {incident.title.value if incident.title else ''}", page.why


def command(night: Night, told: object, incident_id: str = "INC-1") -> None:
    """As the terminal, the API and pages carry a command out."""
    growing = Growing(incident_id, night.events(incident_id), now=night.clock.now(), by="user:eve")
    growing.carry_out(told)  # type: ignore[arg-type]
    known = night.store.escalations([incident_id])[incident_id]
    ended = night.paging.following(growing, known, night.messages(incident_id))
    night.store.commit(ended + Changes(appends=growing.appends()))
