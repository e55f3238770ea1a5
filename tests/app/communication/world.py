"""An open resile whose time moves by `advance` alone, with a real mail server and a real receiver of webhooks."""

from datetime import UTC, datetime, timedelta
from email.message import EmailMessage

from resile.app.access import LOCAL, Identity
from resile.app.incidents import command_incident, declare, show_incident
from resile.app.maintenance_marks import Marking
from resile.app.notify import Notifier
from resile.app.paging_engine import handlers_of, open_outside
from resile.app.subscribers import CONFIRM_PATH
from resile.app.teller import Teller
from resile.app.telling import LANES, own_name
from resile.app.tick import Ticker
from resile.app.wiring import Resile
from resile.model.catalog import Kind
from resile.model.event import Event
from resile.model.incident import InstantName
from resile.model.lifecycle import Command, Declare, Reach
from resile.model.room import Room, room_of
from resile.model.severity import Severity
from resile.ports.account_store import Scope
from resile.ports.subscriber_book import Subscriber
from resile.testing.loopback_smtp import LoopbackSmtp
from resile.testing.simulated_clock import SimulatedClock
from resile.testing.webhook_sink import WebhookSink

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
ADDRESS = "https://status.example.org"
DOCUMENTS = {
    (Kind.PERSON, "ann"): {"contacts": [{"name": "mail", "channel": "email", "address": "ann@example.org"}]},
    (Kind.PERSON, "bob"): {"contacts": [{"name": "mail", "channel": "email", "address": "bob@example.org"}]},
    (Kind.SERVICE, "checkout"): {"title": "Checkout"},
    (Kind.SERVICE, "search"): {"title": "Search"},
}


def who(name: str) -> Identity:
    """Somebody who may write."""
    return Identity(by=f"user:{name}", name=name, scopes=frozenset({Scope.READ, Scope.WRITE}))


ANN, BOB, CLEO = who("ann"), who("bob"), who("cleo")


class World:
    """Everything at work, in one thread."""

    def __init__(self, resile: Resile, clock: SimulatedClock, mail: LoopbackSmtp, hook: WebhookSink) -> None:
        self.resile = resile
        self.clock = clock
        self.mail = mail
        self.hook = hook
        self.parts = resile.communication
        self.updates = self.parts.updates
        self.subscribers = self.parts.subscribers
        self.maintenance = self.parts.maintenance
        self.marking: Marking = self.parts.marking
        self.outside = open_outside(resile, address=ADDRESS)
        self.ticker = Ticker(resile.paging, clock, handlers_of(resile), by="engine")
        self.notifier = Notifier(
            resile.paging, resile.timelines, clock, self.outside.channels, links=self.outside.links, by="engine"
        )
        self.marking.begin()
        wanted = {key: (body, "") for key, body in DOCUMENTS.items()}
        resile.catalog.apply(LOCAL, resile.catalog.changes_to(wanted))

    def advance(self, length: timedelta) -> None:
        """Let time pass, from one thing that is due to the next."""
        until = self.clock.now() + length
        while (now := self.clock.now()) < until:
            store, tellings = self.resile.paging, self.parts.tellings
            due = [store.next_timer_at(), store.next_message_at(), *map(tellings.next_due_at, LANES)]
            later = [at for at in due if at is not None and now < at < until]
            self.clock.advance(min(later, default=until) - now)
            self.work()

    def work(self) -> None:
        """Do all that is due."""
        while self.ticker.tick() + self.notifier.send_due() + self.tell() + self.marking.step():
            pass

    def teller(self) -> Teller:
        """Another one who tells."""
        channels = self.outside.channels
        return Teller(self.parts.tellings, self.subscribers, self.clock, channels, by=own_name())

    def tell(self) -> int:
        """Tell subscribers what waits."""
        teller = self.teller()
        return sum(teller.step(channel) for channel in LANES) + self.parts.outcomes.step()

    def declare(self, severity: Severity = Severity.SEV1, *, service: str = "checkout") -> str:
        """An incident, acknowledged by ann."""
        command = Declare(title="HTTP5xxBudgetBurn on db-7", severity=severity, services=(service,))
        incident_id = declare(self.resile, command, by="user:ann").incident.id
        self.reach(incident_id, InstantName.ACKNOWLEDGED)
        return incident_id

    def reach(self, incident_id: str, name: InstantName) -> None:
        """Say that it came so far."""
        self.command(incident_id, Reach(name))

    def command(self, incident_id: str, command: Command) -> None:
        """Carry out what ann wants."""
        command_incident(self.resile, incident_id, command, by="user:ann")

    def timeline(self, incident_id: str) -> list[Event]:
        """All of it."""
        view = show_incident(self.resile, incident_id)
        assert view is not None
        return view.timeline

    def room(self, incident_id: str) -> Room:
        """Its room."""
        return room_of(self.timeline(incident_id))

    def mails(self, recipient: str) -> list[EmailMessage]:
        """What somebody got."""
        return [taken.message for taken in self.mail.taken if taken.recipient == recipient]

    def subscribe(self, address: str, *components: str) -> Subscriber:
        """Somebody subscribes by e-mail, as people do."""
        self.subscribers.ask("email", address, components, host="198.51.100.7")
        self.work()
        return self.subscribers.confirm(token_in(self.mails(address)[-1], CONFIRM_PATH))


def body_of(mail: EmailMessage) -> str:
    """Its plain text."""
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content())


def token_in(mail: EmailMessage, path: str) -> str:
    """The signed part of a link in a mail."""
    return body_of(mail).partition(f"{ADDRESS}{path}")[2].split()[0]
