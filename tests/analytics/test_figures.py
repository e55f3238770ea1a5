"""Every figure of a group against libraries that compute one group at a time, and against what must always hold."""

import warnings
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import stats

from resile.analytics import kaplan_meier
from resile.analytics.figures import FIGURES, NOTE_NEVER_REACHED, Figures, figures, group_statistics
from resile.analytics.mean_interval import N_EXACT, mean_intervals
from resile.analytics.median_interval import interval_ranks
from resile.analytics.ordered import order

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # lifelines' own imports are not ours to mend
    from lifelines import KaplanMeierFitter
    from lifelines.utils import median_survival_times


def one_group(durations_s: list[float], n_open: int = 0) -> Figures:
    """The first `n_open` are open."""
    us = np.array([round(seconds * 1e6) for seconds in durations_s], dtype=np.int64)
    return figures(order(np.zeros(len(us), dtype=np.int32), us, np.arange(len(us)) < n_open, 1))


def some_history(rng: np.random.Generator, n: int, n_groups: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    durations_us = np.round(np.exp(rng.normal(8, 1.5, n))).astype(np.int64) * 1_000_000
    return rng.integers(0, n_groups, n).astype(np.int32), durations_us, rng.random(n) < 0.1


HISTORIES = st.integers(1, 60).flatmap(
    lambda n: st.tuples(
        arrays.arrays(np.int32, n, elements=st.integers(0, 4)),
        arrays.arrays(np.int64, n, elements=st.integers(0, 2**50)),
        arrays.arrays(np.bool_, n),
    )
)


def test_mean_of_a_hundred_three_hundred_and_eight_hundred_seconds_is_four_hundred() -> None:
    assert one_group([100, 300, 800]).mean_s.tolist() == [400]
    assert one_group([100, 300, 800, 90]).mean_s.tolist() == [322.5]


def test_group_without_incidents_has_no_value_anywhere() -> None:
    table = figures(order(np.zeros(0, dtype=np.int32), np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.bool_), 1))

    statistics = group_statistics(table, np.array([0]), [{}])[0]

    assert (statistics.n_restored, statistics.n_open) == (0, 0)
    assert all(getattr(statistics, name) is None for name in FIGURES)


def test_every_figure_agrees_with_numpy_and_scipy() -> None:
    rng = np.random.default_rng(1)
    groups, durations_us, _ = some_history(rng, 3_000, 12)

    table = figures(order(groups, durations_us, np.zeros(3_000, dtype=np.bool_), 12))

    for group in range(12):
        seconds = durations_us[groups == group] / 1e6
        assert table.n_restored[group] == len(seconds)
        assert table.mean_s[group] == pytest.approx(seconds.mean(), rel=1e-12)
        assert table.stdev_s[group] == pytest.approx(seconds.std(ddof=1), rel=1e-12)
        assert table.median_s[group] == np.median(seconds)
        assert table.min_s[group] == seconds.min()
        assert table.max_s[group] == seconds.max()
        for name, share in (("p75_s", 0.75), ("p90_s", 0.9), ("p95_s", 0.95)):
            assert getattr(table, name)[group] == pytest.approx(np.quantile(seconds, share), rel=1e-12)
        interval = stats.quantile_test(seconds, q=0, p=0.5).confidence_interval(0.95)
        assert table.median_low_s[group] >= interval.low
        assert table.median_high_s[group] <= interval.high


