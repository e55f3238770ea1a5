"""Who is on call, told as a story on the simulated clock: rotations, overrides, taking over, swapping."""

from datetime import UTC, datetime, timedelta

import pytest

from resile.app import oncall as oncall_module
from resile.app.access import LOCAL, Identity
from resile.app.catalog import Catalog
from resile.app.documents.duty_calendar import duty_calendar
from resile.app.oncall import OnCall
from resile.model.catalog import Kind
from resile.model.errors import AccessError, ConfigError
from resile.model.time import DAY
from resile.ports.account_store import Scope
from resile.testing.memory_catalog import MemoryCatalogStore
from resile.testing.simulated_clock import SimulatedClock

READER = Identity(by="user:eve", name="eve", scopes=frozenset({Scope.READ}))
MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
LAYER = {"name": "primary", "starts": "2026-03-02 09:00", "every": "week", "people": ["ann", "bob"]}


class World:
    def __init__(self, *layers: dict[str, object]) -> None:
        self.clock = SimulatedClock(MONDAY)
        store = MemoryCatalogStore()
        catalog = Catalog(store, self.clock)
        documents = {(Kind.PERSON, name): ({}, "") for name in ("ann", "bob", "cyd")}
        schedule = {"zone": "UTC", "title": "Payments on call", "layers": list(layers or (LAYER,))}
        catalog.apply(LOCAL, catalog.changes_to({**documents, (Kind.SCHEDULE, "payments"): (schedule, "")}))
        self.oncall = OnCall(catalog, store, self.clock)

    def told(self, days: float = 21) -> list[str]:
        """Who holds the schedule from the first Monday on, with the days after it."""
        calendar = self.oncall.calendar("payments", MONDAY, MONDAY + timedelta(days=days))
        return [
            f"{duty.person} {(duty.starts_at - MONDAY) / DAY:g}-{(duty.ends_at - MONDAY) / DAY:g}"
            for duty in calendar.duties
        ]


@pytest.fixture
def world() -> World:
    return World()


def at(days: float) -> datetime:
    return MONDAY + timedelta(days=days)


def test_now_next_and_gaps_are_told(world: World) -> None:
    (standing,) = world.oncall.standings()

    assert (standing.title, standing.now.person, standing.now.ends_at) == ("Payments on call", "ann", at(7))
    assert standing.next is not None
    assert (standing.next.person, standing.gaps) == ("bob", [])


def test_gap_within_fourteen_days_is_told_beforehand() -> None:
    world = World({**LAYER, "people": [{"person": "ann", "leaves": "2026-03-10T00:00:00Z"}]})

    (standing,) = world.oncall.standings()

    assert [(gap.starts_at, gap.because.value) for gap in standing.gaps] == [
        (datetime(2026, 3, 10, tzinfo=UTC), "nobody_left")
    ]


def test_override_holds_for_its_time_and_no_longer_once_it_is_removed(world: World) -> None:
    (entered,) = world.oncall.override(LOCAL, "payments", "cyd", starts_at=at(1), ends_at=at(2), because=" the  fair ")

    assert world.told(7) == ["ann 0-1", "cyd 1-2", "ann 2-7"]
    assert (entered.by, entered.because) == ("local", "the fair")
    world.oncall.remove(LOCAL, entered.id)
    assert world.told(7) == ["ann 0-7"]
    with pytest.raises(ConfigError, match=r"no override .* holds"):
        world.oncall.remove(LOCAL, entered.id)


def test_taking_over_lasts_until_the_present_duty_would_have_ended(world: World) -> None:
    world.clock.advance(timedelta(days=3))

    world.oncall.take(LOCAL, "payments", "cyd")

    assert world.told(14) == ["ann 0-3", "cyd 3-7", "bob 7-14"]
    with pytest.raises(ConfigError, match="cyd is on duty until 2026-03-09T09:00:00Z already"):
        world.oncall.take(LOCAL, "payments", "cyd")


