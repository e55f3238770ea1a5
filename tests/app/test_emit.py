"""Other systems hear of incidents: each event once queued, in order, and lost neither by a crash nor by an outage."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from resile.app.emit import Emitting, name_of
from resile.app.notify import EMITTED_GIVES_UP_AFTER
from resile.app.settings import load_settings
from resile.model.errors import ConfigError
from resile.model.event import Escalated, Exclusion, NobodyReachable
from resile.model.incident import InstantName
from resile.model.lifecycle import Mark, Reach, Reopen
from resile.model.message import MessageState
from resile.testing.loopback_http import Fault, Reply
from resile.testing.webhook_sink import WebhookSink, is_signed

from .emit_world import CLOSED, NOW, RESTORED, SECRET, World, declared


@pytest.fixture
def sink() -> Iterator[WebhookSink]:
    with WebhookSink() as opened:
        yield opened


def test_each_event_is_told_once_and_signed(sink: WebhookSink) -> None:
    world = World(sink)
    world.emit()
    world.does("INC-1", declared(), Reach(InstantName.ACKNOWLEDGED, "ann"))
    world.tells("INC-1", Escalated, step=1, people=("ann",))
    world.tells("INC-1", Escalated, step=2, people=("bob",))
    world.tells("INC-1", NobodyReachable, because="nobody acknowledged")
    world.does("INC-1", RESTORED, CLOSED)
    world.clock.advance(timedelta(seconds=30))
    world.does("INC-1", Reopen("it fails again"))

    for _ in range(3):
        world.emit()
        world.send()
    # Each waits for the one before it, and their ids, of which the receiver's address is a part, may be in any order.
    world.advance(timedelta(minutes=3))

    assert [told["type"].removeprefix("incident.") for told in world.told()] == [
        "declared",
        "acknowledged",
        "escalated",
        "nobody_reachable",
        "restored",
        "closed",
        "reopened",
    ]
    assert all(is_signed(request, SECRET) for request in sink.requests)
    first = world.told()[0]["data"]
    assert (first["incident"], first["severity"], first["services"]) == ("INC-1", "SEV2", ["checkout", "cart"])
    versions = [told["data"]["version"] for told in world.told()]
    assert versions == sorted(versions)
    assert world.told()[1]["data"]["who"] == "ann"
    assert world.told()[2]["data"]["people"] == ["bob"]


def test_only_the_events_that_are_asked_for_are_told(sink: WebhookSink) -> None:
    world = World(sink, events=["nobody_reachable", "restored"])
    world.emit()
    world.does("INC-1", declared(), RESTORED)

    world.emit()

    assert [message.title for message in world.queued()] == ["INC-1 restored"]


def test_what_happened_before_is_never_told_and_neither_is_history_that_is_brought_in_later(sink: WebhookSink) -> None:
    world = World(sink)
    world.does("INC-1", declared())
    world.clock.advance(timedelta(minutes=1))
    world.emit()
    year_ago = NOW - timedelta(days=365)
    world.does("INC-old", declared(), at=year_ago, by="import:servicenow")
    world.does("INC-old", RESTORED, at=year_ago + timedelta(hours=1), by="import:servicenow")
    world.clock.advance(timedelta(minutes=1))
    world.does("INC-1", RESTORED)

    world.emit()

    assert [message.title for message in world.queued()] == ["INC-1 restored"]


def test_drills_and_tests_are_nobody_elses_business(sink: WebhookSink) -> None:
    world = World(sink)
    world.emit()
    world.does("INC-1", declared(exclusion=Exclusion.DRILL), RESTORED)
    world.does("INC-2", declared(), Mark(Exclusion.TEST), RESTORED)

    world.emit()

    assert [message.title for message in world.queued()] == ["INC-2 declared"]


def test_a_crash_between_queueing_and_noting_it_doubles_nothing(
    sink: WebhookSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(sink)
    world.emit()
    world.does("INC-1", declared(), RESTORED)
    with monkeypatch.context() as dying:
        dying.setattr(world.deliveries, "set_cursor", lambda *_: (_ for _ in ()).throw(SystemExit))
        with pytest.raises(SystemExit):
            world.emit()
    assert len(world.queued()) == 2
    world.send()

    world.emitter = world.another()
    world.emit()
    world.advance(timedelta(minutes=1))

    assert [told["type"] for told in world.told()] == ["incident.declared", "incident.restored"]


def test_two_servers_make_one_message_of_one_event(sink: WebhookSink) -> None:
    world = World(sink)
    other = world.another()
    world.emit()
    other.step()
    world.does("INC-1", declared())

    world.emit()
    other.step()

    assert len(world.queued()) == 1


def test_a_system_that_is_down_for_an_hour_loses_nothing_and_hears_it_in_order(sink: WebhookSink) -> None:
    world = World(sink)
    world.emit()
    faults: list[Fault | Reply | None] = [Reply(status=503), Fault.DROPS, Reply(status=502)]
    sink.fails = faults * 200
    world.does("INC-1", declared(), Reach(InstantName.ACKNOWLEDGED, "ann"))
    world.does("INC-2", declared())
    world.emit()
    world.advance(timedelta(minutes=30))
    world.does("INC-1", RESTORED)
    world.emit()
    world.advance(timedelta(minutes=35))
    assert {message.state for message in world.queued()} == {MessageState.QUEUED}
    n_in_vain = len(sink.requests)

    sink.fails.clear()
    world.advance(timedelta(minutes=12))

    assert {message.state for message in world.queued()} == {MessageState.HANDED}
    told = [(one["data"]["incident"], one["type"]) for one in world.told()[n_in_vain:]]
    assert [kind for name, kind in told if name == "INC-1"] == [
        "incident.declared",
        "incident.acknowledged",
        "incident.restored",
    ]
    assert ("INC-2", "incident.declared") in told
    assert len(told) == 4


def test_one_that_is_refused_for_good_holds_up_nothing_after_it(sink: WebhookSink) -> None:
    world = World(sink)
    world.emit()
    sink.fails = [Reply(status=400)]
    world.does("INC-1", declared(), RESTORED)

    world.emit()
    world.advance(timedelta(minutes=1))

    states = {message.title: message.state for message in world.queued()}
    assert states == {"INC-1 declared": MessageState.FAILED, "INC-1 restored": MessageState.HANDED}


def test_what_is_refused_for_days_is_given_up(sink: WebhookSink) -> None:
    world = World(sink)
    world.emit()
    sink.fails = [Reply(status=503)] * 5
    world.does("INC-1", declared())
    world.emit()
    world.send()

    world.clock.advance(EMITTED_GIVES_UP_AFTER)
    world.send()

    assert [message.state for message in world.queued()] == [MessageState.FAILED]


def test_the_address_is_kept_out_of_the_database(sink: WebhookSink) -> None:
    world = World(sink)
    world.emit()
    world.does("INC-1", declared())
    world.emit()

    assert "secret" not in str(world.queued())
    assert "secret" not in repr(world.settings)
    assert world.deliveries.cursor(f"emit/{name_of(world.settings)}") is not None


def test_the_thread_queues_what_happens_and_ends_when_it_is_told(sink: WebhookSink) -> None:
    world = World(sink)
    world.emit()
    emitting = Emitting(world.emitter, world.timelines)

    emitting.start()
    world.does("INC-1", declared())
    try:
        for _ in range(200):
            if world.queued():
                break
            world.paging.wait(0.05)
    finally:
        emitting.stop()

    assert [message.title for message in world.queued()] == ["INC-1 declared"]


@pytest.mark.parametrize(
    "given",
    [
        {"url": "ftp://example.org/x"},
        {"url": "https://exam ple.org"},
        {"url": "https://example.org", "kind": "mail"},
        {"url": "https://example.org", "events": ["exploded"]},
        {"url": "https://example.org", "colour": "red"},
    ],
)
def test_settings_that_cannot_be_used_are_refused_without_showing_the_address(given: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="emit") as refused:
        load_settings(emit=[given])

    assert "exam ple" not in str(refused.value)


def test_bodies_are_json_whatever_people_write(sink: WebhookSink) -> None:
    world = World(sink)
    world.emit()
    world.does("INC-1", declared('"; drop table \u2028 \u202e </script> 🚨'))
    world.emit()

    assert msgspec.json.decode(world.queued()[0].extra["body"])["data"]["title"].startswith('"; drop table')
