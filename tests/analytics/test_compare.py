"""Comparisons: what differs, how sure that is, and what a change in the mean is made of."""

from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from resile.analytics.attribution import ClassTimes, attribute
from resile.analytics.compare import compare_values, compare_windows
from resile.analytics.moved import moved
from resile.analytics.phase_columns import N_JOINS
from resile.analytics.query import Clock, Window
from resile.analytics.results import CompareReport
from resile.analytics.two_samples import Sample, detectable_change, permutation_p, ratio_of_medians, superiority
from tests.analytics.facts import START, asking, at, facts, incident

MONTHS = Window(START, at(days=30)), Window(at(days=30), at(days=60))


def drawn(n: int, median_s: float, seed: int, *, open_after_s: float | None = None) -> Sample:
    rng = np.random.default_rng(seed)
    us = np.round(median_s * np.exp(rng.normal(0, 1.2, n))).astype(np.int64) * 1_000_000
    limit = np.iinfo(np.int64).max if open_after_s is None else int(open_after_s * 1e6)
    return Sample(np.minimum(us, limit), us > limit)


def history(n: int, factor: float = 1.0, seed: int = 1) -> list[dict[str, Any]]:
    """Two months; in the second one everything takes `factor` times as long, and the mix is worse."""
    rng = np.random.default_rng(seed)
    rows = []
    for k in range(2 * n):
        month = k // n
        severity = 1 + int(rng.random() > (0.2, 0.5)[month])
        lasted = 3_600 * (4 if severity == 1 else 1) * float(np.exp(rng.normal(0, 0.8))) * factor**month
        start = MONTHS[month].start + (k % n) * timedelta(days=30) / n
        seen = {"impact_began": start - timedelta(minutes=5), "acknowledged": start + timedelta(seconds=lasted / 3)}
        service = ("shop", "search", None)[k % 3]
        rows.append(incident(str(k), start, lasted, severity=f"SEV{severity}", service=service, **seen))
    return rows


def compared(rows: list[dict[str, Any]], **asked: Any) -> CompareReport:
    return compare_windows(facts(rows), asking(**asked), *MONTHS)


def test_ratio_and_its_interval_hold_a_doubling() -> None:
    report = compared(history(300, 2.0), by=("severity",))

    assert report.adjusted_ratio_low < 2 < report.adjusted_ratio_high
    assert report.adjusted_ratio_high / report.adjusted_ratio_low < 2
    assert report.ratio_low < report.ratio < report.ratio_high
    assert report.ratio > report.adjusted_ratio  # the mix got worse, too
    assert report.p_value < 0.001
    assert report.superiority < 0.4
    assert report.verdict == "longer"


def test_worse_mix_alone_is_no_change_once_severity_is_held_equal() -> None:
    report = compared(history(400))

    assert report.ratio_low > 1
    assert report.adjusted_ratio_low < 1 < report.adjusted_ratio_high


def test_same_incidents_do_not_differ() -> None:
    a = drawn(80, 600, 1)

    assert permutation_p(a, a) > 0.9
    assert superiority(a, a) == pytest.approx(0.5)
    ratio = ratio_of_medians(a, a)
    assert ratio.estimate == pytest.approx(1)
    assert ratio.low < 1 < ratio.high


def test_order_of_storage_does_not_change_the_probability() -> None:
    a, b = drawn(30, 3_600, 1), drawn(40, 5_400, 2)
    turned = Sample(a.durations_us[::-1].copy(), a.is_open[::-1].copy())

    assert permutation_p(turned, b) == permutation_p(a, b)


def test_nothing_to_compare_gives_nothing_and_no_error() -> None:
    report = compared([incident("only", START, 60)])

    assert (report.ratio, report.p_value, report.superiority, report.attribution) == (None, None, None, None)
    assert report.verdict == "no evidence either way"


def test_most_sooner_but_some_far_later_is_neither_shorter_nor_longer() -> None:
    lasted = {0: [3_600.0] * 50, 1: [3_000.0] * 30 + [300_000.0] * 20}
    rows = [
        incident(f"{month}-{k}", MONTHS[month].start + timedelta(hours=k), seconds + k)
        for month, some in lasted.items()
        for k, seconds in enumerate(some)
    ]

    report = compared(rows)

    assert report.p_value < 0.001  # of the mean logarithm, which is larger
    assert report.superiority > 0.5
    assert report.verdict == "no evidence either way"


