"""What Middleware's open source computes from the same facts, so that its users can compare before they move.

Source: middlewarehq/middleware, backend/analytics_server/mhq/service/deployments/analytics.py and incidents/.
"""

from datetime import date, timedelta

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from resile.analytics.delivery_incidents import Failures
from resile.analytics.delivery_known import Deliveries
from resile.analytics.delivery_query import PRODUCTION
from resile.analytics.delivery_rates import wilson
from resile.analytics.delivery_results import (
    ChangeFailRate,
    DeploymentFrequency,
    MetricPeriod,
    RecoveryTime,
    ServiceDelivery,
)
from resile.analytics.delivery_shipments import NONE
from resile.analytics.grouping import NO_INSTANT
from resile.analytics.ordered import Bools, Floats, Ints
from resile.analytics.query import Window
from resile.model.time import to_us

DEFINITION = {
    "deployment_frequency": (
        "Deployments over the days, weeks and months that the window touches, rounded down; a week holds at least 7 "
        "times a day's, a month 30 times."
    ),
    "change_fail_rate": (
        "Share of the window's deployments of which an incident was created from their time until the next one's; "
        "incidents before the first are dropped."
    ),
    "recovery_time": "Mean of created to resolved, over all incidents resolved in the window.",
}


class MiddlewareFacts(Struct, frozen=True):
    """What its figures are made of.

    Attributes:
        has_failed: an incident was created from its time until the next one's (n_shipments,).
        resolved_us, took_s: for each row of the answer the incidents resolved in the window.
    """

    has_failed: Bools
    resolved_us: list[Ints]
    took_s: list[Floats]


def middleware_facts(found: Deliveries) -> MiddlewareFacts:
    """Lay incidents at deployments as Middleware does: by time alone, among the window's own."""
    shipped, failures = found.shipped, found.known.failures
    start_us, end_us = to_us(found.window.start), to_us(found.window.end)
    has_failed = np.zeros(shipped.n, dtype=np.bool_)
    resolved, took = [], []
    for row, incidents in enumerate(_incidents_of_rows(found)):
        mine = np.flatnonzero(found.in_window == row)
        mine = mine[np.argsort(shipped.at_us[mine], kind="stable")]
        created = failures.failed_us[incidents]
        created = created[(created >= start_us) & (created <= end_us)]
        last = np.searchsorted(shipped.at_us[mine], created, side="right") - 1
        has_failed[mine[last[last >= 0]]] = True
        ended = failures.restored_us[incidents]
        is_in = (ended != NO_INSTANT) & (ended >= start_us) & (ended <= end_us)
        resolved.append(ended[is_in])
        took.append((ended - failures.failed_us[incidents])[is_in] / 1e6)
    return MiddlewareFacts(has_failed, resolved, took)


def in_middleware_terms(
    found: Deliveries, row: int, facts: MiddlewareFacts, delivery: ServiceDelivery
) -> ServiceDelivery:
    """A row of the report with frequency, fail rate and recovery time as Middleware has them."""
    mine = found.in_window == row
    n, failed = int(np.count_nonzero(mine)), int(np.count_nonzero(facts.has_failed & mine))
    rate = delivery.change_fail_rate
    if n:
        share, low, high = (float(bound[0]) for bound in wilson(np.array([failed]), np.array([n])))
        rate = ChangeFailRate(n=n, failed=failed, rate=share, low=low, high=high)
    took = facts.took_s[row]
    recovery = RecoveryTime(n=0, why_none="no incident was resolved in the window")
    if len(took):
        recovery = RecoveryTime(n=len(took), median_s=float(np.median(took)), mean_s=float(took.mean()))
    return replace(
        delivery,
        deployment_frequency=_frequency(found.window, delivery.deployment_frequency),
        change_fail_rate=rate,
        recovery_time=recovery,
    )


def recovery_periods(facts: MiddlewareFacts, row: int, starts: Ints, names: list[MetricPeriod]) -> list[MetricPeriod]:
    """Mean time to restore by the period of resolution; null where none was resolved.

    Args:
        starts: microseconds since 1970 at which the periods begin, ascending.
        names: the periods, of which the start is taken.
    """
    period = np.searchsorted(starts, facts.resolved_us[row], side="right") - 1
    sizes = np.bincount(period, minlength=len(starts)).tolist()
    sums = np.bincount(period, weights=facts.took_s[row], minlength=len(starts)).tolist()
    return [
        MetricPeriod(name.start, n, total / n if n else None) for name, n, total in zip(names, sizes, sums, strict=True)
    ]


def _frequency(window: Window, frequency: DeploymentFrequency) -> DeploymentFrequency:
    """Whole numbers per day, week and month; both ends of the window belong to it, as they do there."""
    first, last = window.start.date(), window.end.date()
    n, n_days = frequency.n, (last - first).days + 1
    n_weeks = (_monday(last) - _monday(first)).days // 7 + 1
    n_months = (last.year - first.year) * 12 + last.month - first.month + 1
    day = n // n_days
    week, month = max(n // n_weeks, 7 * day), max(n // n_months, 30 * day)
    return replace(frequency, day=day, week=week, month=month)


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _incidents_of_rows(found: Deliveries) -> list[Ints]:
    """For each row of the answer the incidents of its service, in its environment as far as that is told."""
    failures = found.known.failures
    by_service = _by_service(failures)
    labels = failures.environments
    codes = {value: code for code, value in enumerate(labels.values)}
    nobody = np.zeros(0, dtype=np.int64)
    if found.query.is_blended:
        services = {found.shipped.keys[group][0] for group in np.unique(found.shipped.groups[found.rows != NONE])}
        incidents = np.unique(np.concatenate([nobody, *(by_service.get(name or "", nobody) for name in services)]))
        wanted = [code for value, code in codes.items() if value is None or value in found.query.environments]
        return [incidents[np.isin(labels.codes[incidents], wanted)]]
    rows = []
    there = set(found.shipped.keys)
    for service, environment in found.keys:
        incidents = by_service.get(service or "", nobody)
        wanted = [codes[environment]] if environment is not None and environment in codes else []
        if environment in PRODUCTION:
            # As in analytics/delivery_attribution.py: no label, or a name for production that is not deployed to.
            general = (None, *(name for name in PRODUCTION if (service, name) not in there))
            wanted += [codes[name] for name in general if name in codes]
        rows.append(incidents[np.isin(labels.codes[incidents], wanted)])
    return rows


def _by_service(failures: Failures) -> dict[str, Ints]:
    ranks = np.argsort(failures.services.codes, kind="stable")
    edges = np.searchsorted(failures.services.codes[ranks], np.arange(len(failures.services.values) + 1))
    return {
        name: np.unique(failures.of[ranks[edges[code] : edges[code + 1]]])
        for code, name in enumerate(failures.services.values)
        if name is not None
    }
