"""What is taken from GitLab's REST API, from a server of our own that answers as GitLab documents it."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from resile.app.deliver import take_in
from resile.app.record_drafts import Outcome, record_drafts, telling_of
from resile.model.change import DeploymentStatus, ReviewState
from resile.model.errors import ConfigError
from resile.model.incident import value_of
from resile.model.severity import Severity
from resile.ports.delivery_door import DoorOptions
from resile.sources.doors import gitlab as door
from tests.sources.doors.bodies import of_gitlab
from tests.sources.doors.gitlab_bodies import PROJECT, gitlab_deployment, gitlab_issue, gitlab_note, gitlab_release
from tests.sources.forges import gitlab_answers as answers
from tests.sources.forges.gitlab_world import HOST, SHOP, World, at, filled, made


@pytest.fixture
def world() -> Iterator[World]:
    yield from made()


@pytest.fixture
def world_under_a_path() -> Iterator[World]:
    yield from made(root="/gitlab")


def test_a_deployment_is_known_by_its_number_on_its_host(world: World) -> None:
    filled(world)

    world.take()

    deployment = world.deployment(f"{HOST}:15")
    assert (deployment.status, deployment.environment) == (DeploymentStatus.SUCCEEDED, "production")
    assert (deployment.started_at, deployment.deployed_at) == (at(10, 1), at(10, 5))
    assert (deployment.service, deployment.repo, deployment.sha) == ("shop", SHOP, answers.HEAD)
    assert deployment.title == "Cart in two steps"
    assert deployment.url == "https://git.acme.example/acme/platform/shop/-/jobs/796"


def test_commits_say_what_a_deployment_brought(world: World) -> None:
    filled(world)

    summary = world.take()

    shipped = world.deliveries.shipped([f"{HOST}:15"])[f"{HOST}:15"]
    assert set(shipped.shas or ()) == {answers.HEAD, answers.FIRST}
    assert summary.n_commits == 2


@pytest.mark.parametrize(
    ("status", "reached", "minute"),
    [
        ("created", DeploymentStatus.QUEUED, 0),
        ("running", DeploymentStatus.RUNNING, 1),
        ("failed", DeploymentStatus.FAILED, 5),
        ("canceled", DeploymentStatus.CANCELLED, 5),
    ],
)
def test_what_did_not_succeed_is_no_deployment_yet(
    world: World, status: str, reached: DeploymentStatus, minute: int
) -> None:
    world.server.of("deployments").append(answers.deployment(status=status))

    world.take()

    deployment = world.deployment(f"{HOST}:15")
    assert (deployment.status, deployment.deployed_at) == (reached, None)
    told = world.deliveries.reports_on(deployment.id)
    assert told[-1].at.replace(microsecond=0) == at(10, minute)


def test_one_that_a_tool_told_of_has_no_job(world: World) -> None:
    world.server.of("deployments").append(answers.deployment(deployable=None, ref="v1.4.2"))

    world.take()

    deployment = world.deployment(f"{HOST}:15")
    assert deployment.deployed_at == datetime(2024, 1, 1, 10, 6, 0, 414_000, tzinfo=UTC)
    assert deployment.version == "v1.4.2"


def test_an_environment_of_the_tier_of_production_is_production(world: World) -> None:
    environments = world.server.of("environments")
    for number, (name, tier) in enumerate([("eu", "production"), ("qa", "testing")]):
        environments.append({"id": number, "name": name, "slug": name, "tier": tier, "state": "available"})
        told = answers.deployment(15 + number, environment={"id": number, "name": name, "slug": name})
        world.server.of("deployments").append(told)
    for number, name in enumerate(["review/a", "review/b"], start=17):
        # Their environments are gone.
        gone = answers.deployment(number, environment={"id": number, "name": name, "slug": name})
        world.server.of("deployments").append(gone)

    world.take()

    assert [world.deployment(f"{HOST}:{number}").environment for number in (15, 16)] == ["production", "qa"]
    assert len(world.server.paths("environments")) == 1
    world.take()
    assert world.server.paths("environments") == []


def test_a_branch_that_looks_like_a_version_is_none(world: World) -> None:
    world.server.of("deployments").append(answers.deployment(ref="release/1.4"))

    world.take()

    assert world.deployment(f"{HOST}:15").version is None


def test_history_and_webhooks_tell_of_the_same(world: World) -> None:
    filled(world)
    world.server.of("releases").append(answers.release())
    project = PROJECT | {
        "web_url": f"{world.server.address}/acme/platform/shop",
        "path_with_namespace": "acme/platform/shop",
    }
    bob = {"id": 52, "username": "bob"}
    bodies = [
        gitlab_deployment(project=project, at="2024-01-01 10:05:00 +0000"),
        gitlab_release(project=project, released_at="2024-01-01 12:00:00 UTC"),
        gitlab_note(bob, id=1, created_at="2024-01-01 08:20:00 UTC") | {"project": project},
    ]
    world.take()
    n_known = len(world.deliveries.services())

    said = [door.open_door(DoorOptions()).understand(of_gitlab("", body)) for body in bodies]
    take_in(world.deliveries, (), [report for one in said for report in one.reports])

    assert len(world.deliveries.services()) == n_known
    assert world.deployment(f"{HOST}:15").deployed_at == at(10, 5)
    assert [one.ref for one in world.deliveries.deployments_of("shop", "production")] == ["15", "release:30:v1.4.2"]
    states = [review.state for review in world.pull_request(f"{SHOP}#17").reviews]
    assert states.count(ReviewState.COMMENTED) == 1


def test_a_merge_request_comes_with_its_commits_and_what_others_said(world: World) -> None:
    filled(world)

    world.take()

    request = world.pull_request(f"{SHOP}#17")
    assert (request.author, request.title) == ("ann", "Cart in two steps")
    assert (request.opened_at, request.ready_at) == (at(8), at(8))
    assert request.merged_at == datetime(2024, 1, 1, 9, 0, 0, 500_000, tzinfo=UTC)
    assert (request.merge_sha, request.head_sha, request.commits) == (answers.HEAD, answers.FIRST, (answers.FIRST,))
    assert request.first_commit_at == at(7, 40)
    assert [(one.reviewer, one.state, one.at) for one in request.reviews] == [
        ("bob", ReviewState.COMMENTED, at(8, 20)),
        ("bob", ReviewState.CHANGES_REQUESTED, at(8, 21)),
        ("bob", ReviewState.APPROVED, at(8, 30)),
    ]


def test_history_and_webhooks_tell_the_same_incident(world: World) -> None:
    world.server.of("labels").append({"id": 2, "name": "Incident"})
    closed = {"state": "closed", "closed_at": "2024-01-01T11:00:00.400Z"}
    world.server.of("issues").append(answers.issue(23, "Incident", "severity::2", **closed))
    world.server.of("issues/23/resource_state_events").append(
        answers.state_event(1, "closed", "2024-01-01T11:00:01.077Z")
    )
    body = gitlab_issue(
        "Incident",
        "severity::2",
        state="closed",
        closed_at="2024-01-01 11:00:00 UTC",
        updated_at="2024-01-01 08:30:00 UTC",
        url="https://git.acme.example/acme/platform/shop/-/issues/23",
    )
    project = PROJECT | {
        "web_url": f"{world.server.address}/acme/platform/shop",
        "path_with_namespace": "acme/platform/shop",
    }
    world.take()

    (draft,) = door.open_door(DoorOptions()).understand(of_gitlab("", body | {"project": project})).incidents

    assert record_drafts(
        world.timelines,
        [telling_of(draft, by="door:gitlab", heard_at=world.clock.now())],
        now=world.clock.now(),
        is_dry_run=True,
    ).outcomes == [Outcome.UNCHANGED]
    assert world.timeline(draft.origin, draft.ref) == [("detected", at(8)), ("restored", at(11))]


@pytest.mark.parametrize(
    ("notes", "told", "ready_at"),
    [
        (["marked this merge request as **ready**"], {}, at(8, 40)),
        (["unmarked as a **Work In Progress**"], {}, at(8, 40)),
        (["marked this merge request as **draft**"], {"draft": True}, None),
        (["marked this merge request as **ready**", "marked this merge request as **draft**"], {"draft": True}, None),
    ],
)
def test_a_draft_is_ready_once_it_is_declared_so(
    world: World, notes: list[str], told: dict[str, bool], ready_at: datetime | None
) -> None:
    world.server.of("merge_requests").append(answers.merge_request(state="opened", **told))
    world.server.of("merge_requests/17/notes").extend(
        answers.note(number, answers.ANN, words, f"2024-01-01T08:{40 + number}:00.000Z", is_system=True)
        for number, words in enumerate(notes)
    )

    world.take()

    assert world.pull_request(f"{SHOP}#17").ready_at == ready_at


def test_without_a_merge_commit_the_last_commit_came_to_the_branch(world: World) -> None:
    world.server.of("merge_requests").append(answers.merge_request(merge_commit_sha=None))

    world.take()

    assert world.pull_request(f"{SHOP}#17").merge_sha == answers.FIRST


def test_incidents_are_issues_of_that_type_or_with_the_label_and_each_closing_is_told(world: World) -> None:
    filled(world)

    summary = world.take()

    assert summary.n_new_incidents == 2
    assert world.timeline(HOST, "acme/platform/shop#23") == [
        ("detected", at(8)),
        ("restored", at(9)),
        ("reopened", at(9, 30)),
        ("restored", at(11)),
    ]
    assert world.timeline(HOST, "acme/platform/shop#24") == [("detected", at(8))]
    labelled, typed = (world.incident(HOST, f"acme/platform/shop#{number}") for number in (23, 24))
    assert (value_of(labelled.severity, None), value_of(labelled.services, ())) == (Severity.SEV2, ("shop",))
    assert value_of(typed.severity, None) is Severity.SEV1


def test_a_pipeline_counts_where_it_is_named(world: World) -> None:
    world.server.of("pipelines").extend(
        [answers.pipeline(), answers.pipeline(32, name="Test", updated_at="2024-01-01T11:00:00.000Z")]
    )

    world.take()
    assert world.server.paths("pipelines") == []

    world.take(runs={"deploy to production": "prod"})

    deployment = world.deployment(f"{HOST}:pipeline:31")
    assert (deployment.environment, deployment.deployed_at) == (
        "production",
        datetime(2024, 1, 1, 10, 0, 0, 175_000, tzinfo=UTC),
    )
    assert world.server.paths("pipelines/") == ["/api/v4/projects/30/pipelines/31"]


def test_pipelines_are_read_anew_once_others_are_named(world: World) -> None:
    world.server.of("pipelines").append(answers.pipeline())
    world.take(runs={"Nightly": "production"})

    world.take(runs={"Deploy to production": "production"})

    assert world.deployment(f"{HOST}:pipeline:31").status is DeploymentStatus.SUCCEEDED


def test_releases_are_deployments_to_production_but_no_prereleases(world: World) -> None:
    world.server.of("releases").extend([answers.release(), answers.release("v1.5.0-rc.1", hour=13)])

    summary = world.take()

    assert world.deployment(f"{HOST}:release:30:v1.4.2").deployed_at == datetime(
        2024, 1, 1, 12, 0, 0, 891_000, tzinfo=UTC
    )
    assert summary.n_deployments == 1
    assert "v1.5.0-rc.1" in summary.unused[0].example
    assert world.take(counts_releases=False).n_unused == 0
    assert world.server.paths("releases") == []


def test_what_would_be_counted_twice_is_said(world: World) -> None:
    world.server.of("releases").append(answers.release())
    world.server.of("deployments").append(answers.deployment())

    summary = world.take()

    assert [one for one in summary.remarks if "counted twice" in one]


def test_environments_and_the_service_are_called_as_said(world: World) -> None:
    environment = {"id": 9, "name": "live-eu", "slug": "live-eu"}
    world.server.of("deployments").append(answers.deployment(environment=environment))

    world.take(environments=("production=live-*",), service="checkout")

    deployment = world.deployment(f"{HOST}:15")
    assert (deployment.environment, deployment.service) == ("production", "checkout")


def test_a_group_is_read_with_its_subgroups_page_by_page(world: World) -> None:
    world.server.max_per_page = 1
    world.server.projects.append(answers.project(world.server.address, 31, "acme/tools/cli"))
    world.server.projects.append(answers.project(world.server.address, 32, "other/thing"))
    for number in (30, 31, 32):
        world.server.of("deployments", number).append(answers.deployment(number))

    world.take("acme")

    found = {number: world.deliveries.deployment(f"{HOST}:{number}") for number in (30, 31, 32)}
    assert [one.service if one else None for one in found.values()] == ["shop", "cli", None]


def test_forks_and_archived_projects_of_a_group_are_left_out_and_said(world: World) -> None:
    site = world.server.address
    fork = answers.project(site, 31, "acme/fork", forked_from_project={"id": 9, "path_with_namespace": "other/thing"})
    world.server.projects += [fork, answers.project(site, 32, "acme/old", archived=True)]
    for number in (31, 32):
        world.server.of("deployments", number).append(answers.deployment(number))

    summary = world.take("acme")

    assert (summary.n_deployments, summary.n_unused) == (0, 2)
    assert any("1 repositories were read, 2 left out" in one for one in summary.remarks)
    assert world.take("acme/old").n_deployments == 1


def test_a_commit_is_told_as_a_clone_tells_it(world: World) -> None:
    message = "Take the cart\nin two steps\n\nThis reverts commit " + answers.FIRST
    world.server.of("repository/commits").append(answers.commit(answers.HEAD, message=message))

    world.take()

    commit = world.deliveries.commits(SHOP, [answers.HEAD])[answers.HEAD]
    assert (commit.subject, commit.author) == ("Take the cart in two steps", "Ann Ohm")
    assert commit.reverts == (answers.FIRST,)


def test_a_users_projects_are_read_too(world: World) -> None:
    world.server.users.add("ann")
    world.server.projects.append(answers.project(world.server.address, 33, "ann/notes"))
    world.server.of("deployments", 33).append(answers.deployment(33))

    world.take("ann")

    assert world.deployment(f"{HOST}:33").service == "notes"


def test_an_installation_may_stand_under_a_path(world_under_a_path: World) -> None:
    world = world_under_a_path
    world.server.of("deployments").append(answers.deployment())
    host = f"{world.server.address}/gitlab"

    world.take(f"{host}/acme/platform/shop/-/environments", host=host)

    assert world.deployment(f"{HOST}:15").repo == f"{HOST}/gitlab/acme/platform/shop"


def test_an_installation_under_a_path_that_is_not_said_is_hinted_at(world_under_a_path: World) -> None:
    with pytest.raises(ConfigError, match="if GitLab stands under a path of its host"):
        world_under_a_path.take()
