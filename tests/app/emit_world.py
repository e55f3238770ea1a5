"""A system that hears of incidents, on this machine, and what queues and sends events for it."""

from datetime import UTC, datetime, timedelta
from typing import Any

from resile.app.emit import CHANNEL, Emitter
from resile.app.growing import Growing
from resile.app.notify import Notifier
from resile.app.outward_settings import EmitSettings
from resile.app.sinks import Sinks
from resile.channels.registry import open_channels
from resile.model.event import Event, Source
from resile.model.incident import InstantName
from resile.model.lifecycle import Command, Declare, Reach
from resile.model.message import Message, MessageClass
from resile.model.severity import Severity
from resile.testing.memory_deliveries import MemoryDeliveryStore
from resile.testing.memory_paging import MemoryPagingStore
from resile.testing.memory_store import MemoryTimelineStore
from resile.testing.simulated_clock import SimulatedClock
from resile.testing.webhook_sink import WebhookSink

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105 - of a test
RESTORED, CLOSED = Reach(InstantName.RESTORED), Reach(InstantName.CLOSED)


class World:
    """Stores in memory, a system that listens on this machine, and time that moves by `advance` alone."""

    def __init__(self, sink: WebhookSink, kind: str = "webhook", **fields: Any) -> None:
        self.clock = SimulatedClock(NOW)
        self.timelines = MemoryTimelineStore()
        self.paging = MemoryPagingStore(self.timelines)
        self.deliveries = MemoryDeliveryStore()
        self.sink = sink
        self.settings = EmitSettings(url=f"{sink.address}/hook/secret", kind=kind, **fields)  # type: ignore[arg-type]
        self.emitter = self.another()
        webhook = open_channels(
            {"webhook": {"secret": SECRET}}, clock=self.clock, allowed=["127.0.0.1"], key=lambda: b"key"
        )["webhook"]
        channels = {CHANNEL: Sinks(webhook, [self.settings])}
        self.notifier = Notifier(self.paging, self.timelines, self.clock, channels, links=None, by="engine")

    def another(self) -> Emitter:
        """A process that knows what is written, and nothing else."""
        return Emitter(
            self.timelines,
            self.paging,
            self.deliveries,
            self.clock,
            [self.settings],
            source="https://resile.example.org",
            page=lambda name: f"https://resile.example.org/incidents/{name}",
        )

    def does(self, incident_id: str, *commands: Command, at: datetime | None = None, by: str = "user:ann") -> None:
        growing = Growing(incident_id, self.timelines.read(incident_id), now=self.clock.now(), by=by)
        source = Source.HUMAN if by.startswith("user:") else Source.MEASURED
        for command in commands:
            growing.carry_out(command, at=at, source=source)
        self.timelines.append(growing.appends())

    def tells(self, incident_id: str, kind: type[Event], **fields: Any) -> None:
        growing = Growing(incident_id, self.timelines.read(incident_id), now=self.clock.now(), by="resile")
        growing.tell(kind, **fields)
        self.timelines.append(growing.appends())

    def emit(self) -> None:
        while self.emitter.step():
            pass

    def send(self) -> None:
        while self.notifier.send_due():
            pass

    def advance(self, length: timedelta) -> None:
        until = self.clock.now() + length
        while self.clock.now() < until:
            self.clock.advance(min(timedelta(seconds=15), until - self.clock.now()))
            self.send()

    def queued(self) -> list[Message]:
        return self.paging.recent_messages(message_class=MessageClass.EMITTED, limit=1_000)

    def told(self) -> list[Any]:
        return [request.json() for request in self.sink.requests]


def declared(title: str = "Checkout is slow", **fields: Any) -> Declare:
    return Declare(title=title, severity=Severity.SEV2, services=("checkout", "cart"), **fields)
