from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from resile.model.change import (
    Deployment,
    DeploymentKind,
    DeploymentReported,
    DeploymentStatus,
    LinkReported,
    PullRequestReported,
    fold_deployment,
)
from resile.model.draft import Draft, incident_id_of
from resile.testing.history import YEAR, simulated_year
from resile.testing.simulated_deliveries import Deliveries, simulated_deliveries
from resile.testing.simulated_pipelines import PIPELINES, release_begins, release_name

END = datetime(2026, 7, 1, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def drafts() -> list[Draft]:
    return list(simulated_year(END, np.random.default_rng(7)))


@pytest.fixture(scope="module")
def told(drafts: list[Draft]) -> Deliveries:
    return simulated_deliveries(drafts, END, np.random.default_rng(8))


@pytest.fixture(scope="module")
def deployments(told: Deliveries) -> dict[str, Deployment]:
    reports: dict[str, list[DeploymentReported | LinkReported]] = {}
    for one in told.reports:
        if isinstance(one, DeploymentReported | LinkReported):
            reports.setdefault(one.subject, []).append(one)
    folded = {name: fold_deployment(its) for name, its in reports.items()}
    return {name: one for name, one in folded.items() if one is not None}


def noticed_at(draft: Draft) -> datetime:
    return min(step.at for step in draft.steps if step.kind in {"impact_began", "detected"})


def test_same_seed_gives_the_same_deliveries(drafts: list[Draft], told: Deliveries) -> None:
    assert simulated_deliveries(drafts, END, np.random.default_rng(8)) == told
    assert simulated_deliveries(drafts, END, np.random.default_rng(9)) != told


def test_nothing_is_told_from_after_the_year(told: Deliveries) -> None:
    assert max(one.at for one in told.reports) <= END
    assert max(one.committed_at for one in told.commits) <= END


def test_the_release_that_an_incident_names_went_out_shortly_before_it(
    drafts: list[Draft], deployments: dict[str, Deployment]
) -> None:
    by_ref = {one.ref: one for one in deployments.values()}
    connected = {one.service for one in PIPELINES if one.until == 1}
    named = [
        draft
        for draft in drafts
        if draft.exclusion is None and draft.services[0] in connected and "release" in draft.labels
    ]

    assert len(named) > 200
    for draft in named:
        deployed_at = by_ref[f"{draft.services[0]}-{draft.labels['release']}"].deployed_at
        assert deployed_at is not None
        # An hour and a half before its impact; where nobody knows that, longer before somebody noticed.
        assert timedelta(0) < noticed_at(draft) - deployed_at < timedelta(hours=12)


def test_what_is_said_to_have_caused_an_incident_went_out_before_it_and_is_known(
    drafts: list[Draft], told: Deliveries, deployments: dict[str, Deployment]
) -> None:
    by_id = {incident_id_of(draft.origin, draft.ref): draft for draft in drafts}
    links = [one for one in told.reports if isinstance(one, LinkReported)]

    assert sum(one.is_cause for one in links) > 100
    assert sum(not one.is_cause for one in links) > 100
    for link in links:
        deployed_at = deployments[link.deployment_id].deployed_at
        draft = by_id[link.incident_id]
        assert deployed_at is not None
        assert draft.exclusion is None
        assert deployed_at < link.at
        assert (draft.labels["cause"] == "deployment") == link.is_cause
        if link.is_cause:
            assert deployed_at < noticed_at(draft)


def test_fixes_go_out_while_the_incident_that_they_mend_lasts(
    drafts: list[Draft], deployments: dict[str, Deployment]
) -> None:
    by_id = {incident_id_of(draft.origin, draft.ref): draft for draft in drafts}
    fixes = [one for one in deployments.values() if one.unplanned is not None]

    assert {one.unplanned for one in fixes} == {DeploymentKind.ROLLBACK, DeploymentKind.HOTFIX}
    for fix in fixes:
        at = {step.kind: step.at for step in by_id[fix.mends or ""].steps}
        assert fix.deployed_at is not None
        assert at["detected"] < fix.deployed_at < (at.get("mitigated") or at["restored"])


def test_a_rollback_brings_back_what_ran_before(deployments: dict[str, Deployment]) -> None:
    rollbacks = [one for one in deployments.values() if one.unplanned is DeploymentKind.ROLLBACK]

    assert len(rollbacks) > 50
    for back in rollbacks:
        earlier = [
            one
            for one in deployments.values()
            if one.service == back.service
            and one.environment == "production"
            and one.deployed_at is not None
            and back.deployed_at is not None
            and one.deployed_at < back.deployed_at
        ]
        bad, good = sorted(earlier, key=lambda one: one.deployed_at or END)[:-3:-1]
        assert bad.ref == back.ref.removesuffix("-rolled-back")
        assert (back.version, back.sha) == (good.version, good.sha)


def test_every_commit_has_its_parent_and_every_deployment_and_pull_request_its_commits(told: Deliveries) -> None:
    known = {(one.repo, one.sha) for one in told.commits}

    assert len(known) == len(told.commits)
    roots = [one for one in told.commits if not one.parents]
    assert len(roots) == len(PIPELINES)
    assert all((one.repo, parent) in known for one in told.commits for parent in one.parents)
    for one in told.reports:
        if isinstance(one, DeploymentReported):
            assert (one.repo, one.sha) in known
        if isinstance(one, PullRequestReported):
            assert {(one.repo, sha) for sha in one.commits} <= known


def test_some_deployments_never_succeed_some_stay_in_staging_and_one_is_under_way(
    deployments: dict[str, Deployment],
) -> None:
    known = list(deployments.values())

    assert sum(one.status is DeploymentStatus.FAILED for one in known) >= 20
    in_production = {(one.service, one.version) for one in known if one.environment == "production"}
    staged = {(one.service, one.version) for one in known if one.environment == "staging"}
    assert 10 <= len(staged - in_production) <= 0.2 * len(staged)
    assert any(one.status is DeploymentStatus.RUNNING for one in known)


def test_one_service_fell_silent_and_two_were_never_connected(
    drafts: list[Draft], deployments: dict[str, Deployment]
) -> None:
    last = max(
        one.deployed_at or one.started_at or END for one in deployments.values() if one.service == "recommendations"
    )

    assert END - 0.2 * YEAR < last < END - 0.15 * YEAR
    affected = {draft.services[0] for draft in drafts}
    assert affected - {one.service for one in deployments.values()} == {"email-and-push", "data-pipeline"}


@pytest.mark.parametrize("minutes", [0, 59, 60, 61, 365 * 24 * 60 - 1])
def test_a_releases_name_tells_its_hour(minutes: int) -> None:
    at = END - YEAR + timedelta(minutes=minutes)

    begins = release_begins(END - YEAR, release_name(END - YEAR, at))

    assert begins <= at < begins + timedelta(hours=1)