def test_comparison_with_open_incidents_points_the_right_way() -> None:
    rows = history(60, 0.2)
    for row in rows[::9]:
        row["restored"] = None

    assert compared(rows).verdict == "shorter"


def test_median_of_no_length_has_no_ratio() -> None:
    none, some = (Sample(np.full(9, us, dtype=np.int64), np.zeros(9, dtype=np.bool_)) for us in (0, 60_000_000))

    assert ratio_of_medians(none, some).estimate is None
    assert ratio_of_medians(some, none).estimate is None


@pytest.mark.parametrize("by", [(), ("severity",), ("service", "week")])
def test_nothing_at_all_has_nothing_that_moved(by: tuple[str, ...]) -> None:
    assert moved(facts([]), asking(by=by), *MONTHS).attribution is None
    assert compare_windows(facts([]), asking(by=by), *MONTHS).attribution is None


def test_what_moved_is_what_the_comparison_says_moved() -> None:
    rows = history(60, 1.5)

    assert moved(facts(rows), asking(), *MONTHS).attribution == compared(rows).attribution


def test_more_incidents_of_a_class_that_became_a_smaller_part_are_not_called_more() -> None:
    counts = {0: {"search": 10, "shop": 10}, 1: {"search": 20, "shop": 80}}
    rows = [
        incident(f"{month}-{service}-{k}", MONTHS[month].start + timedelta(hours=k), lasted, service=service)
        for month, services in counts.items()
        for service, n in services.items()
        for k, lasted in enumerate([36_000.0 if service == "search" else 600.0] * n)
    ]

    parts = {str(part.key["service"]): part for part in compared(rows, by=("service",)).attribution.parts}

    assert parts["search"].seconds < 0
    assert parts["search"].sentence.startswith("smaller share of search −")
    assert (parts["search"].share_before, parts["search"].share_after) == (0.5, 0.2)


def test_superiority_is_the_share_of_pairs() -> None:
    a, b = drawn(40, 600, 2), drawn(55, 900, 3)
    pairs = np.sign(a.durations_us[:, None] - b.durations_us[None, :])

    assert superiority(a, b) == pytest.approx((pairs == 1).mean() + (pairs == 0).mean() / 2)


def test_superiority_with_open_incidents_stays_near_what_it_would_have_been() -> None:
    whole = superiority(drawn(2_000, 600, 4), drawn(2_000, 900, 5))

    partly = superiority(drawn(2_000, 600, 4, open_after_s=2_000), drawn(2_000, 900, 5, open_after_s=3_000))

    assert partly == pytest.approx(whole, abs=0.02)


def test_permutation_agrees_with_scipy() -> None:
    for seed in range(3):
        a, b = drawn(25, 600, seed), drawn(31, 800, seed + 50)
        reference = stats.permutation_test(
            (a.logs, b.logs), lambda x, y: x.mean() - y.mean(), n_resamples=9_999, rng=np.random.default_rng(0)
        )

        assert permutation_p(a, b) == pytest.approx(reference.pvalue, abs=0.02)


def test_many_incidents_get_the_limit_of_the_same_test() -> None:
    a, b = drawn(1_000, 600, 7), drawn(999, 630, 8)
    larger = Sample(np.append(b.durations_us, b.durations_us[:9]), np.append(b.is_open, b.is_open[:9]))

    assert permutation_p(a, b) == pytest.approx(permutation_p(a, larger), abs=0.05)


def test_permutation_finds_no_difference_in_one_of_twenty_cases_only() -> None:
    p_values = [permutation_p(drawn(12, 600, k), drawn(15, 600, k + 1_000)) for k in range(200)]

    assert sum(p < 0.05 for p in p_values) <= 19  # of 200 at 5 %: more would be one in a thousand


def test_ratio_of_medians_holds_the_truth_in_nineteen_of_twenty_cases() -> None:
    ratios = [ratio_of_medians(drawn(30, 600, k), drawn(40, 900, k + 5_000)) for k in range(300)]

    assert sum(ratio.low <= 1.5 <= ratio.high for ratio in ratios) / 300 > 0.92


