"""How incidents end that carry on for others, and for those whom these carry on for."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from resile.app.settings import load_settings
from resile.app.wiring import open_resile
from resile.model.alert import AlertState
from resile.model.event import Closed
from resile.model.incident import InstantName
from resile.model.lifecycle import Merge, Reach
from resile.model.severity import Severity
from resile.model.time import DAY
from resile.testing.simulated_clock import SimulatedClock

from .ending_world import NOON, EndingWorld
from .test_endings import by_hand

FIRING, RESTORED = AlertState.FIRING, Reach(InstantName.RESTORED)


@pytest.fixture
def world(tmp_path: Path, fresh_data: Callable[[Path], Path]) -> Iterator[EndingWorld]:
    clock = SimulatedClock(NOON)
    with open_resile(load_settings(data=fresh_data(tmp_path / "data")), clock=clock) as resile:
        yield EndingWorld(resile, clock)


def test_alert_of_what_was_set_apart_keeps_nothing_else_open(world: EndingWorld) -> None:
    world.alert(FIRING, Severity.SEV2)
    by_hand(world)
    world.do(Merge("INC-2"))
    world.do(RESTORED, incident_id="INC-2")
    world.advance(10 * DAY)
    assert world.told(Closed, "INC-2") == []

    world.do(Merge(None))
    world.advance(4 * DAY)

    assert len(world.told(Closed, "INC-2")) == 1


def test_alert_of_what_was_merged_over_two_keeps_the_last_open_until_it_is_set_apart(world: EndingWorld) -> None:
    world.alert(FIRING, Severity.SEV2)
    by_hand(world)
    by_hand(world)
    world.do(Merge("INC-2"))
    world.do(Merge("INC-3"), incident_id="INC-2")
    world.do(RESTORED, incident_id="INC-3")
    world.advance(10 * DAY)
    assert world.view("INC-3").incident.absorbed == {"INC-1", "INC-2"}
    assert world.told(Closed, "INC-3") == []

    world.do(Merge(None))
    world.advance(4 * DAY)

    assert world.view("INC-3").incident.absorbed == {"INC-2"}
    assert len(world.told(Closed, "INC-3")) == 1
    world.do(Merge(None), incident_id="INC-2")
    assert world.view("INC-3").incident.absorbed == set()
