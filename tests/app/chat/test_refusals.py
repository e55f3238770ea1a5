"""What Slack does not take holds up nothing else: neither other steps of the same channel nor other channels."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from resile.app.chat_people import unlike_people
from resile.channels.slack_room_card import ESCALATE, MITIGATED
from resile.model.event import Mitigated
from resile.testing.loopback_slack_rooms import BOT
from tests.app.chat.world import ACTIONS, ANN, BOB, COMMANDS, EVE, World, opened_world

MINUTE = timedelta(minutes=1)
NAME = "inc-1-cards-are-refused"


@pytest.mark.parametrize(
    ("method", "error"),
    [
        ("pins.add", "missing_scope"),
        ("conversations.setTopic", "ratelimited"),
        ("chat.postMessage", "ratelimited"),
    ],
)
def test_people_are_invited_whatever_else_slack_does_not_take(world: World, method: str, error: str) -> None:
    world.slack.refuses[method] = [error] * 100
    world.asks("page SEV1 Cards are refused")
    world.step()

    channel = world.channel("INC-1")
    assert channel.members == [BOT, BOB]
    assert world.room("INC-1").fault != ""
    assert channel.topic or method == "conversations.setTopic"

    world.slack.refuses.clear()
    world.step(after=11 * MINUTE)

    assert channel.pins == [channel.card["ts"]]
    assert (channel.topic, channel.purpose) != ("", "")
    assert world.room("INC-1").fault == ""


def test_what_slack_refuses_for_good_of_an_open_channel_keeps_what_is_said_there_a_minute_at_most(world: World) -> None:
    world.slack.refuses["pins.add"] = ["restricted_action"] * 100
    incident_id = world.declare()
    world.step()

    world.says(incident_id, ANN, "It is the new release")
    world.asks(f"sev {incident_id} SEV2")
    world.step(after=MINUTE)

    assert world.said(incident_id) == [("ann", "It is the new release")]
    assert world.channel(incident_id).topic.startswith("SEV2")
    assert world.slack.calls["pins.add"] == 2


def test_one_who_may_not_be_invited_keeps_nobody_else_out(tmp_path: Path, fresh_data: Callable[[Path], Path]) -> None:
    with opened_world(fresh_data(tmp_path), invite=["person/ann", "person/bob"]) as world:
        world.slack.refuses["conversations.invite"] = ["restricted_action"]
        incident_id = world.declare()
        world.step()
        assert world.channel(incident_id).members == [BOT, BOB]

        world.step(after=10 * MINUTE)

        assert world.channel(incident_id).members == [BOT, BOB, ANN]


def test_what_slack_takes_no_more_of_is_asked_once_and_the_rest_goes_on(world: World) -> None:
    first = world.declare()
    world.step()
    world.slack.refuses["conversations.create"] = ["ratelimited"]
    others = [world.declare(f"Number {n}") for n in range(5)]
    world.step(after=MINUTE)
    world.asks(f"sev {first} SEV2")
    world.step(after=timedelta(seconds=5))

    assert world.slack.calls["conversations.create"] == 2
    assert world.channel(first).topic.startswith("SEV2")
    assert {world.room(one).ref for one in others} == {None}

    world.step(after=timedelta(seconds=30))

    assert all(world.room(one).ref for one in others)


def test_a_card_changes_every_three_seconds_at_most_and_shows_the_newest_at_last(world: World) -> None:
    incident_id = world.declare()
    world.step()
    for n in range(6):
        world.asks(f"sev {incident_id} SEV{1 + n % 2}")
        world.step(after=timedelta(seconds=0.5))
    assert 1 <= world.slack.calls["chat.update"] <= 2

    world.step(after=timedelta(seconds=3))

    assert "Severity: SEV2" in world.channel(incident_id).card["blocks"][1]["text"]["text"]


def test_a_storm_does_not_keep_somebody_waiting_who_asks_for_a_channel(
    tmp_path: Path, fresh_data: Callable[[Path], Path]
) -> None:
    with opened_world(fresh_data(tmp_path), most_an_hour=1) as world:
        for n in range(3):
            world.declare(f"Number {n}")
        world.step()
        assert len(world.slack.channels_made) == 1

        world.asks("open INC-3")
        world.asks("declare SEV1 Nothing works")
        world.step(after=timedelta(seconds=1))

        assert {one.incident_id for one in world.resile.chats.rooms("slack") if one.ref} == {"INC-1", "INC-3", "INC-4"}


def test_a_channel_into_which_the_app_is_brought_back_goes_on(world: World) -> None:
    incident_id = world.declare()
    world.step()
    channel = world.channel(incident_id)
    channel.members.remove(BOT)
    world.asks(f"sev {incident_id} SEV2")
    world.step(after=MINUTE)
    assert world.room(incident_id).is_left
    assert not world.chats(incident_id)[0].is_open

    channel.members.append(BOT)
    world.says(incident_id, ANN, "I put it back")
    world.step(after=MINUTE)

    assert world.said(incident_id) == [("ann", "I put it back")]
    assert channel.topic.startswith("SEV2")
    assert [one.is_open for one in world.chats(incident_id)] == [True]


def test_who_asks_for_a_channel_that_is_closed_to_the_app_gets_another(world: World) -> None:
    incident_id = world.declare()
    world.step()
    world.channel(incident_id).members.remove(BOT)
    world.asks(f"sev {incident_id} SEV2")
    world.step(after=MINUTE)

    world.asks(f"open {incident_id}")
    world.step(after=MINUTE)

    assert world.channel(incident_id).name == f"{NAME}-2"
    assert [one.is_open for one in world.chats(incident_id)] == [False, True]


def test_a_topic_mentions_nobody(world: World) -> None:
    incident_id = world.declare(f"<!channel> <@{EVE}> & more")
    world.step()

    assert world.channel(incident_id).topic == f"SEV1 · ‹!channel› ‹@{EVE}› & more"


# What is asked for twice.


def test_a_command_that_is_repeated_is_done_once_also_by_another_process(world: World) -> None:
    at = world.clock.now()
    told = world.slack.asks(COMMANDS, "page SEV1 Cards", member=ANN, channel="C0GENERAL", at=at)
    first = world.post(told)
    world.restart()
    again = world.post(told)

    assert first.json() == again.json()
    assert world.resile.timelines.n_incidents() == 1


def test_a_button_pressed_before_a_crash_is_not_done_again_after_it(world: World) -> None:
    world.asks("page SEV1 Cards are refused")
    world.step()
    first = world.taps("INC-1", ESCALATE, press="7.0")
    n_events = len(world.timeline("INC-1"))
    world.restart()

    assert world.taps("INC-1", ESCALATE, press="7.0") == first
    assert len(world.timeline("INC-1")) == n_events


def test_a_card_of_another_life_of_the_data_moves_nothing(world: World) -> None:
    incident_id = world.declare()
    world.step()
    channel = world.channel(incident_id)
    at = world.clock.now()
    told = world.slack.taps(ACTIONS, channel, MITIGATED, member=ANN, at=at, press="7.0", within="C0LONGAGO")

    world.post(told)

    assert "of another incident than it says" in str(world.slack.told[-1]["text"])
    assert not any(isinstance(one, Mitigated) for one in world.timeline(incident_id))


# Who somebody is.


def test_an_e_mail_that_nobody_confirmed_proves_nobody(world: World) -> None:
    world.slack.joins("U0FRESH00", "bob", "bob@example.org", is_confirmed=False)

    assert "does not know who you are" in world.asks("declare SEV1 Nothing works", member="U0FRESH00")


def test_a_stranger_who_calls_himself_like_one_of_ours_is_told_apart(world: World) -> None:
    world.slack.joins(EVE, "Ann", "eve@example.org")
    incident_id = world.declare()
    world.step()

    world.says(incident_id, EVE, f"It is over, <@{EVE}>")
    world.step()

    assert world.said(incident_id) == [(f"Ann ({EVE})", f"It is over, @Ann ({EVE})")]
    for name in ("ann", "a\u200bnn", "\uff41nn", "resile", " ann "):
        assert unlike_people(name, world.resile.catalog, EVE) == f"{name} ({EVE})"
    assert unlike_people("anna", world.resile.catalog, EVE) == "anna"
