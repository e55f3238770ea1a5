"""The five metrics over time: the same figures, with a cell for each period of each row."""

from datetime import datetime, timedelta

import numpy as np
from ibis import Table
from msgspec.structs import replace

from resile.analytics.delivery_figures import DeliveryFigures, delivery_figures
from resile.analytics.delivery_known import Deliveries, deliveries
from resile.analytics.delivery_lead_time import Changes
from resile.analytics.delivery_middleware import middleware_facts, recovery_periods
from resile.analytics.delivery_query import Definitions, DeliveryQuery
from resile.analytics.delivery_rates import wilson
from resile.analytics.delivery_results import DeliveryTrend, MetricPeriod
from resile.analytics.delivery_shipments import NONE
from resile.analytics.ordered import Bools, Floats, Ints
from resile.analytics.periods import periods_of
from resile.analytics.query import Every, next_period
from resile.model.time import DAY, to_us


def delivery_trend(
    deployments: Table,
    changes: Table,
    incidents: Table,
    query: DeliveryQuery,
    every: Every,
    *,
    known_until: datetime | None = None,
) -> list[DeliveryTrend]:
    """Each row of the report by the period in which its deployments went out; arguments as for the report.

    A period without deployments has no lead time, no rates and no recovery time. Its frequency is 0 where the service
    was deployed both before and after it, so that deployments were heard of, and else not known.
    """
    return trend_on(deliveries(deployments, changes, incidents, query, known_until, with_stages=False), every)


def trend_on(found: Deliveries, every: Every) -> list[DeliveryTrend]:
    """The same, of what is at hand already."""
    starts = periods_of(found.window, every)
    starts_us = np.array([to_us(start) for start in starts], dtype=np.int64)
    n_rows, n_periods = len(found.keys), len(starts)
    period = np.searchsorted(starts_us, found.shipped.at_us, side="right") - 1
    cells = np.where(found.in_window == NONE, NONE, found.in_window * n_periods + period)
    days = np.tile(_days_of(found, starts, every), n_rows)
    changed = _by_period(found.changes, starts_us)
    figures = delivery_figures(found.shipped, changed, found.known, cells, days)
    is_heard_of = _is_heard_of(found, starts_us, n_rows)
    trends = [
        replace(_trend(row, starts, figures, is_heard_of[row]), service=key[0], environment=key[1], every=str(every))
        for row, key in enumerate(found.keys)
    ]
    if found.query.definitions is Definitions.MIDDLEWARE:
        return _in_middleware_terms(found, trends, starts_us, cells, figures)
    return trends


def _by_period(changes: Changes, starts_us: Ints) -> Changes:
    """The changes with a cell for each period of each row."""

    def cells(rows: Ints, deployed_us: Ints) -> Ints:
        return rows * len(starts_us) + np.searchsorted(starts_us, deployed_us, side="right") - 1

    return replace(
        changes,
        cells=cells(changes.cells, changes.deployed_us),
        skewed_cells=cells(changes.skewed_cells, changes.skewed_us),
    )


def _days_of(found: Deliveries, starts: list[datetime], every: Every) -> Floats:
    """How many days of each period lie in the window."""
    window = found.window
    spans = [min(next_period(start, every), window.end) - max(start, window.start) for start in starts]
    return np.array([max(span, timedelta(microseconds=1)) / DAY for span in spans])


def _is_heard_of(found: Deliveries, starts_us: Ints, n_rows: int) -> Bools:
    """Whether each row was deployed before or in a period, and in or after it (n_rows, n_periods)."""
    mine = np.flatnonzero(found.rows != NONE)
    rows, at_us = found.rows[mine], found.shipped.at_us[mine]
    first, last = np.full(n_rows, np.iinfo(np.int64).max), np.full(n_rows, np.iinfo(np.int64).min)
    np.minimum.at(first, rows, at_us)
    np.maximum.at(last, rows, at_us)
    ends_us = np.append(starts_us[1:], to_us(found.window.end))
    heard: Bools = (first[:, None] < ends_us[None, :]) & (last[:, None] >= starts_us[None, :])
    return heard


def _trend(row: int, starts: list[datetime], figures: DeliveryFigures, is_heard_of: Bools) -> DeliveryTrend:
    """The periods of one row, not yet named."""
    cells = slice(row * len(starts), (row + 1) * len(starts))

    def periods(n: Ints, value: Floats, low: Floats, high: Floats) -> list[MetricPeriod]:
        columns = (_listed(column[cells]) for column in (value, low, high))
        return [MetricPeriod(*one) for one in zip(starts, n[cells].tolist(), *columns, strict=True)]

    def where_heard_of(column: Floats) -> Floats:
        known = column.copy()
        known[cells] = np.where(is_heard_of, column[cells], np.nan)
        return known

    f = figures
    return DeliveryTrend(
        service=None,
        environment=None,
        every="",
        lead_time=periods(f.n_changes, f.lead_s, f.lead_low_s, f.lead_high_s),
        deployment_frequency=periods(
            f.n, where_heard_of(f.per_day), where_heard_of(f.per_day_low), where_heard_of(f.per_day_high)
        ),
        change_fail_rate=periods(f.n, f.fail_rate, f.fail_low, f.fail_high),
        # Where failures are open, the interval belongs to Kaplan and Meier's median too.
        recovery_time=periods(
            f.n_recovered,
            np.where(f.n_open > 0, f.recovery_km_s, f.recovery_s),
            f.recovery_low_s,
            f.recovery_high_s,
        ),
        rework_rate=periods(f.n, f.rework, f.rework_low, f.rework_high),
    )


def _listed(column: Floats) -> list[float | None]:
    return [None if np.isnan(value) else value for value in column.tolist()]


def _in_middleware_terms(
    found: Deliveries, trends: list[DeliveryTrend], starts_us: Ints, cells: Ints, figures: DeliveryFigures
) -> list[DeliveryTrend]:
    """Fail rates by Middleware's attribution; recovery as a mean by the period of resolution."""
    facts = middleware_facts(found)
    n_periods = len(starts_us)
    failed = np.bincount(cells[facts.has_failed], minlength=len(found.keys) * n_periods)
    bounds = [_listed(column) for column in wilson(failed, figures.n)]
    changed = []
    for row, trend in enumerate(trends):
        mine = slice(row * n_periods, (row + 1) * n_periods)
        rates = [
            MetricPeriod(one.start, one.n, *of)
            for one, of in zip(
                trend.change_fail_rate, zip(*(bound[mine] for bound in bounds), strict=True), strict=True
            )
        ]
        recovery = recovery_periods(facts, row, starts_us, trend.recovery_time)
        changed.append(replace(trend, change_fail_rate=rates, recovery_time=recovery))
    return changed
