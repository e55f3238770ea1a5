"""An incident's channel at Slack is brought up to date, step by step; each step is written down before the next.

What may have been done before a crash is looked for before it is done again: a channel by its maker, name and purpose,
a card by its metadata. What Slack refuses, or does not take now, is put off and tried again for as long as it takes.
"""

import hashlib
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import msgspec
import structlog
from msgspec.structs import replace

from resile.app.chat_card import card_of, name_of, topic_of
from resile.app.chat_inbox import Inbox
from resile.app.chat_invited import invited_people
from resile.app.chat_people import PROGRAM, ChatPeople
from resile.app.chat_settings import SlackRoomSettings
from resile.app.chat_turn import GONE, LEASE, Turn
from resile.app.chat_wanted import BY_ITSELF
from resile.app.growing import Growing
from resile.app.wiring import Resile
from resile.channels.slack_errors import SlackRefusedError
from resile.channels.slack_room_card import blocks_of
from resile.channels.slack_rooms import SlackChannel, SlackRooms
from resile.model.chat import ChatRoom
from resile.model.errors import ConflictError, DeliveryError, StoreError
from resile.model.room import room_of
from resile.model.room_event import ChatClosed, ChatOpened
from resile.ports.channel import RefusedError
from resile.ports.paging_store import Changes

MAX_SUFFIX = 20
SYSTEM = "resile"
_TRIES = 20
# Of people, so many are invited in one turn: each may take a while.
_INVITED_AT_ONCE = 10
_FIRST_REST = timedelta(seconds=2)
_LONGEST_REST = timedelta(minutes=1)
# What Slack will not do until somebody changes something.
_FINAL_REST = timedelta(minutes=10)
_MOST_WITHIN = timedelta(hours=1)
# Slack's clock need not be ours.
_CLOCKS_APART = timedelta(minutes=5)
# A card changes no more often: Slack takes fifty changes a minute from all channels together.
CARD_EVERY = timedelta(seconds=3)
# Somebody who cannot come: the others need not wait for them.
_CANNOT_COME = frozenset({"user_not_found", "users_not_found", "cant_invite", "cant_invite_self", "user_is_restricted",
                          "user_is_ultra_restricted", "user_disabled", "no_user", "user_team_not_in_channel",
                          "org_user_not_in_team"})  # fmt: skip
_log = structlog.get_logger()


class _FullError(DeliveryError):
    """So many channels were made lately that the next one has to wait."""


