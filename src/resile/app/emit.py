"""Events for other systems: what happens to incidents is queued for each of them, at least once and in order.

Each system has a place in the order of all events up to which it was told. What is queued is named by the event's
place, so that queueing it twice, after a crash or by two servers, makes one message.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct

from resile.app.emitted_cdevents import CONTENT_TYPE, cdevent_of
from resile.app.following import Following
from resile.app.happened import Happened, happenings
from resile.app.outward_settings import EmitSettings
from resile.model.incident import value_of
from resile.model.message import Message, MessageClass, message_id_of
from resile.model.time import format_instant
from resile.ports.clock import Clock
from resile.ports.delivery_store import DeliveryStore
from resile.ports.paging_store import Changes, PagingStore
from resile.ports.timeline_store import StoredEvent, TimelineStore

CHANNEL = "emit"
AT_ONCE = 500
# Where nothing was to be told, the place is written only so often: after a crash so many events are looked at again.
_WRITE_EVERY = 1_000


class _Place(Struct, frozen=True):
    """How far a system was told; `since`: what happened before is none of its business."""

    seq: int
    since: datetime


def name_of(sink: EmitSettings) -> str:
    """A system's name: of its address and kind, neither of which it gives away."""
    return hashlib.sha256(f"{sink.kind}\0{sink.url}".encode()).hexdigest()[:16]


class Emitter:
    """Queues what happened for other systems.

    Args:
        source: URI reference of this resile.
        page: the address of an incident's page; None: people cannot reach it.
    """

    def __init__(
        self,
        timelines: TimelineStore,
        paging: PagingStore,
        deliveries: DeliveryStore,
        clock: Clock,
        sinks: Sequence[EmitSettings],
        *,
        source: str,
        page: Callable[[str], str | None],
    ) -> None:
        self._timelines = timelines
        self._paging = paging
        self._deliveries = deliveries
        self._clock = clock
        self._sinks = {name_of(sink): sink for sink in sinks}
        self._source = source
        self._page = page
        self._places: dict[str, _Place] = {}
        self._written: dict[str, int] = {}

    def begin(self) -> int:
        """Find, or set, each system's place; the place of the one that was told least.

        Raises:
            StoreError: the stores cannot be read or written.
        """
        for name in self._sinks:
            if name not in self._places:
                kept = self._deliveries.cursor(f"emit/{name}")
                if kept is None:
                    place = _Place(self._timelines.last_seq(), self._clock.now())
                    self._write(name, place)
                else:
                    place = msgspec.json.decode(kept, type=_Place)
                self._places[name] = place
                self._written[name] = place.seq
        return min((place.seq for place in self._places.values()), default=0)

    def step(self) -> int:
        """Queue a portion of what happened for each system; how many events were looked at.

        Raises:
            StoreError: the stores cannot be read or written; what was not queued is looked at again.
        """
        self.begin()
        return sum(self._step(name, sink) for name, sink in self._sinks.items())

    def _step(self, name: str, sink: EmitSettings) -> int:
        place = self._places[name]
        stored = self._timelines.follow(place.seq, limit=AT_ONCE)
        if not stored:
            return 0
        messages = tuple(self._messages(name, sink, place, stored))
        if messages:
            self._paging.commit(Changes(messages=messages))
        after = _Place(stored[-1].seq, place.since)
        self._places[name] = after
        if messages or after.seq - self._written[name] >= _WRITE_EVERY:
            self._write(name, after)
        return len(stored)

    def _write(self, name: str, place: _Place) -> None:
        self._deliveries.set_cursor(f"emit/{name}", msgspec.json.encode(place))
        self._written[name] = place.seq

    def _messages(
        self, name: str, sink: EmitSettings, place: _Place, stored: Sequence[StoredEvent]
    ) -> Iterator[Message]:
        wanted = {(one.incident_id, one.version) for one in stored}
        timelines = self._timelines.read_many(list(dict.fromkeys(one.incident_id for one in stored)))
        order = {(one.incident_id, one.version): one.seq for one in stored}
        found: list[tuple[int, Message]] = []
        for incident_id, timeline in timelines.items():
            before: str | None = None
            for told in happenings(incident_id, timeline):
                body = self._body(name, sink, told) if told.event.at >= place.since else None
                if body is None:
                    continue
                message = self._message(name, told, *body, before=before)
                before = message.id
                if (incident_id, told.version) in wanted:
                    found.append((order[incident_id, told.version], message))
        yield from (message for _, message in sorted(found, key=lambda one: one[0]))

    def _body(self, name: str, sink: EmitSettings, told: Happened) -> tuple[Mapping[str, Any], str] | None:
        """What it is told, and of which content type; None: it does not hear of this."""
        if sink.events and told.name not in sink.events:
            return None
        event_id, url = _id_of(name, told), self._page(told.incident.id)
        if sink.kind == "webhook":
            return _webhook(told, event_id=event_id, url=url), "application/json"
        event = cdevent_of(told, event_id=event_id, source=self._source, environment=sink.environment, url=url)
        return None if event is None else (event, CONTENT_TYPE)

    def _message(
        self, name: str, told: Happened, body: Mapping[str, Any], content_type: str, *, before: str | None
    ) -> Message:
        now = self._clock.now()
        extra = {"body": msgspec.json.encode(body).decode(), "content_type": content_type}
        return Message(
            id=_id_of(name, told),
            message_class=MessageClass.EMITTED,
            channel=CHANNEL,
            # By its name: in the address there may be a secret.
            address=name,
            title=f"{told.incident.id} {told.name}",
            text="",
            queued_at=now,
            due_at=now,
            extra=extra if before is None else {**extra, "after": before},
        )


def _id_of(name: str, told: Happened) -> str:
    return message_id_of("emit", name, told.incident.id, told.version)


def _webhook(told: Happened, *, event_id: str, url: str | None) -> dict[str, Any]:
    incident, severity = told.incident, value_of(told.incident.severity, None)
    services: tuple[str, ...] = value_of(incident.services, ())
    return {
        "type": f"incident.{told.name}",
        "id": event_id,
        "timestamp": format_instant(told.event.at),
        "data": {
            "incident": incident.id,
            "version": told.version,
            "title": value_of(incident.title, ""),
            "severity": None if severity is None else severity.value,
            "services": list(services),
            "team": value_of(incident.team, None),
            "by": told.event.by,
            "url": url,
            **told.more,
        },
    }


class Emitting(Following):
    """The emitter for as long as the server runs, in a thread of its own."""

    def __init__(self, emitter: Emitter, timelines: TimelineStore) -> None:
        super().__init__("emit", emitter.step, lambda most_s: timelines.wait(emitter.begin(), most_s))
