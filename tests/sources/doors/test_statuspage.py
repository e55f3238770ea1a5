"""Statuspage's webhooks, as incidents."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from resile.model.draft import Draft
from resile.model.errors import ConfigError
from resile.model.event import Exclusion
from resile.model.severity import Severity
from resile.ports.delivery_door import DoorOptions
from resile.ports.source import SourceOptions, Taken
from resile.sources.doors.statuspage import open_door
from resile.sources.statuspage import StatuspageSource
from tests.sources.doors.alert_bodies import statuspage
from tests.sources.doors.bodies import delivery


def draft(body: Any, **options: Any) -> Draft:
    (one,) = open_door(DoorOptions(**options)).understand(delivery("statuspage", body)).incidents
    return one


def test_an_incident_is_told_whole_as_of_its_last_change() -> None:
    told = draft(statuspage())

    assert (told.origin, told.ref, told.title) == ("statuspage", "rclfxz2g21ly", "Carts are lost")
    assert (told.severity, told.services) == (Severity.SEV2, ("Cart",))
    assert told.as_of == datetime(2024, 3, 4, 11, 30, tzinfo=UTC)
    assert [step.kind for step in told.steps] == ["detected", "updated", "updated", "identified"]


def test_an_import_of_the_page_says_the_same(tmp_path: Path) -> None:
    page = tmp_path / "page.json"
    page.write_text(json.dumps({"incidents": [statuspage()["incident"]]}), encoding="utf-8")

    (taken,) = (one for one in StatuspageSource(SourceOptions()).read(page) if isinstance(one, Taken))

    assert msgspec.structs.replace(draft(statuspage()), as_of=None) == taken.draft


def test_services_are_called_as_the_options_have_them() -> None:
    assert draft(statuspage(), services={"cart": "checkout"}).services == ("checkout",)
    assert draft(statuspage(components=[]), service="shop").services == ("shop",)


def test_maintenance_is_planned() -> None:
    told = draft(statuspage(impact="maintenance", scheduled_for="2024-03-04T11:00:00Z"))

    assert told.exclusion is Exclusion.PLANNED


def test_a_component_is_no_incident() -> None:
    body = {"component_update": {"new_status": "major_outage"}, "component": {"name": "Cart"}}

    assert open_door(DoorOptions()).understand(delivery("statuspage", body)).unmapped


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"page": {}}, "incident is missing"),
        ({"incident": {"id": "a"}}, "it has no start"),
        (statuspage(created_at="soon"), "incident.created_at: 'soon' is no time"),
        (statuspage(incident_updates="x"), "incident.incident_updates is a text, not a list"),
    ],
)
def test_bad_input_is_refused_with_its_place(body: Any, words: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(words)):
        draft(body)
