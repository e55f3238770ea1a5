"""A timeline with what is about to be appended to it: several decisions that make one append."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from resile.model.event import Event, PagingEvent, Source
from resile.model.history import event_id
from resile.model.incident import Incident, evolve, fold
from resile.model.lifecycle import Command, decide
from resile.model.room import Room, room_of
from resile.model.room_lifecycle import RoomCommand, decide_room
from resile.ports.timeline_store import Append


class Growing:
    """One incident's timeline while it is decided what to append.

    Attributes:
        incident: as it is with everything that was told so far.
        new: events told so far.
    """

    def __init__(self, incident_id: str, timeline: Sequence[Event], *, now: datetime, by: str) -> None:
        self.incident: Incident = fold(incident_id, timeline)
        self.timeline = list(timeline)
        self.new: list[Event] = []
        self.now = now
        self.by = by

    @property
    def incident_id(self) -> str:
        """Whose timeline it is."""
        return self.incident.id

    @property
    def events(self) -> list[Event]:
        """All events, those about to be appended too."""
        return [*self.timeline, *self.new]

    @property
    def room(self) -> Room:
        """Its room with everything that was told so far."""
        return room_of(self.events)

    def tell(
        self,
        kind: type[Event] | type[PagingEvent],
        *,
        at: datetime | None = None,
        source: Source = Source.MEASURED,
        **fields: Any,
    ) -> None:
        """Add an event of a kind, without asking whether it fits the incident's state."""
        told: Any = kind(
            id=event_id(self.incident.n_events + 1),
            at=self.now if at is None else at,
            recorded_at=self.now,
            by=self.by,
            source=source,
            **fields,
        )
        self._take(told)

    def carry_out(
        self,
        command: Command | RoomCommand,
        *,
        at: datetime | None = None,
        source: Source = Source.HUMAN,
        by: str | None = None,
    ) -> list[Event]:
        """Add the events that a command becomes.

        Raises:
            TransitionError: the incident's state does not allow it.
        """
        stamp: dict[str, Any] = {"now": self.now, "by": by or self.by, "at": at, "source": source}
        if isinstance(command, RoomCommand):
            told = decide_room(self.incident, self.room, command, **stamp)
        else:
            told = decide(self.incident, command, **stamp)
        for event in told:
            self._take(event)
        return told

    def _take(self, event: Event) -> None:
        self.new.append(event)
        self.incident = evolve(self.incident, event)

    def appends(self, *, is_checked: bool = False) -> tuple[Append, ...]:
        """What is to be appended; nothing where nothing was told.

        Args:
            is_checked: append nothing then, but insist that nobody else did meanwhile.
        """
        if not self.new and not (is_checked and self.timeline):
            return ()
        return (Append(self.incident.id, len(self.timeline), tuple(self.new)),)
