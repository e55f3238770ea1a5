"""The five metrics of many cells at once, as columns; a cell is a row of the report, or one of its periods."""

import numpy as np
from msgspec import Struct

from resile.analytics import kaplan_meier
from resile.analytics.delivery_attribution import Attributions
from resile.analytics.delivery_incidents import Failures
from resile.analytics.delivery_lead_time import Changes
from resile.analytics.delivery_rates import poisson, wilson
from resile.analytics.delivery_shipments import NONE, Shipments, in_order_of
from resile.analytics.grouping import DAY_US, NO_INSTANT
from resile.analytics.median_interval import median_intervals_s
from resile.analytics.ordered import Bools, Floats, Ints, Ordered, order, quantiles_s


class DeliveryFigures(Struct, frozen=True, kw_only=True):
    """One number per cell in each column; NaN where undefined. Names as in analytics/delivery_results.py."""

    n: Ints
    n_changes: Ints
    n_skewed: Ints
    lead_s: Floats
    lead_low_s: Floats
    lead_high_s: Floats
    lead_p90_s: Floats
    per_day: Floats
    per_day_low: Floats
    per_day_high: Floats
    days_with: Ints
    gap_s: Floats
    failed: Ints
    pending: Ints
    fail_rate: Floats
    fail_low: Floats
    fail_high: Floats
    n_recovered: Ints
    n_open: Ints
    recovery_s: Floats
    recovery_low_s: Floats
    recovery_high_s: Floats
    recovery_km_s: Floats
    n_unclear: Ints
    unplanned: Ints
    rework: Floats
    rework_low: Floats
    rework_high: Floats


class Evidenced(Struct, frozen=True):
    """What is known of the shipments besides themselves.

    Attributes:
        has_failed: at least one failure is attributed to it (n_shipments,).
        is_unplanned: it is an unplanned fix (n_shipments,).
        present_us: the present instant, or the window's end.
        window_us: the attribution window.
    """

    failures: Failures
    attributed: Attributions
    has_failed: Bools
    is_unplanned: Bools
    present_us: int
    window_us: int


def delivery_figures(
    shipped: Shipments, changes: Changes, known: Evidenced, cells: Ints, days: Floats
) -> DeliveryFigures:
    """Every metric of every cell.

    Args:
        changes: by the same cells.
        cells: of each shipment (n_shipments,); NONE for those that are not asked for.
        days: how long each cell was looked at (n_cells,).
    """
    n_cells = len(days)
    rows = np.flatnonzero(cells != NONE)
    mine = cells[rows]
    n = _count(mine, n_cells)
    lead = _timed(changes.cells, changes.lead_us, n_cells)
    lead_low, lead_high = median_intervals_s(lead.durations_us, lead.edges)
    per_day, per_day_low, per_day_high = poisson(n, days)
    days_with, gap_s = _rhythm(mine, shipped.at_us[rows], n_cells)
    failed, n_pending = (_count(mine[marks[rows]], n_cells) for marks in (known.has_failed, pending(shipped, known)))
    fail_rate, fail_low, fail_high = wilson(failed, n)
    unplanned = _count(mine[known.is_unplanned[rows]], n_cells)
    rework, rework_low, rework_high = wilson(unplanned, n)
    recovery, n_unclear = _recovery(known, cells, n_cells)
    restored = recovery.restored()
    low, high = median_intervals_s(restored.durations_us, restored.edges)
    km, km_low, km_high = kaplan_meier.medians(recovery)
    n_open = recovery.sizes - restored.sizes
    return DeliveryFigures(
        n=n,
        n_changes=lead.sizes,
        n_skewed=_count(changes.skewed_cells, n_cells),
        lead_s=quantiles_s(lead.durations_us, lead.edges, 0.5),
        lead_low_s=lead_low,
        lead_high_s=lead_high,
        lead_p90_s=quantiles_s(lead.durations_us, lead.edges, 0.9),
        per_day=per_day,
        per_day_low=per_day_low,
        per_day_high=per_day_high,
        days_with=days_with,
        gap_s=gap_s,
        failed=failed,
        pending=n_pending,
        fail_rate=fail_rate,
        fail_low=fail_low,
        fail_high=fail_high,
        n_recovered=restored.sizes,
        n_open=n_open,
        recovery_s=quantiles_s(restored.durations_us, restored.edges, 0.5),
        recovery_low_s=np.where(n_open > 0, km_low, low),
        recovery_high_s=np.where(n_open > 0, km_high, high),
        recovery_km_s=np.where(n_open > 0, km, np.nan),
        n_unclear=n_unclear,
        unplanned=unplanned,
        rework=rework,
        rework_low=rework_low,
        rework_high=rework_high,
    )


