"""The interval of a median from order statistics: exact for any distribution of durations."""

import numpy as np

from resile.analytics.ordered import Floats, Ints
from resile.analytics.quantiles import fair_coin_quantile

# With fewer values not even the smallest and the largest enclose the median with 95 % confidence.
N_LEAST = 6
LEVEL = 0.95


def interval_ranks(n: Ints) -> Ints:
    """The rank, from 1, of the lower end among n sorted values; the upper end is as far from the top. 0: too few.

    The number of values below the true median is binomial(n, 1/2); the rank is the largest r for which fewer than r
    such values have a probability of at most 2.5 %. The interval so covers with at least 95 %, whatever the
    distribution; ties only add to it.

    Source: Conover, Practical Nonparametric Statistics, 3rd ed. 1999, section 3.2; David and Nagaraja, Order
    Statistics, 3rd ed. 2003, section 7.1.
    """
    sizes, places = np.unique(n, return_inverse=True)
    ranks = fair_coin_quantile((1 - LEVEL) / 2, sizes)
    return np.where(sizes >= N_LEAST, ranks, 0).astype(np.int64)[places]


def median_intervals_s(durations_us: Ints, edges: Ints) -> tuple[Floats, Floats]:
    """Lower and upper end in seconds for each group of sorted durations; NaN where there are too few."""
    sizes = np.diff(edges)
    ranks = interval_ranks(sizes)
    low, high = np.full(len(sizes), np.nan), np.full(len(sizes), np.nan)
    has_one = ranks > 0
    low[has_one] = durations_us[edges[:-1][has_one] + ranks[has_one] - 1] / 1e6
    high[has_one] = durations_us[edges[1:][has_one] - ranks[has_one]] / 1e6
    return low, high
