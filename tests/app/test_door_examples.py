"""Bodies to try a JSON door with: whatever the door's options, it finds in them what was put there."""

import json
from datetime import UTC, datetime

import pytest

from resile.app.door_trial import TITLE, trial_of
from resile.model.alert import AlertState
from resile.ports.delivery_door import DoorOptions
from resile.ports.door_book import Door
from resile.ports.journal import Delivery
from resile.sources.doors.json_fields import JsonDoor
from resile.sources.doors.registry import TEST

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"fields": {"title": "data.alert.name"}},
        {"fields": {"title": "alerts[0].name"}},
        {"fields": {"title": "alerts[2].name", "state": "alerts[0].state"}},
        {"fields": {"title": "alerts[].name", "severity": "=SEV3"}},
        {"fields": {"title": "[].name", "state": "[].how", "key": "[].id"}},
        {"fields": {"title": "[0].name"}},
        {"fields": {"title": "a[].b[1].c", "service": "=shop", "key": "a[].key"}},
        {"fields": {"title": "$.title", "key": "ids[1]"}},
        {"fields": {"key": "alerts[].id"}, "resolved_when": "alerts[].status=ok,closed"},
        {"fields": {"title": "name", "state": "how"}, "resolved_when": "fine"},
        {"resolved_when": "data.status=ok"},
    ],
)
def test_json_door_understands_its_own_test_and_that_it_is_over(options: dict[str, object]) -> None:
    door = Door(name="json/shop", kind="json", made_at=NOW, options=DoorOptions(name="json/shop", **options))

    told = []
    for is_over in (False, True):
        trial = trial_of(door, at=NOW, secret=None, is_over=is_over)
        assert trial.token in json.dumps(json.loads(trial.body))
        delivery = Delivery(door=door.name, id="x", received_at=NOW, headers={TEST: "1"}, body=trial.body)
        (alert,) = JsonDoor(door.options).understand(delivery).alerts
        told.append((alert.title, alert.state))

    assert told == [(TITLE, AlertState.FIRING), (TITLE, AlertState.RESOLVED)]


def test_constant_title_is_no_field_of_the_body() -> None:
    options = DoorOptions(name="json/shop", fields={"title": "=Sensor is wet"})
    trial = trial_of(Door(name="json/shop", kind="json", made_at=NOW, options=options), at=NOW, secret=None)

    assert "title" not in json.loads(trial.body)


@pytest.mark.parametrize("place", ["[0]", "[500].name", "alerts[500].name"])
def test_door_that_looks_where_nothing_can_be_put_is_tried_all_the_same(place: str) -> None:
    options = DoorOptions(name="json/shop", fields={"title": place})
    trial = trial_of(Door(name="json/shop", kind="json", made_at=NOW, options=options), at=NOW, secret=None)

    assert trial.token in trial.body.decode()
