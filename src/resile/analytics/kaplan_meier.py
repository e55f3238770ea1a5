"""Kaplan–Meier: how long incidents last when some of them still do."""

import numpy as np
from msgspec import Struct

from resile.analytics.ordered import Bools, Floats, Ints, Ordered
from resile.analytics.quantiles import normal_quantile

_Z = normal_quantile(0.975)
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
    at_risk = np.arange(n, 0, -1, dtype=np.float64)
    ended = ~ordered.is_open
    is_final = ended & (at_risk == 1)
    falls = ended & ~is_final
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        log_survival = np.cumsum(np.where(falls, np.log1p(-1 / at_risk), 0))
        greenwood = np.cumsum(np.where(falls, 1 / (at_risk * (at_risk - 1)), 0))
        factor = np.exp(_Z * np.sqrt(greenwood) / -log_survival)
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


def medians(ordered: Ordered) -> tuple[Floats, Floats, Floats]:
    """Each group's median in seconds with the lower and upper end of its 95 % interval; NaN where never reached.

    The median is the first duration after which at most half still last. Its interval holds the durations at which one
    half lies within the curve's interval.

    Source: Brookmeyer and Crowley 1982, A confidence interval for the median survival time, Biometrics 38, in the
    log-minus-log form of Klein and Moeschberger, Survival Analysis, 2nd ed. 2003, section 4.5.
    """
    tails = _Tails(ordered)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        middle, low, high = (tails.first_at_most_half(times_factor=sign) for sign in (0, 1, -1))
    # At its last incident the curve falls to 0 and has no interval; the lower end lies there at the latest.
    return middle, np.where(np.isnan(low), middle, low), high


class _Tails:
    """The curves of many groups, readable at any place without having been computed at all the others.

    Were nobody open, the share left after i of n would be (n - i) / n, and Greenwood's sum 1 / (n - i) - 1 / n. Each
    open incident takes back its own step from both. So a place is looked up from the open ones before it alone, and
    since log S and its interval only ever fall, halving finds where they pass one half.
    """

    def __init__(self, ordered: Ordered) -> None:
        self._ordered = ordered
        self._open_places = np.flatnonzero(ordered.is_open)
        groups = np.searchsorted(ordered.edges, self._open_places, side="right") - 1
        # The last of a group has nobody after it to be taken back for.
        at_risk = (ordered.edges[groups + 1] - self._open_places).astype(np.float64)
        last = at_risk == 1
        at_risk[last] = np.inf
        self._log_steps = np.concatenate(([0.0], np.cumsum(np.log1p(-1 / at_risk))))
        self._greenwood_steps = np.concatenate(([0.0], np.cumsum(1 / (at_risk * (at_risk - 1)))))
        self._n_open_before = np.searchsorted(self._open_places, ordered.edges[:-1])

    def first_at_most_half(self, times_factor: int) -> Floats:
        """The first duration, in seconds, at which a curve is at most one half; NaN where it never is.

        Args:
            times_factor: 0 for the curve itself, 1 and -1 for the lower and upper end of its interval.
        """
        ordered = self._ordered
        starts, sizes = ordered.edges[:-1], ordered.sizes
        last = sizes - 1
        low, high = np.zeros_like(sizes), np.maximum(last, 0)
        for _ in range(int(sizes.max(initial=0)).bit_length() + 1):
            middle = (low + high) // 2
            holds = self._is_at_most_half(middle, times_factor)
            is_searching = low < high
            high = np.where(is_searching & holds, middle, high)
            low = np.where(is_searching & ~holds, middle + 1, low)
        result = np.full(len(sizes), np.nan)
        is_found = low < last
        result[is_found] = ordered.durations_us[(starts + low)[is_found]] / 1e6
        # Where the last one has ended, the curve falls to 0 with it: at most half, but without an interval.
        falls = np.flatnonzero(sizes > 0)
        falls = falls[~ordered.is_open[(starts + last)[falls]]]
        end = ordered.durations_us[(starts + last)[falls]] / 1e6
        if times_factor == 0:
            result[falls] = np.where(is_found[falls], result[falls], end)
        else:
            result[falls] = np.where(result[falls] == end, np.nan, result[falls])
        return result

    def _is_at_most_half(self, place: Ints, times_factor: int) -> Bools:
        """Whether log S after the incident at this place of each group, with its interval, is log ½ or less."""
        starts, n = self._ordered.edges[:-1], self._ordered.sizes
        left = n - place - 1.0
        n_open = np.searchsorted(self._open_places, starts + place, side="right")
        log_survival = np.log(left / n) - (self._log_steps[n_open] - self._log_steps[self._n_open_before])
        depth = log_survival / np.log(0.5)
        if times_factor:
            taken_back = self._greenwood_steps[n_open] - self._greenwood_steps[self._n_open_before]
            greenwood = np.maximum(1 / left - 1 / n - taken_back, 0)
            depth = depth * np.exp(times_factor * _Z * np.sqrt(greenwood) / -log_survival)
        holds: Bools = (depth >= 1 - _TINY) & (log_survival < -_TINY)
        return holds
