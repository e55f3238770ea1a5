"""A clock that ran ahead for a while and was set right, resile having been started again: nothing waits for it."""

from datetime import timedelta

from resile.model.event import PagingBegan
from resile.model.time import HOUR, MINUTE
from tests.app.alerts.world import AlertWorld

AHEAD = 2 * HOUR


def test_alert_that_fires_again_after_the_clock_was_set_back_pages(world: AlertWorld) -> None:
    made = world.fires(told_at=world.now() + AHEAD, starts_at=world.now() + AHEAD)
    world.clears(told_at=world.now() + AHEAD + MINUTE)
    assert len(world.told(made, PagingBegan)) == 1

    world.pass_by(5 * MINUTE)
    again = world.fires()

    assert world.row("errors").state == "firing"
    assert len(world.told(again, PagingBegan)) == (2 if again == made else 1)


def test_alert_that_clears_after_the_clock_was_set_back_is_over(world: AlertWorld) -> None:
    made = world.fires(told_at=world.now() + AHEAD)

    world.pass_by(5 * MINUTE)
    world.clears()

    assert world.row("errors").state == "resolved"
    assert world.is_over(made)


def test_what_was_told_a_moment_later_by_another_machines_clock_is_not_undone(world: AlertWorld) -> None:
    world.fires()
    world.clears(told_at=world.now() + timedelta(seconds=20))

    world.tell(world.alert(told_at=world.now() + timedelta(seconds=10)))

    assert world.row("errors").state == "resolved"
