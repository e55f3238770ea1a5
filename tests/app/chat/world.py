"""The real application over SQLite with a Slack on loopback: people of the catalog, a channel for each incident."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
from httpx2 import Response

from resile.app.access import LOCAL
from resile.app.chat_parts import SlackChat, slack_chat_over
from resile.app.chatting import chat_step
from resile.app.incidents import declare, show_incident
from resile.app.outward_settings import UpdateSettings
from resile.app.receive import receiver_of
from resile.app.settings import Settings
from resile.app.wiring import Resile, open_resile
from resile.model.catalog import Kind
from resile.model.chat import ChatRoom
from resile.model.event import Event
from resile.model.lifecycle import Declare
from resile.model.room import Chat, room_of
from resile.model.room_event import Said
from resile.model.severity import Severity
from resile.testing.callbacks import Callback
from resile.testing.loopback_slack import SIGNING_SECRET, TOKEN
from resile.testing.loopback_slack_rooms import Channel, LoopbackSlackRooms
from resile.testing.simulated_clock import SimulatedClock
from resile.web.server import create_app
from tests.web.api.conftest import PASSWORDS
from tests.web.api.visitor import ADMIN, ORIGIN, Visitor

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
EVENTS, COMMANDS, ACTIONS = (f"{ORIGIN}/chat/slack/{one}" for one in ("events", "commands", "actions"))
ANN, BOB, EVE = "U0ANN0000", "U0BOB0000", "U0EVE0000"


class World:
    """Ann is known by her member id, Bob by his e-mail; Eve is in Slack and nobody in the catalog."""

    def __init__(self, resile: Resile, slack: LoopbackSlackRooms, clock: SimulatedClock) -> None:
        self.resile, self.slack, self.clock = resile, slack, clock
        slack.joins(ANN, "ann.s", "ann@elsewhere.example")
        slack.joins(BOB, "Bob", "Bob@example.org")
        slack.joins(EVE, "eve", "eve@example.org")
        self.app = create_app(resile, passwords=PASSWORDS)
        self.n_told = 0
        access = self.app.state.access
        access.set_up(access.make_set_up_link(), *ADMIN)
        documents: dict[Any, Any] = {
            (Kind.PERSON, "ann"): ({"contacts": [{"name": "chat", "channel": "slack", "address": ANN}]}, ""),
            (Kind.PERSON, "bob"): (
                {"contacts": [{"name": "mail", "channel": "email", "address": "bob@example.org"}]},
                "",
            ),
            (Kind.POLICY, "default"): ({"steps": [{"page": ["person/bob"]}]}, ""),
        }
        resile.catalog.apply(LOCAL, resile.catalog.changes_to(documents))
        chat_step(self.chat)

    @property
    def chat(self) -> SlackChat:
        """What the application answers Slack with."""
        chat: SlackChat = self.app.state.slack_chat
        return chat

    def restart(self) -> None:
        """Another process takes over."""
        self.app = create_app(self.resile, passwords=PASSWORDS)

    def declare(self, title: str = "Cards are refused", severity: Severity = Severity.SEV1, **more: Any) -> str:
        """Declare an incident; its id."""
        return declare(self.resile, Declare(title=title, severity=severity, **more), by="user:zoe").incident.id

    def step(self, *, after: timedelta = timedelta(0)) -> None:
        """Let time pass, take in what arrived, and tend the channels until there is nothing to do."""
        self.slack.now = self.clock.advance(after)
        receiver_of(self.resile).process_waiting()
        while chat_step(self.chat):
            pass

    def timeline(self, incident_id: str) -> Sequence[Event]:
        view = show_incident(self.resile, incident_id)
        assert view is not None
        return view.timeline

    def said(self, incident_id: str) -> list[tuple[str, str]]:
        """Who said what, without what was withdrawn."""
        timeline = self.timeline(incident_id)
        withdrawn = room_of(timeline).withdrawn
        return [(one.author, one.text) for one in timeline if isinstance(one, Said) and one.id not in withdrawn]

    def chats(self, incident_id: str) -> tuple[Chat, ...]:
        return room_of(self.timeline(incident_id)).chats

    def room(self, incident_id: str) -> ChatRoom:
        found = self.resile.chats.room("slack", incident_id)
        assert found is not None
        return found

    def channel(self, incident_id: str) -> Channel:
        """The incident's channel at Slack."""
        return self.slack.channels_made[self.room(incident_id).ref or ""]

    def post(self, told: Callback, **headers: str) -> Response:
        """Slack calls."""
        parts = urlsplit(told.url)
        return Visitor(self.app, address="192.0.2.7").client.post(
            parts.path, content=told.body, headers={**told.headers, **headers}
        )

    def says(self, incident_id: str, member: str, text: str, **more: Any) -> Response:
        """Somebody writes in the incident's channel, now."""
        self.n_told += 1
        event_id = more.pop("event_id", f"Ev{self.n_told}")
        at, channel = self.clock.now(), self.channel(incident_id)
        # Slack names messages by their instant, no two alike.
        named = {"ts": f"{at.timestamp():.0f}.{self.n_told:06d}", **more}
        return self.post(self.slack.says(EVENTS, channel, member, text, at=at, event_id=event_id, **named))

    def asks(self, text: str, *, member: str = ANN, channel: str = "C0GENERAL") -> str:
        """Somebody writes `/resile text`; what they are told."""
        answer = self.post(self.slack.asks(COMMANDS, text, member=member, channel=channel, at=self.clock.now()))
        assert answer.status_code == 200, answer.text
        told = msgspec.json.decode(answer.content)
        assert told["response_type"] == "ephemeral"
        return str(told["text"])

    def taps(self, incident_id: str, action: str, *, member: str = ANN, press: str = "1.0") -> str:
        """Somebody presses a button of the card; what they are told."""
        at = self.clock.now()
        told = self.slack.taps(ACTIONS, self.channel(incident_id), action, member=member, at=at, press=press)
        n_told = len(self.slack.told)
        answer = self.post(told)
        assert (answer.status_code, answer.content) == (200, b"")
        assert len(self.slack.told) == n_told + 1
        return str(self.slack.told[-1]["text"])


@contextmanager
def opened_world(folder: Path, *, updates: Sequence[UpdateSettings] = (), **chat: Any) -> Iterator[World]:
    """A world; `chat` are further settings of `[chat.slack]`."""
    clock = SimulatedClock(NOW)
    with LoopbackSlackRooms(NOW) as slack:
        told = {"token": TOKEN, "signing_secret": SIGNING_SECRET, "api": slack.api, "hooks": slack.address, **chat}
        at = "https://resile.example.org"
        settings = Settings(data=folder, base_url=at, chat={"slack": told}, updates=list(updates))  # type: ignore[arg-type]
        with open_resile(settings, clock=clock) as resile:
            yield World(resile, slack, clock)


def other_process(world: World) -> SlackChat:
    """What another process over the same data would tend rooms with."""
    chat = slack_chat_over(world.resile)
    assert chat is not None
    return chat