def test_two_exchange_their_whole_duties(world: World) -> None:
    world.oncall.swap(LOCAL, "payments", at(3), at(10), "wedding")

    assert world.told(21) == ["bob 0-7", "ann 7-14", "ann 14-21"]


def test_swap_of_a_duty_that_runs_leaves_what_was_as_it_was(world: World) -> None:
    world.clock.advance(timedelta(days=3))

    world.oncall.swap(LOCAL, "payments", at(3), at(10))

    assert world.told(21) == ["ann 0-3", "bob 3-7", "ann 7-14", "ann 14-21"]
    world.clock.advance(timedelta(days=5))
    with pytest.raises(ConfigError, match="bob's duty was over 2026-03-09T09:00:00Z; name two that are to come"):
        world.oncall.swap(LOCAL, "payments", at(3), at(10))


@pytest.mark.parametrize(
    ("first", "second", "says"),
    [(1, 2, "both duties are ann's"), (1, 15, "both duties are ann's"), (-1, 3, "nobody is on duty at")],
)
def test_swap_of_nothing_is_refused(world: World, first: float, second: float, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        world.oncall.swap(LOCAL, "payments", at(first), at(second))

    assert world.told(7) == ["ann 0-7"]


def test_nobody_can_be_put_on_duty_who_is_not_in_the_catalog(world: World) -> None:
    with pytest.raises(ConfigError, match="person 'zoe' is not in the catalog; add them first"):
        world.oncall.override(LOCAL, "payments", "zoe", starts_at=at(1), ends_at=at(2))


def test_override_backwards_and_unknown_schedules_are_refused(world: World) -> None:
    with pytest.raises(ConfigError, match="swap them"):
        world.oncall.override(LOCAL, "payments", "cyd", starts_at=at(2), ends_at=at(1))
    with pytest.raises(ConfigError, match="schedule 'search' is unknown; use one of payments"):
        world.oncall.take(LOCAL, "search", "cyd")
    with pytest.raises(ConfigError, match="a calendar of 400 days is too long"):
        world.oncall.calendar("payments", at(0), at(400))


def test_overrides_that_are_over_do_not_use_up_the_room_for_new_ones(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oncall_module, "MAX_OVERRIDES", 2)
    for day in (1, 2):
        world.oncall.override(LOCAL, "payments", "cyd", starts_at=at(day), ends_at=at(day + 1))
    with pytest.raises(ConfigError, match="has 2 overrides that are not over"):
        world.oncall.override(LOCAL, "payments", "cyd", starts_at=at(5), ends_at=at(6))

    world.clock.advance(timedelta(days=2))

    world.oncall.override(LOCAL, "payments", "cyd", starts_at=at(5), ends_at=at(6))
    assert world.told(7)[-2:] == ["cyd 5-6", "ann 6-7"]


def test_reason_is_one_line_that_every_database_takes(world: World) -> None:
    (entered,) = world.oncall.override(
        LOCAL, "payments", "cyd", starts_at=at(1), ends_at=at(2), because="ill\x00\x1b[2J\n today"
    )

    assert entered.because == "ill[2J today"


def test_duty_that_began_long_ago_keeps_its_place_in_calendars_that_read_it_again() -> None:
    world = World({**LAYER, "starts": "2020-03-02 09:00", "people": ["ann"]})

    def uids() -> set[bytes]:
        body = duty_calendar(world.oncall, now=world.clock.now())
        return {line for line in body.splitlines() if line.startswith(b"UID")}

    before = uids()
    world.clock.advance(timedelta(days=3))

    assert len(before) == 1
    assert uids() == before


def test_who_may_only_read_changes_no_duty(world: World) -> None:
    changes = (
        lambda: world.oncall.override(READER, "payments", "cyd", starts_at=at(1), ends_at=at(2)),
        lambda: world.oncall.take(READER, "payments", "cyd"),
        lambda: world.oncall.swap(READER, "payments", at(3), at(10)),
        lambda: world.oncall.remove(READER, "x"),
    )
    for change in changes:
        with pytest.raises(AccessError):
            change()

    assert world.told(7) == ["ann 0-7"]
