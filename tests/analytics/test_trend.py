"""Trend: a change that is there is found, one that is not is not, and open incidents do not fake one."""

import math
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from resile.analytics.change_points import change_points, rank_scores
from resile.analytics.grouping import Observations
from resile.analytics.query import Every, Window
from resile.analytics.rank_regression import detectable, slope
from resile.analytics.restore import restore_report
from resile.analytics.results import Trend
from resile.analytics.sentences import trend_detail, trend_sentence
from resile.analytics.trend import begin_trend
from resile.model.time import EPOCH
from tests.analytics.facts import QUARTER, START, asking, facts, incident


def history(n: int, change: float = 1.0, *, seed: int = 1, median_s: float = 3_600) -> list[dict[str, Any]]:
    """Log-normal durations whose median changes by a factor from the quarter's start to its end."""
    rng = np.random.default_rng(seed)
    part = np.sort(rng.random(n))
    seconds = median_s * np.exp(rng.normal(0, 1.2, n)) * change**part
    length = QUARTER.end - QUARTER.start
    return [incident(str(k), START + part[k] * length, float(seconds[k])) for k in range(n)]


def trend_of(rows: list[dict[str, Any]], **asked: Any) -> Trend:
    return restore_report(facts(rows), asking(**asked)).trend


def test_falling_and_rising_times_are_called_so_with_an_interval_that_holds_the_truth() -> None:
    falling, rising = trend_of(history(300, 0.3)), trend_of(history(300, 3.0))

    assert (falling.verdict, rising.verdict) == ("falling", "rising")
    years = (QUARTER.end - QUARTER.start) / timedelta(days=365.25)
    for trend, change in ((falling, 0.3), (rising, 3.0)):
        assert trend.change_per_year_low < change ** (1 / years) < trend.change_per_year_high
        assert trend.p_value < 0.01
        assert (trend.change_per_year < 1) == (change < 1)


def test_steady_times_give_no_evidence_either_way() -> None:
    trend = trend_of(history(300))

    assert trend.verdict == "no evidence either way"
    assert trend.change_per_year_low < 1 < trend.change_per_year_high
    assert trend.change_points == []


def test_newest_incidents_still_open_do_not_look_like_progress() -> None:
    verdicts, of_closed_only = [], []
    for seed in range(8):
        rows = history(300, seed=seed, median_s=20 * 86_400)
        verdicts.append(trend_of(rows).verdict)
        of_closed_only.append(trend_of([row for row in rows if row["restored"] <= QUARTER.end]).verdict)

    assert verdicts.count("falling") <= 1
    assert of_closed_only.count("falling") >= 6  # what dropping them would have said


def test_step_is_found_where_it_happened() -> None:
    rows = history(400)
    for row in rows[:250]:
        row["restored"] = row["detected"] + 6 * (row["restored"] - row["detected"])

    trend = trend_of(rows)

    assert len(trend.change_points) == 1
    step = trend.change_points[0]
    assert abs(step.at - rows[250]["detected"]) < timedelta(days=4)
    assert 0.08 < step.ratio < 0.35
    assert step.p_value <= 0.01


def test_smallest_change_that_could_be_seen_shrinks_with_more_incidents() -> None:
    shares = [trend_of(history(n)).detectable_change for n in (20, 80, 320)]

    assert shares == sorted(shares, reverse=True)
    assert all(0 < share < 1 for share in shares)


def test_so_large_a_change_is_then_found_in_about_four_of_five_histories() -> None:
    rng = np.random.default_rng(4)
    n, n_found = 100, 0
    x = np.linspace(0, 1, n)
    closed = np.zeros(n, dtype=np.bool_)
    share = detectable(slope(x, rng.normal(0, 1, n), closed).standard_error, 1)
    for _ in range(200):
        found = slope(x, rng.normal(0, 1, n) + math.log(1 - share) * x, closed)
        n_found += found.p_value < 0.05 and found.estimate < 0

    assert 0.68 < n_found / 200 < 0.92


