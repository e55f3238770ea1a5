"""Signs of life that are awaited, told as stories."""

from datetime import timedelta

import pytest

from resile.app.alert_intake import Told
from resile.model.alert import MAX_DESCRIPTION, Beat
from resile.model.event import AlertFired
from resile.model.severity import Severity
from resile.model.time import HOUR, MINUTE
from resile.ports.delivery_door import DoorOptions
from resile.ports.door_book import Door
from resile.ports.paging_store import TimerKind
from tests.app.alerts.world import NOON, AlertWorld

NAME = "heartbeat/backup"


@pytest.fixture(autouse=True)
def _door(world: AlertWorld) -> None:
    options = DoorOptions(name=NAME, every_s=3_600, grace_s=600, service="shop", severity="SEV3")
    world.doors[NAME] = Door(name=NAME, kind="heartbeat", made_at=world.now(), options=options)
    world.paging.commit(world.parts.heartbeats.expect(world.doors[NAME], world.now()))


def beats(world: AlertWorld, **more: object) -> None:
    """A sign of life arrives and is taken in."""
    beat = Beat(door=NAME, **{"told_at": world.now(), **more})  # type: ignore[arg-type]
    world.parts.intake.take([world.parts.heartbeats.told([beat], now=world.now())])


def state(world: AlertWorld) -> str:
    return world.row(world.alert("x", door=NAME, fingerprint=NAME)).state


def test_door_that_never_beats_fires_after_its_time(world: AlertWorld) -> None:
    world.pass_by(70 * MINUTE - timedelta(seconds=1))
    assert world.n_incidents() == 0
    world.pass_by(timedelta(seconds=1))

    row = world.row(world.alert("x", door=NAME, fingerprint=NAME))
    assert (row.title, row.service, row.severity) == ("No sign of life of backup", "shop", Severity.SEV3)
    assert row.starts_at == NOON + HOUR
    assert world.pages() == ["INC-1"]


def test_beats_in_time_keep_it_quiet(world: AlertWorld) -> None:
    for _ in range(10):
        world.pass_by(65 * MINUTE)
        beats(world)

    assert world.n_incidents() == 0
    assert state(world) == "resolved"


def test_missing_beat_fires_once_and_the_next_clears_it(world: AlertWorld) -> None:
    beats(world)
    world.pass_by(10 * HOUR)
    assert (world.n_incidents(), len(world.told("INC-1", AlertFired))) == (1, 1)

    beats(world)

    assert world.is_over("INC-1")
    assert state(world) == "resolved"
    world.pass_by(2 * HOUR)
    assert state(world) == "firing"


def test_failure_that_it_reports_fires_at_once(world: AlertWorld) -> None:
    beats(world, is_ok=False, text="disk full" + "!" * 10_000)

    view = world.questions.one(world.questions.listed()[0].id)
    assert view is not None
    assert view.alert.title == "backup says that it failed"
    assert len(view.description) == MAX_DESCRIPTION
    assert world.pages() == ["INC-1"]
    world.pass_by(MINUTE)
    beats(world)
    assert world.is_over("INC-1")


def test_late_taken_beat_does_not_bring_forward_what_is_due(world: AlertWorld) -> None:
    world.clock.advance(2 * MINUTE)
    beats(world)
    beats(world, told_at=NOON)

    (timer,) = world.paging.timers(TimerKind.HEARTBEAT)
    assert timer.due_at == NOON + 72 * MINUTE


def test_beat_that_waited_while_its_absence_fired_clears_it(world: AlertWorld) -> None:
    beats(world)
    world.clock.advance(MINUTE)
    waited = world.now()
    world.pass_by(80 * MINUTE)
    assert state(world) == "firing"

    beats(world, told_at=waited)

    assert state(world) == "resolved"


def test_door_that_was_removed_is_awaited_no_more(world: AlertWorld) -> None:
    del world.doors[NAME]

    world.pass_by(3 * HOUR)
    beats(world)

    assert world.n_incidents() == 0
    assert world.paging.timers(TimerKind.HEARTBEAT) == []


def test_door_whose_timer_was_never_written_is_awaited_after_all(world: AlertWorld) -> None:
    world.doors["heartbeat/other"] = Door(
        name="heartbeat/other", kind="heartbeat", made_at=NOON, options=DoorOptions(every_s=60)
    )
    world.doors["github"] = Door(name="github", kind="github", made_at=NOON)

    world.paging.commit(world.parts.heartbeats.expect_all(world.now()))

    timers = {timer.subject: timer.due_at for timer in world.paging.timers(TimerKind.HEARTBEAT)}
    assert timers == {NAME: NOON + 70 * MINUTE, "heartbeat/other": NOON + 2 * MINUTE}
    assert world.parts.heartbeats.expect_all(world.now()).is_empty


def test_door_made_by_another_process_is_awaited_within_a_minute(world: AlertWorld) -> None:
    world.paging.commit(world.parts.heartbeats.begin(world.now()))
    world.pass_by(10 * MINUTE)
    name = "heartbeat/other"
    world.doors[name] = Door(name=name, kind="heartbeat", made_at=world.now(), options=DoorOptions(every_s=300))

    world.pass_by(8 * MINUTE)

    assert world.row(world.alert("x", door=name, fingerprint=name)).state == "firing"
    assert {timer.subject for timer in world.paging.timers(TimerKind.HEARTBEAT)} == {NAME, "*"}


def test_nothing_told_is_nothing_done(world: AlertWorld) -> None:
    assert world.parts.heartbeats.told([], now=world.now()) == Told()


def test_after_the_clock_was_set_back_signs_of_life_are_awaited_as_before(world: AlertWorld) -> None:
    beats(world, told_at=world.now() + 12 * HOUR)
    beats(world)

    world.pass_by(70 * MINUTE)

    assert (state(world), world.n_incidents()) == ("firing", 1)


def test_beat_that_may_have_come_while_nobody_listened_is_awaited_once_more(world: AlertWorld) -> None:
    beats(world)
    world.clock.advance(3 * HOUR)
    world.parts.listening.begin_anew(world.now())

    world.pass_by(69 * MINUTE)
    assert world.n_incidents() == 0

    world.pass_by(2 * MINUTE)
    row = world.row(world.alert("x", door=NAME, fingerprint=NAME))
    assert (world.n_incidents(), row.starts_at) == (1, NOON + 4 * HOUR)
