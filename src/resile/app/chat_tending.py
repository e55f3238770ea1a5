"""Incidents' channels in a chat program are tended: claimed one by one, brought up to date, put off on faults."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import msgspec
import structlog
from msgspec.structs import replace

from resile.app.chat_card import card_of
from resile.app.chat_inbox import Inbox
from resile.app.chat_turn import LEASE, Turn
from resile.app.chat_wanted import BY_ITSELF
from resile.app.growing import Growing
from resile.app.staying_clear import watched_until
from resile.app.wiring import Resile
from resile.channels.refusals import WordedRefusalError
from resile.channels.slack_room_card import Card
from resile.model.chat import ChatRoom
from resile.model.errors import ConflictError, DeliveryError, StoreError
from resile.model.room_event import ChatClosed, ChatOpened
from resile.ports.channel import RefusedError
from resile.ports.paging_store import Changes

SYSTEM = "resile"
# A card changes no more often: Slack takes fifty changes a minute from all channels together.
CARD_EVERY = timedelta(seconds=3)
_TRIES = 20
# Of people, so many are invited in one turn: each may take a while.
_INVITED_AT_ONCE = 10
_FIRST_REST = timedelta(seconds=2)
_LONGEST_REST = timedelta(minutes=1)
# What a program will not do until somebody changes something. Where only a part of it is refused, such as the pin, the
# room rests no longer than _LONGEST_REST: nobody hurries one that rests, and people talk in it.
_FINAL_REST = timedelta(minutes=10)
_MOST_WITHIN = timedelta(hours=1)
_log = structlog.get_logger()


class FullError(DeliveryError):
    """So many channels were made lately that the next one has to wait."""


class Tender(ABC):
    """Tends the rooms of a chat program. Several may be at work, in several processes.

    Args:
        by: who this is; no two alike.
    """

    def __init__(self, resile: Resile, program: str, inbox: Inbox, *, by: str) -> None:
        self._resile = resile
        self._book = resile.chats
        self._program = program
        self._inbox = inbox
        self._by = by

    @abstractmethod
    def _tend(self, turn: Turn) -> bool:
        """Do what is to be done; whether there is more.

        Raises:
            DeliveryError: it is put off.
        """

    @abstractmethod
    def _bring_in(self, turn: Turn, person: str) -> None:
        """Bring somebody in, as far as the program knows them."""

    def _card(self, turn: Turn) -> Card:
        """What the card says now."""
        incident_id = turn.room.incident_id
        url = self._resile.links.incident(incident_id) if self._resile.settings.base_url is not None else None
        until = watched_until(self._resile.paging, incident_id)
        return card_of(incident_id, turn.incident, turn.timeline, watched_until=until, url=url)

    def _rests(self, turn: Turn) -> bool:
        """Whether the card changed a moment ago; it is looked at again then."""
        now, changed_at = self._resile.clock.now(), turn.room.card_at
        if changed_at is None or changed_at + CARD_EVERY <= now or turn.is_over:
            return False
        turn.again_at = changed_at + CARD_EVERY
        return True

    def tend_next(self) -> bool:
        """Tend the room that is due the longest; False: none is due.

        Raises:
            StoreError: the store failed; the room is tended again when its lease runs out.
        """
        now = self._resile.clock.now()
        held = self._book.claim(self._program, now=now, until=now + LEASE, by=self._by)
        if held is None:
            return False
        turn = Turn(self._book, self._resile.clock, held, self._resile.timelines.read(held.room.incident_id))
        try:
            after = self._tended(turn)
            self._book.give_back(turn.held, after)
        except ConflictError as error:
            _log.info("chat room left to others", incident=held.room.incident_id, because=str(error))
        return True

    def _tended(self, turn: Turn) -> ChatRoom:
        """What is to be written down after a look; a fault puts the next one off."""
        try:
            has_more = self._tend(turn)
        except DeliveryError as error:
            return self._put_off(turn.room, error)
        except (ConflictError, StoreError):
            raise
        except Exception as error:  # noqa: BLE001 - whatever is wrong with one room, the others are tended
            _log.error("chat room failed", incident=turn.room.incident_id, exc_info=error)
            return self._put_off(turn.room, DeliveryError(f"a fault of resile ({type(error).__name__})"))
        if turn.faults:
            # What is taken in a moment is tried in a moment, whatever else was refused for good.
            fault = min(turn.faults, key=lambda one: getattr(one, "is_final", False))
            return self._put_off(turn.room, fault, final_rest=_LONGEST_REST)
        due_at = self._resile.clock.now() if has_more else turn.again_at
        return replace(turn.room, n_faults=0, fault="", is_asked=False, due_at=due_at)

    def _put_off(self, room: ChatRoom, error: DeliveryError, *, final_rest: timedelta = _FINAL_REST) -> ChatRoom:
        rest = min(_FIRST_REST * 2 ** min(room.n_faults, 10), _LONGEST_REST)
        if isinstance(error, RefusedError):
            rest = final_rest if error.is_final else rest
            rest = max(rest, timedelta(seconds=error.again_in_s or 0.0))
        elif isinstance(error, FullError):
            rest = _LONGEST_REST
        _log.warning("chat room put off", incident=room.incident_id, because=str(error), by_s=rest.total_seconds())
        due_at = self._resile.clock.now() + rest
        return replace(room, n_faults=room.n_faults + 1, fault=str(error)[:500], due_at=due_at)

    def _take_in(self, turn: Turn) -> None:
        """Tell what was said there; that a name is not known yet holds up nothing else."""
        try:
            n_heard = self._inbox.take_in(turn.room, after_each=turn.keep)
        except DeliveryError as error:
            if not isinstance(error, WordedRefusalError) or not error.is_of_this_alone:
                raise
            turn.faults.append(error)
            return
        if n_heard and turn.room.is_left:
            # We hear it, so that somebody brought us in again.
            turn.keep(is_left=False, is_archived=False)

    def _check_room_left(self, room: ChatRoom, most: int, setting: str) -> None:
        """Let pass what may be made now: of what happens by itself there may be a storm.

        Raises:
            FullError: it has to wait.
        """
        since = self._resile.clock.now() - _MOST_WITHIN
        # What a person asks for is asked for once.
        if room.wanted_by == BY_ITSELF and self._book.n_made_since(self._program, since) >= most:
            raise FullError(f"{most} channels were made within an hour; raise {setting}")

    def _invite(self, turn: Turn, wanted: Sequence[str]) -> bool:
        """Bring in who is needed; whether there are more."""
        missing = [person for person in wanted if person not in turn.room.handled]
        # Those who were refused do not stand before the others for ever.
        first = turn.room.n_faults * _INVITED_AT_ONCE % max(len(missing), 1)
        for person in (missing[first:] + missing[:first])[:_INVITED_AT_ONCE]:
            with turn.apart():
                self._bring_in(turn, person)
                turn.keep(handled=(*turn.room.handled, person))
        return len(missing) > _INVITED_AT_ONCE

    # What the timeline is told of it.

    def _tell_opened(self, turn: Turn) -> None:
        room = turn.room

        def tell(growing: Growing) -> None:
            if not _has_open(growing, self._program, room.ref):
                growing.tell(ChatOpened, channel=self._program, ref=room.ref, name=f"#{room.name}", url=room.url)

        self._tell(turn, tell)

    def _tell_closed(self, turn: Turn) -> None:
        ref = turn.room.ref

        def tell(growing: Growing) -> None:
            if _has_open(growing, self._program, ref):
                growing.tell(ChatClosed, channel=self._program, ref=ref)

        if ref is not None:
            self._tell(turn, tell)

    def _tell(self, turn: Turn, tell: Any) -> None:
        incident_id = turn.room.incident_id
        for _ in range(_TRIES):
            timeline = self._resile.timelines.read(incident_id)
            growing = Growing(incident_id, timeline, now=self._resile.clock.now(), by=SYSTEM)
            tell(growing)
            try:
                if growing.new:
                    self._resile.paging.commit(Changes(appends=growing.appends()))
            except ConflictError:
                continue
            return
        raise DeliveryError(f"incident {incident_id}: others keep appending; it is told in a moment")


def _has_open(growing: Growing, program: str, ref: str | None) -> bool:
    return any(chat.channel == program and chat.ref == ref and chat.is_open for chat in growing.room.chats)


def digest(shown: object) -> str:
    """What tells whether the same is shown."""
    return hashlib.sha256(msgspec.json.encode(shown)).hexdigest()[:32]
