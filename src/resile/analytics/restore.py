"""Time to restore, or any other clock's time, by group and over time, as one report."""

from datetime import datetime

import numpy as np
from ibis import Table

from resile.analytics.figures import figures, group_statistics
from resile.analytics.grouping import Observations, Observed, Population, population
from resile.analytics.ordered import order
from resile.analytics.query import Clock, Query
from resile.analytics.results import GroupStatistics, RestoreReport, WindowOut
from resile.analytics.threads import meanwhile
from resile.analytics.trend import begin_trend

NOTE_SEVERAL_SERVICES = "an incident with several services counts in each of their rows, and once over all"

_ENDINGS = {
    "restored": "restored (service fully operational)",
    "impact_began": "impact began",
}


def restore_report(facts: Table, query: Query, *, known_until: datetime | None = None) -> RestoreReport:
    """Answer the query over the facts; rows are sorted worst first.

    Args:
        known_until: the present instant; a window that ends later is looked at up to here.
    """
    return restore_of(population(facts, query, known_until), query)


def restore_of(found: Population, query: Query) -> RestoreReport:
    """Answer the query over what was fetched for it."""
    over_time = begin_trend(found.everyone, found.window, query.every)
    overall = meanwhile(lambda: overall_statistics(found.everyone))
    groups = statistics_by_group(found.grouped(query.by)) if query.by else []
    return RestoreReport(
        measure=query.clock.measure,
        clock=str(query.clock),
        window=WindowOut(query.window.start, query.window.end),
        by=list(query.by),
        groups=groups,
        overall=overall(),
        trend=over_time(),
        excluded=found.excluded,
        definition=definition(query.clock),
    )


def usual_dimension(found: Population) -> str:
    """Service, or severity where most incidents have no service or all have the same; both must have been fetched."""
    observed = found.grouped(("service",))
    sizes = np.bincount(observed.in_groups.groups, minlength=len(observed.in_groups.keys))
    n_without = sum(n for n, key in zip(sizes.tolist(), observed.in_groups.keys, strict=True) if key["service"] is None)
    return "service" if np.count_nonzero(sizes) > 1 and n_without <= observed.once.n / 2 else "severity"


def statistics_by_group(observed: Observed) -> list[GroupStatistics]:
    """The figures of every group that has incidents, worst first."""
    found = observed.in_groups
    table = figures(order(found.groups, found.durations_us, found.is_open, len(found.keys)))
    rows = table.worst_first()
    rows = rows[(table.n_restored + table.n_open)[rows] > 0]
    note = [NOTE_SEVERAL_SERVICES] if observed.counts_twice else []
    return group_statistics(table, rows, [found.keys[row] for row in rows.tolist()], note)


def overall_statistics(once: Observations) -> GroupStatistics:
    """The figures over all incidents, each counted once."""
    together = np.zeros(once.n, dtype=np.int32)
    table = figures(order(together, once.durations_us, once.is_open, 1))
    return group_statistics(table, np.array([0]), [{}])[0]


def definition(clock: Clock) -> str:
    """What the clock measures and what counts, in two sentences."""
    start, end = (_ENDINGS.get(name.value, name.value) for name in (clock.start, clock.end))
    return (
        f"{clock.measure.replace('_', ' ').capitalize()}: {start} → {end}, of incidents that started in the window. "
        "Open ones are censored at its end; planned work, drills, tests, noise, merged and contradictory ones are left "
        "out."
    )
