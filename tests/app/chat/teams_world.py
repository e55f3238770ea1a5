"""The real application over SQLite with Microsoft on loopback: people known by their object ids, one team."""

from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from resile.app.access import LOCAL
from resile.app.chat_parts import TeamsChat
from resile.app.chatting import chat_step
from resile.app.incidents import declare, show_incident
from resile.app.settings import Settings
from resile.app.wiring import Resile
from resile.model.catalog import Kind
from resile.model.chat import ChatRoom
from resile.model.lifecycle import Declare
from resile.model.room import room_of
from resile.model.room_event import Said
from resile.model.severity import Severity
from resile.testing.callbacks import Callback
from resile.testing.loopback_teams_app import LoopbackTeamsApp, Place
from resile.testing.simulated_clock import SimulatedClock
from resile.web.server import create_app
from tests.web.api.conftest import PASSWORDS
from tests.web.api.visitor import ADMIN, ORIGIN, Visitor

URL = f"{ORIGIN}/chat/teams/bot"
ANN, BOB, EVE = (f"8a2e0a1c-0000-4000-8000-00000000000{n}" for n in (1, 2, 9))
OTHER_KEY = generate_private_key(public_exponent=65_537, key_size=2_048)
MINUTE = timedelta(minutes=1)
NAME = "inc-1-cards-are-refused"


class World:
    """Ann and Bob are known by their object ids; Eve by nobody."""

    def __init__(self, resile: Resile, teams: LoopbackTeamsApp, clock: SimulatedClock) -> None:
        self.resile, self.teams, self.clock = resile, teams, clock
        teams.known |= {ANN, BOB}
        self.app = create_app(resile, passwords=PASSWORDS)
        access = self.app.state.access
        access.set_up(access.make_set_up_link(), *ADMIN)
        mail = {"name": "mail", "channel": "email", "address": "bob@example.org"}
        documents: dict[Any, Any] = {
            (Kind.PERSON, "ann"): ({}, ""),
            (Kind.PERSON, "bob"): ({"contacts": [mail]}, ""),
            (Kind.POLICY, "default"): ({"steps": [{"page": ["person/bob"]}]}, ""),
        }
        resile.catalog.apply(LOCAL, resile.catalog.changes_to(documents))
        self.step()

    @property
    def chat(self) -> TeamsChat:
        chat: TeamsChat = self.app.state.teams_chat
        return chat

    def restart(self) -> None:
        self.app = create_app(self.resile, passwords=PASSWORDS)

    def step(self, *, after: timedelta = timedelta(0)) -> None:
        self.teams.now = self.clock.advance(after)
        while chat_step(self.chat):
            pass

    def declare(self, title: str = "Cards are refused", severity: Severity = Severity.SEV1) -> str:
        return declare(self.resile, Declare(title=title, severity=severity), by="user:zoe").incident.id

    def room(self, incident_id: str = "INC-1") -> ChatRoom:
        found = self.resile.chats.room("teams", incident_id)
        assert found is not None
        return found

    def place(self, incident_id: str = "INC-1") -> Place:
        return self.teams.places[self.room(incident_id).ref or ""]

    def timeline(self, incident_id: str = "INC-1") -> list[Any]:
        view = show_incident(self.resile, incident_id)
        assert view is not None
        return view.timeline

    def said(self) -> list[tuple[str, str]]:
        timeline = self.timeline()
        shown = room_of(timeline).said
        return [(one.author, one.text) for one in timeline if isinstance(one, Said) and one.id in shown]

    def post(self, told: Callback, *, address: str = "192.0.2.7") -> Any:
        client = Visitor(self.app, address=address).client
        return client.post(urlsplit(told.url).path, content=told.body, headers=dict(told.headers))

    def asks(self, text: str, *, member: str = ANN, place: Place | None = None, **more: Any) -> str:
        """Somebody writes `@resile text`; what they are told."""
        at = self.clock.now()
        return self._replied(
            self.teams.asks(URL, place or self.place(), text, member=member, name="somebody", at=at, **more)
        )

    def presses(self, action: str, *, member: str = ANN, **more: Any) -> str:
        at = self.clock.now()
        return self._replied(self.teams.presses(URL, self.place(), action, member=member, name="x", at=at, **more))

    def says(self, text: str, *, member: str = ANN, name: str = "Ann", **more: Any) -> None:
        at = self.clock.now()
        told = self.teams.tells(URL, self.place(), text, member=member, name=name, at=at, **more)
        assert self.post(told).status_code == 200

    def _replied(self, told: Callback) -> str:
        n_replies = len(self.teams.replies)
        answer = self.post(told)
        assert answer.status_code == 200, answer.text
        assert len(self.teams.replies) == n_replies + 1
        return self.teams.replies[-1]


def opened(folder: Path, teams: LoopbackTeamsApp, **more: Any) -> Settings:
    chat = {"people": {ANN: "ann", BOB: "bob"}, "app": teams.settings(**more)}
    return Settings(data=folder, base_url="https://resile.example.org", chat={"teams": chat})  # type: ignore[arg-type]
