"""An incident's channel in Teams is brought up to date by an app at Microsoft: made, shown its card, archived.

A channel that may have been made is known by its description. Nobody tells an app which card it posted: one whose
answer was lost is posted once more rather than not at all.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import structlog

from resile.app.chat_card import name_of
from resile.app.chat_inbox import Inbox
from resile.app.chat_invited import invited_people
from resile.app.chat_settings import TeamsAppSettings, TeamsRoomSettings
from resile.app.chat_tending import Tender, digest
from resile.app.chat_turn import GONE, NOTHING_MADE, Turn
from resile.app.teams_heard import TeamsPeople
from resile.app.teams_room import PROGRAM
from resile.app.wiring import Resile
from resile.channels.refusals import WordedRefusalError
from resile.channels.teams_connector import NOT_FOUND, TeamsConnector
from resile.channels.teams_graph import MAX_NAME, NAME_TAKEN, NO_RIGHT, NOBODY, TeamsChannel, TeamsGraph
from resile.channels.teams_room_card import activity_of
from resile.model.chat import ChatRoom
from resile.ports.channel import RefusedError

MAX_SUFFIX = 20
# Microsoft's clock need not be ours.
_CLOCKS_APART = timedelta(minutes=5)
# Who left the organisation cannot come; and the right to add people is one that an organisation may keep for itself.
_CANNOT_COME = frozenset({NOBODY, NO_RIGHT})
_log = structlog.get_logger()


class TeamsRooms(Tender):
    """Tends the rooms in Teams."""

    def __init__(
        self,
        resile: Resile,
        *,
        graph: TeamsGraph,
        connector: TeamsConnector,
        people: TeamsPeople,
        settings: TeamsRoomSettings,
        app: TeamsAppSettings,
        by: str,
    ) -> None:
        # What was heard is plain already.
        super().__init__(resile, PROGRAM, Inbox(resile, people, str), by=by)
        self._graph = graph
        self._connector = connector
        self._app = app
        self._members = {person: member for member, person in settings.people.items()}

    def _tend(self, turn: Turn) -> bool:
        """Do what is to be done; whether there is more."""
        if turn.room.ref is not None:
            self._take_in(turn)
        if turn.room.is_left or (turn.is_over and (turn.room.ref is None or turn.room.is_archived)):
            self._tell_closed(turn)
            return False
        try:
            if turn.room.is_archived:
                self._graph.unarchive(turn.ref)
                turn.keep(is_archived=False)
            if turn.room.ref is None:
                self._make(turn)
            self._tell_opened(turn)
            with turn.apart():
                self._show_card(turn)
            if not turn.is_over:
                wanted = invited_people(self._resile, self._app.invite, turn.timeline, now=self._resile.clock.now())
                return self._invite(turn, wanted)
            if not turn.is_limited:
                self._graph.archive(turn.ref)
                turn.keep(is_archived=True)
                self._tell_closed(turn)
        except WordedRefusalError as error:
            if error.code not in GONE or turn.room.ref is None:
                raise
            return self._leave(turn, error)
        return False

    def _leave(self, turn: Turn, error: WordedRefusalError) -> bool:
        """Somebody deleted it: that is their will until a person asks for it again."""
        _log.info("chat room left", incident=turn.room.incident_id, because=error.code)
        self._tell_closed(turn)
        is_asked = turn.room.is_asked and not turn.is_over
        turn.keep(**NOTHING_MADE, is_left=not is_asked, is_asked=False)
        return is_asked

    def _make(self, turn: Turn) -> None:
        now, room = self._resile.clock.now(), turn.room
        self._check_room_left(room, self._app.most_an_hour, "chat.teams.app.most_an_hour")
        was_tried = bool(room.tried)
        for suffix in range(room.suffix, MAX_SUFFIX + 1):
            may_be_there = was_tried and suffix == room.suffix
            name = name_of(self._app.name, room.incident_id, turn.incident, suffix=suffix, most=MAX_NAME)
            if may_be_there:
                # The title may have changed since; what was asked for then is what is looked for.
                name = room.tried
            else:
                turn.keep(tried=name, tried_at=now, suffix=suffix)
            made = self._made(name, turn.room, may_be_there=may_be_there)
            if made is not None:
                turn.keep(ref=made.id, name=made.name or name, url=made.url, made_at=now)
                return
        turn.keep(suffix=1, tried="", tried_at=None)
        sentence = f"the team has {MAX_SUFFIX} channels of that name; change chat.teams.app.name"
        raise RefusedError(sentence, is_final=True)

    def _made(self, name: str, room: ChatRoom, *, may_be_there: bool) -> TeamsChannel | None:
        """The channel of that name; None: others have one that is called so."""
        try:
            return self._graph.make(name, self._description(room.incident_id))
        except WordedRefusalError as error:
            if error.code != NAME_TAKEN:
                raise
        found = self._graph.called(name) if may_be_there else None
        return found if found is not None and self._is_ours(found, room) else None

    def _is_ours(self, found: TeamsChannel, room: ChatRoom) -> bool:
        """Whether a channel is the one that was made before its name could be written down."""
        since = None if room.tried_at is None else room.tried_at - _CLOCKS_APART
        is_new = since is None or found.created_at is None or found.created_at >= since
        return is_new and found.description == self._description(room.incident_id)

    def _description(self, incident_id: str) -> str:
        at = self._resile.settings.base_url
        return f"Incident {incident_id}" + (f", {self._resile.links.incident(incident_id)}" if at else "")

    def _show_card(self, turn: Turn) -> None:
        card: Mapping[str, Any] = activity_of(self._card(turn))
        shows, now = digest(card), self._resile.clock.now()
        if turn.room.card is not None and turn.room.card_shows != shows:
            if self._rests(turn):
                return
            try:
                self._connector.change(turn.ref, turn.room.card, card)
                turn.keep(card_shows=shows, card_at=now)
            except WordedRefusalError as error:
                if error.code != NOT_FOUND:
                    raise
                # Somebody deleted it, or the whole channel, which the next one will say.
                turn.keep(card=None)
        if turn.room.card is None:
            found = self._connector.post(turn.ref, card)
            turn.keep(card=found, card_shows=shows, card_at=now)

    def _bring_in(self, turn: Turn, person: str) -> None:
        member = self._members.get(person)
        if member is None:
            _log.info("person not known to the chat", incident=turn.room.incident_id, person=person)
            return
        try:
            self._graph.add(member)
        except WordedRefusalError as error:
            if error.code not in _CANNOT_COME:
                raise
            _log.info("person not invited", incident=turn.room.incident_id, person=person, because=error.code)
