"""An incident's channel at Slack is brought up to date, step by step; each step is written down before the next.

What may have been done before a crash is looked for before it is done again: a channel by its maker, name and purpose,
a card by its metadata. What Slack refuses, or does not take now, is put off and tried again for as long as it takes.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import structlog

from resile.app.chat_card import name_of, topic_of
from resile.app.chat_inbox import Inbox
from resile.app.chat_invited import invited_people
from resile.app.chat_people import PROGRAM, ChatPeople
from resile.app.chat_settings import SlackRoomSettings
from resile.app.chat_tending import Tender, digest
from resile.app.chat_turn import GONE, NOTHING_MADE, Turn
from resile.app.wiring import Resile
from resile.channels.slack_errors import SlackRefusedError
from resile.channels.slack_room_card import blocks_of
from resile.channels.slack_rooms import SlackChannel, SlackRooms
from resile.channels.slack_text import plain_of
from resile.model.chat import ChatRoom
from resile.model.room import room_of
from resile.ports.channel import RefusedError

MAX_SUFFIX = 20
# Slack's clock need not be ours.
_CLOCKS_APART = timedelta(minutes=5)
# Somebody who cannot come: the others need not wait for them.
_CANNOT_COME = frozenset({"user_not_found", "users_not_found", "cant_invite", "cant_invite_self", "user_is_restricted",
                          "user_is_ultra_restricted", "user_disabled", "no_user", "user_team_not_in_channel",
                          "org_user_not_in_team"})  # fmt: skip
_log = structlog.get_logger()


class Rooms(Tender):
    """Tends the rooms at Slack."""

    def __init__(
        self, resile: Resile, slack: SlackRooms, people: ChatPeople, settings: SlackRoomSettings, *, by: str
    ) -> None:
        inbox = Inbox(resile, people, lambda text: plain_of(text, people.as_remembered))
        super().__init__(resile, PROGRAM, inbox, by=by)
        self._slack = slack
        self._settings = settings
        self._people = people

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
                return self._invite(turn, self._wanted(turn))
            if not turn.is_limited:
                self._slack.archive(turn.ref)
                turn.keep(is_archived=True)
                self._tell_closed(turn)
        except SlackRefusedError as error:
            if error.code not in GONE:
                raise
            return self._leave(turn, error)
        return False

    def _leave(self, turn: Turn, error: SlackRefusedError) -> bool:
        """Somebody archived or deleted it, or put us out: that is their will until a person asks for it again."""
        _log.info("chat room left", incident=turn.room.incident_id, because=error.code)
        self._tell_closed(turn)
        if turn.room.is_asked and not turn.is_over and error.code != "is_archived":
            # A person asks for it, and that one is closed to us: it goes on in another one.
            turn.keep(is_asked=False, **NOTHING_MADE)
            return True
        # Where we were put out, we may be brought in again; what is gone is made anew when somebody asks for it.
        lost = NOTHING_MADE if error.code == "channel_not_found" else {"is_archived": error.code == "is_archived"}
        turn.keep(is_left=True, **lost)
        return False

    # Making it.

    def _make(self, turn: Turn) -> None:
        now, room = self._resile.clock.now(), turn.room
        self._check_room_left(room, self._settings.most_an_hour, "chat.slack.most_an_hour")
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
            turn.keep(**NOTHING_MADE)
        else:
            turn.keep(is_archived=False, handled=())

    # What stands in it, and who is in it.

    def _dress(self, turn: Turn) -> None:
        incident = turn.incident
        if not turn.room.has_purpose:
            with turn.apart():
                self._slack.set_purpose(turn.ref, self._purpose(turn.room.incident_id))
                turn.keep(has_purpose=True)
        with turn.apart():
            self._show_card(turn, blocks_of(self._card(turn)))
        if turn.room.card is not None and not turn.room.is_pinned:
            with turn.apart():
                self._slack.pin(turn.ref, turn.room.card)
                turn.keep(is_pinned=True)
        topic = topic_of(incident, room_of(turn.timeline))
        if topic and turn.room.topic_shows != digest(topic):
            with turn.apart():
                self._slack.set_topic(turn.ref, topic)
                turn.keep(topic_shows=digest(topic))

    def _show_card(self, turn: Turn, card: Mapping[str, Any]) -> None:
        shows, now = digest(card), self._resile.clock.now()
        if turn.room.card is not None and turn.room.card_shows != shows:
            if self._rests(turn):
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

    def _wanted(self, turn: Turn) -> list[str]:
        return invited_people(self._resile, self._settings.invite, turn.timeline, now=self._resile.clock.now())

    def _bring_in(self, turn: Turn, person: str) -> None:
        member = self._people.member_of(person)
        if member is None:
            _log.info("person not known to the chat", incident=turn.room.incident_id, person=person)
            return
        try:
            self._slack.invite(turn.ref, member)
        except SlackRefusedError as error:
            if error.code not in _CANNOT_COME:
                raise
            _log.info("person not invited", incident=turn.room.incident_id, person=person, because=error.code)
