"""A forge on this machine, and stores that it is imported into."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import SecretStr

from resile.app.import_deliveries import DeliveryListeners, DeliverySummary, import_deliveries
from resile.model.change import Deployment, PullRequest
from resile.model.draft import incident_id_of
from resile.model.event import kind_of
from resile.model.incident import Incident, fold
from resile.ports.delivery_source import Cursors, DeliveryKind, DeliveryOptions, DeliveryReading, DeliverySource
from resile.testing.memory_deliveries import MemoryDeliveryStore
from resile.testing.memory_store import MemoryTimelineStore
from resile.testing.simulated_clock import SimulatedClock
from tests.sources.forges.faulty import FaultyForge

NOW = datetime(2024, 3, 1, tzinfo=UTC)


class KilledError(BaseException):
    """The process is gone."""


class Dying:
    """A source whose process is killed after so many readings."""

    def __init__(self, source: DeliverySource, n_readings: int) -> None:
        self._source = source
        self._n_readings = n_readings

    def read(self, target: str, cursors: Cursors) -> Iterator[DeliveryReading]:
        for number, reading in enumerate(self._source.read(target, cursors)):
            if number == self._n_readings:
                raise KilledError
            yield reading


class ForgeWorld:
    """One import after the other from one server.

    Attributes:
        target: what is imported unless something else is said.
    """

    target = "acme/platform/shop"

    def __init__(self, kind: DeliveryKind, server: FaultyForge, clock: SimulatedClock, token: str) -> None:
        self.kind = kind
        self.server = server
        self.clock = clock
        self.token = token
        self.deliveries = MemoryDeliveryStore()
        self.timelines = MemoryTimelineStore()
        self.said: list[str] = []

    @property
    def host(self) -> str | None:
        """What --host is given; None: nothing."""
        return self.server.address

    def take(self, target: str | None = None, *, killed_after: int | None = None, **options: Any) -> DeliverySummary:
        """Import what is new; what was asked for before is forgotten.

        Args:
            killed_after: so many readings, which then are stored or not.
        """
        self.server.asked.clear()
        self.clock.advance(timedelta(minutes=1))
        given = DeliveryOptions(**{"host": self.host, "token": SecretStr(self.token), **options})
        listeners = DeliveryListeners(progress=lambda progress: self.said.append(progress.says))
        source = self.kind.open(given, self.clock)
        return import_deliveries(
            source if killed_after is None else Dying(source, killed_after),
            target or self.target,
            deliveries=self.deliveries,
            timelines=self.timelines,
            clock=self.clock,
            listeners=listeners,
        )

    def deployment(self, name: str) -> Deployment:
        found = self.deliveries.deployment(name)
        assert found is not None
        return found

    def pull_request(self, name: str) -> PullRequest:
        found = self.deliveries.pull_request(name)
        assert found is not None
        return found

    def timeline(self, origin: str, ref: str) -> list[tuple[str, datetime]]:
        """What an incident's timeline tells now, after its declaration."""
        incident_id = incident_id_of(origin, ref)
        return [(kind_of(event), event.at) for event in self.timelines.read(incident_id)][1:]

    def incident(self, origin: str, ref: str) -> Incident:
        incident_id = incident_id_of(origin, ref)
        return fold(incident_id, self.timelines.read(incident_id))
