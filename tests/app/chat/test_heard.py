"""What is said in an incident's channel is in its timeline, each message once, with who said it and when."""

from datetime import timedelta
from typing import Any

import pytest

from resile.app import chat_heard
from resile.app.incidents import command_incident
from resile.model.room_event import Said, Withdrawn
from resile.model.room_lifecycle import Withdraw
from resile.ports.journal import Verdict
from resile.testing.loopback_http import Fault
from resile.testing.loopback_slack_rooms import APP, BOT, BOT_ID, VERIFICATION_TOKEN, Channel
from tests.app.chat.world import ANN, BOB, EVE, EVENTS, NOW, World

MINUTE = timedelta(minutes=1)
TS = "1772600767.000100"


@pytest.fixture
def incident(world: World) -> str:
    """An incident with its channel."""
    incident_id = world.declare()
    world.step()
    return incident_id


def message(channel: Channel, **more: Any) -> dict[str, Any]:
    return {"type": "message", "channel": channel.id, "ts": TS, "event_ts": TS, "user": ANN, "text": "Hello", **more}


def edited(channel: Channel, text: str, *, at: str) -> dict[str, Any]:
    now = {"type": "message", "user": ANN, "ts": TS, "text": text, "edited": {"user": ANN, "ts": at}}
    return message(channel, subtype="message_changed", message=now, previous_message={"ts": TS}, event_ts=at)


def tell(world: World, event: dict[str, Any], *, event_id: str) -> int:
    world.clock.advance(MINUTE)
    return world.post(world.slack.tells(EVENTS, event, at=world.clock.now(), event_id=event_id)).status_code


def test_a_message_has_its_author_and_its_time(world: World, incident: str) -> None:
    world.clock.advance(MINUTE)
    world.says(incident, BOB, "Rolling back")
    world.says(incident, EVE, "Thank you")
    world.step(after=10 * MINUTE)

    told = [one for one in world.timeline(incident) if isinstance(one, Said)]
    assert [(one.author, one.by, one.text) for one in told] == [
        ("bob", "person:bob", "Rolling back"),
        ("eve", f"slack:{EVE}", "Thank you"),
    ]
    assert {one.at.replace(microsecond=0) for one in told} == {NOW + MINUTE}
    assert told[0].recorded_at == NOW + 11 * MINUTE


def test_an_event_that_slack_repeats_is_told_once(world: World, incident: str) -> None:
    told = world.slack.says(EVENTS, world.channel(incident), ANN, "Hello", at=world.clock.now(), event_id="Ev7")
    for n in range(4):
        assert world.post(told, **{"X-Slack-Retry-Num": str(n)}).status_code == 200
        world.step()
    world.restart()
    assert world.post(told).status_code == 200
    world.step()

    assert world.said(incident) == [("ann", "Hello")]


def test_a_replay_of_the_journal_tells_nothing_twice(world: World, incident: str) -> None:
    channel = world.channel(incident)
    tell(world, message(channel), event_id="Ev1")
    tell(world, edited(channel, "Hello all", at="1772600770.000000"), event_id="Ev2")
    tell(world, edited(channel, "Hello everybody", at="1772600780.000000"), event_id="Ev3")
    world.step()
    n_events = len(world.timeline(incident))

    world.resile.journal.replay(door="slack_events")
    world.step()

    assert len(world.timeline(incident)) == n_events
    assert world.said(incident) == [("ann", "Hello everybody")]


def test_an_edit_takes_the_place_of_what_was_said_which_stays_known_as_withdrawn(world: World, incident: str) -> None:
    channel = world.channel(incident)
    tell(world, message(channel), event_id="Ev1")
    tell(world, edited(channel, "Hello all", at="1772600770.000000"), event_id="Ev2")
    # One that was made before, and arrives after.
    tell(world, edited(channel, "Helo all", at="1772600769.000000"), event_id="Ev3")
    world.step(after=MINUTE)

    assert world.said(incident) == [("ann", "Hello all")]
    (withdrawn,) = [one for one in world.timeline(incident) if isinstance(one, Withdrawn)]
    assert withdrawn.reason == "edited in the chat"


def test_a_deleted_message_is_withdrawn_and_does_not_come_back(world: World, incident: str) -> None:
    channel = world.channel(incident)
    tell(world, message(channel), event_id="Ev1")
    gone = message(channel, subtype="message_deleted", deleted_ts=TS, previous_message={"user": ANN, "ts": TS})
    tell(world, gone, event_id="Ev2")
    tell(world, edited(channel, "Hello again", at="1772600770.000000"), event_id="Ev3")
    tell(world, message(channel), event_id="Ev4")
    world.step(after=MINUTE)

    assert world.said(incident) == []
    assert len([one for one in world.timeline(incident) if isinstance(one, Said)]) == 1


def test_a_message_of_whose_end_is_heard_first_does_not_come_to_stand_there(world: World, incident: str) -> None:
    channel = world.channel(incident)
    gone = message(channel, subtype="message_deleted", deleted_ts=TS, previous_message={"user": ANN, "ts": TS})
    for n in range(2):
        tell(world, gone, event_id=f"Ev{n}")
    tell(world, message(channel, text="hunter2"), event_id="Ev2")
    tell(world, edited(channel, "hunter3", at="1772600770.000000"), event_id="Ev3")
    world.step(after=MINUTE)

    assert world.said(incident) == []
    assert len([one for one in world.timeline(incident) if isinstance(one, Withdrawn)]) == 1


