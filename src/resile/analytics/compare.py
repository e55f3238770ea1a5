"""Two windows, or two groups in one window, beside each other."""

from datetime import datetime

import msgspec
import numpy as np
from ibis import Table
from msgspec import Struct

from resile.analytics.attribution import usual_dimensions
from resile.analytics.grouping import Observed, observe
from resile.analytics.moved import attribution_between
from resile.analytics.ordered import Ints
from resile.analytics.query import Condition, Query, Window
from resile.analytics.rank_regression import slope
from resile.analytics.restore import definition, overall_statistics
from resile.analytics.results import LONGER, NO_EVIDENCE, SHORTER, CompareReport, Side, WindowOut
from resile.analytics.two_samples import (
    Ratio,
    Sample,
    detectable_change,
    permutation_p,
    ratio_of_medians,
    shift,
    superiority,
)

_NO_BOUND = 700.0
_LEVEL = 0.05
_N_ADJUSTED_MOST = 20_000


class _Half(Struct, frozen=True):
    """One side as found; `query` asks for exactly its incidents."""

    name: str
    query: Query
    observed: Observed

    @property
    def sample(self) -> Sample:
        """Its durations."""
        once = self.observed.once
        return Sample(once.durations_us, once.is_open)


def compare_windows(
    facts: Table, query: Query, a: Window, b: Window, *, known_until: datetime | None = None
) -> CompareReport:
    """Window b against window a, by the query's clock and conditions."""
    by = usual_dimensions(query.by)
    before, after = (
        _half(facts, _window_name(window), msgspec.structs.replace(query, window=window, by=by), known_until)
        for window in (a, b)
    )
    return _compared(facts, before, after, known_until)


def compare_values(
    facts: Table, query: Query, dimension: str, a: str, b: str, *, known_until: datetime | None = None
) -> CompareReport:
    """Incidents with value b of a dimension against those with value a, in the query's window; empty: without one."""
    by = tuple(name for name in usual_dimensions(query.by) if name != dimension)
    one, other = (
        _half(
            facts,
            value or f"no {dimension.removeprefix('label:')}",
            msgspec.structs.replace(query, by=by, where=(*query.where, Condition(dimension, (value,)))),
            known_until,
        )
        for value in (a, b)
    )
    return _compared(facts, one, other, known_until)


def _half(facts: Table, name: str, query: Query, known_until: datetime | None) -> _Half:
    """One side's incidents, grouped by severity for the adjustment; `query` keeps the dimensions for attribution."""
    asked = Query(window=query.window, clock=query.clock, by=("severity",), where=query.where)
    return _Half(name, query, observe(facts, asked, known_until))


def _compared(facts: Table, a: _Half, b: _Half, known_until: datetime | None) -> CompareReport:
    ratio = ratio_of_medians(a.sample, b.sample)
    adjusted = _adjusted_ratio(a.observed, b.observed)
    p_value = permutation_p(a.sample, b.sample)
    sooner = superiority(a.sample, b.sample)
    return CompareReport(
        clock=str(a.query.clock),
        a=_side(a),
        b=_side(b),
        ratio=ratio.estimate,
        ratio_low=ratio.low,
        ratio_high=ratio.high,
        p_value=p_value,
        superiority=sooner,
        detectable_change=detectable_change(a.sample, b.sample),
        adjusted_ratio=adjusted.estimate,
        adjusted_ratio_low=adjusted.low,
        adjusted_ratio_high=adjusted.high,
        verdict=_verdict(p_value, shift(a.sample, b.sample), sooner),
        attribution=attribution_between(facts, a.query, b.query, known_until=known_until),
        excluded={reason: n + b.observed.excluded[reason] for reason, n in a.observed.excluded.items()},
        definition=definition(a.query.clock),
    )


def _side(half: _Half) -> Side:
    return Side(
        name=half.name,
        window=WindowOut(half.query.window.start, half.query.window.end),
        statistics=overall_statistics(half.observed.once),
    )


def _window_name(window: Window) -> str:
    """`2024-01-01..2024-04-01`, as windows are written on the command line."""
    return f"{window.start.date().isoformat()}..{window.end.date().isoformat()}"


def _verdict(p_value: float | None, shift_of_b: float, sooner: float | None) -> str:
    """Which way b differs, if it does: only where what was tested and most pairs of incidents point the same way."""
    if p_value is None or sooner is None or p_value >= _LEVEL:
        return NO_EVIDENCE
    if shift_of_b < 0 and sooner > 0.5:  # noqa: PLR2004 - one half is a tie
        return SHORTER
    return LONGER if shift_of_b > 0 and sooner < 0.5 else NO_EVIDENCE  # noqa: PLR2004


def _adjusted_ratio(a: Observed, b: Observed) -> Ratio:
    """The typical duration of b over that of a among incidents of like severity, by stratified ranks."""
    sides = [_thinned(observed) for observed in (a, b)]
    keys = sorted({str(key["severity"]) for observed in (a, b) for key in observed.once.keys if key})
    logs, opens, strata, is_b = [], [], [], []
    for place, (observed, rows) in enumerate(zip((a, b), sides, strict=True)):
        once = observed.once
        code = np.array([keys.index(str(key["severity"])) if key else 0 for key in once.keys], dtype=np.int64)
        logs.append(Sample(once.durations_us[rows], once.is_open[rows]).logs)
        opens.append(once.is_open[rows])
        strata.append(code[once.groups[rows]])
        is_b.append(np.full(len(rows), float(place)))
    found = slope(np.concatenate(is_b), np.concatenate(logs), np.concatenate(opens), np.concatenate(strata))
    if found is None:
        return Ratio()
    # Beyond what a float holds, the sides have no severity in common: there is nothing to adjust.
    low, middle, high = (
        float(np.exp(log)) if abs(log) < _NO_BOUND else None for log in (found.low, found.estimate, found.high)
    )
    return Ratio(middle, low, high)


def _thinned(observed: Observed) -> Ints:
    """Rows in the order of starts; above 20,000 every k-th."""
    once = observed.once
    ranks = np.lexsort((once.is_open, once.durations_us, once.started_us))
    if len(ranks) > _N_ADJUSTED_MOST:
        ranks = ranks[np.linspace(0, len(ranks) - 1, _N_ADJUSTED_MOST).round().astype(np.int64)]
    return ranks
