"""The probabilities are those of scipy.stats."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from resile.analytics.quantiles import (
    fair_coin_cumulative,
    fair_coin_quantile,
    normal_quantile,
    normal_tail,
    student_quantile,
    student_tail,
)

probabilities = st.floats(0.001, 0.999)


def test_the_ranks_of_a_fair_coin_are_exact_for_every_n() -> None:
    sizes = np.concatenate([np.arange(1, 3_000), [24_918, 1_000_000, 10_000_000]])

    for probability in (0.005, 0.025, 0.05):
        assert np.array_equal(fair_coin_quantile(probability, sizes), stats.binom.ppf(probability, sizes, 0.5))


@given(probabilities, st.integers(1, 500))
def test_normal_and_student_are_as_in_the_library_s_big_sister(probability: float, degrees: int) -> None:
    assert normal_quantile(probability) == pytest.approx(stats.norm.ppf(probability))
    assert student_quantile(probability, degrees) == pytest.approx(stats.t.ppf(probability, degrees), abs=1e-12)
    value = normal_quantile(probability) * 3
    assert normal_tail(value) == pytest.approx(stats.norm.sf(value))
    assert student_tail(value, degrees) == pytest.approx(stats.t.sf(value, degrees), abs=1e-12)


def test_fewer_heads_than_none_never_fall() -> None:
    assert fair_coin_cumulative(-1, 6) == 0
    assert fair_coin_cumulative(0, 6) == pytest.approx(1 / 64)
