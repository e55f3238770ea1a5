"""Figures that are known beforehand, each from a source outside of this project."""

from datetime import UTC, datetime, timedelta

import pytest

from resile.analytics.delivery_query import Definitions, DeliveryQuery
from resile.analytics.delivery_trend import delivery_trend
from resile.analytics.query import Every, Window
from tests.analytics.deliveries import change, changes_table, deployment, deployments_table, only_row
from tests.analytics.facts import at, facts, incident

NOW = datetime(2024, 1, 11, tzinfo=UTC)
LAST_DAYS = Window(NOW - timedelta(days=10), NOW)


@pytest.mark.parametrize(
    ("before", "rate"), [(timedelta(days=1), 0.5), (timedelta(days=3), 0.0), (timedelta(hours=1), 0.5)]
)
def test_middleware_fails_the_deployment_that_ran_when_the_incident_was_created(before: timedelta, rate: float) -> None:
    shipped = [deployment("a", NOW - timedelta(days=2)), deployment("b", NOW - timedelta(hours=6))]
    noticed = [incident("i", NOW - before, 60, service="shop")]

    row = only_row(shipped, noticed, window=LAST_DAYS, definitions=Definitions.MIDDLEWARE, known_until=NOW)

    assert row.change_fail_rate.rate == rate
    assert row.change_fail_rate.n == 2


def test_middleware_finds_production_under_another_name_too() -> None:
    noticed = [
        incident("i", NOW - timedelta(hours=9), 60, service="shop", labels=[("environment", "prod")]),
        incident("j", NOW - timedelta(hours=8), 60, service="shop", labels=[("environment", "staging")]),
    ]

    row = only_row(
        [deployment("a", NOW - timedelta(days=2))],
        noticed,
        window=LAST_DAYS,
        definitions=Definitions.MIDDLEWARE,
        known_until=NOW,
    )

    assert (row.change_fail_rate.failed, row.recovery_time.n) == (1, 1)


@pytest.mark.parametrize("end", [datetime(2024, 1, 5, tzinfo=UTC), datetime(2024, 1, 6, tzinfo=UTC)])
def test_middleware_rounds_the_frequency_down(end: datetime) -> None:
    days = [datetime(2024, 1, 2, 12, tzinfo=UTC), *(datetime(2024, 1, day, tzinfo=UTC) for day in (3, 4, 25))]
    shipped = [deployment(f"d{number}", day) for number, day in enumerate(days)]
    window = Window(datetime(2024, 1, 2, tzinfo=UTC), end)

    found = only_row(shipped, window=window, definitions=Definitions.MIDDLEWARE).deployment_frequency

    assert (found.n, found.day, found.week, found.month) == (3, 0, 3, 3)


def test_middleware_averages_the_time_to_restore_by_the_week_of_resolution() -> None:
    weeks = {1: [100, 100, 400], 15: [100, 100, 100, 100]}
    noticed = [
        incident(f"{day}-{n}", datetime(2024, 1, day, 8, tzinfo=UTC) + timedelta(hours=n), lasted, service="shop")
        for day, all_lasted in weeks.items()
        for n, lasted in enumerate(all_lasted)
    ]
    shipped = deployments_table([deployment("a", datetime(2024, 1, 1, tzinfo=UTC))])
    query = DeliveryQuery(
        window=Window(datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 1, 29, tzinfo=UTC)),
        definitions=Definitions.MIDDLEWARE,
    )

    (trend,) = delivery_trend(shipped, changes_table([]), facts(noticed), query, Every.WEEK)

    assert [period.value for period in trend.recovery_time] == [200.0, None, 100.0, None]
    # Told per day, as by resile's definitions: its readers say "a day" beside it.
    assert trend.deployment_frequency[0].value == 1 / 7


def test_frequency_counts_what_went_out_in_the_window_alone() -> None:
    days = [datetime(2024, 1, 2, 12, tzinfo=UTC), *(datetime(2024, 1, day, tzinfo=UTC) for day in (3, 4, 25))]
    shipped = [deployment(f"d{number}", day) for number, day in enumerate(days)]

    found = only_row(shipped, window=Window(datetime(2024, 1, 2, tzinfo=UTC), datetime(2024, 1, 5, tzinfo=UTC)))

    assert (found.deployment_frequency.n, found.deployment_frequency.per_day) == (3, 1.0)
    assert (found.deployment_frequency.days_with, found.deployment_frequency.median_gap_s) == (3, 64_800.0)


def test_review_runs_from_the_first_review_to_approval() -> None:
    opened = at(days=1)
    brought = change(
        "a",
        opened - timedelta(days=1),
        opened_at=opened,
        first_review_at=opened + timedelta(hours=1),  # changes requested
        approved_at=opened + timedelta(hours=3),
        merged_at=opened + timedelta(hours=4),
    )

    stages = only_row([deployment("a", at(days=3))], [], [brought]).lead_time.stages

    assert stages["review_to_approval"].median_s == 7_200


def test_a_draft_waits_for_review_from_when_it_is_ready() -> None:
    opened = at(days=1)
    brought = change(
        "a",
        opened - timedelta(days=1),
        opened_at=opened,
        ready_at=opened + timedelta(days=2),
        first_review_at=opened + timedelta(days=2, hours=4),
        merged_at=opened + timedelta(days=3),
    )

    stages = only_row([deployment("a", at(days=9))], [], [brought]).lead_time.stages

    to_review, to_merge = stages["opened_to_review"].median_s, stages["review_to_merge"].median_s
    assert to_review == 14_400
    assert to_review is not None
    assert to_merge is not None
    assert to_review + to_merge == 86_400


def test_the_stages_of_a_published_pull_request() -> None:
    # DevLake's pr1, which rounds each stage up to the minute: 1 440 + 5 + 55 + 2 978.
    def instant(text: str) -> datetime:
        return datetime.fromisoformat(f"2023-04-{text}+00:00")

    brought = change(
        "a",
        instant("10T04:51:47"),
        opened_at=instant("11T04:51:47"),
        first_review_at=instant("11T04:56:47"),
        merged_at=instant("11T05:51:47"),
    )
    window = Window(instant("01T00:00:00"), instant("30T00:00:00"))

    found = only_row([deployment("a", instant("13T07:29:14"))], [], [brought], window=window).lead_time

    minutes = {name: -(-(stage.median_s or 0) // 60) for name, stage in found.stages.items()}
    assert minutes == {
        "commit_to_opened": 1_440,
        "opened_to_review": 5,
        "review_to_merge": 55,
        "merge_to_deployment": 2_978,
    }
    assert sum(minutes.values()) == 4_478
    assert found.median_s == (instant("13T07:29:14") - instant("10T04:51:47")).total_seconds()
