"""A channel of Teams hears of incidents by cards; what people write there is done, once, if they are known."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from resile.app.access import LOCAL
from resile.app.chat_check import chat_findings
from resile.app.chat_parts import TeamsChat, teams_chat_over
from resile.app.chatting import chat_step
from resile.app.incidents import declare, show_incident
from resile.app.settings import Settings
from resile.app.wiring import Resile, open_resile
from resile.channels.teams_webhook import plain_of
from resile.model.catalog import Kind
from resile.model.errors import ConfigError
from resile.model.lifecycle import Declare
from resile.model.room_event import Said
from resile.model.severity import Severity
from resile.testing.callbacks import Callback
from resile.testing.loopback_http import Fault
from resile.testing.loopback_teams import TOKEN, LoopbackTeams
from resile.testing.simulated_clock import SimulatedClock
from resile.web.chat_teams import MAX_BYTES
from resile.web.server import create_app
from tests.app.chat.world import NOW
from tests.web.api.conftest import PASSWORDS
from tests.web.api.visitor import ADMIN, ORIGIN, Visitor

URL = f"{ORIGIN}/chat/teams/messages"
ANN, EVE = "8a2e0a1c-0000-4000-8000-000000000001", "8a2e0a1c-0000-4000-8000-000000000009"
MINUTE = timedelta(minutes=1)


class World:
    """Ann is known by her object id; Eve by nobody."""

    def __init__(self, resile: Resile, teams: LoopbackTeams, clock: SimulatedClock) -> None:
        self.resile, self.teams, self.clock = resile, teams, clock
        self.app = create_app(resile, passwords=PASSWORDS)
        access = self.app.state.access
        access.set_up(access.make_set_up_link(), *ADMIN)
        documents: dict[Any, Any] = {(Kind.PERSON, "ann"): ({}, "")}
        resile.catalog.apply(LOCAL, resile.catalog.changes_to(documents))
        self.step()

    def step(self, *, after: timedelta = timedelta(0)) -> None:
        self.clock.advance(after)
        chat: TeamsChat = self.app.state.teams_chat
        while chat_step(chat):
            pass

    def post(self, told: Callback) -> Any:
        client = Visitor(self.app, address="192.0.2.7").client
        return client.post(urlsplit(told.url).path, content=told.body, headers=dict(told.headers))

    def writes(self, text: str, *, member: str = ANN, name: str = "Ann S.") -> str:
        answer = self.post(self.teams.writes(URL, text, member=member, name=name, at=self.clock.now()))
        assert answer.status_code == 200, answer.text
        assert answer.json()["type"] == "message"
        return str(answer.json()["text"])

    def said(self) -> list[tuple[str, str, str]]:
        view = show_incident(self.resile, "INC-1")
        assert view is not None
        return [(one.author, one.by, one.text) for one in view.timeline if isinstance(one, Said)]


def settings(folder: Path, teams: LoopbackTeams, **more: Any) -> Settings:
    told = {"workflow": teams.workflow, "security_token": TOKEN, "people": {ANN.upper(): "ann"}, **more}
    chat: Any = {"teams": told}
    return Settings(data=folder, base_url="https://resile.example.org", allowed_addresses=["127.0.0.0/8"], chat=chat)


@pytest.fixture
def world(tmp_path: Path, fresh_data: Callable[[Path], Path]) -> Iterator[World]:
    clock = SimulatedClock(NOW)
    with LoopbackTeams() as teams, open_resile(settings(fresh_data(tmp_path), teams), clock=clock) as resile:
        yield World(resile, teams, clock)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, fresh_data: Callable[[Path], Path]) -> Iterator[World]:
    """For whatever changes nothing: an incident, of which everybody keeps their hands."""
    folder, clock = fresh_data(tmp_path_factory.mktemp("shared")), SimulatedClock(NOW)
    with LoopbackTeams() as teams, open_resile(settings(folder, teams), clock=clock) as resile:
        made = World(resile, teams, clock)
        made.writes("declare SEV1 Cards are refused")
        yield made


def texts(card: dict[str, Any]) -> list[str]:
    return ["".join(run["text"] for run in block["inlines"]) for block in card["body"]]


def test_a_card_tells_of_an_incident_and_another_each_time_it_moves(world: World) -> None:
    assert world.writes("declare SEV1 Cards are refused") == (
        "INC-1 is declared; nobody is paged for it: @resile escalate does."
    )
    world.step()
    for text in ("note INC-1 We look", "ack INC-1", "mitigated INC-1", "restored INC-1", "closed INC-1"):
        world.writes(text)
        world.step(after=MINUTE)

    states = [texts(card)[1] for card in world.teams.cards]
    assert texts(world.teams.cards[0])[0] == "INC-1 Cards are refused"
    assert states == [
        "Nobody has acknowledged it yet.",
        "Somebody is on it.",
        "The impact is held off.",
        "The service is restored.",
        "It is closed.",
    ]
    (link,) = [one for one in world.teams.cards[0]["actions"] if one["title"] == "Open the incident"]
    assert link["url"] == "https://resile.example.org/incidents/INC-1"


def test_a_workflow_that_is_away_delays_and_loses_nothing(world: World) -> None:
    world.teams.fails = [Fault.DROPS] * 30
    declare(world.resile, Declare(title="Cards are refused", severity=Severity.SEV1), by="user:zoe")
    for _ in range(20):
        world.step(after=MINUTE)
    assert world.teams.cards == []
    assert world.resile.chats.rooms("teams")[0].fault != ""

    world.teams.fails = []
    world.step(after=MINUTE)

    assert len(world.teams.cards) == 1
    assert "sig=" not in world.resile.chats.rooms("teams")[0].fault


def test_incidents_that_are_not_so_bad_have_no_card(world: World) -> None:
    declare(world.resile, Declare(title="A typo", severity=Severity.SEV5), by="user:zoe")
    world.step()

    assert world.teams.cards == []


def test_words_for_an_incident_stand_in_its_timeline_whoever_writes_them(world: World) -> None:
    world.writes("declare SEV1 Cards are refused")

    assert world.writes("INC-1 We roll back &lt;now&gt;") == "INC-1: it stands in the timeline."
    assert world.writes("say inc-1 Thank you<br>all", member=EVE, name="Eve").startswith("INC-1")

    assert world.said() == [
        ("ann", "user:ann", "We roll back <now>"),
        ("Eve", f"teams:{EVE}", "Thank you\nall"),
    ]


def test_a_message_that_is_told_again_is_done_once(world: World) -> None:
    world.writes("declare SEV1 Cards are refused")
    said = world.teams.writes(URL, "INC-1 We roll back", member=ANN, name="Ann", at=world.clock.now())
    first = world.post(said)
    world.app = create_app(world.resile, passwords=PASSWORDS)
    again = world.post(said)

    assert first.json() == again.json()
    assert len(world.said()) == 1
    new = world.teams.writes(URL, "declare SEV1 Another", member=ANN, name="Ann", at=world.clock.now())
    assert world.post(new).json() == world.post(new).json()
    assert world.resile.timelines.n_incidents() == 2


def test_whoever_is_unknown_is_told_how_to_be_known(world: World) -> None:
    said = world.writes("declare SEV1 Cards are refused", member=EVE)

    assert f"have your object id {EVE} added to [chat.teams.people]" in said
    assert world.resile.timelines.n_incidents() == 0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ack", "name it behind the word: INC-7"),
        ("INC-9 Hello", "incident INC-9 is not known"),
        ("INC-1", "write what is to stand in its timeline"),
        ("say hello", "name the incident first"),
        ("open INC-1", "'open' is not known here; @resile help lists what is"),
        ("role INC-1 commander @zoe", "not in resile's catalog"),
    ],
)
def test_a_mistake_is_told_with_its_way_out(shared: World, text: str, words: str) -> None:
    assert words in shared.writes(text)


def test_help_speaks_of_no_channels(shared: World) -> None:
    said = shared.writes("help")

    assert "@resile ack: take it" in said
    assert "channel" not in said


@pytest.mark.parametrize("fault", ["token", "late", "body", "no header", "not json", "too large", "no id"])
def test_what_teams_did_not_sign_a_moment_ago_is_refused(shared: World, fault: str) -> None:
    at = shared.clock.now() - (6 * MINUTE if fault == "late" else timedelta(0))
    told = shared.teams.writes(URL, "declare SEV1 Nothing works", member=ANN, name="Ann", at=at)
    match fault:
        case "token":
            told = shared.teams.signed(URL, told.body, token="bG9vcGJhY2sgYW5vdGhlciB0b2tlbg==")  # noqa: S106
        case "body":
            told = Callback(url=URL, headers=told.headers, body=told.body.replace(b"SEV1", b"SEV2"))
        case "no header":
            told = Callback(url=URL, headers={}, body=told.body)
        case "not json":
            told = shared.teams.signed(URL, b"[" * 100_000)
        case "too large":
            told = shared.teams.signed(URL, b" " * (MAX_BYTES + 1))
        case "no id":
            told = shared.teams.signed(URL, told.body.replace(b'"id":"17', b'"id":" 17'))
        case _:
            pass

    answer = shared.post(told)

    assert answer.status_code == {"not json": 400, "too large": 413, "no id": 400}.get(fault, 401)
    assert shared.resile.timelines.n_incidents() == 1


def test_what_is_no_message_is_taken_calmly(shared: World) -> None:
    assert shared.post(shared.teams.signed(URL, b'{"type":"conversationUpdate"}')).status_code == 200
    assert shared.post(shared.teams.signed(URL, b"7")).status_code == 200


def test_settings_that_cannot_be_used_are_told_at_the_start(tmp_path: Path, fresh_data: Callable[[Path], Path]) -> None:
    folder = fresh_data(tmp_path)
    with LoopbackTeams() as teams:
        with (
            open_resile(settings(folder, teams, security_token="short")) as resile,  # noqa: S106
            pytest.raises(ConfigError, match=r"chat\.teams\.security_token"),
        ):
            teams_chat_over(resile)
        retired = "https://acme.webhook.office.com/webhookb2/1"
        with (
            open_resile(settings(folder, teams, workflow=retired)) as resile,
            pytest.raises(ConfigError, match="are retired"),
        ):
            teams_chat_over(resile)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("<at>resile</at>&nbsp;ack INC-7\n", "ack INC-7"),
        ("<p><at id='0'>resile</at> note INC-7 a &amp; b</p>", "note INC-7 a & b"),
        ("<at>resile</at> role INC-7 commander <at>Ann S.</at>", "role INC-7 commander @Ann S."),
        ("<script>alert(1)</script>", "alert(1)"),
        ("<at>" * 10_000, ""),
        ("<at" * 10_000, "<at" * 1_333 + "…"),
    ],
)
def test_a_text_of_teams_is_made_plain(text: str, plain: str) -> None:
    assert plain_of(text) == plain


def test_the_doctor_says_what_keeps_teams_from_hearing(tmp_path: Path, fresh_data: Callable[[Path], Path]) -> None:
    folder = fresh_data(tmp_path)
    with LoopbackTeams() as teams:
        nothing = settings(folder, teams, workflow=None, security_token=None)
        with open_resile(nothing) as resile:
            found = list(chat_findings(resile))

    assert [one.what for one in found] == ["hears of nothing", "does not know who some people are"]
    assert found[1].why == "the catalog does not know ann"
