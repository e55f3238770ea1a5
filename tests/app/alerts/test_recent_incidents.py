"""Which incidents are looked at for an alert: near in time, of the services asked for, and as of now."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from resile.app import recent_incidents
from resile.app.growing import Growing
from resile.app.recent_incidents import RecentIncidents
from resile.model.event import AlertFired, Described, Reopened
from resile.model.incident import InstantName
from resile.model.lifecycle import Declare, Reach
from resile.testing.memory_paging import MemoryPagingStore
from resile.testing.memory_store import MemoryTimelineStore

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


class Told:
    """Incidents, and what is known of them by somebody who follows."""

    def __init__(self) -> None:
        self.timelines = MemoryTimelineStore()
        self.store = MemoryPagingStore(self.timelines)
        self.recent = RecentIncidents(self.store, self.timelines)

    def of(self, *services: str, since: datetime = NOON - 60 * MINUTE, most: int = 10) -> list[str]:
        return self.recent.of_services(services, since=since, most=most)

    def grows(self, incident_id: str, at: datetime, *grow: Callable[[Growing], object]) -> None:
        growing = Growing(incident_id, self.timelines.read(incident_id), now=at, by="user:ann")
        for one in grow:
            one(growing)
        self.timelines.append(growing.appends())

    def declared(self, incident_id: str, at: datetime, *services: str) -> None:
        self.grows(incident_id, at, lambda it: it.carry_out(Declare(title=incident_id, services=services)))


@pytest.fixture
def told() -> Told:
    return Told()


def test_those_of_the_services_asked_for_are_found_newest_first_whatever_the_letters(told: Told) -> None:
    told.declared("A", NOON, "shop")
    told.declared("B", NOON + MINUTE, "Shop", "cart")
    told.declared("C", NOON + 2 * MINUTE, "mail")

    assert told.of("SHOP") == ["B", "A"]
    assert told.of("shop", "mail") == ["C", "B", "A"]
    assert told.of("shop", "mail", most=2) == ["C", "B"]
    assert told.of("nothing") == []


def test_what_is_appended_after_the_first_look_is_seen_by_the_next(told: Told) -> None:
    assert told.of("shop") == []

    told.declared("A", NOON, "shop")
    assert told.of("shop") == ["A"]

    told.grows("A", NOON + MINUTE, lambda it: it.tell(Described, services=("cart",)))
    assert told.of("cart") == ["A"]


def test_those_to_which_nothing_happened_since_are_left_out_until_an_alert_fires(told: Told) -> None:
    told.declared("A", NOON - 60 * MINUTE, "shop")
    assert told.of("shop", since=NOON) == []

    told.grows("A", NOON, lambda it: it.tell(AlertFired, alert_id="x", title="x", door="x", because="x"))

    assert told.of("shop", since=NOON) == ["A"]


def test_those_that_are_over_come_last_and_first_again_once_reopened(told: Told) -> None:
    told.declared("A", NOON, "shop")
    told.declared("B", NOON + MINUTE, "shop")
    told.grows("B", NOON + 2 * MINUTE, lambda it: it.carry_out(Reach(InstantName.RESTORED)))
    assert told.of("shop") == ["A", "B"]

    told.grows("B", NOON + 3 * MINUTE, lambda it: it.tell(Reopened, reason="again"))
    assert told.of("shop") == ["B", "A"]


def test_who_is_far_behind_begins_anew_and_finds_the_same(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recent_incidents, "_FURTHEST_BEHIND", 3)
    told.declared("A", NOON, "shop")
    assert told.of("shop") == ["A"]

    for n in range(9):
        told.declared(f"M{n}", NOON + n * MINUTE, "mail")

    assert told.of("shop") == ["A"]
    assert told.of("mail", most=2) == ["M8", "M7"]


def test_of_more_than_are_kept_the_oldest_and_those_that_are_over_go(
    told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recent_incidents, "MOST_KEPT", 3)
    assert told.of("shop") == []
    for n in range(7):
        told.declared(f"I{n}", NOON + n * MINUTE, "shop")
    told.grows("I6", NOON + 7 * MINUTE, lambda it: it.carry_out(Reach(InstantName.RESTORED)))

    told.of("shop")

    assert told.of("shop") == ["I5", "I4", "I3"]
    assert set(told.recent._by_service) == {"shop"}


def test_one_that_was_not_followed_is_found_by_its_services_once_something_happens_to_it(
    told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recent_incidents, "_EVENTS", 1)
    told.declared("A", NOON - 90 * MINUTE, "shop")
    told.grows("A", NOON - 80 * MINUTE, lambda it: it.carry_out(Reach(InstantName.RESTORED)))
    told.declared("M", NOON - 80 * MINUTE, "mail")
    assert told.of("shop") == []

    told.grows("A", NOON, lambda it: it.tell(Reopened, reason="again"))

    assert told.of("shop") == ["A"]


def test_one_that_was_let_go_is_found_again_once_an_alert_fires(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recent_incidents, "MOST_KEPT", 2)
    assert told.of("shop") == []
    for n in range(6):
        told.declared(f"I{n}", NOON + n * MINUTE, "shop")
    told.of("shop")
    assert "I0" not in told.of("shop")

    at = NOON + 10 * MINUTE
    told.grows("I0", at, lambda it: it.tell(AlertFired, alert_id="x", title="x", door="x", because="x"))

    assert told.of("shop")[0] == "I0"


def test_import_of_much_makes_nobody_forget_what_is_open(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recent_incidents, "_FURTHEST_BEHIND", 5)
    monkeypatch.setattr(recent_incidents, "_EVENTS", 3)
    told.declared("A", NOON, "shop")
    assert told.of("shop") == ["A"]

    for n in range(20):
        told.declared(f"OLD-{n}", NOON - 10_000 * MINUTE, "mail")

    assert told.of("shop") == ["A"]
