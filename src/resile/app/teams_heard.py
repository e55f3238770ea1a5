"""What people write to resile in Teams: commands, and words for an incident's timeline."""

import re
from collections import OrderedDict
from threading import Lock

from resile.app.chat_commands import Asked, ChatCommands
from resile.app.chat_heard import tell_heard
from resile.app.chat_people import Known, allowed, known_as
from resile.app.chat_settings import TeamsRoomSettings
from resile.app.growing import Growing
from resile.app.teams_room import PROGRAM
from resile.app.wiring import Resile
from resile.channels.teams_webhook import TeamsMessage
from resile.model.chat import Heard, HeardKind
from resile.model.errors import AccessError, ConfigError, ConflictError
from resile.ports.paging_store import Changes

_MAX_KEPT = 1_000
_TRIES = 20
_ID = re.compile(r"[A-Za-z][A-Za-z0-9]*-\d{1,12}")


class TeamsPeople:
    """Who somebody is, as the settings say: Teams tells their object id, and no e-mail."""

    def __init__(self, resile: Resile, settings: TeamsRoomSettings) -> None:
        self._resile = resile
        self._settings = settings

    def known(self, member_id: str, *, name: str = "") -> Known:
        """Them, by their object id."""
        person = self._settings.people.get(member_id)
        catalog, accounts = self._resile.catalog, self._resile.accounts
        return known_as(member_id, person, name or member_id, catalog=catalog, accounts=accounts, program=PROGRAM)

    def commander(self, known: Known) -> str:
        """The person who may command.

        Raises:
            AccessError: nobody knows who they are, or their account may not write.
        """
        if known.person is None:
            raise AccessError(
                f"resile does not know who you are: have your object id {known.member or '(which Teams did not tell)'} "
                "added to [chat.teams.people] in resile.toml, with your name in the catalog"
            )
        return allowed(known.person, self._resile.catalog, self._resile.accounts)


class TeamsRoom:
    """Takes what is written; each message once, and answers the same again where it is told again."""

    def __init__(self, resile: Resile, people: TeamsPeople, commands: ChatCommands) -> None:
        self._resile = resile
        self._people = people
        self._commands = commands
        self._lock = Lock()
        # What was answered, by message; the oldest is forgotten first.
        self._answered: OrderedDict[str, str] = OrderedDict()

    def take(self, message: TeamsMessage) -> str:
        """Do what is asked for; what whoever wrote is told.

        Raises:
            As `ChatCommands.answer`.
        """
        with self._lock:
            # One at a time: Teams waits for 5 s, and each takes some milliseconds.
            if message.id not in self._answered:
                self._answered[message.id] = self._taken(message)
                if len(self._answered) > _MAX_KEPT:
                    self._answered.popitem(last=False)
            return self._answered[message.id]

    def _taken(self, message: TeamsMessage) -> str:
        first, _, rest = message.text.strip().partition(" ")
        if first.lower() == "say":
            first, _, rest = rest.strip().partition(" ")
            if not _ID.fullmatch(first):
                raise ConfigError("name the incident first: @resile say INC-7 We roll back")
        if _ID.fullmatch(first):
            return self._say(first, rest.strip(), message)
        asked = Asked(text=message.text, member=message.member, member_name=message.member_name, id=message.id)
        return self._commands.answer(asked)

    def _say(self, name: str, text: str, message: TeamsMessage) -> str:
        """Write it into the incident's timeline; whoever is unknown may talk, too."""
        incident_id = next((one for one in (name, name.upper()) if self._resile.timelines.read(one)), None)
        if incident_id is None:
            raise ConfigError(f"incident {name} is not known; check its number")
        if not text:
            raise ConfigError(f"write what is to stand in its timeline: @resile {name} We roll back")
        known = self._people.known(message.member, name=message.member_name)
        now = self._resile.clock.now()
        heard = Heard(
            id=message.id,
            program=PROGRAM,
            room="webhook",
            message=message.id,
            kind=HeardKind.SAID,
            author=message.member,
            text=text,
            at=message.at,
            heard_at=now,
        )
        for _ in range(_TRIES):
            growing = Growing(incident_id, self._resile.timelines.read(incident_id), now=now, by=known.by)
            tell_heard(growing, heard, author=known.name or "somebody", by=known.by, text=text)
            try:
                if growing.new:
                    self._resile.paging.commit(Changes(appends=growing.appends()))
            except ConflictError:
                continue
            return f"{incident_id}: it stands in the timeline."
        raise ConflictError(f"incident {incident_id}: others keep appending; try again in a moment")
