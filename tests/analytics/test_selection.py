"""Which incidents count, and for how long."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from resile.analytics.dot_columns import dot_columns
from resile.analytics.facts import facts_of
from resile.analytics.grouping import observe, population
from resile.analytics.query import Clock, Condition, Window, check_dimension
from resile.analytics.selection import selected
from resile.model.errors import ConfigError
from resile.model.event import Declared, Source
from resile.model.incident import fold
from resile.model.time import to_us
from tests.analytics.facts import QUARTER, START, asking, at, facts, incident


def found(rows: Sequence[dict[str, Any]], **asked: Any) -> dict[str, dict[str, Any]]:
    table = selected(facts(rows), asking(**asked)).to_pyarrow().to_pylist()
    return {row["incident_id"]: row for row in table}


def test_window_holds_its_start_and_not_its_end() -> None:
    rows = [
        incident("before", START - timedelta(microseconds=1), 60),
        incident("first", START, 60),
        incident("last", QUARTER.end - timedelta(microseconds=1), 60),
        incident("after", QUARTER.end, 60),
    ]

    assert set(found(rows)) == {"first", "last"}


def test_duration_is_exact_to_the_microsecond() -> None:
    rows = [incident("a", at(seconds=0.000001), 2_678_400.000002)]

    assert found(rows)["a"]["duration_us"] == 2_678_400_000_002


def test_open_incident_is_censored_at_the_windows_end() -> None:
    row = found([incident("a", at(days=1))])["a"]

    assert row["is_open"]
    assert row["ended_at"] is None
    assert timedelta(microseconds=row["duration_us"]) == QUARTER.end - at(days=1)


def test_what_ends_after_the_window_is_open_in_it() -> None:
    rows = [incident("a", at(days=90), 30 * 86_400), incident("b", at(days=90), 3_600)]

    chosen = found(rows)

    assert (chosen["a"]["is_open"], chosen["b"]["is_open"]) == (True, False)


def test_window_that_runs_into_the_future_is_looked_at_up_to_now() -> None:
    table = selected(facts([incident("a", at(days=1))]), asking(), known_until=at(days=3))

    row = table.to_pyarrow().to_pylist()[0]

    assert timedelta(microseconds=row["duration_us"]) == timedelta(days=2)


@pytest.mark.parametrize("reason", ["planned", "drill", "noise", "test", "merged"])
def test_marked_incident_is_excluded_by_its_own_reason(reason: str) -> None:
    row = found([incident("a", START, 60, exclusion=reason)])["a"]

    assert row["excluded_because"] == reason


def test_incident_without_start_belongs_where_it_was_declared() -> None:
    rows = [
        incident("in", None, declared_at=at(days=1), restored=at(days=2)),
        incident("out", None, declared_at=QUARTER.end, restored=at(days=99)),
    ]

    chosen = found(rows)

    assert set(chosen) == {"in"}
    assert chosen["in"]["excluded_because"] == "without_start"
    assert chosen["in"]["duration_us"] is None


def test_clock_that_ends_before_it_starts_is_contradictory_and_not_open() -> None:
    row = found([incident("a", at(days=2), restored=at(days=1))])["a"]

    assert (row["excluded_because"], row["is_open"], row["duration_us"]) == ("contradictory", False, None)


def test_middle_instants_in_the_wrong_order_do_not_spoil_a_sound_clock() -> None:
    rows = [incident("a", at(days=1), 3_600, acknowledged=at(days=-1), is_contradictory=True)]

    assert found(rows)["a"]["excluded_because"] is None


def test_closed_without_restoration_is_over_at_an_unknown_time() -> None:
    row = found([incident("a", at(days=1), closed=at(days=5))])["a"]

    assert (row["excluded_because"], row["is_open"]) == ("without_end", False)


def test_restored_without_acknowledgement_is_not_still_waiting_for_one() -> None:
    rows = [incident("a", at(days=1), 60), incident("b", at(days=1))]

    chosen = found(rows, clock=Clock.DETECTED_TO_ACKNOWLEDGED)

    assert chosen["a"]["excluded_because"] == "without_end"
    assert chosen["b"]["is_open"]


def test_conditions_are_met_together_and_values_of_one_are_alternatives() -> None:
    rows = [
        incident("a", START, 60, severity="SEV1", service="search", labels=[("cause", "disk")]),
        incident("b", START, 60, severity="SEV2", service="search"),
        incident("c", START, 60, severity="SEV1", service="shop", labels=[("cause", "")]),
        incident("d", START, 60),
    ]

    def names(*conditions: Condition) -> set[str]:
        return set(found(rows, where=conditions))

    assert names(Condition("severity", ("SEV1",)), Condition("service", ("search",))) == {"a"}
    assert names(Condition("severity", ("SEV1", "SEV2"))) == {"a", "b", "c"}
    assert names(Condition("severity", ("", "SEV2"))) == {"b", "d"}
    assert names(Condition("label:cause", ("disk",))) == {"a"}
    assert names(Condition("label:cause", ("",))) == {"b", "c", "d"}
    assert names(Condition("team", ())) == set()
    assert names(Condition("week", ("2024-01-01",))) == {"a", "b", "c", "d"}
    assert names(Condition("week", ("2024-01-08",))) == set()


def test_service_condition_finds_incidents_that_touched_it_among_others() -> None:
    rows = [incident("a", START, 60, service="shop", other_services=["search"]), incident("b", START, 60)]

    assert set(found(rows, where=(Condition("service", ("search",)),))) == {"a"}
    assert set(found(rows, where=(Condition("service", ("",)),))) == {"b"}


def test_incident_with_two_services_counts_in_both_but_not_in_those_not_asked_for() -> None:
    table = facts([incident("a", START, 60, service="shop", other_services=["search", "mail"])])
    query = asking(by=("service",), where=(Condition("service", ("search", "shop")),))

    observed = observe(table, query)

    found_in = [observed.in_groups.keys[group]["service"] for group in observed.in_groups.groups]
    assert sorted(map(str, found_in)) == ["search", "shop"]
    assert [observed.once.keys[group]["service"] for group in observed.once.groups] == ["shop"]


def test_service_named_twice_is_one_service() -> None:
    events = [
        Declared(
            id="e",
            at=START,
            recorded_at=START,
            source=Source.HUMAN,
            by="ann",
            services=("shop", "shop", "search", "shop"),
        )
    ]

    row = facts_of(fold("a", events))

    assert (row["service"], row["other_services"]) == ("shop", ["search"])


def test_dots_stand_where_incidents_started_to_the_microsecond() -> None:
    rows = [incident("a", at(seconds=59.7), 5.5, severity="SEV2"), incident("b", at(days=1))]

    found = dot_columns(population(facts(rows), asking(), at(days=3), also_by=("severity",)))

    ranks = np.argsort(found.started_us)
    assert found.started_us[ranks].tolist() == [to_us(at(seconds=59.7)), to_us(at(days=1))]
    assert found.duration_s[ranks].tolist() == [5.5, 2 * 86_400]
    assert found.severity[ranks].tolist() == [2, 0]
    assert found.is_open[ranks].tolist() == [False, True]


def test_dimension_that_is_none_is_named_with_the_ones_there_are() -> None:
    with pytest.raises(ConfigError, match="cannot group or filter by 'colour'; use severity, service"):
        check_dimension("colour")
    with pytest.raises(ConfigError):
        check_dimension("label:")


def test_dimensions_have_other_names_too() -> None:
    assert [check_dimension(name) for name in ("source", "cause", "week")] == ["origin", "label:cause", "week"]


def test_window_must_end_after_it_starts() -> None:
    with pytest.raises(ConfigError, match="swap or widen"):
        Window(START, START)
