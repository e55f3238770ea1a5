"""The restore report: facts that must come out, and the shape in which they do."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import ibis
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resile.analytics.figures import NOTE_FEW_FOR_MEAN, NOTE_OPEN
from resile.analytics.query import Clock, Condition, Every, Query, Window
from resile.analytics.restore import NOTE_SEVERAL_SERVICES, restore_report
from resile.analytics.results import RestoreReport, to_json
from resile.model.time import to_us
from resile.testing.simulated_facts import simulated_facts
from tests.analytics.facts import QUARTER, START, asking, at, facts, incident, lasting

# As in the description of the report as data; only types count.
EXAMPLE = json.loads("""
{"measure": "time_to_restore", "clock": "detected_to_restored", "unit": "seconds",
 "window": {"from": "2024-01-01T00:00:00Z", "to": "2024-04-01T00:00:00Z"}, "by": ["severity"],
 "groups": [{"key": {"severity": "SEV1"}, "n_restored": 12, "n_open": 1,
             "mean_s": 1.0, "mean_low_s": 1.0, "mean_high_s": 1.0,
             "median_s": 1.0, "median_low_s": 1.0, "median_high_s": 1.0, "km_median_s": 1.0,
             "p75_s": 1.0, "p90_s": 1.0, "p95_s": 1.0, "stdev_s": 1.0, "min_s": 1.0, "max_s": 1.0, "notes": []}],
 "overall": {"key": {}},
 "trend": {"every": "week", "periods": [{"start": "2024-01-01T00:00:00Z", "n_restored": 3}],
           "verdict": "no evidence either way"},
 "excluded": {"planned": 0, "drill": 0, "noise": 0, "contradictory": 0, "without_start": 0}}
