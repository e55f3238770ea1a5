"""Who did not listen for a while takes nobody for silent because of that."""

from datetime import timedelta

from resile.app.listening import Listening
from resile.model.event import Paged, Restored
from resile.model.time import HOUR, MINUTE
from tests.app.alerts.world import NOON, AlertWorld

SECOND = timedelta(seconds=1)


def starts_anew_after(world: AlertWorld, length: timedelta) -> None:
    """The process was not there for so long."""
    world.clock.advance(length)
    world.parts.listening.begin_anew(world.now())
    world.tick()


def test_what_fires_and_was_taken_outlives_a_restart_and_pages_nobody_anew(world: AlertWorld) -> None:
    made = world.fires(expires_at=world.now() + 4 * MINUTE)
    world.pager.acknowledge(made or "", who="ann", by="user:ann")

    starts_anew_after(world, 20 * MINUTE)
    world.pass_by(1 * MINUTE)
    world.fires(expires_at=world.now() + 4 * MINUTE)
    world.pass_by(3 * MINUTE)

    assert not world.is_over(made)
    assert len(world.told(made, Paged)) == 1


def test_what_is_not_heard_of_after_a_restart_either_is_over_in_its_time(world: AlertWorld) -> None:
    expires_at = world.now() + 4 * MINUTE
    made = world.fires(expires_at=expires_at)

    starts_anew_after(world, 20 * MINUTE)
    world.pass_by(3 * MINUTE)
    assert not world.is_over(made)

    world.pass_by(2 * MINUTE)
    assert [event.at for event in world.told(made, Restored)] == [expires_at]


def test_alert_that_is_told_every_few_hours_is_waited_for_a_quarter_of_an_hour(world: AlertWorld) -> None:
    made = world.fires(expires_at=world.now() + 5 * HOUR)

    starts_anew_after(world, 6 * HOUR)
    world.pass_by(14 * MINUTE)
    assert not world.is_over(made)

    world.pass_by(2 * MINUTE)
    assert world.is_over(made)


def test_loop_that_turns_hears_and_one_that_stood_still_begins_anew() -> None:
    listening = Listening(NOON)
    for n in range(100):
        listening.turns(NOON + n * 20 * SECOND)
    assert listening.since == NOON

    moved_on = NOON + HOUR
    listening.turns(moved_on)
    listening.turns(moved_on + SECOND)
    assert listening.since == moved_on

    listening.begin_anew(moved_on + MINUTE)
    assert listening.since == moved_on + MINUTE


def test_who_was_heard_of_since_is_due_when_they_are_due() -> None:
    listening = Listening(NOON)

    assert listening.silent_at(NOON + MINUTE, heard_at=NOON, patience=HOUR) == NOON + MINUTE
    assert listening.silent_at(NOON + MINUTE, heard_at=NOON - SECOND, patience=HOUR) == NOON + HOUR
    assert listening.silent_at(NOON + 2 * HOUR, heard_at=NOON - SECOND, patience=HOUR) == NOON + 2 * HOUR
