"""What is taken from Bitbucket Cloud's REST API, from a server of our own that answers as Bitbucket documents it."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from resile.model.change import DeploymentStatus, ReviewState
from resile.model.event import Exclusion
from resile.model.incident import value_of
from resile.model.severity import Severity
from tests.sources.forges import bitbucket_answers as answers
from tests.sources.forges.bitbucket_world import SHOP, World, at, filled, made


@pytest.fixture
def world() -> Iterator[World]:
    yield from made()


def test_a_deployment_goes_to_the_environment_that_is_named_apart_from_it(world: World) -> None:
    filled(world)

    world.take()

    deployment = world.deployment("bitbucket:dep-15")
    assert (deployment.status, deployment.environment) == (DeploymentStatus.SUCCEEDED, "production")
    assert (deployment.started_at, deployment.deployed_at) == (at(10, 1), at(10, 5))
    assert (deployment.service, deployment.repo, deployment.sha) == ("shop", SHOP, answers.HEAD)
    assert deployment.url == "https://bitbucket.org/acme/shop/pipelines/results/15"
    shipped = world.deliveries.shipped([deployment.id])[deployment.id]
    assert set(shipped.shas or ()) == {answers.HEAD, answers.FIRST}


def test_an_environment_of_the_type_of_production_is_production(world: World) -> None:
    for number, kind in enumerate(["Production", "Staging"]):
        told = answers.environment(f"{{env-{number}}}", f"EU {number}")
        told["environment_type"]["name"] = kind
        world.server.of("environments").append(told)
        deployment = answers.deployment(15 + number)
        deployment["environment"]["uuid"] = f"{{env-{number}}}"
        world.server.of("deployments").append(deployment)

    world.take()

    names = [world.deployment(f"bitbucket:dep-{number}").environment for number in (15, 16)]
    assert names == ["production", "EU 1"]


@pytest.mark.parametrize(
    ("word", "status"), [("FAILED", DeploymentStatus.FAILED), ("STOPPED", DeploymentStatus.CANCELLED)]
)
def test_what_did_not_succeed_is_no_deployment(world: World, word: str, status: DeploymentStatus) -> None:
    world.server.of("deployments").append(answers.deployment(status=word))

    world.take()

    deployment = world.deployment("bitbucket:dep-15")
    assert (deployment.status, deployment.deployed_at) == (status, None)


def test_a_step_that_waits_for_somebody_is_none_so_far(world: World) -> None:
    world.server.of("deployments").append(answers.deployment(name="UNDEPLOYED", trigger_url="https://x"))

    assert world.take().n_deployments == 0


def test_a_commit_that_is_told_in_short_is_asked_for_in_full(world: World) -> None:
    filled(world)
    world.server.of("deployments")[0] = answers.deployment(sha=answers.HEAD[:12])

    world.take()

    assert world.deployment("bitbucket:dep-15").sha == answers.HEAD
    assert len(world.server.paths("/commit/")) == 1


def test_a_pull_request_comes_with_its_commits_and_what_others_said(world: World) -> None:
    filled(world)

    world.take()

    request = world.pull_request(f"{SHOP}#17")
    assert (request.author, request.title) == ("ann", "Cart in two steps")
    assert (request.opened_at, request.ready_at) == (at(8), at(8))
    assert request.merged_at == datetime(2024, 1, 1, 9, 0, 0, 500_000, tzinfo=UTC)
    assert (request.merge_sha, request.head_sha, request.commits) == (answers.HEAD, answers.FIRST, (answers.FIRST,))
    assert [(one.reviewer, one.state, one.at) for one in request.reviews] == [
        ("bob", ReviewState.COMMENTED, at(8, 20)),
        ("bob", ReviewState.CHANGES_REQUESTED, at(8, 21)),
        ("bob", ReviewState.APPROVED, at(8, 30)),
    ]


def test_a_declined_one_was_not_merged(world: World) -> None:
    world.server.of("pullrequests").append(answers.pull_request(state="DECLINED"))
    world.server.of("pullrequests/17/activity").append(answers.update("DECLINED", "2024-01-01T08:50:00+00:00"))

    world.take()

    request = world.pull_request(f"{SHOP}#17")
    assert (request.merged_at, request.closed_at) == (None, at(8, 50))


def test_a_draft_is_ready_once_it_is_declared_so(world: World) -> None:
    world.server.of("pullrequests").append(answers.pull_request(state="OPEN"))
    world.server.of("pullrequests/17/activity").extend(
        [
            answers.update("OPEN", "2024-01-01T08:40:00+00:00"),
            answers.update("OPEN", "2024-01-01T08:30:00+00:00", draft=True),
        ]
    )

    world.take()

    assert world.pull_request(f"{SHOP}#17").ready_at == at(8, 40)


def test_what_it_takes_back_is_in_its_title(world: World) -> None:
    title = 'Revert "Merged in cart (pull request #12)"'
    world.server.of("pullrequests").append(answers.pull_request(title=title))

    world.take()

    assert world.pull_request(f"{SHOP}#17").reverts == "12"


def test_an_issue_of_the_component_is_an_incident_and_each_closing_is_told(world: World) -> None:
    filled(world)

    assert world.take().n_new_incidents == 1

    assert world.timeline("bitbucket", "acme/shop#23") == [
        ("detected", at(8)),
        ("restored", at(9)),
        ("reopened", at(9, 30)),
        ("restored", at(11)),
    ]
    incident = world.incident("bitbucket", "acme/shop#23")
    assert (value_of(incident.severity, None), value_of(incident.services, ())) == (Severity.SEV1, ("shop",))


def test_a_duplicate_does_not_count(world: World) -> None:
    world.server.of("issues").append(answers.issue(state="duplicate"))

    world.take()

    assert value_of(world.incident("bitbucket", "acme/shop#23").exclusion, None) is Exclusion.NOISE


def test_a_pipeline_counts_where_it_is_named(world: World) -> None:
    world.server.of("pipelines").extend(
        [answers.pipeline(), answers.pipeline(32, hour=11, selector={"type": "default"})]
    )
    world.take()
    assert world.server.paths("/pipelines") == []

    summary = world.take(runs={"deploy-to-production": "prod"})

    assert summary.n_deployments == 1
    deployment = world.deployment("bitbucket:pipeline:pipe-31")
    assert (deployment.environment, deployment.sha) == ("production", answers.HEAD)
    assert deployment.url == "https://bitbucket.org/acme/shop/pipelines/results/31"


def test_tags_that_are_versions_are_releases(world: World) -> None:
    world.server.of("refs/tags").extend(
        [answers.tag(), answers.tag("v1.5.0-rc.1"), answers.tag("nightly"), answers.tag("v1.4.3", date=None)]
    )

    summary = world.take()

    assert (summary.n_deployments, summary.n_unused) == (2, 2)
    assert world.deployment("bitbucket:release:repo-30:v1.4.2").deployed_at == at(12)
    assert world.deployment("bitbucket:release:repo-30:v1.4.3").deployed_at == at(7, 40)
    again = world.take()
    assert (again.n_deployments, again.n_unused) == (0, 0)


def test_tags_are_no_releases_where_deployments_are_told(world: World) -> None:
    filled(world)
    world.server.of("refs/tags").append(answers.tag())

    summary = world.take()

    assert summary.n_deployments == 1
    assert [one for one in summary.remarks if "not counted as releases" in one]


def test_a_workspace_is_read_repository_by_repository(world: World) -> None:
    world.server.max_per_page = 1
    world.server.repositories.append(answers.repository("acme/cart", "{repo-31}"))
    for path in ("acme/shop", "acme/cart"):
        world.server.of("deployments", path).append(answers.deployment(15 if path == "acme/shop" else 16))

    world.server.repositories.append(answers.repository("acme/fork", "{repo-32}", parent={"full_name": "other/thing"}))

    summary = world.take("acme")

    assert summary.n_unused == 1
    assert [world.deployment(f"bitbucket:dep-{number}").service for number in (15, 16)] == ["shop", "cart"]
