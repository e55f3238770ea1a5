"""One look at an incident's channel in a chat program: how it stands, what is written down of it, and what failed."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import replace

from resile.channels.refusals import WordedRefusalError
from resile.model.chat import ChatRoom
from resile.model.errors import DeliveryError
from resile.model.event import Event
from resile.model.incident import Incident, fold, value_of
from resile.model.phases import instants
from resile.ports.channel import RefusedError
from resile.ports.chat_book import ChatBook, Held
from resile.ports.clock import Clock

# Longer than any step takes; each step renews it. Who dies holding a room holds it up for so long.
LEASE = timedelta(seconds=45)
# What a program says of a channel that is closed to us.
GONE = frozenset({"channel_not_found", "is_archived", "not_in_channel"})
# What is forgotten of a channel that is not to be used any more.
NOTHING_MADE: Mapping[str, Any] = {
    "ref": None, "tried": "", "tried_at": None, "has_purpose": False, "card": None, "card_tried_at": None,
    "card_shows": "", "topic_shows": "", "is_pinned": False, "handled": (), "is_archived": False,
}  # fmt: skip


class Turn:
    """One look at a room, while it is held; `room` is what is written down of it."""

    def __init__(self, book: ChatBook, clock: Clock, held: Held, timeline: Sequence[Event]) -> None:
        self._book = book
        self._clock = clock
        self.held = held
        self.timeline = timeline
        self.incident: Incident = fold(held.room.incident_id, timeline)
        # What was not taken, where the rest could go on; and when to look again, though nothing happens.
        self.faults: list[DeliveryError] = []
        self.again_at: datetime | None = None

    @property
    def room(self) -> ChatRoom:
        """As it is written down."""
        return self.held.room

    @property
    def ref(self) -> str:
        """The program's name of it; empty before it is made."""
        return self.room.ref or ""

    @property
    def is_over(self) -> bool:
        """Whether nobody needs the room any more."""
        is_merged = value_of(self.incident.merged_into, None) is not None
        return is_merged or instants(self.incident).closed is not None

    @contextmanager
    def apart(self) -> Iterator[None]:
        """What is not taken within holds up nothing that comes after it, unless nothing at all is taken."""
        try:
            yield
        except WordedRefusalError as error:
            if error.code in GONE or not error.is_of_this_alone:
                raise
            self.faults.append(error)

    @property
    def is_limited(self) -> bool:
        """Whether something is only put off: it is taken in a moment."""
        return any(isinstance(one, RefusedError) and not one.is_final for one in self.faults)

    def keep(self, **changes: Any) -> None:
        """Write down a step, or nothing but that it goes on."""
        until = self._clock.now() + LEASE
        self.held = self._book.keep(self.held, replace(self.room, **changes), until=until)
