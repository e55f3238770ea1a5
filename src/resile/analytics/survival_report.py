"""Share of incidents still not restored, by the time since their clock started."""

import math
from datetime import datetime

import numpy as np
from ibis import Table
from msgspec.structs import replace

from resile.analytics import kaplan_meier
from resile.analytics.grouping import Population, population
from resile.analytics.ordered import order
from resile.analytics.query import Query
from resile.analytics.results import Survival, SurvivalPoint

N_POINTS_MOST = 500
# The shares at which a curve is read off: half and nine in ten restored. However long the curve, these steps are kept.
READ_AT = (0.5, 0.1)
# A share is a product of many; this is far above its rounding and far below one incident in ten million.
ROUNDING = 1e-8


def survival_report(facts: Table, query: Query, *, known_until: datetime | None = None) -> Survival:
    """The Kaplan–Meier curve over the query's incidents, each counted once."""
    return survival_of(population(facts, replace(query, by=()), known_until))


def survival_of(found: Population) -> Survival:
    """The same of what was fetched."""
    once = found.everyone
    ordered = order(np.zeros(once.n, dtype=np.int32), once.durations_us, once.is_open, 1)
    median, low, high = (float(column[0]) for column in kaplan_meier.medians(ordered))
    curve = kaplan_meier.curve(ordered)
    last = len(curve.seconds) - 1
    even = np.linspace(0, last, min(N_POINTS_MOST, last + 1)).round().astype(np.int64)
    read = [place for share in READ_AT for place in np.flatnonzero(curve.survival <= share + ROUNDING)[:1]]
    places = np.union1d(even, np.array(read, dtype=np.int64)).tolist()
    points = [
        SurvivalPoint(
            after_s=float(curve.seconds[place]),
            share=float(curve.survival[place]),
            # Where nobody is left the curve has no variance; what can be said is the last interval before it.
            low=_or(curve.low[place], 0.0),
            high=_or(curve.high[place], _or(curve.high[place - 1], 1.0) if place else 1.0),
            n_at_risk=int(curve.n_at_risk[place]),
        )
        for place in places
    ]
    return Survival(
        n=once.n,
        n_open=int(once.is_open.sum()),
        median_s=_known(median),
        median_low_s=_known(low),
        median_high_s=_known(high),
        points=points,
    )


def _known(number: float) -> float | None:
    return None if math.isnan(number) else number


def _or(number: float, otherwise: float) -> float:
    return otherwise if math.isnan(number) else float(number)