def _count(cells: Ints, n_cells: int) -> Ints:
    return np.bincount(cells, minlength=n_cells) if len(cells) else np.zeros(n_cells, dtype=np.int64)


def _timed(cells: Ints, durations_us: Ints, n_cells: int) -> Ordered:
    return order(cells, durations_us, np.zeros(len(cells), dtype=np.bool_), n_cells)


def _rhythm(cells: Ints, at_us: Ints, n_cells: int) -> tuple[Ints, Floats]:
    """Days with at least one deployment; the median time between one and the next."""
    if not len(cells):
        return np.zeros(n_cells, dtype=np.int64), np.full(n_cells, np.nan)
    midnight = int(at_us.min()) // DAY_US * DAY_US
    rows = in_order_of(cells)
    of, since_us = cells[rows], at_us[rows] - midnight
    follows = of[1:] == of[:-1]
    if bool((follows & (since_us[1:] < since_us[:-1])).any()):
        # A cell of several services, each of which is in order.
        since_us = _timed(of, since_us, n_cells).durations_us
    days = since_us // DAY_US
    is_new_day = np.concatenate(([True], ~follows | (days[1:] != days[:-1])))
    gaps = _timed(of[1:][follows], np.diff(since_us)[follows], n_cells)
    return _count(of[is_new_day], n_cells), quantiles_s(gaps.durations_us, gaps.edges, 0.5)


def pending(shipped: Shipments, known: Evidenced) -> Bools:
    """Which have not failed, and may still be found to have: their attribution window has not passed."""
    found: Bools = ~known.has_failed & (shipped.at_us + known.window_us > known.present_us)
    return found


class Recovering(Struct, frozen=True):
    """Failed deployments of which an incident is known that tells when it was detected, and whether it is over.

    Attributes:
        failed: their places, each once (n,).
        is_open: an incident of it is not restored (n,).
        took_us: from the first detection of their incidents to the last restoration, or until the present (n,).
        unclear: places of deployments, one for each of their incidents that has no place in that: undetected, ended
            nobody knows when, or ended before it was detected.
    """

    failed: Ints
    is_open: Bools
    took_us: Ints
    unclear: Ints


def recovering(known: Evidenced) -> Recovering:
    """Failed deployments and how long they took to recover."""
    attributed, failures = known.attributed, known.failures
    is_known = (attributed.incident != NONE) & (attributed.incident < failures.n)
    failed, incident = attributed.failed[is_known], attributed.incident[is_known]
    detected, restored = failures.detected_us[incident], failures.restored_us[incident]
    is_open = restored == NO_INSTANT
    is_clear = (detected != NO_INSTANT) & ~failures.is_over[incident] & (is_open | (restored >= detected))
    unclear = failed[~is_clear]
    ends = np.where(is_open, known.present_us, restored)
    ranks = np.flatnonzero(is_clear)
    ranks = ranks[np.argsort(failed[ranks], kind="stable")]
    failed, detected, ends, is_open = failed[ranks], detected[ranks], ends[ranks], is_open[ranks]
    if not len(ranks):
        return Recovering(failed, is_open, detected, unclear)
    starts = np.flatnonzero(np.concatenate(([True], failed[1:] != failed[:-1])))
    took = np.maximum.reduceat(ends, starts) - np.minimum.reduceat(detected, starts)
    return Recovering(failed[starts], np.logical_or.reduceat(is_open, starts), np.maximum(took, 0), unclear)


def _recovery(known: Evidenced, cells: Ints, n_cells: int) -> tuple[Ordered, Ints]:
    """Failed deployments by cell, open ones too; and how many of their incidents are unclear."""
    found = recovering(known)
    its, unclear = cells[found.failed], cells[found.unclear]
    asked = its != NONE
    durations = order(its[asked], found.took_us[asked], found.is_open[asked], n_cells)
    return durations, _count(unclear[unclear != NONE], n_cells)
