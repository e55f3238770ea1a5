"""Duties as an iCalendar file, read back by a calendar's parser."""

from datetime import UTC, datetime, timedelta

import pytest
from icalendar import Calendar

from resile.app.access import LOCAL
from resile.app.catalog import Catalog
from resile.app.documents.duty_calendar import duty_calendar
from resile.app.oncall import OnCall
from resile.model.catalog import Kind
from resile.model.errors import ConfigError
from resile.testing.memory_catalog import MemoryCatalogStore
from resile.testing.simulated_clock import SimulatedClock

NOW = datetime(2026, 3, 18, 12, tzinfo=UTC)
ROTATION = {"name": "primary", "starts": "2026-03-02 09:00", "every": "week", "people": ["ann", "bob"]}


@pytest.fixture
def oncall() -> OnCall:
    store, clock = MemoryCatalogStore(), SimulatedClock(NOW)
    catalog = Catalog(store, clock)
    documents = {(Kind.PERSON, name): ({}, "") for name in ("ann", "bob")}
    schedule = {"zone": "Europe/Berlin", "title": "Payments, on call; 24/7", "layers": [ROTATION]}
    catalog.apply(LOCAL, catalog.changes_to({**documents, (Kind.SCHEDULE, "payments"): (schedule, "")}))
    return OnCall(catalog, store, clock)


def events(body: bytes) -> list[tuple[str, datetime, datetime, str]]:
    return [
        (str(one["summary"]), one["dtstart"].dt, one["dtend"].dt, str(one["uid"]))
        for one in Calendar.from_ical(body).walk("VEVENT")
    ]


def test_duties_come_back_whole_by_the_clock_of_summer(oncall: OnCall) -> None:
    found = events(duty_calendar(oncall, now=NOW, weeks=2))

    assert [(summary, starts.isoformat()) for summary, starts, _, _ in found] == [
        ("bob: Payments, on call; 24/7", "2026-03-09T08:00:00+00:00"),
        ("ann: Payments, on call; 24/7", "2026-03-16T08:00:00+00:00"),
        ("bob: Payments, on call; 24/7", "2026-03-23T08:00:00+00:00"),
        ("ann: Payments, on call; 24/7", "2026-03-30T07:00:00+00:00"),
    ]


def test_duty_keeps_its_uid_from_day_to_day(oncall: OnCall) -> None:
    today = {uid: starts for _, starts, _, uid in events(duty_calendar(oncall, now=NOW))}
    tomorrow = {uid: starts for _, starts, _, uid in events(duty_calendar(oncall, now=NOW + timedelta(days=1)))}

    assert len(today) == len(tomorrow) == 14
    assert today == tomorrow


def test_one_person_sees_their_own_duties_alone(oncall: OnCall) -> None:
    found = events(duty_calendar(oncall, now=NOW, person="bob", weeks=4))

    assert {summary.partition(":")[0] for summary, *_ in found} == {"bob"}


@pytest.mark.parametrize(
    ("asked", "says"), [({"schedule": "search"}, "schedule 'search' is unknown"), ({"weeks": 41}, "ask for 1 to 40")]
)
def test_calendar_of_nothing_is_refused(oncall: OnCall, asked: dict[str, object], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        duty_calendar(oncall, now=NOW, **asked)  # type: ignore[arg-type]
