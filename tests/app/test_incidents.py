"""Listing, showing and commanding incidents on the real store."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from resile.analytics.query import Clock, Condition, Query, Window
from resile.app.incidents import Listing, command_incident, declare, list_incidents, show_incident
from resile.app.settings import Settings
from resile.app.wiring import Resile, open_resile
from resile.model.draft import Draft, Step, incident_id_of
from resile.model.errors import ConfigError, ConflictError, TransitionError
from resile.model.event import Exclusion
from resile.model.history import record_history
from resile.model.incident import InstantName, value_of
from resile.model.lifecycle import Declare, Mark, Merge, Note, Reach, Reopen
from resile.model.phases import Status
from resile.model.severity import Severity
from resile.ports.timeline_store import Append
from resile.testing.simulated_clock import SimulatedClock

T0 = datetime(2024, 1, 1, tzinfo=UTC)
NOW = datetime(2024, 2, 1, tzinfo=UTC)
JANUARY = Query(window=Window(T0, NOW))


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock(NOW)


@pytest.fixture
def resile(tmp_path: Path, fresh_data: Callable[[Path], Path], clock: SimulatedClock) -> Iterator[Resile]:
    with open_resile(Settings(data=fresh_data(tmp_path)), clock=clock) as opened:
        yield opened


def put(resile: Resile, *drafts: Draft) -> None:
    """Import drafts into the store."""
    now = resile.clock.now()
    resile.timelines.append(
        [
            Append(incident_id_of(each.origin, each.ref), 0, tuple(record_history(each, [], now=now, by="import:x")))
            for each in drafts
        ]
    )


def draft(ref: str, *, day: int, minutes: float | None = 30, **fields: object) -> Draft:
    """An incident detected on that day of January, restored so many minutes later, or not."""
    began = T0 + timedelta(days=day - 1)
    steps = [Step("detected", began)]
    if minutes is not None:
        steps.append(Step("restored", began + timedelta(minutes=minutes)))
    return Draft(origin="x", ref=ref, **({"title": f"incident {ref}", "steps": tuple(steps)} | fields))


def refs(resile: Resile, listing: Listing) -> list[str]:
    return [row.incident_id.removeprefix("x:") for row in list_incidents(resile, listing).rows]


def test_the_newest_incidents_are_listed_first_with_their_durations(resile: Resile) -> None:
    put(resile, draft("a", day=1, minutes=10), draft("b", day=9, minutes=None), draft("c", day=5, minutes=20))

    page = list_incidents(resile, Listing(query=JANUARY))

    assert [row.incident_id for row in page.rows] == ["x:b", "x:c", "x:a"]
    assert [row.duration_s for row in page.rows] == [23 * 86400.0, 1200.0, 600.0]
    assert [row.is_open for row in page.rows] == [True, False, False]
    assert (page.total, page.n_pages) == (3, 1)


def test_pages_hold_every_incident_once(resile: Resile) -> None:
    put(resile, *(draft(f"{n:03d}", day=1 + n % 28, minutes=n + 1) for n in range(97)))

    seen = [ref for page in range(1, 6) for ref in refs(resile, Listing(query=JANUARY, page=page, per_page=20))]

    assert len(seen) == 97
    assert len(set(seen)) == 97


@pytest.mark.parametrize(
    ("sort", "descending", "expected"),
    [
        ("duration", True, ["a", "b", "c"]),
        ("duration", False, ["c", "b", "a"]),
        ("severity", False, ["b", "a", "c"]),
        ("service", False, ["c", "a", "b"]),
    ],
)
def test_incidents_sort_with_unknown_values_last(
    resile: Resile, sort: str, descending: bool, expected: list[str]
) -> None:
    put(
        resile,
        draft("a", day=3, minutes=90, severity=Severity.SEV2, services=("search",)),
        draft("b", day=2, minutes=60, severity=Severity.SEV1),
        draft("c", day=1, minutes=30, services=("checkout", "search")),
    )

    assert refs(resile, Listing(query=JANUARY, sort=sort, descending=descending)) == expected


def test_filters_leave_only_what_was_asked_for(resile: Resile) -> None:
    put(
        resile,
        draft("a", day=1, services=("checkout", "search"), labels={"cause": "disk"}),
        draft("b", day=2, services=("search",), title="Search is SLOW"),
        draft("c", day=3, minutes=None),
    )

    def where(dimension: str, *values: str) -> Listing:
        return Listing(query=Query(window=JANUARY.window, where=(Condition(dimension, values),)))

    assert refs(resile, where("service", "search")) == ["b", "a"]
    assert refs(resile, where("service", "")) == ["c"]
    assert refs(resile, where("label:cause", "disk")) == ["a"]
    assert refs(resile, Listing(query=JANUARY, text="slow search")) == ["b"]
    assert refs(resile, Listing(query=JANUARY, text="incident")) == ["c", "a"]
    assert refs(resile, Listing(query=JANUARY, state="open")) == ["c"]
    assert refs(resile, Listing(query=JANUARY, state="restored")) == ["b", "a"]


def test_excluded_incidents_are_listed_only_when_asked_for_by_reason(resile: Resile) -> None:
    put(
        resile,
        draft("a", day=1),
        draft("b", day=2, exclusion=Exclusion.PLANNED),
        draft("c", day=3, minutes=-5),
    )

    assert refs(resile, Listing(query=JANUARY)) == ["a"]
    assert refs(resile, Listing(query=JANUARY, excluded="all")) == ["c", "b"]
    assert refs(resile, Listing(query=JANUARY, excluded="planned")) == ["b"]
    assert refs(resile, Listing(query=JANUARY, excluded="contradictory")) == ["c"]


def test_the_clock_of_the_question_decides_over_start_and_duration(resile: Resile) -> None:
    began = T0 + timedelta(days=1)
    steps = (
        Step("impact_began", began),
        Step("detected", began + timedelta(minutes=5)),
        Step("restored", began + timedelta(minutes=15)),
    )
    put(resile, draft("a", day=2, steps=steps))

    (row,) = list_incidents(resile, Listing(query=Query(window=JANUARY.window, clock=Clock.IMPACT_TO_RESTORED))).rows

    assert (row.started_at, row.duration_s) == (began, 900.0)


@pytest.mark.parametrize("listing", [{"sort": "colour"}, {"page": 0}, {"per_page": 100_000}])
def test_a_list_that_cannot_be_made_is_refused(resile: Resile, listing: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        list_incidents(resile, Listing(query=JANUARY, **listing))


def test_a_declared_incident_gets_a_number_and_goes_through_its_life(resile: Resile, clock: SimulatedClock) -> None:
    first = declare(resile, Declare(title="checkout fails"), by="user:ann")
    second = declare(resile, Declare(title="search fails"), by="user:ann")
    clock.advance(timedelta(minutes=25))
    restored = command_incident(resile, first.incident.id, Reach(InstantName.RESTORED), by="user:bob")

    assert (first.incident.id, second.incident.id) == ("INC-1", "INC-2")
    assert restored.status is Status.RESTORED
    assert restored.timeline[-1].by == "user:bob"
    shown = show_incident(resile, "INC-1")
    assert shown == restored


def test_what_is_declared_is_counted_at_once(resile: Resile, clock: SimulatedClock) -> None:
    query = Query(window=Window(T0, NOW + timedelta(days=1)))
    assert list_incidents(resile, Listing(query=query)).total == 0

    declare(resile, Declare(title="checkout fails"), by="user:ann")
    clock.advance(timedelta(minutes=1))

    (row,) = list_incidents(resile, Listing(query=query)).rows
    assert (row.is_open, row.duration_s) == (True, 60.0)


def test_a_command_on_a_state_that_is_no_longer_there_is_refused(resile: Resile) -> None:
    seen = declare(resile, Declare(title="checkout fails"), by="user:ann")
    command_incident(resile, "INC-1", Note("on it"), by="user:bob")

    with pytest.raises(ConflictError, match="look again"):
        command_incident(resile, "INC-1", Note("me too"), by="user:ann", expected_version=seen.version)


def test_merging_tells_both_timelines_or_neither(resile: Resile) -> None:
    declare(resile, Declare(title="checkout fails"), by="user:ann")
    declare(resile, Declare(title="payments fail"), by="user:ann")

    command_incident(resile, "INC-1", Merge("INC-2"), by="user:ann")

    merged, target = show_incident(resile, "INC-1"), show_incident(resile, "INC-2")
    assert merged is not None
    assert target is not None
    assert value_of(merged.incident.merged_into, None) == "INC-2"
    assert target.incident.absorbed == {"INC-1"}
    with pytest.raises(TransitionError, match="itself merged"):
        command_incident(resile, "INC-2", Merge("INC-1"), by="user:ann")
    with pytest.raises(TransitionError, match="not known"):
        command_incident(resile, "INC-2", Merge("INC-99"), by="user:ann")
    assert show_incident(resile, "INC-2") == target


@pytest.mark.parametrize("exclusion", [Exclusion.NOISE, Exclusion.DRILL, Exclusion.TEST])
def test_what_is_open_is_not_merged_into_what_nobody_is_told_of(resile: Resile, exclusion: Exclusion) -> None:
    declare(resile, Declare(title="checkout fails"), by="user:ann")
    declare(resile, Declare(title="a probe", exclusion=exclusion), by="user:ann")

    with pytest.raises(TransitionError, match=f"marked as {exclusion}"):
        command_incident(resile, "INC-1", Merge("INC-2"), by="user:ann")

    command_incident(resile, "INC-1", Mark(exclusion), by="user:ann")
    command_incident(resile, "INC-1", Merge("INC-2"), by="user:ann")


def test_an_incident_that_is_not_there_is_none(resile: Resile) -> None:
    assert show_incident(resile, "INC-404") is None


def test_reopened_incident_is_open_in_lists_until_it_is_taken_anew_and_measures_its_first_acknowledgement(
    resile: Resile, clock: SimulatedClock
) -> None:
    view = declare(resile, Declare(title="disk full"), by="user:ann")
    incident_id, statuses = view.incident.id, []
    listing = Listing(query=Query(window=Window(T0, NOW + timedelta(days=1))))
    for command in (
        Reach(InstantName.ACKNOWLEDGED, text="Ann"),
        Reach(InstantName.RESTORED),
        Reopen("it is back"),
        Reach(InstantName.ACKNOWLEDGED, text="Bob"),
    ):
        clock.advance(timedelta(minutes=1))
        shown = command_incident(resile, incident_id, command, by="user:ann")
        (row,) = list_incidents(resile, listing).rows
        assert row.status == shown.status
        statuses.append(row.status)

    assert statuses == ["acknowledged", "restored", "open", "acknowledged"]
    assert shown.instants.acknowledged is not None
    assert shown.instants.acknowledged.at == NOW + timedelta(minutes=1)
