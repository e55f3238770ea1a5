"""Restored where the alerts stayed clear: the statement waits, the instant is when they cleared."""

import pytest

from resile.model.alert_documents import RouteDocument, route_of
from resile.model.errors import ConfigError
from resile.model.event import AlertFired, Reopened, Restored, Source
from resile.model.lifecycle import Reopen
from resile.model.time import HOUR, MINUTE
from resile.ports.paging_store import TimerKind
from tests.app.alerts.world import AlertWorld


@pytest.fixture
def patient(world: AlertWorld) -> AlertWorld:
    """A world whose only route waits ten minutes before it says that something is restored."""
    world.write("route", "patient", restored_after="10m")
    return world


def test_restored_is_said_once_all_stayed_clear_and_as_of_when_they_cleared(patient: AlertWorld) -> None:
    made = patient.fires()
    patient.pass_by(5 * MINUTE)
    cleared_at = patient.now()
    patient.clears()

    patient.pass_by(9 * MINUTE)
    assert not patient.is_over(made)
    assert "restored once that stayed so for 10 min" in patient.why("errors")["incident"]
    patient.pass_by(2 * MINUTE)

    (restored,) = patient.told(made, Restored)
    assert (restored.at, restored.source) == (cleared_at, Source.MEASURED)
    assert restored.recorded_at >= cleared_at + 10 * MINUTE
    assert patient.paging.timers(TimerKind.CLEAR) == []


def test_what_flaps_inside_reopens_nothing_and_pages_nobody_again(patient: AlertWorld) -> None:
    made = patient.fires()
    assert made is not None
    patient.pager.acknowledge(made, who="ann", by="user:ann")
    for _ in range(4):
        patient.clears()
        patient.pass_by(4 * MINUTE)
        assert patient.fires() == made
        assert patient.paging.timers(TimerKind.CLEAR) == []
        patient.pass_by(2 * MINUTE)
    last_cleared_at = patient.now()
    patient.clears()
    patient.pass_by(HOUR)

    assert [one.at for one in patient.told(made, Restored)] == [last_cleared_at]
    assert patient.told(made, Reopened) == []
    assert len(patient.told(made, AlertFired)) == 5
    assert patient.pages() == [made]
    assert patient.n_incidents() == 1


def test_one_alert_that_fires_on_keeps_it_open(patient: AlertWorld) -> None:
    made = patient.fires("errors")
    patient.fires("slow")
    patient.clears("errors")
    patient.pass_by(HOUR)
    assert not patient.is_over(made)

    patient.clears("slow")
    patient.pass_by(10 * MINUTE)

    assert patient.is_over(made)


def test_people_who_restore_meanwhile_are_believed_and_it_is_said_once(patient: AlertWorld) -> None:
    made = patient.fires()
    patient.clears()
    patient.pass_by(MINUTE)
    patient.restores(made)
    patient.pass_by(HOUR)
    assert len(patient.told(made, Restored)) == 1

    patient.append(made, Reopen("not over"))
    patient.pass_by(HOUR)

    # Its alerts are clear, and somebody said that it is not over: that is for people.
    assert not patient.is_over(made)


def test_clearing_that_is_told_late_is_said_at_once(patient: AlertWorld) -> None:
    made = patient.fires()
    ended_at = patient.now()
    patient.pass_by(30 * MINUTE)

    patient.clears(ends_at=ended_at)

    (restored,) = patient.told(made, Restored)
    assert restored.at == ended_at


def test_route_without_it_says_so_at_once(world: AlertWorld) -> None:
    made = world.fires()

    world.clears()

    assert world.is_over(made)
    assert world.paging.timers(TimerKind.CLEAR) == []


def test_route_that_waits_longer_than_a_day_is_refused() -> None:
    with pytest.raises(ConfigError, match="restored_after: '2d' lies outside 0 to 1d"):
        route_of("x", RouteDocument(restored_after="2d"))