@given(HISTORIES)
@settings(max_examples=150, deadline=None)
def test_figures_do_not_depend_on_the_order_of_incidents_nor_on_other_groups(
    history: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    groups, durations_us, is_open = history
    together = figures(order(groups, durations_us, is_open, 5))
    shuffled = np.random.default_rng(len(groups)).permutation(len(groups))
    again = figures(order(groups[shuffled], durations_us[shuffled], is_open[shuffled], 5))

    for group in range(5):
        rows = groups == group
        alone = figures(order(np.zeros(rows.sum(), dtype=np.int32), durations_us[rows], is_open[rows], 1))
        for name in ("n_restored", "n_open", *FIGURES):
            column = getattr(together, name)
            assert np.array_equal(column, getattr(again, name), equal_nan=True)
            if name in {"mean_low_s", "mean_high_s"}:
                # Matrix products of other shapes add in another order, in single precision.
                assert np.allclose(column[group], getattr(alone, name)[0], rtol=1e-3, equal_nan=True)
            else:
                assert np.allclose(column[group], getattr(alone, name)[0], rtol=1e-12, equal_nan=True)


@given(HISTORIES)
@settings(max_examples=150, deadline=None)
def test_figures_stand_in_their_natural_order(history: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    groups, durations_us, is_open = history

    table = figures(order(groups, durations_us, is_open, 5))

    assert table.n_restored.sum() + table.n_open.sum() == len(groups)
    chain = [getattr(table, name) for name in ("min_s", "median_s", "p75_s", "p90_s", "p95_s", "max_s")]
    for low, high in pairwise(chain):
        assert np.all((low <= high) | np.isnan(low))
    for low, middle, high in (
        (table.mean_low_s, table.mean_s, table.mean_high_s),
        (table.median_low_s, np.where(table.n_open > 0, table.km_median_s, table.median_s), table.median_high_s),
    ):
        assert not np.any(low > middle)
        assert not np.any(high < middle)


def test_long_durations_and_many_groups_need_no_packing() -> None:
    groups = np.array([2**20, 0, 2**20, 0], dtype=np.int64)
    durations_us = np.array([2**52, 5, 1, 2**52], dtype=np.int64)

    ordered = order(groups, durations_us, np.array([False, True, False, False]), 2**20 + 1)

    assert ordered.durations_us.tolist() == [5, 2**52, 1, 2**52]
    assert ordered.is_open.tolist() == [True, False, False, False]


def test_order_statistic_interval_covers_at_least_95_percent_and_no_rank_closer_would() -> None:
    n = np.arange(1, 400)

    ranks = interval_ranks(n)

    for size, rank in zip(n.tolist(), ranks.tolist(), strict=True):
        outside = 2 * stats.binom.cdf(rank - 1, size, 0.5) if rank else 0.0
        assert outside <= 0.05
        if rank:
            assert 2 * stats.binom.cdf(rank, size, 0.5) > 0.05
        else:
            assert size < 6


def test_kaplan_meier_agrees_with_lifelines() -> None:
    rng = np.random.default_rng(3)
    for n in (8, 25, 300):
        us = (rng.integers(1, 60, n) * 60_000_000).astype(np.int64)  # many ties
        is_open = rng.random(n) < 0.3
        fitter = KaplanMeierFitter().fit(us / 1e6, event_observed=~is_open)
        theirs = fitter.confidence_interval_
        reference = median_survival_times(theirs).to_numpy()[0]

        ordered = order(np.zeros(n, dtype=np.int32), us, is_open, 1)
        middle, low, high = kaplan_meier.medians(ordered)
        curve = kaplan_meier.curve(ordered)

        assert middle[0] == fitter.median_survival_time_
        assert low[0] == reference[0]
        # Once nobody is left, lifelines takes the interval as closed; the curve has no variance there, so we do not.
        is_closed = fitter.survival_function_at_times(reference[1]).item() == 0
        assert np.isnan(high[0]) if is_closed else np.nan_to_num(high[0], nan=np.inf) == reference[1]
        shares = fitter.survival_function_at_times(curve.seconds).to_numpy()
        assert np.allclose(curve.survival, shares, atol=1e-12)
        lows = theirs.iloc[:, 0].reindex(curve.seconds).to_numpy()
        known = ~np.isnan(lows) & ~np.isnan(curve.low) & (curve.survival > 0)
        assert known.sum() > 3
        assert np.allclose(curve.low[known], lows[known], atol=1e-9)


@given(HISTORIES)
@settings(max_examples=400, deadline=None)
def test_medians_found_by_halving_are_where_the_whole_curve_passes_one_half(
    history: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    groups, durations_us, is_open = history
    durations_us %= 30  # many ties
    found = kaplan_meier.medians(order(groups, durations_us, is_open, 5))

    for group in range(5):
        rows = groups == group
        alone = order(np.zeros(rows.sum(), dtype=np.int32), durations_us[rows], is_open[rows], 1)
        curve = kaplan_meier.curve(alone)
        for place, shares in enumerate((curve.survival, curve.low, curve.high)):
            passed = curve.seconds[shares <= 0.5 + 1e-9]
            expected = passed[0] if len(passed) else np.nan
            if place == 1 and np.isnan(expected):
                expected = found[0][group]
            assert np.array_equal(found[place][group], expected, equal_nan=True)


def test_median_that_more_than_half_have_not_reached_is_null_and_says_so() -> None:
    table = one_group([100, 200, 300, 10, 20], n_open=3)

    statistics = group_statistics(table, np.array([0]), [{}])[0]

    assert statistics.km_median_s is None
    assert statistics.median_s == 15
    assert NOTE_NEVER_REACHED in statistics.notes


def test_without_open_incidents_there_is_no_second_median() -> None:
    assert np.isnan(one_group([100, 200, 300]).km_median_s[0])


def test_worst_group_comes_first_and_one_that_never_recovers_before_all() -> None:
    groups = np.array([0, 1, 2, 2, 2], dtype=np.int32)
    durations_us = np.array([5, 9, 1, 1, 1], dtype=np.int64)
    is_open = np.array([False, False, True, True, False])

    assert figures(order(groups, durations_us, is_open, 4)).worst_first().tolist() == [2, 1, 0, 3]


def test_bootstrap_t_agrees_with_one_resample_at_a_time() -> None:
    rng = np.random.default_rng(5)
    values = np.sort(np.exp(rng.normal(0, 1, 40)))
    mean, deviation = values.mean(), values.std()
    resamples = rng.choice(values, (40_000, 40))
    ratios = (resamples.mean(axis=1) - mean) / resamples.std(axis=1)
    reference = mean - np.quantile(ratios, [0.975, 0.025]) * deviation

    low, high = mean_intervals(values, np.array([0, 40]), np.array([mean]), np.array([deviation]))

    assert mean - low[0] == pytest.approx(mean - reference[0], rel=0.12)
    assert high[0] - mean == pytest.approx(reference[1] - mean, rel=0.12)


@pytest.mark.parametrize("n", [N_EXACT + 1, 300, 2_000])
def test_large_groups_get_the_bootstrap_t_although_their_bulk_is_not_drawn_one_by_one(n: int) -> None:
    rng = np.random.default_rng(n)
    values = np.sort(np.exp(rng.normal(0, 1, n)))
    mean, deviation = values.mean(), values.std()
    drawn = [rng.choice(values, (1_000, n)) for _ in range(8)]
    ratios = np.concatenate([(part.mean(axis=1) - mean) / part.std(axis=1) for part in drawn])
    reference = mean - np.quantile(ratios, [0.975, 0.025]) * deviation

    low, high = mean_intervals(values, np.array([0, n]), np.array([mean]), np.array([deviation]))

    assert mean - low[0] == pytest.approx(mean - reference[0], rel=0.12)
    assert high[0] - mean == pytest.approx(reference[1] - mean, rel=0.12)


def test_the_interval_of_a_mean_hardly_moves_from_one_large_size_to_the_next() -> None:
    lengths = []
    for n in (858, 879):
        values = np.exp(1.5 * stats.norm.ppf((np.arange(n) + 0.5) / n))
        mean, deviation = values.mean(), values.std()
        low, high = mean_intervals(values, np.array([0, n]), np.array([mean]), np.array([deviation]))
        lengths.append(np.array([mean - low[0], high[0] - mean]) * np.sqrt(n) / deviation)

    assert lengths[0] == pytest.approx(lengths[1], rel=0.03)


@pytest.mark.parametrize(
    "sizes", [(N_EXACT, N_EXACT + 3), (N_EXACT + 3, N_EXACT), (N_EXACT + 1, N_EXACT + 9), (40, 41)]
)
def test_the_interval_of_a_mean_is_the_same_in_whatever_company_it_is_computed(sizes: tuple[int, int]) -> None:
    rng = np.random.default_rng(9)
    groups = [np.sort(np.exp(rng.normal(0, 1.5, n))) for n in sizes]
    means, deviations = np.array([one.mean() for one in groups]), np.array([one.std() for one in groups])

    together = mean_intervals(np.concatenate(groups), np.cumsum([0, *sizes]), means, deviations)

    for place, values in enumerate(groups):
        own = slice(place, place + 1)
        alone = mean_intervals(values, np.array([0, len(values)]), means[own], deviations[own])
        assert [end[place] for end in together] == pytest.approx([end[0] for end in alone], rel=1e-4)


def test_equal_durations_say_nothing_of_how_far_the_mean_may_lie() -> None:
    table = one_group([60.0] * 30)

    assert np.isnan(table.mean_low_s[0])
    assert np.isnan(table.mean_high_s[0])
    assert (table.median_low_s[0], table.median_high_s[0]) == (60, 60)


@pytest.mark.parametrize("n", [3, 6, 8, 30])
@pytest.mark.parametrize("seconds", [0.1, 0.3, 1.1, 7.7])
def test_equal_durations_have_exactly_that_mean_and_no_deviation(n: int, seconds: float) -> None:
    table = one_group([seconds] * n)

    assert (table.min_s[0], table.mean_s[0], table.max_s[0], table.stdev_s[0]) == (seconds, seconds, seconds, 0)