def test_ratio_of_medians_agrees_with_the_example_of_statpsych() -> None:
    a = [32, 39, 26, 35, 43, 27, 40, 37, 34, 29, 49, 42, 40]
    b = [36, 44, 47, 42, 49, 39, 46, 31, 33, 48]
    samples = [Sample(np.array(side) * 1_000_000, np.zeros(len(side), dtype=np.bool_)) for side in (a, b)]

    ratio = ratio_of_medians(*samples)

    # ci.ratio.median2 of the R package statpsych, by one of the interval's authors
    assert (ratio.estimate, ratio.low, ratio.high) == pytest.approx((1.162162, 0.927667, 1.455933), abs=1e-6)


def test_detectable_change_needs_two_on_each_side_and_some_spread() -> None:
    assert detectable_change(drawn(1, 600, 1), drawn(50, 600, 1)) is None
    assert (
        detectable_change(*(Sample(np.full(9, 60, dtype=np.int64), np.zeros(9, dtype=np.bool_)) for _ in "ab")) is None
    )
    assert 0 < detectable_change(drawn(200, 600, 1), drawn(200, 600, 1)) < 0.4


def test_sides_can_be_two_values_of_a_dimension() -> None:
    report = compare_values(facts(history(150)), asking(), "service", "shop", "")

    assert (report.a.name, report.b.name) == ("shop", "no service")
    assert report.a.statistics.n_restored == report.b.statistics.n_restored == 100
    assert report.attribution.by == ["severity"]


def test_attribution_sums_to_the_change_of_the_two_means_shown() -> None:
    report = compared(history(200, 1.5), by=("severity", "service"))

    attribution = report.attribution
    change = report.b.statistics.mean_s - report.a.statistics.mean_s
    assert sum(part.seconds for part in attribution.parts) == pytest.approx(change, rel=1e-9)
    assert attribution.change_s == pytest.approx(change, rel=1e-9)
    assert {part.phase for part in attribution.parts if part.kind == "rate"} == {
        "acknowledge",
        "identify+mitigate+verify",
    }
    worse = next(p for p in attribution.parts if p.kind == "mix" and p.key == {"severity": "SEV1", "service": "shop"})
    assert worse.seconds > 0
    assert worse.n_after > worse.n_before
    assert worse.sentence.startswith("more SEV1 · shop +")


def test_incidents_that_cannot_be_parted_still_belong_to_the_sum() -> None:
    rows = history(60, 1.5)
    for row in rows[::3]:
        row["acknowledged"] = row["detected"] - timedelta(days=1)
        row["is_contradictory"] = True

    report = compared(rows, by=("service",))

    change = report.b.statistics.mean_s - report.a.statistics.mean_s
    assert sum(part.seconds for part in report.attribution.parts) == pytest.approx(change, rel=1e-9)
    assert "acknowledge+identify+mitigate+verify" in {part.phase for part in report.attribution.parts}


def test_attribution_of_another_clock_holds_its_phases_only() -> None:
    report = compared(history(60, 1.5), clock=Clock.DETECTED_TO_ACKNOWLEDGED)

    assert {part.phase for part in report.attribution.parts} == {None, "acknowledge"}


COUNTS = st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=1, max_size=8)


@given(COUNTS, st.integers(0, 2**32 - 1))
@settings(max_examples=300)
def test_attribution_parts_sum_to_the_whole(counts: list[tuple[int, int]], seed: int) -> None:
    rng = np.random.default_rng(seed)
    sides = []
    for side in (0, 1):
        n = np.array([pair[side] for pair in counts])
        sums = rng.exponential(10_000, (len(n), N_JOINS)) * (rng.random((len(n), N_JOINS)) < 0.2) * (n > 0)[:, None]
        sides.append(ClassTimes(n, sums))

    found = attribute(*sides, [{"service": str(k)} for k in range(len(counts))], ["service"])

    if any(side.counts.sum() == 0 for side in sides):
        assert found is None
        return
    means = [side.sums_s.sum() / side.counts.sum() for side in sides]
    scale = max(*means, 1e-9)
    assert found.change_s == pytest.approx(means[1] - means[0], abs=1e-9 * scale)
    assert sum(part.seconds for part in found.parts) == pytest.approx(found.change_s, abs=1e-9 * scale)