class Rooms:
    """Tends the rooms at Slack. Several may be at work, in several processes.

    Args:
        by: who this is; no two alike.
    """

    def __init__(
        self, resile: Resile, slack: SlackRooms, people: ChatPeople, settings: SlackRoomSettings, *, by: str
    ) -> None:
        self._resile = resile
        self._book = resile.chats
        self._slack = slack
        self._settings = settings
        self._people = people
        self._inbox = Inbox(resile, people)
        self._by = by

    def tend_next(self) -> bool:
        """Tend the room that is due the longest; False: none is due.

        Raises:
            StoreError: the store failed; the room is tended again when its lease runs out.
        """
        now = self._resile.clock.now()
        held = self._book.claim(PROGRAM, now=now, until=now + LEASE, by=self._by)
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
            return self._put_off(turn.room, min(turn.faults, key=lambda one: getattr(one, "is_final", False)))
        due_at = self._resile.clock.now() if has_more else turn.again_at
        return replace(turn.room, n_faults=0, fault="", is_asked=False, due_at=due_at)

    def _put_off(self, room: ChatRoom, error: DeliveryError) -> ChatRoom:
        rest = min(_FIRST_REST * 2 ** min(room.n_faults, 10), _LONGEST_REST)
        if isinstance(error, RefusedError):
            rest = _FINAL_REST if error.is_final else rest
            rest = max(rest, timedelta(seconds=error.again_in_s or 0.0))
        elif isinstance(error, _FullError):
            rest = _LONGEST_REST
        _log.warning("chat room put off", incident=room.incident_id, because=str(error), by_s=rest.total_seconds())
        due_at = self._resile.clock.now() + rest
        return replace(room, n_faults=room.n_faults + 1, fault=str(error)[:500], due_at=due_at)

    def _tend(self, turn: Turn) -> bool:
        """Do what is to be done; whether there is more."""
        if turn.room.ref is not None:
            self._take_in(turn)
        if turn.room.is_left or (turn.is_over and (turn.room.ref is None or turn.room.is_archived)):
            self._tell_closed(turn)
            return False
        if turn.room.is_archived:
            self._take_out_of_archive(turn)
        if turn.room.ref is None:
            self._make(turn)
        self._tell_opened(turn)
        try:
            self._dress(turn)
            if not turn.is_over:
                return self._invite(turn)
            if not turn.is_limited:
                self._slack.archive(turn.ref)
                turn.keep(is_archived=True)
                self._tell_closed(turn)
        except SlackRefusedError as error:
            if error.code not in GONE:
                raise
            return self._leave(turn, error)
        return False

    def _take_in(self, turn: Turn) -> None:
        """Tell what was said there; that a name is not known yet holds up nothing else."""
        try:
            n_heard = self._inbox.take_in(turn.room, after_each=turn.keep)
        except DeliveryError as error:
            if not isinstance(error, SlackRefusedError) or not error.is_of_this_alone:
                raise
            turn.faults.append(error)
            return
        if n_heard and turn.room.is_left:
            # We hear it, so that somebody brought us in again.
            turn.keep(is_left=False, is_archived=False)

    def _leave(self, turn: Turn, error: SlackRefusedError) -> bool:
        """Somebody archived or deleted it, or put us out: that is their will until a person asks for it again."""
        _log.info("chat room left", incident=turn.room.incident_id, because=error.code)
        self._tell_closed(turn)
        if turn.room.is_asked and not turn.is_over and error.code != "is_archived":
            # A person asks for it, and that one is closed to us: it goes on in another one.
            turn.keep(is_asked=False, **_NOTHING_MADE)
            return True
        # Where we were put out, we may be brought in again; what is gone is made anew when somebody asks for it.
        lost = _NOTHING_MADE if error.code == "channel_not_found" else {"is_archived": error.code == "is_archived"}
        turn.keep(is_left=True, **lost)
        return False

    # Making it.

    def _make(self, turn: Turn) -> None:
        now, room = self._resile.clock.now(), turn.room
        # Of what happens by itself there may be a storm; what a person asks for is asked for once.
        is_by_itself = room.wanted_by == BY_ITSELF
        if is_by_itself and self._book.n_made_since(PROGRAM, now - _MOST_WITHIN) >= self._settings.most_an_hour:
            raise _FullError(
                f"{self._settings.most_an_hour} channels were made within an hour; raise chat.slack.most_an_hour"
            )
        was_tried = bool(room.tried)
        for suffix in range(room.suffix, MAX_SUFFIX + 1):
            name = name_of(self._settings.name, room.incident_id, turn.incident, suffix=suffix)
            if was_tried and suffix == room.suffix:
                # The title may have changed since; what was asked for then is what is looked for.
                name = room.tried
            else:
                turn.keep(tried=name, tried_at=now, suffix=suffix)
            made = self._made(name, turn.room, may_be_there=was_tried and suffix == room.suffix)
            if made is not None:
                url = f"{self._slack.workspace().url.rstrip('/')}/archives/{made.id}"
                turn.keep(ref=made.id, name=made.name or name, url=url, made_at=now)
                return
        turn.keep(suffix=1, tried="", tried_at=None)
        raise RefusedError(f"Slack has {MAX_SUFFIX} channels of that name; change chat.slack.name", is_final=True)

    def _made(self, name: str, room: ChatRoom, *, may_be_there: bool) -> SlackChannel | None:
        """The channel of that name; None: others have one that is called so."""
        try:
            return self._slack.make(name, is_private=self._settings.is_private)
        except SlackRefusedError as error:
            if error.code != "name_taken":
                raise
        found = self._slack.made_by_us(name, is_private=self._settings.is_private) if may_be_there else None
        return found if found is not None and self._is_ours(found, room) else None

    def _is_ours(self, found: SlackChannel, room: ChatRoom) -> bool:
        """Whether a channel is the one that was made before its name could be written down."""
        since = (room.tried_at or found.created_at) - _CLOCKS_APART
        return found.created_at >= since and found.purpose in {"", self._purpose(room.incident_id)}

    def _purpose(self, incident_id: str) -> str:
        at = self._resile.settings.base_url
        return f"Incident {incident_id}" + (f", {self._resile.links.incident(incident_id)}" if at else "")

    def _take_out_of_archive(self, turn: Turn) -> None:
        try:
            self._slack.unarchive(turn.ref)
        except SlackRefusedError as error:
            if not error.is_final:
                raise
            # Slack lets no bot do it. There it stays; the incident goes on in another one.
            _log.info("chat room stays archived", incident=turn.room.incident_id, because=error.code)
            turn.keep(**_NOTHING_MADE)
        else:
            turn.keep(is_archived=False, handled=())

    # What stands in it, and who is in it.

    def _dress(self, turn: Turn) -> None:
        incident = turn.incident
        if not turn.room.has_purpose:
            with turn.apart():
                self._slack.set_purpose(turn.ref, self._purpose(turn.room.incident_id))
                turn.keep(has_purpose=True)
        has_address = self._resile.settings.base_url is not None
        url = self._resile.links.incident(turn.room.incident_id) if has_address else None
        with turn.apart():
            self._show_card(turn, blocks_of(card_of(turn.room.incident_id, incident, turn.timeline, url=url)))
        if turn.room.card is not None and not turn.room.is_pinned:
            with turn.apart():
                self._slack.pin(turn.ref, turn.room.card)
                turn.keep(is_pinned=True)
        topic = topic_of(incident, room_of(turn.timeline))
        if topic and turn.room.topic_shows != _digest(topic):
            with turn.apart():
                self._slack.set_topic(turn.ref, topic)
                turn.keep(topic_shows=_digest(topic))

    def _show_card(self, turn: Turn, card: Mapping[str, Any]) -> None:
        shows, now = _digest(card), self._resile.clock.now()
        if turn.room.card is not None and turn.room.card_shows != shows:
            rests_until = now if turn.room.card_at is None else turn.room.card_at + CARD_EVERY
            if rests_until > now and not turn.is_over:
                turn.again_at = rests_until
                return
            try:
                self._slack.change_card(turn.ref, turn.room.card, card)
                turn.keep(card_shows=shows, card_at=now)
            except SlackRefusedError as error:
                if error.code not in {"message_not_found", "cant_update_message", "edit_window_closed"}:
                    raise
                turn.keep(card=None, card_tried_at=None, is_pinned=False)
        if turn.room.card is None:
            incident_id = turn.room.incident_id
            if turn.room.card_tried_at is not None and (
                found := self._slack.card_in(turn.ref, incident_id=incident_id)
            ):
                self._slack.change_card(turn.ref, found, card)
            else:
                turn.keep(card_tried_at=now)
                found = self._slack.post_card(turn.ref, card, incident_id=incident_id)
            turn.keep(card=found, card_shows=shows)

    def _invite(self, turn: Turn) -> bool:
        """Bring in who is needed; whether there are more."""
        wanted = invited_people(self._resile, self._settings, turn.timeline, now=self._resile.clock.now())
        missing = [person for person in wanted if person not in turn.room.handled]
        # Those who were refused do not stand before the others for ever.
        first = turn.room.n_faults * _INVITED_AT_ONCE % max(len(missing), 1)
        for person in (missing[first:] + missing[:first])[:_INVITED_AT_ONCE]:
            with turn.apart():
                member = self._people.member_of(person)
                if member is None:
                    _log.info("person not known to the chat", incident=turn.room.incident_id, person=person)
                else:
                    self._bring_in(turn, person, member)
                turn.keep(handled=(*turn.room.handled, person))
        return len(missing) > _INVITED_AT_ONCE

    def _bring_in(self, turn: Turn, person: str, member: str) -> None:
        try:
            self._slack.invite(turn.ref, member)
        except SlackRefusedError as error:
            if error.code not in _CANNOT_COME:
                raise
            _log.info("person not invited", incident=turn.room.incident_id, person=person, because=error.code)

    # What the timeline is told of it.

    def _tell_opened(self, turn: Turn) -> None:
        room = turn.room

        def tell(growing: Growing) -> None:
            if not _has_open(growing, room.ref):
                growing.tell(ChatOpened, channel=PROGRAM, ref=room.ref, name=f"#{room.name}", url=room.url)

        self._tell(turn, tell)

    def _tell_closed(self, turn: Turn) -> None:
        ref = turn.room.ref

        def tell(growing: Growing) -> None:
            if _has_open(growing, ref):
                growing.tell(ChatClosed, channel=PROGRAM, ref=ref)

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


# What is forgotten of a channel that is not to be used any more.
_NOTHING_MADE: Mapping[str, Any] = {
    "ref": None, "tried": "", "tried_at": None, "has_purpose": False, "card": None, "card_tried_at": None,
    "card_shows": "", "topic_shows": "", "is_pinned": False, "handled": (), "is_archived": False,
}  # fmt: skip


def _has_open(growing: Growing, ref: str | None) -> bool:
    return any(chat.channel == PROGRAM and chat.ref == ref and chat.is_open for chat in growing.room.chats)


def _digest(shown: object) -> str:
    return hashlib.sha256(msgspec.json.encode(shown)).hexdigest()[:32]
