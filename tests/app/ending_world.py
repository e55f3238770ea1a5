"""An open resile from alert to closed, whose time moves from one thing that is due to the next."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from resile.app.access import LOCAL
from resile.app.alert_intake import Told
from resile.app.incidents import IncidentView, command_incident, show_incident
from resile.app.notify import Notifier
from resile.app.paging_engine import handlers_of
from resile.app.tick import Ticker
from resile.app.wiring import Resile
from resile.model.alert import Alert, AlertState
from resile.model.catalog import Kind
from resile.model.event import Event
from resile.model.lifecycle import Command
from resile.model.room_lifecycle import RoomCommand
from resile.model.severity import Severity
from resile.model.time import MINUTE
from resile.ports.channel import ChannelKind, Handed, Outgoing, Receipt
from resile.testing.simulated_clock import SimulatedClock

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
MAIL = {"name": "mail", "channel": "email", "address": "ann@example.org"}
RING = {"name": "phone", "channel": "voice", "address": "+15550100"}
DOCUMENTS: dict[tuple[Kind, str], dict[str, Any]] = {
    (Kind.PERSON, "ann"): {"contacts": [RING, MAIL]},
    (Kind.PERSON, "bob"): {"contacts": [{**MAIL, "address": "bob@example.org"}], "user": "robert"},
    (Kind.POLICY, "default"): {"steps": [{"page": ["person/ann"]}]},
}


class Mailbox:
    """A channel that keeps what it was handed."""

    def __init__(self, name: str) -> None:
        self.kind = ChannelKind(name=name, title=name, address_words="an address")
        self.taken: list[Outgoing] = []

    def address(self, text: str) -> str:
        return text

    def send(self, outgoing: Outgoing, *, timeout_s: float) -> Handed:
        del timeout_s
        self.taken.append(outgoing)
        return Handed()

    def receipts(self, headers: Mapping[str, str], query: Mapping[str, str], body: bytes, *, url: str) -> list[Receipt]:
        del headers, query, body, url
        return []

    def check(self, *, timeout_s: float) -> None:
        del timeout_s


class EndingWorld:
    """Everything that an incident's story needs."""

    def __init__(self, resile: Resile, clock: SimulatedClock) -> None:
        self.resile = resile
        self.clock = clock
        self.channels = {name: Mailbox(name) for name in ("email", "voice")}
        self.ticker = Ticker(resile.paging, clock, handlers_of(resile), by="engine")
        self.notifier = Notifier(resile.paging, resile.timelines, clock, self.channels, links=None, by="engine")
        catalog = resile.catalog
        catalog.apply(LOCAL, catalog.changes_to({key: (body, "") for key, body in DOCUMENTS.items()}))

    def work(self) -> None:
        """Do what is due now."""
        while self.ticker.tick() + self.notifier.send_due():
            pass

    def advance(self, length: timedelta) -> None:
        """Let time pass, from one thing that is due to the next."""
        until = self.clock.now() + length
        self.work()
        while True:
            due = [at for at in (self.resile.paging.next_timer_at(), self.resile.paging.next_message_at()) if at]
            following = min(due, default=until)
            if following >= until:
                break
            self.clock.advance(max(following - self.clock.now(), timedelta(milliseconds=1)))
            self.work()
        self.clock.advance(max(until - self.clock.now(), timedelta()))
        self.work()

    def alert(self, state: AlertState, severity: Severity, name: str = "errors") -> None:
        """An alert of the shop is told, a second before the next thing happens."""
        now = self.clock.now()
        alert = Alert(
            door="alertmanager",
            fingerprint=name,
            state=state,
            title="Checkout fails",
            service="shop",
            severity=severity,
            starts_at=now,
            told_at=now,
            ends_at=now if state is AlertState.RESOLVED else None,
        )
        self.resile.alerting.intake.take([Told(alerts=(alert,))])
        self.advance(timedelta(seconds=1))

    def do(self, *commands: Command | RoomCommand, by: str = "user:ann", incident_id: str = "INC-1") -> IncidentView:
        """Somebody does something, a minute after each other."""
        for command in commands:
            view = command_incident(self.resile, incident_id, command, by=by)
            self.advance(MINUTE)
        return view

    def view(self, incident_id: str = "INC-1") -> IncidentView:
        """The incident as it stands."""
        found = show_incident(self.resile, incident_id)
        assert found is not None
        return found

    def told(self, kind: type[Event], incident_id: str = "INC-1") -> list[Any]:
        """The events of a kind."""
        return [event for event in self.view(incident_id).timeline if isinstance(event, kind)]

    def mails(self) -> Sequence[str]:
        """Titles of what went out by mail."""
        return [one.title for one in self.channels["email"].taken]
