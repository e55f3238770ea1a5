"""A Prometheus whose clock is behind: what fires pages, whatever its clock says."""

from datetime import timedelta

import msgspec
import pytest

from resile.app.alert_intake import Told
from resile.model.alert import Alert
from resile.model.event import AlertFired, PagingBegan
from resile.model.time import DAY, HOUR, MINUTE, format_instant
from resile.ports.delivery_door import DoorOptions
from resile.ports.journal import Delivery
from resile.sources.doors.registry import open_door
from tests.app.alerts.world import AlertWorld

LABELS = {"alertname": "errors", "service": "shop", "severity": "critical"}


class Prometheus:
    """One alert of a Prometheus whose clock is behind."""

    def __init__(self, world: AlertWorld, behind: timedelta, labels: dict[str, str] | None = None) -> None:
        self._world, self._behind = world, behind
        self._began = self._now()
        self._over_at = ""
        self._labels = labels or LABELS

    def _now(self) -> str:
        return format_instant(self._world.now() - self._behind)

    def says(self, *, is_over: bool = False) -> Alert:
        """What it sends now."""
        if is_over and not self._over_at:
            self._over_at = self._now()
        ahead = format_instant(self._world.now() - self._behind + 4 * MINUTE)
        body = [{"labels": self._labels, "startsAt": self._began, "endsAt": self._over_at if is_over else ahead}]
        delivery = Delivery(
            door="prometheus", id="d", received_at=self._world.now(), body=msgspec.json.encode(body), headers={}
        )
        (alert,) = open_door("prometheus", DoorOptions()).understand(delivery).alerts
        return alert

    def sends(self, *, is_over: bool = False) -> None:
        """It sends, and a minute passes."""
        self._world.tell(self.says(is_over=is_over))
        self._world.pass_by(MINUTE)


@pytest.mark.parametrize("behind", [timedelta(minutes=3.5), 5 * MINUTE, HOUR, 7 * DAY])
def test_what_fires_by_a_slow_clock_pages_once_and_is_restored(world: AlertWorld, behind: timedelta) -> None:
    sender = Prometheus(world, behind)
    began = world.now()

    for _ in range(12):
        sender.sends()
    (alert,) = world.paging.alerts_firing(limit=10)
    assert set(world.pages()) == {alert.incident_id}
    # By a clock that is nearly four minutes behind it expires once before it can be known that it is told again.
    n_began = 2 if behind < 4 * MINUTE else 1
    assert len(world.told(alert.incident_id, PagingBegan)) == n_began
    assert not world.is_over(alert.incident_id)
    is_said = any("the clock of its sender is" in warning for warning in alert.alert.warnings)
    assert is_said is (behind > 4 * MINUTE)
    fired = world.told(alert.incident_id, AlertFired)
    assert len(fired) == n_began
    assert fired[-1].at >= began - (4 * MINUTE if behind < 4 * MINUTE else timedelta())

    sender.sends(is_over=True)
    assert world.is_over(alert.incident_id)
    for _ in range(14):
        sender.sends(is_over=True)
    assert world.paging.alerts_firing(limit=10) == []
    assert world.n_incidents() == 1


def test_a_slow_sender_that_falls_silent_is_over_after_its_time(world: AlertWorld) -> None:
    sender = Prometheus(world, HOUR)
    for _ in range(4):
        sender.sends()
    (alert,) = world.paging.alerts_firing(limit=10)

    world.pass_by(6 * MINUTE)

    assert world.is_over(alert.incident_id)


def test_alerts_of_one_group_that_waited_together_go_to_one_incident(world: AlertWorld) -> None:
    senders = [Prometheus(world, HOUR, LABELS | {"instance": name}) for name in "ab"]
    told = []
    for _ in range(3):
        told += [sender.says() for sender in senders]
        world.clock.advance(MINUTE)

    world.parts.intake.take([Told(alerts=(alert,)) for alert in told[:-1]])
    world.parts.intake.take([Told(alerts=(told[-1],))])

    assert len(world.paging.alerts_firing(limit=10)) == 2
    assert world.n_incidents() == 1