def test_what_somebody_withdrew_does_not_come_back_by_an_edit(world: World, incident: str) -> None:
    channel = world.channel(incident)
    tell(world, message(channel, text="hunter2"), event_id="Ev1")
    world.step()
    (said,) = [one for one in world.timeline(incident) if isinstance(one, Said)]
    command_incident(world.resile, incident, Withdraw(said.id, "a password"), by="user:zoe")
    tell(world, edited(channel, "hunter3", at="1772600770.000000"), event_id="Ev2")
    world.step(after=MINUTE)

    assert world.said(incident) == []


def test_the_token_that_slack_sends_along_is_kept_nowhere(world: World, incident: str) -> None:
    world.says(incident, ANN, "Hello")

    (entry,) = world.resile.journal.entries(door="slack_events")
    assert b"Hello" in entry.delivery.body
    assert VERIFICATION_TOKEN.encode() not in entry.delivery.body


@pytest.mark.parametrize(
    "more",
    [
        {"subtype": "channel_join"},
        {"subtype": "channel_topic", "text": "set the topic"},
        {"subtype": "bot_message", "bot_id": BOT_ID, "bot_profile": {"app_id": APP}},
        {"bot_id": BOT_ID, "app_id": APP},
        {"user": BOT},
        {"subtype": "message_deleted", "deleted_ts": TS, "previous_message": {"subtype": "channel_join", "ts": TS}},
        {"subtype": "message_changed", "message": {"ts": TS, "text": "Hello", "user": ANN}},
        {"text": ""},
    ],
    ids=[
        "a join",
        "a topic",
        "our own",
        "our own by app",
        "our own by user",
        "a join that is gone",
        "a preview of a link",
        "an empty one",
    ],
)
def test_what_nobody_wrote_is_left_out(world: World, incident: str, more: dict[str, Any]) -> None:
    assert tell(world, message(world.channel(incident), **more), event_id="Ev1") == 200
    world.step()

    assert world.said(incident) == []


def test_other_apps_are_heard_by_their_name(world: World, incident: str) -> None:
    more = {"subtype": "bot_message", "bot_id": "B1", "username": "Deploys", "user": None, "text": "shop 4.2 is out"}
    tell(world, message(world.channel(incident), **more), event_id="Ev1")
    world.step()

    assert world.said(incident) == [("Deploys", "shop 4.2 is out")]


def test_files_are_named(world: World, incident: str) -> None:
    more = {"subtype": "file_share", "text": "See", "files": [{"name": "graph.png"}, {"id": "F1"}]}
    tell(world, message(world.channel(incident), **more), event_id="Ev1")
    world.step()

    assert world.said(incident) == [("ann", "See\n[file graph.png]")]


def test_what_is_said_in_other_channels_is_kept_nowhere(world: World, incident: str) -> None:
    other = world.slack.taken("general")

    assert tell(world, message(other), event_id="Ev1") == 200
    world.step()

    assert world.said(incident) == []
    assert world.resile.journal.entries(door="slack_events") == []


def test_a_message_waits_for_the_name_of_who_wrote_it_but_not_for_ever(world: World, incident: str) -> None:
    world.slack.fails = [Fault.DROPS] * 100
    world.says(incident, EVE, "Is anybody there?")
    world.step()
    assert world.said(incident) == []

    for _ in range(3):
        world.step(after=MINUTE)

    assert world.said(incident) == [(EVE, "Is anybody there?")]


def test_what_was_said_before_a_fault_is_told_before_it_is_mended(world: World, incident: str) -> None:
    world.slack.refuses["users.info"] = ["ratelimited"]
    world.says(incident, ANN, "First")
    world.says(incident, EVE, "Second")
    world.says(incident, ANN, "Third")
    world.step()
    assert world.said(incident) == [("ann", "First")]

    world.step(after=timedelta(seconds=30))

    assert world.said(incident) == [("ann", "First"), ("eve", "Second"), ("ann", "Third")]


def test_a_timeline_takes_so_many_messages_and_says_where_the_others_are(
    world: World, incident: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chat_heard, "MAX_SAID", 3)
    for n in range(6):
        world.says(incident, ANN, f"Number {n}", ts=f"17726007{67 + n}.000100")
    world.step()

    assert [text for _, text in world.said(incident)][:3] == ["Number 0", "Number 1", "Number 2"]
    assert world.said(incident)[3:] == [("resile", chat_heard._FULL)]

    tell(world, edited(world.channel(incident), "Another", at="1772600790.000000"), event_id="Ev99")
    world.step()
    assert ("ann", "Number 0") in world.said(incident)


def test_a_very_long_message_is_cut(world: World, incident: str) -> None:
    world.says(incident, ANN, "x" * 39_000)
    world.step()

    ((_, text),) = world.said(incident)
    assert (len(text), text[-1]) == (4_000, "…")


def test_nonsense_in_an_event_is_kept_as_failed_or_unmapped_and_stops_nothing(world: World, incident: str) -> None:
    channel = world.channel(incident)
    for n, event in enumerate(
        (
            message(channel, subtype=7, user=[], text={}, files="none", ts=None),
            message(channel, subtype="message_changed", message="none"),
            message(channel, ts="never.0", text="When?"),
            message(channel, ts="9" * 40, text="Later"),
        )
    ):
        assert tell(world, event, event_id=f"Odd{n}") == 200
    world.says(incident, ANN, "Still here")
    world.step()

    assert {one.verdict for one in world.resile.journal.entries(door="slack_events")} <= set(Verdict) - {
        Verdict.WAITING
    }
    assert ("ann", "Still here") in world.said(incident)
