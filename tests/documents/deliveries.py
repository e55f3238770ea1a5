"""Reports on deliveries with figures that are easy to recognise, and small tables of deployments."""

from datetime import UTC, datetime, timedelta

from resile.analytics.delivery_results import (
    ChangeFailRate,
    DeploymentFrequency,
    DoraReport,
    LeadTime,
    RecoveryTime,
    ReworkRate,
    ServiceDelivery,
    Stage,
)
from resile.analytics.results import WindowOut

DAY_S = 86_400.0
WINDOW = WindowOut(datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 4, 1, tzinfo=UTC))


def delivery(service: str | None = "checkout", environment: str | None = "production", n: int = 40) -> ServiceDelivery:
    """A service that is deployed every other day and fails in one of ten."""
    return ServiceDelivery(
        service=service,
        environment=environment,
        lead_time=LeadTime(
            n=120, median_s=2.1 * DAY_S, median_low_s=1.8 * DAY_S, median_high_s=2.6 * DAY_S, p90_s=6 * DAY_S,
            stages={
                "commit_to_opened": Stage(90, 3_600.0, 9_000.0),
                "opened_to_merge": Stage(80, 7_200.0, 90_000.0),
                "merge_to_deployment": Stage(120, 43_200.0, 180_000.0),
            },
            n_clock_skewed=3,
        ),
        deployment_frequency=DeploymentFrequency(
            n=n, per_day=n / 91, per_day_low=n / 120, per_day_high=n / 70, days_with=32, median_gap_s=1.5 * DAY_S
        ),
        change_fail_rate=ChangeFailRate(n=n, failed=4, rate=4 / n, low=0.04, high=0.23, pending=2),
        recovery_time=RecoveryTime(n=3, n_open=1, median_s=1_800.0, km_median_s=2_700.0),
        rework_rate=ReworkRate(n=n, unplanned=2, rate=2 / n, low=0.014, high=0.166),
        missing=["no pull requests known; connect the forge to see the stages"],
    )  # fmt: skip


def unknown(service: str | None = "search") -> ServiceDelivery:
    """A service of which nothing can be said."""
    return ServiceDelivery(
        service=service,
        environment="production",
        lead_time=LeadTime(n=0, why_none="no commits of its deployments are known"),
        deployment_frequency=DeploymentFrequency(n=0, per_day=0.0),
        change_fail_rate=ChangeFailRate(n=0, why_none="no successful deployment in this window"),
        recovery_time=RecoveryTime(n=0, why_none="no deployment failed in this window"),
        rework_rate=ReworkRate(n=0, why_none="no successful deployment in this window"),
        missing=["no deployments known since 3 May: connect the pipeline"],
    )


def dora(*services: ServiceDelivery) -> DoraReport:
    """The services as a report."""
    return DoraReport(
        window=WINDOW,
        definitions="resile",
        attribution_window_s=timedelta(days=1).total_seconds(),
        services=list(services),
        definition={"lead_time": "Commit to the deployment that first contains it."},
    )
