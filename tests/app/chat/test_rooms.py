"""Channels are made once, whatever dies or fails meanwhile, and nothing that is to stand there is lost."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from resile.app.chat_people import ChatPeople
from resile.app.chat_rooms import Rooms
from resile.app.chat_turn import LEASE
from resile.channels.slack_api import SlackAnswer, SlackApi
from resile.channels.slack_rooms import SlackRooms
from resile.model.event import Exclusion
from resile.model.lifecycle import Merge
from resile.model.room_event import ChatOpened
from resile.model.severity import Severity
from resile.testing.loopback_http import Fault
from resile.testing.loopback_slack_rooms import BOT, USER_TOKEN, Channel
from tests.app.chat.world import ANN, BOB, EVE, World, opened_world, other_process

MINUTE = timedelta(minutes=1)
NAME = "inc-1-cards-are-refused"
# auth.test, create, setPurpose, history or post, pin, setTopic, lookup, invite.
N_CALLS = 8


class Killed(BaseException):
    """The process is gone."""


class Dying(SlackApi):
    """Slack does what it is asked for, and the process dies before it hears so."""

    def __init__(self, api: SlackApi, *, after: int) -> None:
        self._api_given = api
        self._left = after

    def call(self, method: str, fields: Mapping[str, Any] | None = None, *, timeout_s: float) -> SlackAnswer:
        answer = self._api_given.call(method, fields, timeout_s=timeout_s)
        self._left -= 1
        if self._left == 0:
            raise Killed
        return answer


def dying(world: World, *, after: int) -> Rooms:
    chat, resile = world.chat, world.resile
    slack = SlackRooms(Dying(chat.api, after=after))
    people = ChatPeople(slack, resile.chats, resile.catalog, resile.accounts, resile.clock)
    return Rooms(resile, slack, people, chat.settings, by="dying")


def is_whole(world: World, channel: Channel) -> bool:
    """One card, pinned, that the app knows; bob is in; and the timeline tells of it once."""
    cards = [one for one in channel.messages if "metadata" in one]
    opened = [one for one in world.timeline("INC-1") if isinstance(one, ChatOpened)]
    return (
        len(cards) == len(opened) == 1
        and channel.pins == [cards[0]["ts"]] == [world.room("INC-1").card]
        and channel.members == [BOT, BOB]
        and channel.topic != ""
        and channel.purpose != ""
    )


@pytest.mark.parametrize("after", range(1, N_CALLS + 1))
def test_a_process_that_dies_while_it_makes_a_channel_leaves_none_made_twice(world: World, after: int) -> None:
    world.asks("page SEV1 Cards are refused")
    world.chat.wanted.step()

    with pytest.raises(Killed):
        dying(world, after=after).tend_next()
    world.restart()
    world.step(after=LEASE)

    assert [one.name for one in world.slack.channels_made.values()] == [NAME]
    assert is_whole(world, world.channel("INC-1"))


def test_eight_calls_make_a_channel_whole(world: World) -> None:
    world.asks("page SEV1 Cards are refused")
    world.step()

    assert sum(n for method, n in world.slack.calls.items() if method != "users.info") == N_CALLS
    assert is_whole(world, world.channel("INC-1"))


@pytest.mark.parametrize("n_before", range(N_CALLS))
def test_an_answer_that_breaks_off_has_nothing_done_twice(world: World, n_before: int) -> None:
    world.asks("page SEV1 Cards are refused")
    world.slack.fails = [*[None] * n_before, Fault.CUTS]

    world.step()
    assert world.room("INC-1").n_faults == 1
    world.step(after=MINUTE)

    assert [one.name for one in world.slack.channels_made.values()] == [NAME]
    assert is_whole(world, world.channel("INC-1"))
    assert world.room("INC-1").fault == ""


def test_slack_that_is_away_for_an_hour_delays_and_loses_nothing(world: World) -> None:
    first = world.declare()
    world.step()
    world.slack.fails = [Fault.DROPS] * 1_000
    second = world.declare("Payouts are late")
    world.asks(f"sev {first} SEV2")
    for _ in range(60):
        world.step(after=MINUTE)
    assert world.room(second).ref is None
    assert "hung up" in world.room(second).fault

    world.slack.fails = []
    world.asks(f"sev {first} SEV3")
    world.step(after=MINUTE)

    assert world.channel(second).name == "inc-2-payouts-are-late"
    assert world.channel(first).topic == "SEV3 · Cards are refused"
    assert 60 < len(world.slack.requests) < 300


def test_a_call_that_comes_too_often_is_made_again_when_slack_says(world: World) -> None:
    world.slack.refuses["conversations.create"] = ["ratelimited"]
    incident_id = world.declare()

    world.step()
    world.step(after=timedelta(seconds=29))
    assert world.slack.calls["conversations.create"] == 1
    world.step(after=timedelta(seconds=1))

    assert world.channel(incident_id).name == NAME


def test_a_name_that_others_have_gets_a_number_and_theirs_is_left_alone(world: World) -> None:
    theirs = world.slack.taken(NAME)
    incident_id = world.declare()

    world.step()

    assert world.channel(incident_id).name == f"{NAME}-2"
    assert (theirs.messages, theirs.purpose) == ([], "")


def test_two_processes_make_one_channel(world: World) -> None:
    incident_id = world.declare()
    other = other_process(world)
    other.wanted.step()
    world.chat.wanted.step()

    assert other.rooms.tend_next()
    assert not world.chat.rooms.tend_next()

    assert len(world.slack.channels_made) == 1
    assert world.channel(incident_id).name == NAME


@pytest.mark.parametrize(
    "more",
    [
        {"severity": Severity.SEV3},
        {"exclusion": Exclusion.DRILL},
        {"exclusion": Exclusion.TEST},
    ],
    ids=["not so bad", "a drill", "a test"],
)
def test_other_incidents_have_no_channel(world: World, more: dict[str, Any]) -> None:
    world.declare(**more)

    world.step()

    assert world.slack.calls["conversations.create"] == 0


def test_only_incidents_of_the_services_teams_and_labels_named_have_one(
    tmp_path: Path, fresh_data: Callable[[Path], Path]
) -> None:
    which = {"services": ["checkout"], "teams": ["shop"], "labels": {"environment": "production"}}
    with opened_world(fresh_data(tmp_path), **which) as world:
        fitting = {"services": ("checkout", "cart"), "team": "shop", "labels": {"environment": "production"}}
        for missing in ("services", "team", "labels"):
            world.declare(**{name: value for name, value in fitting.items() if name != missing})
        meant = world.declare(**fitting)

        world.step()

        assert [one.incident_id for one in world.resile.chats.rooms("slack")] == [meant]


def test_an_incident_that_is_merged_has_its_channel_archived(world: World) -> None:
    first, second = world.declare(), world.declare("The same")
    world.step()
    from resile.app.incidents import command_incident  # noqa: PLC0415 - of this test alone

    command_incident(world.resile, second, Merge(first), by="user:zoe")
    world.step()

    assert world.channel(second).is_archived
    assert "It was merged into INC-1." in world.channel(second).card["text"]
    assert not world.channel(first).is_archived


def test_a_channel_that_somebody_archived_is_left_and_opened_anew_when_asked_for(world: World) -> None:
    incident_id = world.declare()
    world.step()
    first = world.channel(incident_id)
    first.is_archived = True
    first.members.remove(BOT)

    world.asks(f"sev {incident_id} SEV2")
    world.step(after=MINUTE)
    assert not world.chats(incident_id)[0].is_open
    n_requests = len(world.slack.requests)
    world.asks(f"note {incident_id} Still at it")
    world.step(after=MINUTE)
    assert len(world.slack.requests) == n_requests

    assert "is being made" in world.asks(f"open {incident_id}")
    world.step(after=MINUTE)

    assert world.channel(incident_id).name == f"{NAME}-2"


def test_a_reopened_incident_goes_on_in_its_channel_where_a_person_may_take_it_out_of_the_archive(
    tmp_path: Path, fresh_data: Callable[[Path], Path]
) -> None:
    with opened_world(fresh_data(tmp_path), user_token=USER_TOKEN) as world:
        incident_id = world.declare()
        world.step()
        channel = world.channel(incident_id)
        for word in ("restored", "closed", "reopen"):
            world.asks(f"{word} {incident_id}")
            world.step(after=MINUTE)

        assert not channel.is_archived
        assert BOT in channel.members
        assert len(world.slack.channels_made) == 1
        assert [chat.is_open for chat in world.chats(incident_id)] == [True]


def test_a_card_that_somebody_deleted_is_posted_anew(world: World) -> None:
    incident_id = world.declare()
    world.step()
    channel = world.channel(incident_id)
    channel.messages.clear()
    channel.pins.clear()

    world.asks(f"sev {incident_id} SEV2")
    world.step(after=MINUTE)

    assert channel.pins == [channel.card["ts"]]
    assert "Severity: SEV2" in channel.card["blocks"][1]["text"]["text"]


def test_more_channels_than_the_settings_allow_within_an_hour_wait(
    tmp_path: Path, fresh_data: Callable[[Path], Path]
) -> None:
    with opened_world(fresh_data(tmp_path), most_an_hour=2) as world:
        for n in range(4):
            world.declare(f"Number {n}")
        world.step()
        assert len(world.slack.channels_made) == 2
        assert "within an hour" in world.room("INC-4").fault

        world.step(after=61 * MINUTE)

        assert len(world.slack.channels_made) == 4


def test_people_whom_the_settings_name_are_invited_and_who_cannot_come_holds_up_nobody(
    tmp_path: Path, fresh_data: Callable[[Path], Path]
) -> None:
    with opened_world(fresh_data(tmp_path), invite=["person/ann", "person/bob"]) as world:
        del world.slack.people[ANN]
        incident_id = world.declare()

        world.step()

        assert world.channel(incident_id).members == [BOT, BOB]
        assert world.room(incident_id).n_faults == 0


def test_a_right_that_is_missing_is_told_with_its_way_out(world: World) -> None:
    world.slack.refuses["conversations.create"] = ["missing_scope"]
    incident_id = world.declare()

    world.step()

    assert "and install it again" in world.room(incident_id).fault
    world.step(after=10 * MINUTE)
    assert world.channel(incident_id).name == NAME


def test_hostile_titles_make_a_name_that_slack_takes_and_a_card_without_marks(world: World) -> None:
    incident_id = world.declare("<!channel> Ünïcode & *bold* <@U1> " + "x" * 300)

    world.step()

    channel = world.channel(incident_id)
    assert channel.name.startswith("inc-1-channel-unicode-bold-u1-xxx")
    assert "<" not in channel.card["text"]
    assert {one["text"]["type"] for one in channel.card["blocks"][:2]} == {"plain_text"}
    assert EVE not in channel.members


@pytest.mark.parametrize("fault", ["older", "of another incident"])
def test_a_channel_of_ours_that_is_another_incidents_is_not_taken_for_this_one(world: World, fault: str) -> None:
    # As where the data folder was begun anew, and incidents are counted from one again.
    theirs = world.slack.taken(NAME)
    theirs.creator, theirs.members = BOT, [BOT]
    theirs.created -= 3_600 if fault == "older" else 0
    theirs.purpose = "" if fault == "older" else "Incident INC-1, https://other.example.org/incidents/INC-1"
    world.slack.fails = [Fault.DROPS]
    incident_id = world.declare()

    world.step()
    world.step(after=MINUTE)

    assert world.channel(incident_id).name == f"{NAME}-2"
    assert theirs.messages == []
