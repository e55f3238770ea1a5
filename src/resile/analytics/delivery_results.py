"""The five DORA metrics as data; field names and units are those of docs/reference/measures.md."""

from datetime import datetime

from msgspec import Struct

from resile.analytics.results import WindowOut

# Where an instant between two is not known they are one stage: `opened_to_merge`, `commit_to_deployment`.
STAGES = (
    "commit_to_opened",
    "opened_to_review",
    "review_to_approval",
    "approval_to_merge",
    "merge_to_deployment",
)


class Stage(Struct, frozen=True):
    """A part of lead time, over the changes in which it is known."""

    n: int
    median_s: float | None = None
    p90_s: float | None = None


class LeadTime(Struct, frozen=True):
    """Commit to the production deployment that first contains it, over changes deployed in the window.

    Attributes:
        median_low_s, median_high_s: the 95 % interval of the median.
        n_clock_skewed: changes that are younger than their deployment by their clocks; left out, and counted here.
    """

    n: int
    median_s: float | None = None
    median_low_s: float | None = None
    median_high_s: float | None = None
    p90_s: float | None = None
    stages: dict[str, Stage] = {}
    n_clock_skewed: int = 0
    why_none: str | None = None


class DeploymentFrequency(Struct, frozen=True):
    """Successful deployments per day over the window.

    Attributes:
        per_day_low, per_day_high: the 95 % interval of the rate, deployments taken as independent (Poisson, exact).
        days_with: days of the window, UTC, with at least one.
        median_gap_s: between one and the next.
        day, week, month: with Middleware's definitions only, its whole numbers.
    """

    n: int
    per_day: float | None = None
    per_day_low: float | None = None
    per_day_high: float | None = None
    days_with: int = 0
    median_gap_s: float | None = None
    why_none: str | None = None
    day: int | None = None
    week: int | None = None
    month: int | None = None


class ChangeFailRate(Struct, frozen=True):
    """Share of successful deployments that were followed by a failure attributed to them.

    Attributes:
        low, high: Wilson's 95 % interval.
        pending: deployments, not failed so far, whose attribution window has not passed; they are part of n.
    """

    n: int
    failed: int = 0
    rate: float | None = None
    low: float | None = None
    high: float | None = None
    pending: int = 0
    why_none: str | None = None


class RecoveryTime(Struct, frozen=True):
    """Failure detected to restored, over failed deployments whose incidents are known; not the time to restore.

    Attributes:
        km_median_s: where some are still open, Kaplan and Meier's median, to which the interval then belongs.
        mean_s: with Middleware's definitions only.
    """

    n: int
    n_open: int = 0
    median_s: float | None = None
    median_low_s: float | None = None
    median_high_s: float | None = None
    why_none: str | None = None
    km_median_s: float | None = None
    mean_s: float | None = None


class ReworkRate(Struct, frozen=True):
    """Share of deployments that were unplanned fixes of production: hotfix, rollback, revert; Wilson's interval."""

    n: int
    unplanned: int = 0
    rate: float | None = None
    low: float | None = None
    high: float | None = None
    why_none: str | None = None


class ServiceDelivery(Struct, frozen=True, kw_only=True):
    """The five metrics of one service in one environment.

    Attributes:
        missing: sentences on what is not known and how to make it known.
    """

    service: str | None
    environment: str | None
    lead_time: LeadTime
    deployment_frequency: DeploymentFrequency
    change_fail_rate: ChangeFailRate
    recovery_time: RecoveryTime
    rework_rate: ReworkRate
    missing: list[str] = []


class FailureLink(Struct, frozen=True, kw_only=True):
    """Why a deployment counts as failed.

    Attributes:
        incident_id: None where a later deployment is the evidence: a rollback, a revert, a hotfix, the next patch.
        by_deployment_id: that later deployment.
        evidence: `said`, `rollback`, `revert`, `hotfix`, `next_patch` or `window`.
        confidence: 0 to 1; what the evidence is worth, docs/reference/measures.md.
        reason: one sentence.
    """

    deployment_id: str
    incident_id: str | None = None
    by_deployment_id: str | None = None
    evidence: str
    confidence: float
    reason: str
    failed_at: datetime
    restored_at: datetime | None = None


class DoraReport(Struct, frozen=True, kw_only=True):
    """What `resile report dora --json` prints.

    Attributes:
        definitions: `resile` or `middleware`.
        attribution_window_s: how long after a deployment an incident of its service is laid at its door.
        missing: what is not known of no row in particular, and how to make it known.
    """

    window: WindowOut
    definitions: str
    attribution_window_s: float
    services: list[ServiceDelivery]
    definition: dict[str, str] = {}
    missing: list[str] = []


class MetricPeriod(Struct, frozen=True, gc=False):
    """A metric in one period; null where undefined.

    Attributes:
        n: changes, deployments or failed deployments that it is about.
        low, high: the 95 % interval.
    """

    start: datetime
    n: int
    value: float | None = None
    low: float | None = None
    high: float | None = None


class DeliveryTrend(Struct, frozen=True, kw_only=True):
    """The five metrics of one service in one environment over time, by when deployments went out.

    Lead and recovery time are medians in seconds, the frequency is per day, rates are shares.
    """

    service: str | None
    environment: str | None
    every: str
    lead_time: list[MetricPeriod]
    deployment_frequency: list[MetricPeriod]
    change_fail_rate: list[MetricPeriod]
    recovery_time: list[MetricPeriod]
    rework_rate: list[MetricPeriod]
