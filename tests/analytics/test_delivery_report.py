"""The report as a reader meets it: what is undefined, pending, missing; trends; bands."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from resile.analytics.bands import CLUSTERS, DISTRIBUTIONS
from resile.analytics.delivery_query import DeliveryQuery, definitions_named
from resile.analytics.delivery_trend import delivery_trend
from resile.analytics.query import Every, Window
from resile.model.errors import ConfigError
from tests.analytics.deliveries import change, changes_table, deployment, deployments_table, only_row, report
from tests.analytics.facts import START, at, facts, incident

MONTH = Window(START, at(days=31))


def test_what_is_undefined_is_null_and_says_why() -> None:
    row = only_row([deployment("a", at(days=-20))], window=MONTH)

    assert (row.lead_time.median_s, row.deployment_frequency.per_day, row.change_fail_rate.rate) == (None, None, None)
    assert (row.recovery_time.median_s, row.rework_rate.rate) == (None, None)
    metrics = (row.lead_time, row.deployment_frequency, row.change_fail_rate, row.recovery_time, row.rework_rate)
    assert all(metric.n == 0 and metric.why_none for metric in metrics)
    assert row.missing[0].startswith("no deployments known for shop since 12 December 2023: connect")


def test_a_service_asked_for_by_name_is_told_of_though_nothing_is_known() -> None:
    row = only_row([], services=("search",))

    assert (row.service, row.environment) == ("search", None)
    assert row.missing[0].startswith("no deployments known for search: connect")


def test_services_with_incidents_and_no_deployments_are_named() -> None:
    noticed = [incident("i", at(days=1), 60, service="search", other_services=["cart", "shop"])]

    (sentence,) = report([deployment("a", at(days=2))], noticed).missing

    assert sentence.startswith("no deployments known for cart, search, though there were incidents: connect")


def test_deployments_without_service_or_environment_are_told_of() -> None:
    shipped = [deployment("a", at(days=1), service=None), deployment("b", at(days=1), environment=None)]

    found = report(shipped)

    assert [row.service for row in found.services] == [None]
    assert [sentence.split(",")[0] for sentence in found.missing] == [
        "1 deployment has no service",
        "1 deployment has no environment",
    ]


def test_deployments_that_did_not_succeed_and_other_environments_do_not_count() -> None:
    shipped = [
        deployment("a", at(days=1)),
        deployment("b", None),
        deployment("c", at(days=2), environment="staging"),
        deployment("d", at(days=3), environment="Prod"),
    ]

    rows = report(shipped).services

    assert [(row.environment, row.deployment_frequency.n) for row in rows] == [("prod", 1), ("production", 1)]


def test_one_row_over_all_where_the_reader_chooses_so() -> None:
    shipped = [deployment("a", at(days=1)), deployment("b", at(days=2), service="search")]

    row = only_row(shipped, is_blended=True)

    assert (row.service, row.environment, row.deployment_frequency.n) == (None, None, 2)
    assert row.deployment_frequency.median_gap_s == 86_400


def test_deployments_whose_window_has_not_passed_are_pending() -> None:
    shipped = [deployment("a", at(days=1)), deployment("b", at(days=2)), deployment("c", at(days=2, hours=1))]
    noticed = [incident("i", at(days=2, hours=2), service="shop")]

    rate = only_row(shipped, noticed, known_until=at(days=2, hours=3)).change_fail_rate

    assert (rate.n, rate.failed, rate.pending) == (3, 1, 1)


def test_recovery_runs_from_first_detected_to_last_restored_and_keeps_open_ones() -> None:
    shipped = [deployment("a", at(days=1)), deployment("b", at(days=5)), deployment("c", at(days=9))]
    noticed = [
        incident("i", at(days=1, hours=1), 3_600, service="shop"),
        incident("j", at(days=1, hours=3), 7_200, service="shop"),
        incident("k", at(days=5, hours=1), service="shop"),
        incident("l", at(days=9, hours=1), service="shop", closed=at(days=10)),
    ]

    row = only_row(shipped, noticed, known_until=at(days=20))

    recovery = row.recovery_time
    assert (recovery.n, recovery.n_open, recovery.median_s, recovery.km_median_s) == (1, 1, 4 * 3_600, 4 * 3_600)
    assert row.change_fail_rate.failed == 3
    assert any(sentence.startswith("1 incident is left out of recovery time") for sentence in row.missing)


def test_changes_younger_than_their_deployment_are_counted_apart() -> None:
    brought = [change("a", at(days=1)), change("a", at(days=3))]

    row = only_row([deployment("a", at(days=2))], [], brought)

    assert (row.lead_time.n, row.lead_time.n_clock_skewed, row.lead_time.median_s) == (1, 1, 86_400)
    assert any("1 change is younger than the deployment" in sentence for sentence in row.missing)


def test_a_pull_request_merged_without_review_keeps_its_time() -> None:
    brought = change("a", at(days=1), opened_at=at(days=2), merged_at=at(days=12))

    lead = only_row([deployment("a", at(days=13))], [], [brought]).lead_time

    assert {name: stage.median_s for name, stage in lead.stages.items()} == {
        "commit_to_opened": 86_400,
        "opened_to_merge": 10 * 86_400,
        "merge_to_deployment": 86_400,
    }


def test_deployments_whose_commits_are_not_known_are_told_of() -> None:
    row = only_row([deployment("a", at(days=1), n_changes=None), deployment("b", at(days=2))])

    assert any(
        sentence.startswith("the commits of 1 of 2 deployments of shop are not known") for sentence in row.missing
    )


def test_a_service_that_fell_silent_is_told_of() -> None:
    shipped = [deployment(f"{n}", at(days=n)) for n in range(1, 11)]

    (sentence,) = only_row(shipped, window=Window(START, at(days=60))).missing

    assert sentence.startswith("no deployments known for shop since 11 January 2024, though there were 10 before")
    assert only_row(shipped, window=Window(START, at(days=13))).missing == []


def test_periods_without_deployments_have_no_rates_and_a_frequency_only_between_deployments() -> None:
    rows = [deployment("a", at(days=8)), deployment("b", at(days=22), unplanned="rollback")]
    shipped, brought = deployments_table(rows), changes_table([change("a", at(days=7))], rows)
    query = DeliveryQuery(window=Window(START, at(days=35)))

    (trend,) = delivery_trend(shipped, brought, facts([]), query, Every.WEEK)

    def values(name: str) -> list[float | None]:
        return [period.value for period in getattr(trend, name)]

    assert values("deployment_frequency") == [None, 1 / 7, 0.0, 1 / 7, None]
    assert values("lead_time") == [None, 86_400, None, None, None]
    assert values("change_fail_rate") == [None, 1.0, None, 0.0, None]
    assert values("rework_rate") == [None, 0.0, None, 1.0, None]
    assert [period.n for period in trend.recovery_time] == [0] * 5


def test_open_failures_of_a_period_count_in_its_median() -> None:
    # Two hours and three, and two that are open since days: Kaplan and Meier's median is the longer of the two.
    shipped = [deployment(f"{n}", at(days=n)) for n in (1, 2, 3, 4)]
    lasted = {1: 2 * 3_600.0, 2: 3 * 3_600.0, 3: None, 4: None}
    noticed = [incident(f"{n}", at(days=n, hours=1), took, service="shop") for n, took in lasted.items()]
    query = DeliveryQuery(window=Window(START, at(days=28)))
    tables = deployments_table(shipped), changes_table([]), facts(noticed)

    (trend,) = delivery_trend(*tables, query, Every.MONTH)
    (open_ones,) = delivery_trend(*tables, replace(query, window=Window(at(days=3), at(days=28))), Every.MONTH)

    assert [(one.n, one.value) for one in trend.recovery_time] == [(2, 3 * 3_600.0)]
    assert [(one.n, one.value) for one in open_ones.recovery_time] == [(0, None)]


def test_the_exact_interval_of_a_frequency() -> None:
    # Garwood's table: 3 events, 0.6187 to 8.7673.
    found = only_row([deployment(f"{n}", at(days=n)) for n in (1, 2, 3)], window=Window(START, at(days=10)))

    frequency = found.deployment_frequency
    assert frequency.per_day_low == pytest.approx(0.06187, rel=1e-3)
    assert frequency.per_day_high == pytest.approx(0.87673, rel=1e-3)


def test_the_interval_of_a_fail_rate() -> None:
    # Wilson for 1 of 10: 0.0179 to 0.4042.
    shipped = [deployment(f"{n}", at(days=n)) for n in range(1, 11)]

    rate = only_row(shipped, [incident("i", at(days=1, hours=1), 60, service="shop")], window=MONTH).change_fail_rate

    assert (rate.low, rate.high) == (pytest.approx(0.0179, abs=1e-4), pytest.approx(0.4042, abs=1e-4))


def test_bands_have_their_year_and_shares_of_all_who_answered() -> None:
    assert {cluster.year for cluster in CLUSTERS} == {2024}
    assert sum(cluster.share for cluster in CLUSTERS) == pytest.approx(1.01)
    assert {one.metric for one in DISTRIBUTIONS if one.year == 2025} >= {"lead_time", "rework_rate"}


def test_bad_questions_are_refused_with_a_way_out() -> None:
    with pytest.raises(ConfigError, match="is not positive; give one such as 24h"):
        DeliveryQuery(window=MONTH, attribution_window=timedelta())
    with pytest.raises(ConfigError, match="use resile or middleware"):
        definitions_named("devlake")


def test_a_window_that_begins_long_before_anything_is_known_says_so() -> None:
    shipped = [deployment(f"d{day}", at(days=50 + day)) for day in range(10)]

    (sentence,) = only_row(shipped, window=Window(START, at(days=60))).missing

    assert sentence.startswith("no deployments known for shop before 20 February 2024, and its frequency is over")
    assert only_row(shipped, window=Window(at(days=49), at(days=60))).missing == []
