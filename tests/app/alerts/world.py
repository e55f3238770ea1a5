"""A resile that takes alerts, on a clock that stands still: told as stories."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from resile.app.access import Identity
from resile.app.alert_intake import Told
from resile.app.alert_parts import alerting_over
from resile.app.alerts import AlertQuestions, AlertRow
from resile.app.catalog import Catalog
from resile.app.contacts import Contacts
from resile.app.directory import Directory
from resile.app.growing import Growing
from resile.app.paging import Paging
from resile.app.tick import Ticker
from resile.model.alert import Alert, AlertState, alert_id_of
from resile.model.event import Event
from resile.model.incident import Incident, InstantName, fold, value_of
from resile.model.lifecycle import Command, Reach, decide
from resile.model.phases import instants
from resile.model.severity import Severity
from resile.ports.account_store import Scope
from resile.ports.catalog import CatalogStore, Writing
from resile.ports.door_book import Door
from resile.ports.paging_store import Changes, PagingStore, TimerKind
from resile.ports.silence_book import SilenceBook
from resile.ports.timeline_store import Append, TimelineStore
from resile.response.escalate import NewPage
from resile.testing.memory_contacts import MemoryContactBook
from resile.testing.simulated_clock import SimulatedClock

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
ANN = Identity(by="user:ann", name="ann", scopes=frozenset({Scope.READ, Scope.WRITE}))
FIRING, RESOLVED, ACKNOWLEDGED = AlertState.FIRING, AlertState.RESOLVED, AlertState.ACKNOWLEDGED


class AlertWorld:
    """Stores, use cases, and what a story says of them."""

    def __init__(
        self, paging: PagingStore, timelines: TimelineStore, catalog: CatalogStore, silences: SilenceBook
    ) -> None:
        self.clock = SimulatedClock(NOON)
        self.paging, self.timelines, self.documents, self.book = paging, timelines, catalog, silences
        self.catalog = Catalog(catalog, self.clock)
        self.doors: dict[str, Door] = {}
        self.pager = Paging(paging, timelines, self.clock, look=self._look, words=plain_words)
        self.parts = alerting_over(
            paging,
            timelines,
            silences,
            catalog=self.catalog,
            doors=lambda: self.doors,
            pages=self.paging_now,
            ways=Contacts(self.catalog, MemoryContactBook(), paging, self.clock).ways_for,
            clock=self.clock,
        )
        self.questions = AlertQuestions(paging)
        handlers = {**self.parts.handlers, TimerKind.ESCALATION: self.pager.due}
        self.ticker = Ticker(paging, self.clock, handlers, by="test")
        self.write("person", "ann", contacts=[{"name": "mail", "channel": "email", "address": "ann@example.org"}])
        self.write("policy", "default", steps=[{"page": ["person/ann"]}])

    def paging_now(self) -> Paging:
        """Paging that reads the catalog once, as the product has it for a batch."""
        return Paging(self.paging, self.timelines, self.clock, look=cache(self._look), words=plain_words)

    def _look(self, now: datetime) -> Directory:
        return Directory(self.catalog, self.documents, now=now, verified=dict)

    def write(self, kind: str, name: str, **body: Any) -> None:
        """Write a document of the catalog."""
        known = self.documents.document(kind, name)
        expected = 0 if known is None else known.number
        self.documents.write(
            [Writing(kind=kind, name=name, body=body, expected=expected)], at=self.clock.now(), by="user:ann"
        )

    def take_out(self, kind: str, name: str) -> None:
        """Take a document out of the catalog."""
        known = self.documents.document(kind, name)
        assert known is not None
        writing = Writing(kind=kind, name=name, body=None, expected=known.number)
        self.documents.write([writing], at=self.now(), by="user:ann")

    def now(self) -> datetime:
        """The present instant."""
        return self.clock.now()

    def pass_by(self, length: timedelta) -> None:
        """Let time pass, minute by minute, and do what is due."""
        ends = self.now() + length
        self.tick()
        while self.now() < ends:
            self.clock.advance(min(timedelta(minutes=1), ends - self.now()))
            self.tick()

    def tick(self) -> None:
        """Do what is due now."""
        while self.ticker.tick():
            pass

    def alert(self, name: str = "errors", state: AlertState = FIRING, **more: Any) -> Alert:
        """An alert of the service shop, told now."""
        more = {"service": "shop", "severity": Severity.SEV2, "starts_at": self.now(), "told_at": self.now(), **more}
        if state is RESOLVED:
            more.setdefault("ends_at", more["told_at"])
        more.setdefault("fingerprint", name)
        return Alert(door=more.pop("door", "alertmanager"), state=state, title=name, **more)

    def tell(self, *alerts: Alert) -> None:
        """Take them in, each in a delivery of its own; time goes on a second, so that no two tellings are one."""
        self.parts.intake.take([Told(alerts=(alert,)) for alert in alerts])
        self.clock.advance(timedelta(seconds=1))

    def fires(self, name: str = "errors", **more: Any) -> str | None:
        """An alert fires; its incident's id."""
        alert = self.alert(name, **more)
        self.tell(alert)
        return self.row(alert).incident_id

    def clears(self, name: str = "errors", **more: Any) -> None:
        """An alert is resolved."""
        self.tell(self.alert(name, RESOLVED, **more))

    def row(self, alert: Alert | str) -> AlertRow:
        """An alert as lists show it."""
        if isinstance(alert, str):
            alert = self.alert(alert)
        view = self.questions.one(alert_id_of(alert.door, alert.fingerprint))
        assert view is not None
        return view.alert

    def why(self, name: str) -> dict[str, str]:
        """What each stage said of an alert when it was last decided."""
        alert = self.alert(name)
        view = self.questions.one(alert_id_of(alert.door, alert.fingerprint))
        assert view is not None
        return {said.stage: said.reason for said in view.decisions[0].stages}

    def incident(self, incident_id: str | None) -> Incident:
        """An incident as it stands."""
        assert incident_id is not None
        return fold(incident_id, self.timelines.read(incident_id))

    def is_over(self, incident_id: str | None) -> bool:
        """Whether it was restored."""
        return instants(self.incident(incident_id)).restored is not None

    def told(self, incident_id: str | None, kind: type[Event]) -> list[Any]:
        """The events of a kind on its timeline."""
        assert incident_id is not None
        return [event for event in self.timelines.read(incident_id) if isinstance(event, kind)]

    def append(self, incident_id: str | None, command: Command) -> None:
        """Somebody does something to an incident."""
        assert incident_id is not None
        timeline = self.timelines.read(incident_id)
        events = decide(fold(incident_id, timeline), command, now=self.now(), by="user:ann")
        self.timelines.append([Append(incident_id, len(timeline), tuple(events))])

    def restores(self, incident_id: str | None) -> None:
        """Somebody restores an incident, and paging ends with it."""
        assert incident_id is not None
        growing = Growing(incident_id, self.timelines.read(incident_id), now=self.now(), by="user:ann")
        growing.carry_out(Reach(InstantName.RESTORED))
        known = self.paging.escalations([incident_id]).get(incident_id)
        changes = self.pager.following(growing, known, self.paging.messages_of([incident_id]))
        self.paging.commit(changes + Changes(appends=growing.appends()))

    def n_incidents(self) -> int:
        """How many there are."""
        return self.timelines.n_incidents()

    def pages(self) -> list[str]:
        """For which incidents pages were queued, in order."""
        return [one.incident_id or "" for one in reversed(self.paging.recent_messages(limit=1_000))]


def committing(store: PagingStore, before: Callable[[Changes], None]) -> PagingStore:
    """The same store, where something happens before each commit."""

    class Watched:
        def __getattr__(self, name: str) -> Any:
            return getattr(store, name)

        def commit(self, changes: Changes) -> None:
            before(changes)
            store.commit(changes)

    return Watched()  # type: ignore[return-value]


def all_events(world: AlertWorld) -> Sequence[tuple[str, Event]]:
    """Everything that was ever told."""
    return [(one.incident_id, one.event) for one in world.timelines.follow(0)]


def plain_words(incident: Incident, events: Sequence[Event], page: NewPage, *, now: datetime) -> tuple[str, str]:
    """Title and text: what is wrong, how bad, where, and why this person is called."""
    del events, now
    title = value_of(incident.title, "") or incident.id
    severity = value_of(incident.severity, None)
    services = ", ".join(() if incident.services is None else incident.services.value)
    told = [f"{incident.id}: {title}."]
    told += [f"Severity {severity}."] if severity is not None else []
    told += [f"Affected: {services}."] if services else []
    told.append(f"You are paged because: {page.why}.")
    return title, " ".join(told)
