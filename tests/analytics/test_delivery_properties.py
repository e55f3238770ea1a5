"""What holds for every history of deployments, changes and incidents."""

from collections import Counter
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resile.analytics.delivery_lead_time import changes_of
from resile.analytics.delivery_query import DeliveryQuery
from resile.analytics.delivery_rates import poisson, wilson
from resile.analytics.delivery_shipments import NONE, Places, shipments
from resile.analytics.ordered import order
from resile.analytics.query import Window
from resile.analytics.results import to_json
from tests.analytics.deliveries import YEAR, change, changes_table, deployment, deployments_table, links, report
from tests.analytics.facts import at, incident

SERVICES = ("shop", "search", None)
ENVIRONMENTS = ("production", "Staging", None)
IDS = ("i0", "i1", "i2", "i3")
hours = st.integers(0, 100).map(lambda n: at(hours=n))
some_ids = st.none() | st.lists(st.sampled_from([*IDS, "unknown"]), max_size=2)


@st.composite
def shipped(draw: st.DrawFn) -> list[dict[str, Any]]:
    return [
        deployment(
            f"d{number}",
            draw(st.none() | hours),
            service=draw(st.sampled_from(SERVICES)),
            environment=draw(st.sampled_from(ENVIRONMENTS)),
            version=draw(st.sampled_from(["1.0.0", "1.0.1", "1.1.0", "main", None])),
            sha=draw(st.sampled_from(["a", "b", None])),
            repo=draw(st.sampled_from(["r", "q", None])),
            unplanned=draw(st.sampled_from(["hotfix", "rollback", "revert", None, None])),
            mends=draw(st.sampled_from([*IDS, None])),
            caused=draw(some_ids),
            not_caused=draw(some_ids),
            reverts=draw(st.none() | st.lists(st.sampled_from(["d0", "d1", "d9"]), max_size=2)),
        )
        for number in range(draw(st.integers(0, 8)))
    ]


@st.composite
def noticed(draw: st.DrawFn) -> list[dict[str, Any]]:
    return [
        incident(
            name,
            draw(hours),
            draw(st.none() | st.integers(-60, 9_000)),
            service=draw(st.sampled_from(SERVICES)),
            other_services=draw(st.none() | st.just(["search"])),
            exclusion=draw(st.sampled_from(["drill", None, None])),
            labels=draw(st.sampled_from([[], [("environment", "staging")]])),
        )
        for name in IDS[: draw(st.integers(0, len(IDS)))]
    ]


@settings(max_examples=8, deadline=None)
@given(shipped(), noticed(), st.randoms(use_true_random=False))
def test_attribution_and_report_do_not_hang_on_the_order_of_rows(
    deployments: list[dict[str, Any]], incidents: list[dict[str, Any]], random: Any
) -> None:
    changes = [change(row["deployment_id"], at(hours=3)) for row in deployments]
    asked = {"known_until": at(hours=90), "environments": ()}
    before = links(deployments, incidents, **asked), to_json(report(deployments, incidents, changes, **asked))

    for rows in (deployments, incidents, changes):
        random.shuffle(rows)

    assert links(deployments, incidents, **asked) == before[0]
    assert to_json(report(deployments, incidents, changes, **asked)) == before[1]


@settings(max_examples=8, deadline=None)
@given(shipped(), noticed())
def test_each_incident_is_held_against_one_deployment_at_most(
    deployments: list[dict[str, Any]], incidents: list[dict[str, Any]]
) -> None:
    found = links(deployments, incidents, environments=())

    times = Counter(link.incident_id for link in found if link.incident_id is not None)
    denied = {(row["deployment_id"], name) for row in deployments for name in row["not_caused"] or []}
    drills = {row["incident_id"] for row in incidents if row["exclusion"]}
    assert all(n == 1 for n in times.values())
    assert not drills & set(times)
    assert not denied & {(link.deployment_id, link.incident_id) for link in found}
    assert len({(link.deployment_id, link.incident_id, link.by_deployment_id) for link in found}) == len(found)


@settings(max_examples=8, deadline=None)
@given(shipped(), noticed())
def test_the_report_counts_the_deployments_that_have_a_link(
    deployments: list[dict[str, Any]], incidents: list[dict[str, Any]]
) -> None:
    failed = {link.deployment_id for link in links(deployments, incidents)}

    rows = report(deployments, incidents).services

    assert sum(row.change_fail_rate.failed for row in rows) == len(failed)
    for row in rows:
        rate = row.change_fail_rate
        assert rate.failed + rate.pending <= rate.n
        for share, low, high in (
            (rate.rate, rate.low, rate.high),
            (row.rework_rate.rate, row.rework_rate.low, row.rework_rate.high),
        ):
            assert (share is None) == (rate.n == 0)
            assert share is None or (low is not None and high is not None and 0 <= low <= share <= high <= 1)


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)), min_size=1))
def test_shares_and_rates_lie_in_their_intervals(pairs: list[tuple[int, int]]) -> None:
    marked, n = (np.array(column) for column in zip(*((min(pair), max(pair)) for pair in pairs), strict=True))

    share, low, high = wilson(marked, n)
    rate, slowest, fastest = poisson(n, np.full(len(n), 7.0))

    assert np.all((n == 0) | ((low >= 0) & (low <= share) & (share <= high) & (high <= 1)))
    assert np.array_equal(np.isnan(share), n == 0)
    assert np.all((slowest <= rate) & (rate <= fastest) & (slowest >= 0))


