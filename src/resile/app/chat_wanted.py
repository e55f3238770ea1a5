"""Which incidents are to have a room: what happens is followed, and rooms are written down to be made or looked at."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from resile.app.chat_settings import WhichIncidents
from resile.model.chat import ChatRoom
from resile.model.errors import ConfigError
from resile.model.event import Declared, Event, Exclusion
from resile.model.incident import Incident, fold, labels_of, value_of
from resile.model.phases import instants
from resile.model.room_event import ChatClosed, ChatOpened, Said
from resile.ports.chat_book import ChatBook
from resile.ports.clock import Clock
from resile.ports.delivery_store import DeliveryStore
from resile.ports.timeline_store import StoredEvent, TimelineStore

if TYPE_CHECKING:
    from resile.app.wiring import Resile

AT_ONCE = 500
BY_ITSELF = "resile"
_NOBODYS = frozenset({Exclusion.DRILL, Exclusion.TEST})
# Our own doing: nothing in a room changes by it.
_OURS = (ChatOpened, ChatClosed, Said)
# After a crash so many events are looked at again, which changes nothing.
_WRITE_EVERY = 1_000


class _Place(Struct, frozen=True):
    """How far timelines were followed; `since`: what began before is none of a room's business."""

    seq: int
    since: datetime


class Wanted:
    """Follows timelines for one chat program."""

    def __init__(
        self,
        program: str,
        which: WhichIncidents,
        *,
        book: ChatBook,
        timelines: TimelineStore,
        deliveries: DeliveryStore,
        clock: Clock,
    ) -> None:
        self._program = program
        self._which = which
        self._book = book
        self._timelines = timelines
        self._deliveries = deliveries
        self._clock = clock
        self._place: _Place | None = None
        self._written = 0

    @property
    def seq(self) -> int:
        """Up to where was looked."""
        return self._begun().seq

    def _begun(self) -> _Place:
        if self._place is None:
            kept = self._deliveries.cursor(f"chat/{self._program}")
            if kept is None:
                self._place = _Place(self._timelines.last_seq(), self._clock.now())
                self._write(self._place)
            else:
                self._place = msgspec.json.decode(kept, type=_Place)
                self._written = self._place.seq
        return self._place

    def _write(self, place: _Place) -> None:
        self._deliveries.set_cursor(f"chat/{self._program}", msgspec.json.encode(place))
        self._written = place.seq

    def step(self) -> int:
        """Look at a portion of what happened; how many events it was.

        Raises:
            StoreError: the stores cannot be read or written; the portion is looked at again.
        """
        place = self._begun()
        stored = self._timelines.follow(place.seq, limit=AT_ONCE)
        if not stored:
            return 0
        has_rooms = self._look_at(stored, place.since)
        self._place = after = _Place(stored[-1].seq, place.since)
        if has_rooms or after.seq - self._written >= _WRITE_EVERY:
            self._write(after)
        return len(stored)

    def _look_at(self, stored: Sequence[StoredEvent], since: datetime) -> bool:
        ids = list(dict.fromkeys(one.incident_id for one in stored if not isinstance(one.event, _OURS)))
        now = self._clock.now()
        wanted = False
        for incident_id, timeline in self._timelines.read_many(ids).items():
            if not is_wanted(self._which, fold(incident_id, timeline), timeline, since=since):
                continue
            if self._book.room(self._program, incident_id) is None:
                room = ChatRoom(program=self._program, incident_id=incident_id, wanted_by=BY_ITSELF, due_at=now)
                wanted = self._book.want(room) or wanted
        self._book.wake(self._program, ids, now=now)
        return wanted


def is_wanted(which: WhichIncidents, incident: Incident, timeline: Sequence[Event], *, since: datetime) -> bool:
    """Whether an incident is to have a room by itself: an open one, declared since then, of those that are meant."""
    known = instants(incident)
    is_over = known.restored is not None or known.closed is not None
    if not incident.exists or is_over or value_of(incident.merged_into, None) is not None:
        return False
    if value_of(incident.exclusion, None) in _NOBODYS or not _is_new(timeline, since):
        return False
    services, team, labels = value_of(incident.services, ()), value_of(incident.team, None), labels_of(incident)
    return (
        value_of(incident.severity, None) in which.severities
        and (not which.services or not set(which.services).isdisjoint(services))
        and (not which.teams or team in which.teams)
        and all(labels.get(name) == value for name, value in which.labels.items())
    )


def _is_new(timeline: Sequence[Event], since: datetime) -> bool:
    """Histories that are imported tell of what is long past."""
    declared = next((event for event in timeline if isinstance(event, Declared)), None)
    return declared is not None and declared.at >= since


def want_room(resile: "Resile", incident_id: str, *, by: str, program: str | None = None) -> str:
    """Have a room made for an incident because somebody says so, or made anew; a sentence or two for them.

    Args:
        program: where; None: wherever incidents have channels.

    Raises:
        ConfigError: there is no such incident, or no chat program in which it could have one.
    """
    there_are = [one for one in makers(resile) if program in (None, one)]
    if not there_are:
        raise ConfigError("no chat program is set up; write [chat.slack] into resile.toml, see docs/how-to/chat.md")
    if not resile.timelines.read(incident_id):
        raise ConfigError(f"incident {incident_id[:80]} is not known; check its id")
    return " ".join(_wanted_in(resile, one, incident_id, by=by) for one in there_are)


def makers(resile: "Resile") -> list[str]:
    """Chat programs in which each incident has a channel of its own."""
    slack, teams = resile.settings.chat.slack, resile.settings.chat.teams
    return [*(["slack"] if slack is not None else []), *(["teams"] if teams is not None and teams.app else [])]


def _wanted_in(resile: "Resile", program: str, incident_id: str, *, by: str) -> str:
    now = resile.clock.now()
    room = resile.chats.room(program, incident_id)
    if room is None:
        resile.chats.want(ChatRoom(program=program, incident_id=incident_id, wanted_by=by, due_at=now))
    elif room.ref is not None and not room.is_archived and not room.is_left:
        return f"{incident_id} has a channel: #{room.name}."
    else:
        resile.chats.ask_again(program, incident_id, by=by, now=now)
    return f"{incident_id}: its channel is being made."