""")


def has_shape(value: Any, example: Any, where: str = "report") -> None:
    """Everything of the example is there, of the same type."""
    assert type(value) is type(example), where
    if isinstance(example, dict):
        for name, part in example.items():
            assert name in value, f"{where}.{name}"
            has_shape(value[name], part, f"{where}.{name}")
    elif isinstance(example, list) and example:
        has_shape(value[0], example[0], f"{where}[0]")


def severe(n: int) -> list[dict[str, Any]]:
    return lasting(*(60.0 * k * k for k in range(1, n + 1)), severity="SEV1")


def test_report_as_data_has_the_promised_keys_and_types() -> None:
    rows = [*severe(12), incident("open", at(days=80), severity="SEV1")]

    report = json.loads(to_json(restore_report(facts(rows), asking(by=("severity",)))))

    has_shape(report, EXAMPLE)
    assert report["window"] == EXAMPLE["window"]
    assert report["groups"][0] | {"key": {}} == report["overall"]
    assert (report["overall"]["n_restored"], report["overall"]["n_open"]) == (12, 1)


def test_weeks_without_incidents_have_no_value_and_the_others_their_mean() -> None:
    rows = [
        *lasting(100, 100, 400, first=at(hours=1)),
        *lasting(100, 100, 100, 100, first=at(days=14, hours=3)),
    ]
    window = Window(START, datetime(2024, 1, 29, tzinfo=UTC))

    trend = restore_report(facts(rows), asking(window=window)).trend

    assert [period.start for period in trend.periods] == [at(days=7 * week) for week in range(4)]
    assert [period.mean_s for period in trend.periods] == [200, None, 100, None]
    assert [period.n_restored for period in trend.periods] == [3, 0, 4, 0]


def test_durations_give_their_mean_and_none_gives_null() -> None:
    def mean(*seconds: float) -> float | None:
        return restore_report(facts(lasting(*seconds)), asking()).overall.mean_s

    assert mean(100, 300, 800) == 400
    assert mean(100, 300, 800, 90) == 322.5
    assert mean() is None


def test_report_over_nothing_is_whole_and_says_nothing() -> None:
    report = restore_report(facts([]), asking(by=("severity", "service", "week")))

    written = json.loads(to_json(report))

    assert written["groups"] == []
    assert written["overall"]["median_s"] is None
    assert len(written["trend"]["periods"]) == 13
    assert written["trend"]["verdict"] == "no evidence either way"


def test_open_incidents_count_as_lasting_at_least_so_long() -> None:
    rows = [*lasting(*range(60, 660, 60)), *(incident(f"open {n}", at(days=n)) for n in range(4))]

    overall = restore_report(facts(rows), asking()).overall

    assert (overall.n_restored, overall.n_open) == (10, 4)
    assert overall.median_s == 330
    assert overall.km_median_s == 420
    assert NOTE_OPEN in overall.notes


def test_report_of_a_past_window_stays_as_it_was_when_time_goes_on() -> None:
    rows = [*severe(9), incident("open", at(days=80)), incident("ends later", at(days=90), 40 * 86_400.0)]

    then, later = (
        restore_report(facts(rows), asking(by=("severity",)), known_until=QUARTER.end + timedelta(days=days))
        for days in (0, 500)
    )

    assert then == later


def test_window_in_the_future_holds_nothing() -> None:
    report = restore_report(facts(severe(9)), asking(), known_until=START - timedelta(days=9))

    assert (report.overall.n_restored, len(report.trend.periods)) == (0, 13)


def test_rows_stand_worst_first() -> None:
    rows = [*lasting(10, 20, severity="SEV3"), *lasting(500, first=at(days=1), severity="SEV2"), *severe(4)]
    rows.append(incident("open", at(days=9), severity="SEV5"))

    report = restore_report(facts(rows), asking(by=("severity",)))

    assert [group.key["severity"] for group in report.groups] == ["SEV5", "SEV2", "SEV1", "SEV3"]


def test_incident_with_two_services_counts_in_both_rows_and_once_over_all() -> None:
    rows = [*lasting(60, service="shop", other_services=["search"]), *lasting(30, first=at(days=1), service="shop")]

    report = restore_report(facts(rows), asking(by=("service",)))

    assert {group.key["service"]: group.n_restored for group in report.groups} == {"shop": 2, "search": 1}
    assert report.overall.n_restored == 2
    assert sum(period.n_restored for period in report.trend.periods) == 2
    assert all(NOTE_SEVERAL_SERVICES in group.notes for group in report.groups)


def test_asking_for_one_service_gives_no_rows_of_its_neighbours() -> None:
    rows = [*lasting(60, service="shop", other_services=["search"]), *lasting(30, first=at(days=1), service="mail")]
    query = asking(by=("service",), where=(Condition("service", ("search",)),))

    report = restore_report(facts(rows), query)

    assert [group.key for group in report.groups] == [{"service": "search"}]
    assert report.overall.n_restored == 1


@pytest.mark.parametrize("by", [("service", "week"), ("week", "service"), ("severity", "service", "month")])
def test_excluded_incident_with_two_services_does_not_disturb_groups_by_period(by: tuple[str, ...]) -> None:
    planned = incident("planned", at(days=2), 60, service="shop", other_services=["search"], exclusion="planned")

    report = restore_report(facts([*lasting(60, 70, service="shop"), planned]), asking(by=by))

    assert [(group.key["service"], group.n_restored) for group in report.groups] == [("shop", 2)]
    assert tuple(report.groups[0].key) == by
    assert report.excluded["planned"] == 1


def test_groups_can_be_by_label_and_by_period_in_any_order() -> None:
    rows = [
        *lasting(60, 60, labels=[("cause", "disk")]),
        *lasting(90, first=at(days=35), labels=[("cause", "disk")]),
        *lasting(70, first=at(days=36)),
    ]

    report = restore_report(facts(rows), asking(by=("month", "label:cause")))

    assert [(group.key, group.n_restored) for group in report.groups] == [
        ({"month": "2024-02-01", "label:cause": "disk"}, 1),
        ({"month": "2024-02-01", "label:cause": None}, 1),
        ({"month": "2024-01-01", "label:cause": "disk"}, 2),
    ]
    assert list(report.groups[0].key) == ["month", "label:cause"]


def test_every_reason_of_exclusion_is_named_with_its_number() -> None:
    rows = [
        *lasting(60, 60),
        *lasting(60, first=at(days=2), exclusion="planned"),
        *lasting(60, 60, first=at(days=3), exclusion="noise"),
        incident("wrong", at(days=2), restored=at(days=1)),
        incident("unknown", None, declared_at=at(days=1), restored=at(days=2)),
        incident("closed", at(days=4), closed=at(days=5)),
    ]

    report = restore_report(facts(rows), asking())

    assert report.overall.n_restored == 2
    assert report.excluded == {
        "planned": 1,
        "drill": 0,
        "noise": 2,
        "test": 0,
        "merged": 0,
        "contradictory": 1,
        "without_start": 1,
        "without_end": 1,
    }


def test_small_groups_warn_of_their_mean() -> None:
    def notes(n: int) -> list[str]:
        return restore_report(facts(severe(n)), asking()).overall.notes

    assert NOTE_FEW_FOR_MEAN in notes(49)
    assert NOTE_FEW_FOR_MEAN not in notes(50)


def test_other_clocks_have_their_own_name_and_definition() -> None:
    rows = lasting(600, acknowledged=at(minutes=4))

    report = restore_report(facts(rows), asking(clock=Clock.DETECTED_TO_ACKNOWLEDGED))

    assert (report.measure, report.clock) == ("time_to_acknowledge", "detected_to_acknowledged")
    assert report.overall.mean_s == 240
    assert "detected → acknowledged" in report.definition


@pytest.mark.parametrize("every", list(Every))
def test_periods_hold_every_incident_of_the_window_once(every: Every) -> None:
    table = ibis.memtable(simulated_facts(3_000, np.random.default_rng(2)))
    query = Query(
        window=Window(datetime(2021, 1, 20, 7, tzinfo=UTC), datetime(2024, 5, 17, 3, tzinfo=UTC)), every=every
    )

    report = restore_report(table, query)

    assert sum(p.n_restored for p in report.trend.periods) == report.overall.n_restored > 1_000
    assert sum(p.n_open for p in report.trend.periods) == report.overall.n_open
    assert b"NaN" not in to_json(report)


@given(st.randoms(use_true_random=False), st.sampled_from([("severity",), ("severity", "team", "quarter")]))
@settings(max_examples=10, deadline=None)
def test_groups_add_up_to_the_whole_and_storage_order_does_not_matter(rng: Any, by: tuple[str, ...]) -> None:
    table = simulated_facts(400, np.random.default_rng(rng.randrange(1_000)))
    shuffled = table.take(rng.sample(range(400), 400))
    query = Query(window=Window(datetime(2021, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)), by=by)

    report, again = (restore_report(ibis.memtable(rows), query) for rows in (table, shuffled))

    assert sum(group.n_restored for group in report.groups) == report.overall.n_restored
    assert sum(group.n_open for group in report.groups) == report.overall.n_open
    assert report.overall.n_restored + report.overall.n_open + sum(report.excluded.values()) == 400
    assert {str(group) for group in report.groups} == {str(group) for group in again.groups}
    assert (report.overall, report.trend) == (again.overall, again.trend)


def test_every_incident_is_found_again_in_plain_python() -> None:
    table = simulated_facts(2_000, np.random.default_rng(9))
    query = Query(window=Window(datetime(2022, 1, 1, tzinfo=UTC), datetime(2023, 1, 1, tzinfo=UTC)), by=("severity",))

    report: RestoreReport = restore_report(ibis.memtable(table), query)

    expected: dict[str, list[float]] = {}
    for row in table.to_pylist():
        start, end = row["detected"], row["restored"]
        counts = row["exclusion"] is None and start is not None and query.window.start <= start < query.window.end
        if counts and end is not None and start <= end <= query.window.end:
            expected.setdefault(row["severity"], []).append((to_us(end) - to_us(start)) / 1e6)
    assert {g.key["severity"]: g.n_restored for g in report.groups} == {k: len(v) for k, v in expected.items()}
    for group in report.groups:
        assert group.mean_s == pytest.approx(np.mean(expected[str(group.key["severity"])]), rel=1e-12)
