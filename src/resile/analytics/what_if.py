"""What would have been, had a phase been shorter: every incident computed anew, none estimated."""

from datetime import datetime, timedelta

import msgspec
import numpy as np
from ibis import Table

from resile.analytics.figures import figures
from resile.analytics.grouping import Observations, observe
from resile.analytics.ordered import Ints, order
from resile.analytics.phase_columns import BOUNDS, join_of, phase_columns
from resile.analytics.phase_report import instants_of, restoring
from resile.analytics.query import Condition, Query
from resile.analytics.results import WhatIf
from resile.model.errors import ConfigError
from resile.model.phases import PhaseName

_YEAR = timedelta(days=365.25)
_LEAST_FOR_A_YEAR = timedelta(days=28)


def what_if_report(
    facts: Table,
    query: Query,
    phase: str,
    minutes: float,
    where: tuple[Condition, ...] = (),
    *,
    known_until: datetime | None = None,
) -> WhatIf:
    """Shorten a phase by so many minutes in the query's incidents that meet `where`.

    A phase cannot become shorter than nothing. An incident in which the phase's borders are not known stays as it was;
    so do open ones, and they count among `n` no more than in the median. The clock is the query's if it ends with
    restoration, and it must hold the phase: sooner detection shortens the time from impact.

    Raises:
        ConfigError: there is no such phase, or the minutes are not above 0.
    """
    join = _checked(phase, minutes)
    clock = restoring(query.clock)
    if join & 1:
        clock = type(clock).IMPACT_TO_RESTORED
    query = msgspec.structs.replace(query, clock=clock, by=())
    everyone = observe(facts, query, known_until, needs=BOUNDS)
    chosen = observe(facts, msgspec.structs.replace(query, where=(*query.where, *where)), known_until, needs=BOUNDS)
    saved_us = _saved_us(chosen.once, join, minutes)
    before = everyone.once.durations_us[~everyone.once.is_open]
    changed = saved_us > 0
    after = _replaced(before, chosen.once, saved_us)
    (mean_before, median_before), (mean_after, median_after) = _typical(before), _typical(after)
    saved_s = float(saved_us.sum()) / 1e6
    length = everyone.window.end - everyone.window.start
    return WhatIf(
        clock=str(clock),
        phase=phase,
        minutes_sooner=minutes,
        where={condition.dimension: list(condition.values) for condition in where},
        n_changed=int(changed.sum()),
        n=len(before),
        n_open=everyone.once.n - len(before),
        median_before_s=median_before,
        median_after_s=median_after,
        mean_before_s=mean_before,
        mean_after_s=mean_after,
        saved_s=saved_s,
        saved_per_year_s=saved_s * (_YEAR / length) if length >= _LEAST_FOR_A_YEAR else None,
    )


def _checked(phase: str, minutes: float) -> int:
    if not minutes > 0:
        raise ConfigError(f"{minutes:g} minutes sooner changes nothing; give a number above 0")
    try:
        return join_of(phase)
    except ValueError:
        known = ", ".join(name.value for name in PhaseName)
        raise ConfigError(f"phase {phase!r} is unknown; use one of {known}, or several joined by +") from None


def _saved_us(observations: Observations, join: int, minutes: float) -> Ints:
    """What each incident is shortened by."""
    saved = np.zeros(observations.n, dtype=np.int64)
    parts = phase_columns(instants_of(observations))
    fits = (parts.joins == join) & ~observations.is_open[parts.incidents]
    saved[parts.incidents[fits]] = np.minimum(parts.lasted_us[fits], round(minutes * 60e6))
    return saved


def _replaced(before: Ints, chosen: Observations, saved_us: Ints) -> Ints:
    """All durations, with those of the chosen incidents exchanged for shorter ones.

    As a set: an ended incident is known by its duration alone, so exchanging equal ones changes nothing.
    """
    is_over = ~chosen.is_open
    old, new = chosen.durations_us[is_over], (chosen.durations_us - saved_us)[is_over]
    values, counts = np.unique(before, return_counts=True)
    gone, n_gone = np.unique(old, return_counts=True)
    counts[np.searchsorted(values, gone)] -= n_gone
    return np.concatenate((np.repeat(values, counts), new))


def _typical(durations_us: Ints) -> tuple[float | None, float | None]:
    if not len(durations_us):
        return None, None
    nobody = np.zeros(len(durations_us), dtype=np.bool_)
    table = figures(order(np.zeros(len(durations_us), dtype=np.int32), durations_us, nobody, 1))
    return float(table.mean_s[0]), float(table.median_s[0])
