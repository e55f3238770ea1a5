"""A line through log durations that heavy tails do not bend and open incidents do not bias."""

import math
from collections.abc import Callable
from functools import cache

import numpy as np
from msgspec import Struct
from scipy.optimize import brentq

from resile.analytics.ordered import Bools, Floats, Ints
from resile.analytics.quantiles import normal_quantile, student_quantile, student_tail

N_LEAST = 8
_N_WIDENINGS = 60
_TILT = 1e-9


class Slope(Struct, frozen=True):
    """Change of log duration per unit of x.

    Attributes:
        estimate, low, high: with the 95 % interval that holds exactly the slopes which the test does not reject;
            infinite where no slope in that direction is rejected.
        p_value: two-sided, of no change at all.
        standard_error: of the estimate, as the interval's width tells it; infinite where that is.
    """

    estimate: float
    low: float
    high: float
    p_value: float
    standard_error: float


def slope(x: Floats, log_durations: Floats, is_open: Bools, strata: Ints | None = None) -> Slope | None:
    """Fit log duration = constant + slope · x by ranks; None with fewer than 8, or where nothing is to be told.

    For a supposed slope b the residuals log_duration - b·x are compared with x as survival times: over all ended
    incidents, the sum of (number at risk · x - sum of x at risk). It grows with b and is near 0 at the true slope.
    With strata (n,), each has a constant of its own: only incidents of one stratum are compared with each other.
    Durations need no distribution; how long an incident was watched may depend on x, as it does when the newest are
    still open. The statistic is held against Student's t with as many degrees of freedom as incidents ended, less 2.

    Source: Tsiatis 1990, Estimating regression parameters using linear rank tests for censored data, Annals of
    Statistics 18; with Gehan's weights, which make it monotone: Fygenson and Ritov 1994, Annals of Statistics 22.
    """
    n = len(x)
    n_ended = n - int(is_open.sum())
    if n < N_LEAST or n_ended <= 2 or np.ptp(x) == 0:  # noqa: PLR2004 - no degree of freedom left
        return None
    x = x - x.mean()
    parts = [np.arange(n)] if strata is None else [np.flatnonzero(strata == kind) for kind in np.unique(strata)]
    scores = [_score(x[rows], log_durations[rows], is_open[rows]) for rows in parts]

    # The search asks twice at the ends of where it looks.
    @cache
    def test(supposed: float) -> float:
        """The standardised score: negative below the true slope, positive above, 0 where nothing can be told."""
        total, variance = np.sum([score(supposed) for score in scores], axis=0)
        return float(total) / math.sqrt(variance) if variance > 0 else 0.0

    at_zero = test(0.0)
    if at_zero == 0 and test(_TILT) == test(-_TILT) == 0:
        return None
    spread = float(np.std(log_durations)) or 1.0
    scale = 2 * spread / (float(np.std(x)) * math.sqrt(n))
    limit = student_quantile(0.975, n_ended - 2)
    estimate = _root(test, 0.0, scale)
    low, high = _root(test, -limit, scale), _root(test, limit, scale)
    p_value = 2 * student_tail(abs(at_zero), n_ended - 2)
    return Slope(estimate, low, high, p_value, (high - low) / (2 * limit))


def _score(x: Floats, log_durations: Floats, is_open: Bools) -> Callable[[float], tuple[float, float]]:
    """For a supposed slope, the weighted sum over ended incidents, and its variance if the slope is right.

    Divided by the number of incidents, so that strata count by how many incidents they hold, not by its square.
    """
    squares = x * x
    n = len(x)

    def score(supposed: float) -> tuple[float, float]:
        residuals = log_durations - supposed * x
        ranks = np.argsort(residuals)
        is_start = np.ones(n, dtype=np.bool_)
        is_start[1:] = np.diff(residuals[ranks]) > 0
        # Whoever lasted equally long is at risk together, so that their order does not matter.
        first = np.maximum.accumulate(np.where(is_start, np.arange(n), 0))
        ended = ~is_open[ranks]
        n_at_risk = (n - first)[ended]
        sum_x = _from_the_end(x[ranks])[first][ended]
        sum_squares = _from_the_end(squares[ranks])[first][ended]
        total = float(np.sum(n_at_risk * x[ranks][ended] - sum_x))
        variance = float(np.sum(n_at_risk * sum_squares - sum_x * sum_x))
        return total / n, variance / n**2

    return score


def _from_the_end(values: Floats) -> Floats:
    return np.cumsum(values[::-1])[::-1]


def _root(test: Callable[[float], float], level: float, scale: float) -> float:
    """Where the rising statistic passes the level; infinite with its sign where it never does."""
    low, high = -scale, scale
    for _ in range(_N_WIDENINGS):
        if test(low) <= level:
            break
        low, high = 2 * low - scale, low
    else:
        return -math.inf
    for _ in range(_N_WIDENINGS):
        if test(high) >= level:
            break
        low, high = high, 2 * high + scale
    else:
        return math.inf
    found: float = brentq(lambda supposed: test(supposed) - level, low, high, xtol=scale * 1e-4, rtol=1e-12)
    return found


def detectable(standard_error: float, span: float) -> float | None:
    """The smallest relative change over a span of x that such data show with 80 % power; None if any could hide.

    A two-sided test at 5 % sees a change of so many standard errors in four of five cases: 1.96 + 0.84.
    """
    log_change = (normal_quantile(0.975) + normal_quantile(0.8)) * standard_error * span
    return 1 - math.exp(-log_change) if math.isfinite(log_change) else None
