"""Each incident has a channel in Teams, made once; what is said and asked for there is heard and done once."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from resile.app.chat_parts import teams_chat_over
from resile.app.chat_tending import Tender
from resile.app.chat_turn import LEASE
from resile.app.wiring import open_resile
from resile.channels.slack_room_card import ACKNOWLEDGE, ESCALATE, RESTORED
from resile.channels.teams_graph import TeamsGraph
from resile.model.event import Acknowledged, Escalated
from resile.model.room import room_of
from resile.model.room_event import ChatOpened
from resile.testing.loopback_http import Fault
from resile.testing.loopback_teams_app import APP, TENANT, LoopbackTeamsApp
from resile.testing.simulated_clock import SimulatedClock
from tests.app.chat.teams_world import ANN, BOB, EVE, MINUTE, NAME, URL, World, opened
from tests.app.chat.world import NOW


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


@pytest.mark.parametrize("is_allowed", [True, False])
def test_who_cannot_be_added_to_the_team_keeps_the_channel_from_nobody(world: World, is_allowed: bool) -> None:
    world.teams.known.discard(BOB)  # who has left the organisation
    world.teams.refuses["add"] = [] if is_allowed else [403]
    world.asks("page SEV1 Cards are refused", place=world.teams.taken("General"))
    world.step()
    assert (world.room().is_left, world.room().fault) == (False, "")
    assert [one.is_open for one in room_of(world.timeline()).chats] == [True]

    world.asks("sev SEV2")
    world.step(after=MINUTE)

    assert "Severity: SEV2" in world.place().texts


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
