"""Doors are found by their entry points."""

import pytest

from resile.model.errors import ConfigError
from resile.ports.delivery_door import DoorOptions
from resile.sources.doors.registry import kinds, open_door


def test_every_door_can_be_opened() -> None:
    assert list(kinds()) == [
        "alertmanager",
        "cdevents",
        "cloudevents",
        "datadog",
        "deployment",
        "github",
        "gitlab",
        "grafana",
        "heartbeat",
        "json",
        "opsgenie",
        "pagerduty_change",
        "pagerduty_events",
        "pagerduty_webhook",
        "prometheus",
        "sentry",
        "statuspage",
    ]
    for kind in kinds():
        assert callable(open_door(kind, DoorOptions()).understand)


def test_an_unknown_door_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(ConfigError, match="'gihub' are unknown; did you mean github"):
        open_door("gihub", DoorOptions())
