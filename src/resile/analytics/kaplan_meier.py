"""Kaplan–Meier: how long incidents last when some of them still do."""

import numpy as np
from msgspec import Struct
from scipy.stats import norm

from resile.analytics.ordered import Bools, Floats, Ints, Ordered

_Z = float(norm.ppf(0.975))
# Logarithms of survival are summed; this is far above their rounding and far below one incident in ten million.
_TINY = 1e-8


class Curve(Struct, frozen=True):
    """The survival function of one group, at the durations at which it falls or somebody is left out.

    Attributes:
        seconds: ascending, each once.
        survival: share still lasting just after it.
        low, high: its 95 % interval; NaN where nobody is left.
        n_at_risk: incidents that had lasted at least so long.
    """

    seconds: Floats
    survival: Floats
    low: Floats
    high: Floats
    n_at_risk: Ints


def curve(ordered: Ordered) -> Curve:
    """The product-limit estimate of a single group with its pointwise interval, formed on log(−log S).

    Source: Kaplan and Meier 1958, Nonparametric estimation from incomplete observations, J. Am. Stat. Assoc. 53,
    section 2; Kalbfleisch and Prentice, The Statistical Analysis of Failure Time Data, 2nd ed. 2002, section 1.4.
    """
    steps = _steps(ordered)
    is_last = _is_last_of_tie(ordered)
    with np.errstate(invalid="ignore", over="ignore"):
        survival = np.exp(steps.log_survival)
        low = np.exp(steps.log_survival * steps.factor)
        high = np.exp(steps.log_survival / steps.factor)
    is_first = np.concatenate(([True], is_last[:-1]))
    n = len(survival)
    return Curve(
        ordered.durations_us[is_last] / 1e6,
        survival[is_last],
        low[is_last],
        high[is_last],
        (n - np.arange(n))[is_first[:n]],
    )


class _Steps(Struct, frozen=True):
    """After each duration: log S, and the factor by which log S is multiplied or divided for its interval."""

    log_survival: Floats
    factor: Floats


def _steps(ordered: Ordered) -> _Steps:
    """Equal durations are taken one after the other.

    That gives the same product, and telescoping the same sum of Greenwood, as taking them together.
    """
    n = len(ordered.durations_us)
    at_risk = np.repeat(ordered.edges[1:], ordered.sizes) - np.arange(n, dtype=np.float64)
    is_final = ~ordered.is_open & (at_risk == 1)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        steps = -1.0 / at_risk
        np.log1p(steps, out=steps)
        steps[ordered.is_open | is_final] = 0.0
        log_survival = _running(steps, ordered)
        np.multiply(at_risk, at_risk - 1.0, out=steps)
        np.divide(1.0, steps, out=steps)
        steps[ordered.is_open | is_final] = 0.0
        factor = _running(steps, ordered)
        np.sqrt(factor, out=factor)
        factor *= -_Z
        factor /= log_survival
        np.exp(factor, out=factor)
    # Before the first end the share is 1 for sure; after the last one it is 0, with a variance that is not defined.
    factor[log_survival > -_TINY] = 1.0
    factor[is_final] = np.nan
    log_survival[is_final] = -np.inf
    return _Steps(log_survival, factor)


def _is_last_of_tie(ordered: Ordered) -> Bools:
    is_last = np.ones(len(ordered.durations_us), dtype=np.bool_)
    np.not_equal(ordered.durations_us[1:], ordered.durations_us[:-1], out=is_last[:-1])
    is_last[ordered.edges[1:][ordered.sizes > 0] - 1] = True
    return is_last


def _running(steps: Floats, ordered: Ordered) -> Floats:
    """Running sums that start anew in each group."""
    total = np.cumsum(steps)
    before = np.concatenate(([0.0], total))[ordered.edges[:-1]]
    total -= np.repeat(before, ordered.sizes)
    return total


def medians(ordered: Ordered) -> tuple[Floats, Floats, Floats]:
    """Each group's median in seconds with the lower and upper end of its 95 % interval; NaN where never reached.

    The median is the first duration after which at most half still last. Its interval holds the durations at which one
    half lies within the curve's interval.

    Source: Brookmeyer and Crowley 1982, A confidence interval for the median survival time, Biometrics 38, in the
    log-minus-log form of Klein and Moeschberger, Survival Analysis, 2nd ed. 2003, section 4.5.
    """
    steps = _steps(ordered)
    is_last = _is_last_of_tie(ordered)
    # S ≤ 1/2 wherever this is at least 1; the interval's ends likewise with the factor.
    depth = steps.log_survival / np.log(0.5)
    with np.errstate(invalid="ignore"):
        middle = _first(depth >= 1 - _TINY, ordered)
        low = _first((depth * steps.factor >= 1 - _TINY) & is_last, ordered)
        high = _first((depth / steps.factor >= 1 - _TINY) & is_last, ordered)
    # At its last incident the curve falls to 0 and has no interval; the lower end lies there at the latest.
    return middle, np.where(np.isnan(low), middle, low), high


def _first(holds: Bools, ordered: Ordered) -> Floats:
    """The first duration of each group, in seconds, at which it holds."""
    result = np.full(ordered.n_groups, np.nan)
    places = np.flatnonzero(holds)
    next_place = np.searchsorted(places, ordered.edges[:-1])
    found = next_place < len(places)
    first = places[next_place[found]]
    is_inside = first < ordered.edges[1:][found]
    result[np.flatnonzero(found)[is_inside]] = ordered.durations_us[first[is_inside]] / 1e6
    return result
