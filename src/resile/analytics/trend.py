"""Is the time to restore falling, rising, or is there no telling? By period, as a line, and in steps."""

import math
from collections.abc import Callable

import numpy as np
from msgspec.structs import replace

from resile.analytics import kaplan_meier
from resile.analytics.change_points import Found, change_points
from resile.analytics.figures import as_values, figures
from resile.analytics.grouping import DAY_US, Observations
from resile.analytics.ordered import Bools, Ints, order
from resile.analytics.periods import days_of, periods_of
from resile.analytics.query import Every, Window
from resile.analytics.rank_regression import Slope, detectable, slope
from resile.analytics.results import NO_EVIDENCE, ChangePoint, PeriodStatistics, Trend
from resile.analytics.threads import meanwhile
from resile.model.time import EPOCH, from_us

FALLING, RISING = "falling", "rising"
METHOD = "rank regression of log duration on start (Tsiatis 1990, Gehan weights); open incidents are censored"
# More incidents than this are thinned evenly for the line and the steps; the figures of periods use all.
N_MOST = 20_000
_YEAR_US = 365.25 * DAY_US
_LEVEL = 0.05


def begin_trend(observed: Observations, window: Window, every: Every) -> Callable[[], Trend]:
    """The periods of the window with their figures, and what they say together; the function returned ends it.

    Args:
        observed: each incident once; its groups play no part.
        window: up to where the incidents were looked at.
    """
    told = meanwhile(lambda: _line_and_steps(observed, every))
    periods = meanwhile(lambda: period_statistics(observed, window, every))
    return lambda: replace(told(), periods=periods())


def _line_and_steps(observed: Observations, every: Every) -> Trend:
    started_us, durations_us, is_open = _thinned(observed)
    # A duration of no length has no logarithm; a millisecond is below what any clock of incidents tells apart.
    line = slope(started_us / _YEAR_US, np.log(np.maximum(durations_us, 1_000) / 1e6), is_open)
    steps = change_points(durations_us, is_open)
    found = Trend(
        every=str(every),
        periods=[],
        verdict=NO_EVIDENCE,
        method=METHOD,
        n=len(started_us),
        change_points=[_described(step, steps, started_us, durations_us, is_open) for step in steps],
    )
    if line is None:
        return found
    span_us = float(started_us[-1] - started_us[0])
    years = span_us / _YEAR_US
    return replace(
        found,
        verdict=_verdict(line),
        span_days=span_us / DAY_US,
        change=_factor(line.estimate * years),
        change_low=_factor(line.low * years),
        change_high=_factor(line.high * years),
        change_per_year=_factor(line.estimate),
        change_per_year_low=_factor(line.low),
        change_per_year_high=_factor(line.high),
        p_value=line.p_value,
        detectable_change=detectable(line.standard_error, years),
    )


def _verdict(line: Slope) -> str:
    if line.p_value >= _LEVEL:
        return NO_EVIDENCE
    return FALLING if line.estimate < 0 else RISING


def _factor(log_change: float) -> float | None:
    try:
        factor = math.exp(log_change)
    except OverflowError:
        return None
    return factor if math.isfinite(factor) else None


def _thinned(observed: Observations) -> tuple[Ints, Ints, Bools]:
    """Starts, durations and openness in the order of starts; above N_MOST every k-th of them, so that all times count.

    Which of several that started together comes first is decided by what they are, never by how they were stored.
    """
    if observed.n > 8 * N_MOST:
        # Sorting ten million to keep one in five hundred is a waste: first keep what falls on a comb.
        chosen = _comb(observed.started_us, observed.durations_us, 2 * N_MOST / observed.n)
    else:
        chosen = np.arange(observed.n)
    started_us, durations_us = observed.started_us[chosen], observed.durations_us[chosen]
    is_open = observed.is_open[chosen]
    ranks = np.lexsort((is_open, durations_us, started_us))
    n = len(ranks)
    if n > N_MOST:
        ranks = ranks[np.linspace(0, n - 1, N_MOST).round().astype(np.int64)]
    return started_us[ranks], durations_us[ranks], is_open[ranks]


def _comb(started_us: Ints, durations_us: Ints, share: float) -> Ints:
    """Places of about such a share, alike all over the window and the durations, the same every time.

    Chosen by a hash of start and duration: starts alone may be few, as in a history that knows only days.
    """
    mixed = durations_us.view(np.uint64) * np.uint64(0xC2B2AE3D27D4EB4F)
    mixed += started_us.view(np.uint64)
    mixed *= np.uint64(0x9E3779B97F4A7C15)
    mixed ^= mixed >> np.uint64(29)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    kept: Ints = np.flatnonzero(mixed < np.uint64(share * 2.0**64))
    return kept


def period_statistics(observed: Observations, window: Window, every: Every) -> list[PeriodStatistics]:
    """Figures of each period of the window, by the start of the incidents; null where there are none."""
    starts = periods_of(window, every)
    first_day, last_day = (window.start - EPOCH).days, (window.end - EPOCH).days
    of_day = np.searchsorted(days_of(starts), np.arange(first_day, last_day + 1), side="right").astype(np.int32) - 1
    of_incident = of_day[observed.started_us // DAY_US - first_day]
    table = figures(order(of_incident, observed.durations_us, observed.is_open, len(starts)))
    return as_values(PeriodStatistics, table, np.arange(len(starts)), {"start": starts})


def _described(step: Found, steps: list[Found], started_us: Ints, durations_us: Ints, is_open: Bools) -> ChangePoint:
    """The change point with the ratio of the typical durations between its neighbours."""
    places = [0, *(other.place for other in steps), len(started_us)]
    here = places.index(step.place, 1)
    before, after = slice(places[here - 1], step.place), slice(step.place, places[here + 1])
    ratio = _typical_us(durations_us[after], is_open[after]) / _typical_us(durations_us[before], is_open[before])
    return ChangePoint(at=from_us(int(started_us[step.place])), ratio=ratio, p_value=step.p_value)


def _typical_us(durations_us: Ints, is_open: Bools) -> float:
    """The median over ended and open ones; where it is not reached, the least that it can be: the longest."""
    if not is_open.any():
        return max(float(np.median(durations_us)), 1.0)
    ordered = order(np.zeros(len(durations_us), dtype=np.int64), durations_us, is_open, 1)
    median = float(kaplan_meier.medians(ordered)[0][0]) * 1e6
    return max(float(durations_us.max()) if math.isnan(median) else median, 1.0)
