"""Silences: made, listed, ended, and reminded of."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from resile.app.access import Identity
from resile.model.errors import AccessError, ConfigError
from resile.model.message import Message, MessageClass
from resile.model.time import DAY, HOUR, MINUTE
from resile.ports.account_store import Scope
from resile.ports.paging_store import TimerKind
from tests.app.alerts.world import ANN, NOON, AlertWorld


def days_pass(world: AlertWorld, n: int) -> None:
    """By the hour."""
    for _ in range(n * 24):
        world.clock.advance(HOUR)
        world.tick()


def reminders(world: AlertWorld) -> Sequence[Message]:
    return world.paging.recent_messages(message_class=MessageClass.NOTICE)[::-1]


def test_silence_says_who_made_it_and_why(world: AlertWorld) -> None:
    made = world.parts.silences.add(ANN, ["service=shop", "host=~db-.*"], because=" a \n deploy ", lasts=2 * HOUR)

    (row,) = world.parts.silences.listed()
    assert row == made
    assert (row.by, row.because, row.matchers) == ("user:ann", "a deploy", ["service=shop", "host=~db-.*"])
    assert (row.holds, row.ends_at, row.n_muted) == (True, NOON + 2 * HOUR, 0)
    assert world.parts.silences.one(made.id) == made


def test_silence_that_begins_later_mutes_nothing_before(world: AlertWorld) -> None:
    world.parts.silences.add(ANN, ["service=shop"], because="deploy", starts_at=NOON + HOUR, lasts=HOUR)

    assert world.fires() is not None
    assert [row.holds for row in world.parts.silences.listed()] == [False]


def test_recurring_silence_mutes_in_its_hours_and_not_between(world: AlertWorld) -> None:
    world.parts.silences.add(ANN, ["service=shop"], because="backup", every="mon 14:00-15:00", zone="Europe/Berlin")

    before = world.fires("errors", service="shop")
    world.clears("errors")
    world.clock.advance(61 * MINUTE)  # 14:01 in Berlin
    assert world.fires("latency") is None
    world.pass_by(60 * MINUTE)

    assert world.row("latency").incident_id not in {None, before}


def test_ending_it_records_who_did_and_cannot_be_done_twice(world: AlertWorld) -> None:
    made = world.parts.silences.add(ANN, ["service=shop"], because="deploy", lasts=HOUR)
    bob = Identity(by="user:bob", name="bob", scopes=frozenset({Scope.READ, Scope.WRITE}))

    ended = world.parts.silences.end(bob, made.id)

    assert (ended.ended_by, ended.is_over, ended.holds) == ("user:bob", True, False)
    assert world.parts.silences.listed() == []
    assert world.parts.silences.listed(over=True) == [ended]
    assert world.paging.timers(TimerKind.SILENCE) == []
    with pytest.raises(ConfigError, match="no silence"):
        world.parts.silences.end(bob, made.id)


def test_who_may_not_write_may_not_silence(world: AlertWorld) -> None:
    viewer = Identity(by="user:eve", name="eve", scopes=frozenset({Scope.READ}))

    with pytest.raises(AccessError):
        world.parts.silences.add(viewer, ["service=shop"], because="x", lasts=HOUR)
    with pytest.raises(AccessError):
        world.parts.silences.end(viewer, "s1")


@pytest.mark.parametrize(
    ("matches", "more", "says"),
    [
        ([], {}, "without anything to match"),
        (["service=~.*"], {}, "say what one label must be"),
        (["env!=test"], {}, "say what one label must be"),
        (["shop"], {}, "is not understood"),
        (["service=~("], {}, "pattern '\\('"),
        (["service=shop"], {"because": " "}, "needs a reason"),
        (["service=shop"], {"lasts": None}, "needs an end"),
        (["service=shop"], {"lasts": timedelta(days=400)}, "would be forgotten"),
        (["service=shop"], {"ends_at": NOON + HOUR}, "leave out one"),
        (["service=shop"], {"lasts": None, "ends_at": NOON - HOUR}, "before it starts"),
        (["service=shop"], {"starts_at": NOON - 2 * HOUR}, "over before it began"),
        (["service=shop"], {"every": "sometimes"}, "write sat 02:00-04:00"),
        (["service=shop"], {"every": "sat 02:00-04:00", "zone": "Mars/Olympus"}, "Mars/Olympus"),
        (["service=shop"], {"zone": "UTC"}, "for silences that recur"),
        (["service=shop"], {"person": "zoe"}, "not in the catalog"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    world: AlertWorld, matches: list[str], more: dict[str, Any], says: str
) -> None:
    asked = {"because": "deploy", "lasts": HOUR, **more}

    with pytest.raises(ConfigError, match=says):
        world.parts.silences.add(ANN, matches, **asked)

    assert world.parts.silences.listed(over=True) == []


def test_silence_that_muted_nothing_for_a_week_is_reminded_of(world: AlertWorld) -> None:
    made = world.parts.silences.add(ANN, ["service=shop"], because="migration", lasts=20 * DAY)

    days_pass(world, 6)
    assert reminders(world) == []
    days_pass(world, 2)

    (notice,) = reminders(world)
    assert (notice.person, notice.address) == ("ann", "ann@example.org")
    assert notice.title == "Your silence of service=shop has muted nothing for 7 days"
    assert f"resile silence end {made.id}" in notice.text
    days_pass(world, 14)
    assert len(reminders(world)) == 2
    assert world.paging.timers(TimerKind.SILENCE) == []


def test_silence_that_mutes_for_longer_than_a_week_is_reminded_of(world: AlertWorld) -> None:
    world.parts.silences.add(ANN, ["service=shop"], because="migration", lasts=20 * DAY)
    days_pass(world, 5)
    world.fires()

    days_pass(world, 3)

    assert [one.title for one in reminders(world)] == [
        "Your silence of service=shop holds for 7 days by now and muted 1 alert"
    ]


def test_short_silence_is_not_reminded_of(world: AlertWorld) -> None:
    world.parts.silences.add(ANN, ["service=shop"], because="deploy", lasts=6 * DAY)

    days_pass(world, 9)

    assert reminders(world) == []


def test_recurring_silence_may_rest_longer(world: AlertWorld) -> None:
    world.parts.silences.add(ANN, ["service=shop"], because="backup", every="sat 02:00-04:00", person="ann")

    days_pass(world, 27)
    assert reminders(world) == []
    days_pass(world, 2)

    assert [one.title for one in reminders(world)] == ["Your silence of service=shop has muted nothing for 28 days"]