def test_too_few_incidents_have_no_line() -> None:
    trend = trend_of(history(7))

    assert (trend.change_per_year, trend.p_value, trend.detectable_change) == (None, None, None)
    assert trend.verdict == "no evidence either way"


def test_without_open_incidents_the_test_agrees_with_ranks_by_kendall() -> None:
    rng = np.random.default_rng(8)
    for effect in (0, 0.8, -1.5):
        x = rng.random(80)
        y = rng.normal(0, 1, 80) + effect * x

        ours = slope(x, y, np.zeros(80, dtype=np.bool_)).p_value

        assert ours == pytest.approx(stats.kendalltau(x, y).pvalue, abs=0.2)


@given(st.integers(0, 10_000), st.floats(-3, 3), st.floats(0.5, 100))
@settings(max_examples=40, deadline=None)
def test_line_follows_a_change_of_slope_and_of_scale(seed: int, added: float, stretched: float) -> None:
    rng = np.random.default_rng(seed)
    x, y = rng.random(30), rng.normal(0, 1, 30)
    is_open = rng.random(30) < 0.2

    plain, moved = slope(x, y, is_open), slope(stretched * x, y + added * x, is_open)

    assert moved.estimate * stretched == pytest.approx(plain.estimate + added, abs=0.02)
    assert (plain.low <= 0 <= plain.high) == (plain.p_value >= 0.05)


def test_interval_of_the_slope_holds_the_truth_although_a_third_is_still_open() -> None:
    rng = np.random.default_rng(11)
    n_held = 0
    for _ in range(300):
        x = np.sort(rng.random(60))
        y = rng.normal(0, 1, 60) - x
        limit = rng.normal(0, 1, 60)
        found = slope(x, np.minimum(y, limit), y > limit)
        n_held += found.low <= -1 <= found.high

    assert n_held / 300 > 0.91


def test_shuffled_durations_seldom_have_a_change_point() -> None:
    rng = np.random.default_rng(6)
    n_false = sum(
        bool(change_points(np.exp(rng.normal(15, 1.5, 60)).astype(np.int64), np.zeros(60, dtype=np.bool_)))
        for _ in range(200)
    )

    assert n_false <= 7  # of 200 at 1 %: more would be one in a thousand


def test_rank_scores_are_centred_ranks_where_nobody_is_open() -> None:
    scores = rank_scores(np.array([30, 10, 20, 40]), np.zeros(4, dtype=np.bool_))

    assert scores.tolist() == pytest.approx([-0.25, 0.75, 0.25, -0.75])


def test_periods_are_calendar_weeks_from_monday_in_utc() -> None:
    rows = [incident("sunday", START + timedelta(days=6, hours=23.9), 60), incident("monday", START, 60)]

    weeks = trend_of(rows, every=Every.WEEK).periods

    assert [week.n_restored for week in weeks[:2]] == [2, 0]
    assert all(week.start.weekday() == 0 for week in weeks)


def test_a_change_is_told_over_the_span_of_the_incidents_where_that_is_less_than_a_year() -> None:
    trend = trend_of(history(300, 4.0))

    assert trend.span_days == pytest.approx(91, abs=2)
    assert trend.change == pytest.approx(trend.change_per_year ** (trend.span_days / 365.25))
    assert trend.change_low < 4 < trend.change_high
    assert "times as long over these 9" in trend_sentence(trend)
    assert "each year" not in trend_detail(trend)


def test_of_millions_of_incidents_known_by_the_day_every_day_is_looked_at() -> None:
    n, n_days = 400_000, 30
    day_us = 86_400_000_000
    started_us = np.arange(n, dtype=np.int64) % n_days * day_us
    durations_us = np.random.default_rng(3).integers(1, 10**6, n) * 60_000_000
    nobody = np.zeros(n, dtype=np.bool_)
    every = Observations([{}], np.zeros(n, dtype=np.int32), started_us, durations_us, nobody)

    found = begin_trend(every, Window(EPOCH, EPOCH + timedelta(days=n_days)), Every.DAY)()

    assert found.n == pytest.approx(20_000, abs=100)
    assert found.span_days == n_days - 1
    assert found.verdict == "no evidence either way"
