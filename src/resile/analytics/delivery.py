"""The five DORA metrics by service and environment, as one report."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import numpy as np
from ibis import Table

from resile.analytics.delivery_figures import DeliveryFigures, delivery_figures
from resile.analytics.delivery_known import Deliveries, deliveries
from resile.analytics.delivery_lead_time import stages_by_cell
from resile.analytics.delivery_middleware import DEFINITION as MIDDLEWARE
from resile.analytics.delivery_middleware import in_middleware_terms, middleware_facts
from resile.analytics.delivery_missing import missing_at_all, missing_by_row, name_of
from resile.analytics.delivery_query import Definitions, DeliveryQuery
from resile.analytics.delivery_results import (
    ChangeFailRate,
    DeploymentFrequency,
    DoraReport,
    LeadTime,
    RecoveryTime,
    ReworkRate,
    ServiceDelivery,
)
from resile.analytics.results import WindowOut
from resile.analytics.threads import meanwhile
from resile.model.time import DAY

DEFINITION = {
    "lead_time": "Commit to the production deployment that first contains it, over changes deployed in the window.",
    "deployment_frequency": "Successful production deployments per day over the window.",
    "change_fail_rate": "Share of successful production deployments followed by a failure that is attributed to them.",
    "recovery_time": (
        "Over failed deployments whose incidents are known: first detected to last restored. Not the time to restore, "
        "which covers all incidents."
    ),
    "rework_rate": "Share of deployments that were unplanned fixes of production: hotfix, rollback, revert.",
}


def dora_report(
    deployments: Table,
    changes: Table,
    incidents: Table,
    query: DeliveryQuery,
    *,
    known_until: datetime | None = None,
) -> DoraReport:
    """Answer the query; one row for each service and environment, by name.

    Args:
        deployments, changes: in the columns of analytics/delivery_facts.py.
        incidents: in the columns of analytics/facts.py.
        known_until: the present instant; a window that ends later is looked at up to here, and what came after it is
            not looked at. Without it, the window's end tells which deployments are pending.
    """
    return report_on(deliveries(deployments, changes, incidents, query, known_until), deployments)


def report_on(found: Deliveries, deployments: Table) -> DoraReport:
    """The same, of what is at hand already."""
    query = found.query
    days = np.full(len(found.keys), (found.window.end - found.window.start) / DAY)
    stages = meanwhile(lambda: stages_by_cell(found.changes, len(found.keys)))
    figures = delivery_figures(found.shipped, found.changes, found.known, found.in_window, days)
    missing = missing_by_row(found, figures)
    of_stages = stages()
    rows = [
        ServiceDelivery(
            service=key[0],
            environment=key[1],
            missing=missing[row],
            lead_time=_lead_time(figures, row, of_stages[row], name_of(key)),
            deployment_frequency=_frequency(figures, row, name_of(key)),
            change_fail_rate=_fail_rate(figures, row, name_of(key)),
            recovery_time=_recovery(figures, row),
            rework_rate=_rework(figures, row, name_of(key)),
        )
        for row, key in enumerate(found.keys)
    ]
    definition = dict(DEFINITION)
    if query.definitions is Definitions.MIDDLEWARE:
        facts = middleware_facts(found)
        rows = [in_middleware_terms(found, row, facts, delivery) for row, delivery in enumerate(rows)]
        definition |= MIDDLEWARE
    return DoraReport(
        window=WindowOut(query.window.start, query.window.end),
        definitions=str(query.definitions),
        attribution_window_s=query.attribution_window.total_seconds(),
        services=rows,
        definition=definition,
        missing=missing_at_all(found, deployments),
    )


def _lead_time(figures: DeliveryFigures, row: int, stages: dict[str, Any], name: str) -> LeadTime:
    at = _reader(figures, row)
    n = int(figures.n_changes[row])
    why = None
    if not n:
        why = (
            f"no changes known that were deployed in the window for {name}"
            if figures.n[row]
            else f"no successful deployments in the window for {name}"
        )
    return LeadTime(
        n=n,
        median_s=at("lead_s"),
        median_low_s=at("lead_low_s"),
        median_high_s=at("lead_high_s"),
        p90_s=at("lead_p90_s"),
        stages=stages,
        n_clock_skewed=int(figures.n_skewed[row]),
        why_none=why,
    )


def _frequency(figures: DeliveryFigures, row: int, name: str) -> DeploymentFrequency:
    at = _reader(figures, row)
    n = int(figures.n[row])
    if not n:
        return DeploymentFrequency(0, why_none=_none(name))
    return DeploymentFrequency(
        n=n,
        per_day=at("per_day"),
        per_day_low=at("per_day_low"),
        per_day_high=at("per_day_high"),
        days_with=int(figures.days_with[row]),
        median_gap_s=at("gap_s"),
    )


def _fail_rate(figures: DeliveryFigures, row: int, name: str) -> ChangeFailRate:
    at = _reader(figures, row)
    n = int(figures.n[row])
    return ChangeFailRate(
        n=n,
        failed=int(figures.failed[row]),
        rate=at("fail_rate"),
        low=at("fail_low"),
        high=at("fail_high"),
        pending=int(figures.pending[row]),
        why_none=None if n else _none(name),
    )


def _recovery(figures: DeliveryFigures, row: int) -> RecoveryTime:
    at = _reader(figures, row)
    n, n_open = int(figures.n_recovered[row]), int(figures.n_open[row])
    why = None
    if not n:
        why = "no deployment failed in the window"
        if n_open:
            why = "no failed deployment has recovered so far"
        elif figures.failed[row]:
            why = "of no failed deployment an incident is known that tells when it was detected and restored"
        elif not figures.n[row]:
            why = "no successful deployments in the window"
    return RecoveryTime(
        n=n,
        n_open=n_open,
        median_s=at("recovery_s"),
        median_low_s=at("recovery_low_s"),
        median_high_s=at("recovery_high_s"),
        km_median_s=at("recovery_km_s"),
        why_none=why,
    )


def _rework(figures: DeliveryFigures, row: int, name: str) -> ReworkRate:
    at = _reader(figures, row)
    n = int(figures.n[row])
    return ReworkRate(
        n=n,
        unplanned=int(figures.unplanned[row]),
        rate=at("rework"),
        low=at("rework_low"),
        high=at("rework_high"),
        why_none=None if n else _none(name),
    )


def _none(name: str) -> str:
    return f"no successful deployments in the window for {name}"


def _reader(figures: DeliveryFigures, row: int) -> Callable[[str], float | None]:
    """Reads a figure of the row, null where it is undefined."""

    def at(name: str) -> float | None:
        value = float(getattr(figures, name)[row])
        return None if np.isnan(value) else value

    return at
