"""What still fires though people restored its incident: it is not forgotten."""

from datetime import timedelta

import pytest

from resile.model.alert import AlertState
from resile.model.event import AlertFired, Exclusion, PagingBegan, Reopened
from resile.model.lifecycle import Mark
from resile.model.time import HOUR, MINUTE
from tests.app.alerts.world import ANN, AlertWorld

_RE_SENT = MINUTE


def _restored_by_people(world: AlertWorld) -> str:
    """An incident that people restored ten minutes after its alert began to fire."""
    made = world.fires() or ""
    world.clock.advance(10 * MINUTE)
    world.restores(made)
    return made


def _keeps_firing(world: AlertWorld, length: timedelta, **more: object) -> None:
    """Re-sent each minute, since the same instant."""
    began, ends = world.row("errors").starts_at, world.now() + length
    while world.now() < ends:
        world.clock.advance(_RE_SENT)
        world.fires(starts_at=began, **more)


def test_what_still_fires_after_people_restored_it_reopens_and_pages_anew(world: AlertWorld) -> None:
    made = _restored_by_people(world)

    _keeps_firing(world, 29 * MINUTE)
    assert world.is_over(made)
    assert world.pages() == [made]
    _keeps_firing(world, 5 * MINUTE)

    assert not world.is_over(made)
    assert world.pages() == [made, made]
    assert world.n_incidents() == 1
    (reopened,) = world.told(made, Reopened)
    assert reopened.reason.startswith("errors still fires, 30 min after it was restored")
    assert len(world.told(made, PagingBegan)) == 2
    # It fired once, and never stopped.
    assert len(world.told(made, AlertFired)) == 1
    row = world.row("errors")
    assert (row.outcome, row.n_fired, row.incident_id) == ("reopened", 1, made)
    assert world.why("errors")["dedup"] == f"told again that it fires, 30 min after {made} was restored"
    assert "still fires" in world.why("errors")["correlate"]


def test_reopened_incident_is_restored_once_it_clears(world: AlertWorld) -> None:
    made = _restored_by_people(world)
    _keeps_firing(world, 35 * MINUTE)

    world.clears()

    assert world.is_over(made)


@pytest.mark.parametrize(
    ("reopens_within", "least", "most"),
    [("10m", 9 * MINUTE, 13 * MINUTE), ("0s", 4 * MINUTE, 7 * MINUTE), ("7d", 58 * MINUTE, 63 * MINUTE)],
)
def test_patience_is_the_route_s_between_five_minutes_and_an_hour(
    world: AlertWorld, reopens_within: str, least: timedelta, most: timedelta
) -> None:
    world.write("route", "all", reopens_within=reopens_within)
    made = _restored_by_people(world)

    _keeps_firing(world, least)
    assert world.is_over(made)
    _keeps_firing(world, most - least)

    assert not world.is_over(made)


def test_what_is_not_told_again_reopens_nothing(world: AlertWorld) -> None:
    """Its sender tells once: that it said nothing is no sign that it still fires."""
    made = _restored_by_people(world)

    world.pass_by(3 * HOUR)

    assert world.is_over(made)


def test_what_people_called_noise_stays_so(world: AlertWorld) -> None:
    made = _restored_by_people(world)
    world.append(made, Mark(Exclusion.NOISE))

    _keeps_firing(world, 2 * HOUR)

    assert world.is_over(made)
    assert world.n_incidents() == 1


def test_what_still_fires_joins_the_open_incident_of_its_group(world: AlertWorld) -> None:
    made = _restored_by_people(world)
    world.write("route", "all", reopens_within="1m")
    world.clock.advance(2 * MINUTE)
    other = world.fires(fingerprint="second")
    assert other != made

    _keeps_firing(world, 10 * MINUTE)

    assert world.is_over(made)
    assert world.row("errors").incident_id == other


def test_silence_mutes_what_still_fires(world: AlertWorld) -> None:
    made = _restored_by_people(world)
    world.parts.silences.add(ANN, ["service=shop"], because="deploy", lasts=2 * HOUR)

    _keeps_firing(world, HOUR)

    assert world.is_over(made)
    assert world.pages() == [made]
    assert world.row("errors").state == AlertState.FIRING
    assert world.row("errors").outcome == "silenced"


def test_incident_that_pages_nobody_reopens_too(world: AlertWorld) -> None:
    world.write("route", "quiet", pages=False)
    made = _restored_by_people(world)

    _keeps_firing(world, 35 * MINUTE)

    assert not world.is_over(made)
    assert world.pages() == []