instants = st.none() | st.integers(-50, 300).map(lambda minutes: at(days=10, minutes=minutes))


@settings(max_examples=8, deadline=None)
@given(st.lists(st.tuples(st.integers(-20, 200), *[instants] * 5), max_size=30))
def test_the_stages_of_a_change_sum_to_its_lead_time(rows: list[tuple[int, *tuple[datetime | None, ...]]]) -> None:
    deployments = [deployment(f"d{n}", at(days=10, minutes=200)) for n in range(len(rows))]
    names = ("opened_at", "ready_at", "first_review_at", "approved_at", "merged_at")
    changes = [
        change(f"d{n}", at(days=10, minutes=row[0]), **dict(zip(names, row[1:], strict=True)))
        for n, row in enumerate(rows)
    ]
    only = {("shop", "production"): 0}

    brought = changes_of(changes_table(changes, deployments), DeliveryQuery(window=YEAR), YEAR, only)

    took = [np.where(one.begins == NONE, 0, one.took_us) for one in brought.stages]
    assert np.array_equal(np.sum(took, axis=0), brought.lead_us)
    assert len(brought.lead_us) == len(rows)
    assert all(np.all(one >= 0) for one in took)
    assert brought.lead_us.sum() == sum(timedelta(minutes=200 - row[0]) / timedelta(microseconds=1) for row in rows)


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([(3, 3_000), (1, 2_000), (4_000, 3_000)]), st.booleans())
def test_large_groups_are_put_in_order_as_small_ones_are(seed: int, sizes: tuple[int, int], has_open: bool) -> None:
    n_groups, n = sizes
    rng = np.random.default_rng(seed)
    groups = rng.integers(0, n_groups, n)
    durations = rng.integers(0, rng.choice([5, 2**50]), n)
    is_open = rng.random(n) < 0.3 * has_open

    found = order(groups, durations, is_open, n_groups)

    rows = np.lexsort((is_open, durations, groups))
    assert np.array_equal(found.durations_us, durations[rows])
    assert np.array_equal(found.is_open, is_open[rows])
    assert np.array_equal(found.sizes, np.bincount(groups, minlength=n_groups))


@settings(max_examples=8, deadline=None)
@given(shipped())
def test_deployments_stand_by_service_then_time_then_id(deployments: list[dict[str, Any]]) -> None:
    table = deployments_table(deployments)

    found = shipments(table, None)

    hashes = table.select("deployment_id", id_hash=table.deployment_id.hash()).to_pyarrow().to_pydict()
    ids = dict(zip(hashes["deployment_id"], hashes["id_hash"], strict=True))
    expected = sorted(
        (row["service"] is None, row["service"] or "", row["deployed_at"], ids[row["deployment_id"]])
        for row in deployments
        if row["deployed_at"] is not None
    )
    assert found.ids.tolist() == [row[-1] for row in expected]
    assert Places(found.ids).of(found.ids[::-1]).tolist() == list(range(found.n))[::-1]
    assert Places(found.ids).of(np.array([7])).tolist() == [NONE]


@settings(max_examples=8, deadline=None)
@given(shipped(), st.lists(st.tuples(st.integers(0, 7), st.integers(0, 120)), max_size=30))
def test_lead_time_and_frequency_are_those_of_a_loop_over_rows(
    deployments: list[dict[str, Any]], brought: list[tuple[int, int]]
) -> None:
    changes = [change(f"d{number}", at(hours=since)) for number, since in brought]
    asked = {"window": Window(at(hours=5), at(hours=90)), "environments": ()}

    rows = report(deployments, [], changes, **asked).services

    for row in rows:
        mine = [
            one
            for one in deployments
            if one["deployed_at"] is not None
            and (one["service"], (one["environment"] or "").lower()) == (row.service, row.environment or "")
            and at(hours=5) <= one["deployed_at"] < at(hours=90)
        ]
        instants = sorted(one["deployed_at"] for one in mine)
        took = {one["deployment_id"]: one["deployed_at"] for one in mine}
        all_leads = [
            (took[one["deployment_id"]] - one["committed_at"]).total_seconds()
            for one in changes
            if one["deployment_id"] in took
        ]
        leads = [lead for lead in all_leads if lead >= 0]
        gaps = [(later - earlier).total_seconds() for earlier, later in pairwise(instants)]
        assert (row.lead_time.n, row.lead_time.n_clock_skewed) == (len(leads), len(all_leads) - len(leads))
        assert row.lead_time.median_s == (float(np.median(leads)) if leads else None)
        assert row.lead_time.p90_s == (pytest.approx(float(np.quantile(leads, 0.9))) if leads else None)
        assert row.deployment_frequency.n == len(mine)
        assert row.deployment_frequency.days_with == len({instant.date() for instant in instants})
        assert row.deployment_frequency.median_gap_s == (float(np.median(gaps)) if gaps else None)
