"""Each incident has a channel in Teams, made once; what Microsoft signed is heard and done once, all else is not."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jwt
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from resile.app.access import LOCAL
from resile.app.chat_parts import TeamsChat, teams_chat_over
from resile.app.chat_tending import Tender
from resile.app.chat_turn import LEASE
from resile.app.chatting import chat_step
from resile.app.incidents import declare, show_incident
from resile.app.settings import Settings
from resile.app.wiring import Resile, open_resile
from resile.channels.slack_room_card import ACKNOWLEDGE, ESCALATE, RESTORED
from resile.channels.teams_graph import TeamsGraph
from resile.model.catalog import Kind
from resile.model.chat import ChatRoom
from resile.model.event import Acknowledged, Escalated
from resile.model.lifecycle import Declare
from resile.model.room import room_of
from resile.model.room_event import ChatOpened, Said
from resile.model.severity import Severity
from resile.testing.callbacks import Callback
from resile.testing.loopback_http import Fault
from resile.testing.loopback_teams_app import APP, ISSUER, TENANT, LoopbackTeamsApp, Place, with_token
from resile.testing.simulated_clock import SimulatedClock
from resile.web.server import create_app
from tests.app.chat.world import NOW
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


@pytest.fixture
def world(tmp_path: Path, fresh_data: Callable[[Path], Path]) -> Iterator[World]:
    folder, clock = fresh_data(tmp_path), SimulatedClock(NOW)
    with LoopbackTeamsApp(NOW) as teams, open_resile(opened(folder, teams), clock=clock) as resile:
        yield World(resile, teams, clock)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, fresh_data: Callable[[Path], Path]) -> Iterator[World]:
    """For whatever changes nothing."""
    folder, clock = fresh_data(tmp_path_factory.mktemp("shared")), SimulatedClock(NOW)
    with LoopbackTeamsApp(NOW) as teams, open_resile(opened(folder, teams), clock=clock) as resile:
        made = World(resile, teams, clock)
        made.declare()
        made.step()
        yield made


def test_an_incident_is_talked_through_in_its_channel(world: World) -> None:
    general = world.teams.taken("General")
    said = world.asks("page SEV1 service=checkout Cards are refused", place=general)
    assert said == "INC-1 is declared; who is on call is paged. Its channel is being made."

    world.step()
    place = world.place()
    assert (place.name, place.description) == (NAME, "Incident INC-1, https://resile.example.org/incidents/INC-1")
    assert place.texts[:2] == ["INC-1 Cards are refused", "Nobody has acknowledged it yet."]
    assert world.teams.members == {BOB}
    (told,) = [one for one in world.timeline() if isinstance(one, ChatOpened)]
    assert (told.channel, told.ref, told.url) == (
        "teams",
        place.id,
        f"https://teams.microsoft.com/l/channel/{place.id}",
    )

    assert world.presses(ACKNOWLEDGE) == "You took INC-1. Nobody else is paged for it."
    assert world.asks("sev SEV2") == "INC-1 is SEV2."
    world.says("It is the <at>new</at> release &amp; me<br>look")
    world.step(after=MINUTE)
    assert "Taken by: ann" in place.texts
    assert len(place.messages) == 1
    assert world.said() == [("ann", "It is the @new release & me\nlook")]
    assert world.teams.members == {ANN, BOB}

    assert world.presses(RESTORED, member=BOB) == "INC-1 is restored."
    assert world.asks("closed") == "INC-1 is closed."
    world.step(after=MINUTE)
    assert place.is_archived
    assert place.texts[1] == "It is closed."
    assert [one.is_open for one in room_of(world.timeline()).chats] == [False]

    world.asks("reopen It fails again")
    world.step(after=MINUTE)
    assert not place.is_archived
    assert [one.is_open for one in room_of(world.timeline()).chats] == [True]
    assert len(world.teams.places) == 2


class Killed(BaseException):
    """The process is gone."""


def test_a_process_that_dies_between_a_channel_and_its_record_makes_no_second(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.declare()
    world.chat.wanted.step()
    make = TeamsGraph.make

    def made_and_dead(self: TeamsGraph, name: str, description: str) -> None:
        make(self, name, description)
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(TeamsGraph, "make", made_and_dead)
        rooms = world.chat.rooms
        assert isinstance(rooms, Tender)
        with pytest.raises(Killed):
            rooms.tend_next()
    world.restart()
    world.step(after=LEASE)

    assert [one.name for one in world.teams.places.values()] == [NAME]
    assert len(world.place().messages) == 1


def test_two_processes_make_one_channel(world: World) -> None:
    world.declare()
    other = teams_chat_over(world.resile)
    assert other is not None
    other.wanted.step()
    world.chat.wanted.step()

    assert other.rooms.tend_next()
    assert not world.chat.rooms.tend_next()

    assert len(world.teams.places) == 1


def test_a_name_that_others_have_gets_a_number(world: World) -> None:
    theirs = world.teams.taken(NAME, "Incident INC-1, https://other.example.org/incidents/INC-1")
    world.declare()
    world.step()

    assert world.place().name == f"{NAME}-2"
    assert theirs.messages == {}


@pytest.mark.parametrize(
    ("call", "status", "words", "rest"),
    [
        ("make", 429, "answered 429", timedelta(seconds=20)),
        ("make", 403, "give it the right Channel.Create.Group", 10 * MINUTE),
        ("make", 500, "leaves open", timedelta(seconds=2)),
        ("token", 401, "check chat.teams.app.client_secret", timedelta(seconds=2)),
        ("post", 403, "add the app to the team", 10 * MINUTE),
    ],
)
def test_what_microsoft_does_not_take_is_put_off_and_done_once(
    world: World, call: str, status: int, words: str, rest: timedelta
) -> None:
    world.teams.refuses[call] = [status]
    world.declare()
    world.step()
    assert words in world.room().fault

    world.step(after=rest)

    assert [one.name for one in world.teams.places.values()] == [NAME]
    assert len(world.place().messages) == 1
    assert world.room().fault == ""


def test_what_graph_takes_no_more_of_is_asked_once_for_all_channels(world: World) -> None:
    world.teams.refuses["make"] = [429]
    for n in range(4):
        world.declare(f"Number {n}")
    world.step()
    assert world.teams.calls["make"] == 1

    world.step(after=timedelta(seconds=20))

    assert len(world.teams.places) == 4


def test_a_token_that_was_taken_back_is_asked_for_anew(world: World) -> None:
    world.declare()
    world.step()
    world.teams.tokens.clear()
    world.asks("sev SEV2")
    world.step(after=MINUTE)

    assert "Severity: SEV2" in world.place().texts
    assert world.teams.calls["token"] == 3


def test_a_channel_that_somebody_deleted_is_left_until_it_is_asked_for(world: World) -> None:
    world.declare()
    world.step()
    general = world.teams.taken("General")
    del world.teams.places[world.room().ref or ""]
    world.asks("sev INC-1 SEV2", place=general)
    world.step(after=MINUTE)
    assert world.room().is_left
    assert not room_of(world.timeline()).chats[0].is_open

    assert world.asks("open INC-1", place=general) == "INC-1: its channel is being made."
    world.step(after=MINUTE)

    assert world.place().name == NAME


def test_microsoft_that_is_away_for_an_hour_delays_and_loses_nothing(world: World) -> None:
    world.teams.fails = [Fault.DROPS] * 200
    world.declare()
    for _ in range(60):
        world.step(after=MINUTE)
    assert world.teams.places == {}

    world.teams.fails = []
    world.step(after=MINUTE)

    assert len(world.place().messages) == 1
    assert len(world.teams.requests) < 100


# What is heard.


def test_an_activity_that_is_told_again_is_done_once_also_after_a_restart(world: World) -> None:
    world.asks("page SEV1 Cards are refused", place=world.teams.taken("General"))
    world.step()
    first = world.presses(ESCALATE, id="m1")
    world.says("Hello", id="m2")
    world.restart()

    assert world.presses(ESCALATE, id="m1") == first
    world.says("Hello", id="m2")
    world.step(after=MINUTE)

    assert len([one for one in world.timeline() if isinstance(one, Escalated)]) == 2
    assert world.said() == [("ann", "Hello")]


def test_edits_and_ends_of_messages_are_followed(world: World) -> None:
    world.declare()
    world.step()
    data = {"channel": {"id": world.place().id}, "tenant": {"id": TENANT}}
    edit, end = ({**data, "eventType": one} for one in ("editMessage", "softDeleteMessage"))
    world.says("Helo", id="m1")
    world.says("Secret", id="m2")
    world.clock.advance(MINUTE)
    world.says("Hello", id="m1", type="messageUpdate", channelData=edit)
    world.says("", id="m2", type="messageDelete", channelData=end)
    world.step(after=MINUTE)

    assert world.said() == [("ann", "Hello")]


def test_whoever_is_unknown_may_talk_and_not_command(world: World) -> None:
    world.declare()
    world.step()

    assert f"have your object id {EVE} added" in world.asks("restored", member=EVE)
    assert "does not know who you are" in world.presses(ACKNOWLEDGE, member=EVE)
    world.says("I am ann", member=EVE, name="Ann")
    world.step(after=MINUTE)

    assert not any(isinstance(one, Acknowledged) for one in world.timeline())
    assert world.said() == [(f"Ann ({EVE})", "I am ann")]


def test_what_the_app_itself_wrote_and_other_channels_say_is_kept_nowhere(shared: World) -> None:
    shared.says("It is me", **{"from": {"id": f"28:{APP}", "name": "resile"}})
    told = shared.teams.tells(URL, shared.teams.taken("Lunch"), "Pizza?", member=ANN, name="Ann", at=shared.clock.now())
    assert shared.post(told).status_code == 200
    shared.step()

    assert shared.said() == []


# Who is believed.


def activity(shared: World, **more: Any) -> Any:
    at = shared.clock.now()
    told = shared.teams.asks(URL, shared.place(), more.pop("words", "restored"), member=ANN, name="Ann", at=at, **more)
    return msgspec.json.decode(told.body)


def claims(shared: World) -> dict[str, Any]:
    now_s = int(shared.clock.now().timestamp())
    return {"iss": ISSUER, "aud": APP, "exp": now_s + 60, "serviceurl": f"{shared.teams.address}/teams/"}


def forged(shared: World, fault: str) -> Callback:
    teams, at, now_s = shared.teams, shared.clock.now(), int(shared.clock.now().timestamp())
    public = teams.keys[teams.kid].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    head = {"kid": teams.kid}
    match fault:
        case "none":
            return with_token(URL, activity(shared), jwt.encode(claims(shared), "", algorithm="none", headers=head))
        case "hmac by the public key":
            # As libraries refuse to make it, by hand.
            key = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
            parts = [
                jwt.utils.base64url_encode(msgspec.json.encode(one)).decode()
                for one in ({"alg": "HS256", "typ": "JWT", **head}, claims(shared))
            ]
            mark = jwt.utils.base64url_encode(key.sign(".".join(parts).encode(), public)).decode()
            return with_token(URL, activity(shared), ".".join([*parts, mark]))
        case "another key":
            return with_token(URL, activity(shared), _by(OTHER_KEY, claims(shared), kid=teams.kid))
        case "unknown key":
            return with_token(URL, activity(shared), _by(OTHER_KEY, claims(shared), kid="nobody"))
        case "changed":
            told = teams.signed(URL, activity(shared), at=at)
            head_, body, mark = told.headers["Authorization"].split(".")
            return with_token(URL, activity(shared), f"{head_.removeprefix('Bearer ')}.{body[:-2]}AA.{mark}")
        case "no token":
            return Callback(url=URL, headers={}, body=msgspec.json.encode(activity(shared)))
        case "too long":
            return with_token(URL, activity(shared), "x" * 9_000)
        case _:
            more: dict[str, Any] = {
                "expired": {"exp": now_s - 301},
                "not yet": {"nbf": now_s + 301},
                "no end": {"exp": None},
                "audience": {"aud": "another-app"},
                "issuer": {"iss": "https://sts.windows.net/x/"},
                "service": {"serviceurl": "https://evil.example/"},
            }[fault]
            said = {name: value for name, value in {**claims(shared), **more}.items() if value is not None}
            return with_token(URL, activity(shared), _by(teams.keys[teams.kid], said, kid=teams.kid))


def _by(key: RSAPrivateKey, said: dict[str, Any], *, kid: str) -> str:
    return jwt.encode(said, key, algorithm="RS256", headers={"kid": kid})


FORGED = ("none", "hmac by the public key", "another key", "unknown key", "changed", "no token", "too long", "expired",
          "not yet", "no end", "audience", "issuer", "service")  # fmt: skip


def test_what_microsoft_did_not_sign_for_this_app_now_is_refused(shared: World) -> None:
    for n, fault in enumerate(FORGED):
        assert shared.post(forged(shared, fault), address=f"192.0.2.{n}").status_code == 401, fault

    assert all(type(one).__name__ != "Restored" for one in shared.timeline())


def test_what_is_said_in_another_organisation_is_refused(shared: World) -> None:
    data = {"channel": {"id": shared.place().id}, "tenant": {"id": "44444444-0000-4000-8000-000000000004"}}
    told = shared.teams.signed(URL, activity(shared, channelData=data), at=shared.clock.now())

    answer = shared.post(told, address="192.0.2.99")

    assert (answer.status_code, "another organisation" in answer.text) == (401, True)


def test_a_new_key_is_looked_up_and_an_old_one_is_believed_no_more(world: World) -> None:
    world.declare()
    world.step()
    assert world.asks("sev SEV2") == "INC-1 is SEV2."
    before = world.teams.tells(URL, world.place(), "Hello", member=ANN, name="Ann", at=world.clock.now())
    n_looked = world.teams.calls["keys"]

    world.teams.rotate()
    world.clock.advance(MINUTE)
    assert world.asks("sev SEV1") == "INC-1 is SEV1."

    assert world.teams.calls["keys"] == n_looked + 1
    assert world.post(before).status_code == 401
    for _ in range(5):
        world.post(before)
    assert world.teams.calls["keys"] == n_looked + 1


def test_keys_of_yesterday_hold_while_microsoft_is_away_and_without_any_it_is_told_again(world: World) -> None:
    world.declare()
    world.step()
    world.teams.refuses["openid"] = [503] * 10
    told = world.teams.tells(URL, world.place(), "Hello", member=ANN, name="Ann", at=world.clock.now())
    assert world.post(told).status_code == 503

    world.teams.refuses.clear()
    world.clock.advance(MINUTE)
    assert world.post(told).status_code == 200
    world.teams.refuses["openid"] = [503] * 10
    world.clock.advance(timedelta(hours=25))
    world.says("Good morning")
    world.step()

    assert world.said() == [("ann", "Hello"), ("ann", "Good morning")]


def test_a_key_that_is_not_for_teams_is_not_believed(world: World) -> None:
    world.declare()
    world.step()
    world.teams.endorsements = ["webchat"]

    told = world.teams.tells(URL, world.place(), "Hello", member=ANN, name="Ann", at=world.clock.now())

    assert "is not for Teams" in world.post(told).text


def test_an_answer_goes_to_microsoft_alone(shared: World) -> None:
    # Another place, though signed: an answer goes where the settings say.
    told = activity(shared, serviceUrl="http://localhost:1/teams/", words="help")
    n_replies = len(shared.teams.replies)

    assert shared.post(shared.teams.signed(URL, told, at=shared.clock.now())).status_code == 200

    assert len(shared.teams.replies) == n_replies + 1


def test_settings_hold_the_secret_and_show_it_nowhere(shared: World) -> None:
    settings = shared.chat.settings
    assert settings.app is not None
    assert "loopback~secret" not in repr(settings)
    assert "loopback~secret" not in repr(shared.chat.app)


@pytest.mark.parametrize(
    ("more", "words"),
    [({"tenant": "contoso"}, "tenant"), ({"name": "inc"}, "alike"), ({"graph": "http://example.org"}, "not encrypted")],
)
def test_settings_that_cannot_be_used_are_told(tmp_path: Path, more: dict[str, str], words: str) -> None:
    with LoopbackTeamsApp(NOW) as teams, pytest.raises(ValueError, match=words):
        opened(tmp_path, teams, **more)
