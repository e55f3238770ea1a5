"""What people ask for in a chat: `/resile sev SEV2`, or a button. Each is answered in a sentence or a few lines.

Whoever asks must be somebody of the catalog; what they may do is what the same person may do on the page.
"""

import re
from collections.abc import Callable, Mapping

from msgspec import Struct

from resile.app.access import Identity
from resile.app.chat_once import Once
from resile.app.chat_people import Known, People
from resile.app.chat_updates import ChatUpdates
from resile.app.chat_wanted import want_room
from resile.app.chat_words import help_text, status_text
from resile.app.incidents import command_incident, declare, show_incident
from resile.app.staying_clear import watched_until
from resile.app.wiring import Resile
from resile.channels.slack_room_card import ACKNOWLEDGE, COMMAND, ESCALATE, MITIGATED, RESTORED
from resile.model.errors import ConfigError
from resile.model.incident import InstantName
from resile.model.lifecycle import ChangeSeverity, Command, Declare, Note, Reach, Reopen
from resile.model.room import room_of
from resile.model.room_event import Role
from resile.model.room_lifecycle import AddTask, LayDownRole, RoomCommand, TakeRole
from resile.model.severity import Severity, parse_severity
from resile.ports.account_store import Scope

# Chats take messages of 4,000 characters, which escaping makes longer; nothing is cut off in silence.
MAX_TEXT = 30_000
_MAX_TITLE = 500
_MAX_SERVICES = 20
_ID = re.compile(r"[A-Za-z][A-Za-z0-9]*-\d{1,12}")


class Asked(Struct, frozen=True, kw_only=True):
    """What somebody asked for.

    Attributes:
        text: without the command itself, as the program writes it.
        member: who; `member_name`: as the program calls them.
        ref: the channel in which they did.
        id: the program's own name of this asking, the same however often it is told; empty: it gives none.
    """

    text: str
    member: str
    member_name: str = ""
    ref: str = ""
    id: str = ""


class Press(Struct, frozen=True, kw_only=True):
    """A button that somebody pressed.

    Attributes:
        action: which; `incident_id`: what it carries.
        id: the program's own name of this press, the same however often it is told.
        ref: the channel in which the button stands.
    """

    action: str
    incident_id: str
    member: str
    member_name: str
    id: str
    ref: str


class _Order(Struct, frozen=True, kw_only=True):
    """What was asked for, once it is known by whom and of which incident."""

    known: Known
    person: str
    rest: str
    incident_id: str


class Manner(Struct, frozen=True, kw_only=True):
    """How people write in a chat program.

    Attributes:
        command: what goes before each command, for the sentences.
        plain: a text as people see it.
        mentioned: the id of whoever a word mentions; None: it is no mention.
        makes_channels: whether an incident has a channel of its own there.
    """

    program: str
    command: str
    plain: Callable[[str], str]
    mentioned: Callable[[str], str | None]
    makes_channels: bool


class ChatCommands:
    """Carries out what is asked for."""

    def __init__(self, resile: Resile, people: People, manner: Manner) -> None:
        self._resile = resile
        self._people = people
        self._manner = manner
        self._command = manner.command
        self._plain = manner.plain
        self._once = Once(resile.chats, resile.clock, manner.program)
        self._updates = ChatUpdates(resile.communication.updates, manner.command)
        self._of_incident: Mapping[str, Callable[[_Order], str]] = {
            "ack": self._acknowledge,
            "escalate": self._escalate,
            "sev": self._severity,
            "identified": self._identified,
            "mitigated": self._reached(InstantName.MITIGATED, "mitigated"),
            "restored": self._reached(InstantName.RESTORED, "restored"),
            "closed": self._reached(InstantName.CLOSED, "closed"),
            "reopen": self._reopen,
            "note": self._note,
            "task": self._task,
            "role": self._role,
            "update": self._update,
        }
        if manner.makes_channels:
            self._of_incident = {**self._of_incident, "open": self._open}
        self._by_button = {
            ACKNOWLEDGE: self._acknowledge,
            ESCALATE: self._escalate,
            MITIGATED: self._of_incident["mitigated"],
            RESTORED: self._of_incident["restored"],
            COMMAND: self._take_command,
        }

    def answer(self, asked: Asked) -> str:
        """Do it; what whoever asked is told, plain.

        Raises:
            AccessError: nobody knows who they are, or they may not.
            ConfigError, TransitionError, ConflictError: it cannot be done; the sentence says why.
            DeliveryError: the program was to be asked who they are, and does not answer.
        """
        text = asked.text.strip()
        if len(text) > MAX_TEXT:
            raise ConfigError(f"that has {len(text):,} characters; write at most {MAX_TEXT:,}")
        word, rest = _parted(text)
        verb = _VERBS.get(word.lower(), word.lower())
        if verb in {"", "help"}:
            return help_text(self._command, makes_channels=self._manner.makes_channels)
        if verb not in self._of_incident and verb not in {"declare", "page", "status"}:
            raise ConfigError(f"{word[:40]!r} is not known here; {self._command} help lists what is")
        known = self._people.known(asked.member, name=asked.member_name)
        # To look is a responder's matter as well: a chat may have guests.
        person = self._people.commander(known)
        if verb == "status":
            return self._status(self._which(asked.ref, rest)[0])

        def do() -> str:
            if verb in {"declare", "page"}:
                return self._declare(known, rest, pages=verb == "page")
            incident_id, others = self._which(asked.ref, rest)
            order = _Order(known=known, person=person, rest=others, incident_id=incident_id)
            return self._of_incident[verb](order)

        return self._once.do(("asked", asked.id, asked.member, text), do) if asked.id else do()

    def pressed(self, press: Press) -> str:
        """Do what a button says; what whoever pressed it is told. Pressed once and told twice, it is done once.

        Raises:
            As `answer`.
        """
        do = self._by_button.get(press.action)
        if do is None:
            raise ConfigError("this button is of another version of resile; open the room instead")
        known = self._people.known(press.member, name=press.member_name)
        person = self._people.commander(known)
        chats = room_of(self._resile.timelines.read(press.incident_id)).chats
        if not any(one.channel == self._manner.program and one.ref == press.ref for one in chats):
            # As where the data folder was begun anew, and incidents are counted from one again.
            raise ConfigError("this card is of another incident than it says; look at the incident in resile")
        order = _Order(known=known, person=person, rest="", incident_id=press.incident_id)
        asked = ("pressed", press.action, press.incident_id, press.member, press.id)
        return self._once.do(asked, lambda: do(order))

    def _which(self, ref: str, rest: str) -> tuple[str, str]:
        """The incident that is meant, and what else was written."""
        first, others = _parted(rest)
        if _ID.fullmatch(first):
            name = next((one for one in (first, first.upper()) if self._resile.timelines.read(one)), None)
            if name is not None:
                return name, others
        room = self._resile.chats.room_called(self._manner.program, ref) if ref else None
        if room is not None:
            return room.incident_id, rest
        if _ID.fullmatch(first):
            raise ConfigError(f"incident {first} is not known; check its number")
        where = "ask in its channel, or " if self._manner.makes_channels else ""
        raise ConfigError(f"it is not said which incident is meant; {where}name it behind the word: INC-7")

    # With an incident, or to have one.

    def _declare(self, known: Known, rest: str, *, pages: bool) -> str:
        severity, services, title = _declared(self._plain(rest))
        if not title:
            verb = "page" if pages else "declare"
            raise ConfigError(f"say what is the matter: {self._command} {verb} SEV2 service=checkout Cards are refused")
        if pages:
            incident_id = self._resile.pager.page(
                title, who=known.person or known.name, by=known.by, severity=severity, services=services
            )
        else:
            command = Declare(title=title, severity=severity, services=services)
            incident_id = declare(self._resile, command, by=known.by).incident.id
        paged = "who is on call is paged" if pages else f"nobody is paged for it: {self._command} escalate does"
        said = f"{incident_id} is declared; {paged}."
        if not self._manner.makes_channels:
            return said
        want_room(self._resile, incident_id, by=known.by, program=self._manner.program)
        return f"{said} Its channel is being made."

    def _open(self, order: _Order) -> str:
        return want_room(self._resile, order.incident_id, by=order.known.by, program=self._manner.program)

    def _status(self, incident_id: str) -> str:
        view = show_incident(self._resile, incident_id)
        if view is None:
            raise ConfigError(f"incident {incident_id} is not known; check its number")
        has_address = self._resile.settings.base_url is not None
        return status_text(
            view,
            watched_until=watched_until(self._resile.paging, incident_id),
            url=self._resile.links.incident(incident_id) if has_address else None,
        )

    def _acknowledge(self, order: _Order) -> str:
        return self._resile.pager.acknowledge(order.incident_id, who=order.person, by=order.known.by)

    def _escalate(self, order: _Order) -> str:
        return self._resile.pager.escalate(order.incident_id, who=order.person, by=order.known.by)

    def _severity(self, order: _Order) -> str:
        if not order.rest:
            raise ConfigError(f"say which: {self._command} sev SEV2")
        severity = parse_severity(order.rest, self._resile.settings.severity_aliases)
        self._carry_out(order, ChangeSeverity(severity))
        return f"{order.incident_id} is {severity.value}."

    def _identified(self, order: _Order) -> str:
        self._carry_out(order, Reach(InstantName.IDENTIFIED, self._plain(order.rest)[:_MAX_TITLE] or None))
        return f"{order.incident_id}: the cause is known."

    def _reached(self, name: InstantName, word: str) -> Callable[[_Order], str]:
        def reach(order: _Order) -> str:
            self._carry_out(order, Reach(name))
            return f"{order.incident_id} is {word}."

        return reach

    def _reopen(self, order: _Order) -> str:
        self._carry_out(order, Reopen(self._plain(order.rest)[:_MAX_TITLE] or None))
        return f"{order.incident_id} is open again."

    def _note(self, order: _Order) -> str:
        self._carry_out(order, Note(self._written(order, "note We rolled back 4.2")))
        return f"{order.incident_id}: noted."

    def _task(self, order: _Order) -> str:
        self._carry_out(order, AddTask(self._written(order, "task Call the bank")))
        return f"{order.incident_id}: the task is written down."

    def _update(self, order: _Order) -> str:
        by = Identity(by=order.known.by, name=order.person, scopes=frozenset({Scope.READ, Scope.WRITE}))
        return self._updates.carry_out(by, order.incident_id, self._plain(order.rest))

    def _written(self, order: _Order, example: str) -> str:
        text = self._plain(order.rest)
        if not text:
            raise ConfigError(f"write it behind the word: {self._command} {example}")
        return text

    def _role(self, order: _Order) -> str:
        word, whom = _parted(order.rest)
        role = next((one for one in Role if one.value == word.lower()), None)
        if role is None:
            there_are = ", ".join(Role)
            raise ConfigError(f"say which: {self._command} role commander @ann; there are {there_are}")
        if whom.lower() in {"none", "nobody"}:
            room = room_of(self._resile.timelines.read(order.incident_id))
            for holder in room.roles.get(role, ()):
                self._carry_out(order, LayDownRole(role, holder.person))
            return f"{order.incident_id}: nobody is {role} any more."
        person = self._person(whom, order)
        self._carry_out(order, TakeRole(role, person))
        return f"{order.incident_id}: {person} is {role}."

    def _take_command(self, order: _Order) -> str:
        self._carry_out(order, TakeRole(Role.COMMANDER, order.person))
        return f"{order.incident_id}: you are commander."

    def _person(self, whom: str, order: _Order) -> str:
        """Somebody of the catalog, by a mention, by name, or whoever asks."""
        if not whom or whom.lower() == "me":
            return order.person
        mention = self._manner.mentioned(whom)
        name = whom.removeprefix("@") if mention is None else self._people.known(mention).person
        if name is None or self._resile.catalog.person(name) is None:
            who = "they are" if mention is not None else f"{whom[:64]!r} is"
            raise ConfigError(f"{who} not in resile's catalog; name somebody who is, or have them added")
        return name

    def _carry_out(self, order: _Order, command: Command | RoomCommand) -> None:
        command_incident(self._resile, order.incident_id, command, by=order.known.by)


_VERBS = {
    "acknowledge": "ack",
    "severity": "sev",
    "mitigate": "mitigated",
    "restore": "restored",
    "close": "closed",
    "identify": "identified",
    "reopened": "reopen",
    "channel": "open",
}


def _declared(text: str) -> tuple[Severity | None, tuple[str, ...], str]:
    """Severity, services and title of `SEV2 service=checkout,payments Cards are refused`."""
    severity: Severity | None = None
    services: tuple[str, ...] = ()
    words = text.split()
    while words:
        name, sign, value = words[0].partition("=")
        if sign and name.lower() in {"service", "services"} and value:
            services += tuple(one for one in value.split(",") if one)[:_MAX_SERVICES]
        elif severity is None and re.fullmatch(r"(?i)sev-?[1-5]", words[0]):
            severity = parse_severity(words[0])
        else:
            break
        words.pop(0)
    return severity, services[:_MAX_SERVICES], " ".join(words)[:_MAX_TITLE]


def _parted(text: str) -> tuple[str, str]:
    """The first word, and what stands behind it; words may be parted by lines as well."""
    first, *others = text.split(maxsplit=1) or [""]
    return first, others[0].strip() if others else ""
