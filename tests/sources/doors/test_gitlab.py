"""GitLab's webhooks, in the shape that GitLab sends."""

from datetime import UTC, datetime
from itertools import permutations

import pytest

from resile.model.change import (
    Deployment,
    DeploymentReported,
    DeploymentStatus,
    PullRequest,
    PullRequestReported,
    ReviewReported,
    ReviewState,
    fold_deployment,
    fold_pull_request,
)
from resile.model.draft import Draft, Step, incident_id_of
from resile.model.errors import ConfigError
from resile.model.event import Exclusion
from resile.ports.delivery_door import DoorOptions, Understood
from resile.sources.doors.gitlab import open_door
from tests.sources.doors.bodies import PARENT, SHA, delivery, of_gitlab
from tests.sources.doors.gitlab_bodies import (
    GITLAB_USER,
    PROJECT,
    gitlab_deployment,
    gitlab_issue,
    gitlab_merge_request,
    gitlab_note,
    gitlab_pipeline,
    gitlab_push,
    gitlab_release,
)

BOB = {"id": 52, "name": "Bob Mho", "username": "bob"}


def understood(body: object, **options: object) -> Understood:
    return open_door(DoorOptions(**options)).understand(of_gitlab("", body))


def folded(*bodies: object, **options: object) -> Deployment:
    reports = [report for body in bodies for report in understood(body, **options).reports]
    deployment = fold_deployment([report for report in reports if isinstance(report, DeploymentReported)])
    assert deployment is not None
    return deployment


def request(*bodies: object) -> PullRequest:
    reports = [report for body in bodies for report in understood(body).reports]
    found = fold_pull_request([one for one in reports if isinstance(one, PullRequestReported | ReviewReported)])
    assert found is not None
    return found


def at(hour: int, minute: int = 0) -> datetime:
    return datetime(2024, 1, 1, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    "written",
    ["2024-01-01 10:00:00 +0000", "2024-01-01 12:00:00 +0200", "2024-01-01 10:00:00 UTC", "2024-01-01T10:00:00.000Z"],
)
def test_a_deployment_succeeded_when_its_status_changed(written: str) -> None:
    deployment = folded(gitlab_deployment(at=written))

    assert deployment.id == "git.acme.example:15"
    assert deployment.deployed_at == at(10)
    assert (deployment.service, deployment.environment) == ("shop", "production")
    assert (deployment.repo, deployment.sha) == ("git.acme.example/acme/shop", SHA)
    assert deployment.title == "Cart in two steps"
    assert deployment.url == "https://git.acme.example/acme/shop/-/jobs/796"


def test_on_gitlab_com_deployments_are_gitlabs() -> None:
    project = PROJECT | {"web_url": "https://gitlab.com/acme/shop"}

    assert folded(gitlab_deployment(project=project)).id == "gitlab:15"


def test_an_environment_of_the_tier_of_production_is_production() -> None:
    assert folded(gitlab_deployment(environment="eu", environment_tier="production")).environment == "production"
    assert folded(gitlab_deployment(environment="eu", environment_tier="staging")).environment == "eu"


def test_before_gitlab_14_a_deployment_is_known_by_its_job() -> None:
    assert folded(gitlab_deployment(deployment_id=None)).ref == "job:796"


def test_statuses_give_the_same_deployment_in_whatever_order_they_come() -> None:
    bodies = [
        gitlab_deployment("created", "2024-01-01 09:58:00 +0000"),
        gitlab_deployment("running", "2024-01-01 10:00:00 +0000"),
        gitlab_deployment("success", "2024-01-01 10:00:00 +0000"),
    ]

    seen = {folded(*order) for order in permutations(bodies)}

    assert len(seen) == 1
    assert seen.pop().status is DeploymentStatus.SUCCEEDED


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("failed", DeploymentStatus.FAILED),
        ("canceled", DeploymentStatus.CANCELLED),
        ("running", DeploymentStatus.RUNNING),
        ("blocked", DeploymentStatus.QUEUED),
    ],
)
def test_other_statuses_are_no_deployment_yet(word: str, status: DeploymentStatus) -> None:
    deployment = folded(gitlab_deployment(word))

    assert (deployment.status, deployment.deployed_at) == (status, None)


def test_a_short_id_of_a_commit_is_not_taken_for_the_whole() -> None:
    assert folded(gitlab_deployment(commit_url=None)).sha is None


def test_a_pipeline_counts_where_the_door_names_it() -> None:
    assert "not named" in (understood(gitlab_pipeline()).unmapped or "")

    deployment = folded(gitlab_pipeline(), gitlab_pipeline("running"), runs={"deploy to production": "prod"})

    assert deployment.ref == "pipeline:31"
    assert deployment.environment == "production"
    assert (deployment.started_at, deployment.deployed_at) == (at(9, 50), at(10))
    assert deployment.sha == SHA


def test_a_release_is_a_deployment_to_production() -> None:
    deployment = folded(gitlab_release())

    assert deployment.ref == "release:30:v1.4.2"
    assert (deployment.environment, deployment.version, deployment.sha) == ("production", "v1.4.2", SHA)
    assert deployment.deployed_at == at(10)


@pytest.mark.parametrize(
    ("release", "options"),
    [
        ({"tag": "v1.5.0-rc.1"}, {}),
        ({"tag": "2.0b3"}, {}),
        ({"action": "update"}, {}),
        ({}, {"counts_releases": False}),
    ],
)
def test_prereleases_and_edits_are_no_deployment(release: dict, options: dict) -> None:
    said = understood(gitlab_release(**release), **options)

    assert said.reports == ()
    assert said.unmapped


@pytest.mark.parametrize("tag", ["v1.2.3-android", "v1.2.3-arm64", "v1.2.3-build4", "v1.2.3+rc.1", "v2024.1-prod"])
def test_what_only_begins_like_a_prerelease_is_a_release(tag: str) -> None:
    assert folded(gitlab_release(tag=tag)).version == tag


def test_long_tags_that_begin_alike_are_two_releases() -> None:
    tags = [f"v1.2.3+{'a' * 240}{last}" for last in "bc"]

    assert len({folded(gitlab_release(tag=tag)).id for tag in tags}) == 2


def test_a_branch_that_looks_like_a_version_is_none_where_the_pipeline_says_so() -> None:
    runs = {"Deploy to production": "prod"}

    assert folded(gitlab_pipeline(ref="release/1.4"), runs=runs).version is None
    assert folded(gitlab_pipeline(ref="v1.4.2", tag=True), runs=runs).version == "v1.4.2"


def test_a_push_tells_commits_and_what_they_revert() -> None:
    said = understood(gitlab_push("Add cart", f"Revert\n\nThis reverts commit {SHA}"))

    assert said.commits == ()
    assert [(one.subject, one.reverts) for one in said.pushed] == [("Add cart", ()), ("Revert", (SHA,))]
    assert said.pushed[0].repo == "git.acme.example/acme/shop"


@pytest.mark.parametrize("push", [{"after": "0" * 40}, {"ref": "refs/tags/v1"}, {"commits": []}])
def test_a_push_without_commits_says_so(push: dict) -> None:
    assert understood(gitlab_push("Add cart", **push)).unmapped


def test_a_merge_request_goes_from_draft_to_merged() -> None:
    opened = gitlab_merge_request("open", draft=True)
    ready = gitlab_merge_request(
        "update", {"draft": {"previous": True, "current": False}}, updated_at="2024-01-01 09:00:00 UTC"
    )
    merged = gitlab_merge_request(
        "merge", user=BOB, updated_at="2024-01-01 10:00:00 UTC", state="merged", merge_commit_sha=PARENT
    )

    found = request(merged, ready, opened)

    assert found.id == "git.acme.example/acme/shop#17"
    assert found.author == "ann"
    assert (found.opened_at, found.ready_at, found.merged_at) == (at(8), at(9), at(10))
    assert (found.head_sha, found.merge_sha) == (SHA, PARENT)


def test_without_a_merge_commit_the_last_commit_came_to_the_branch() -> None:
    assert request(gitlab_merge_request("merge")).merge_sha == SHA


def test_a_closed_merge_request_was_not_merged() -> None:
    found = request(gitlab_merge_request("close"))

    assert (found.closed_at, found.merged_at, found.merge_sha) == (at(8), None, None)


def test_what_a_merge_request_takes_back_is_read_from_its_description() -> None:
    words = "This reverts merge request !12\n\nIt broke."

    assert request(gitlab_merge_request("open", description=words)).reverts == "12"
    assert request(gitlab_merge_request("open", description=words.replace("!", "acme/shop!"))).reverts == "12"


@pytest.mark.parametrize("other", ["acme/cart", "shop-of-others", "umbrella/acme/shop"])
def test_a_merge_request_of_another_project_is_not_taken_back_here(other: str) -> None:
    words = f"This reverts merge request {other}!12"

    assert request(gitlab_merge_request("open", description=words)).reverts is None


def test_a_comment_that_somebody_else_edits_stays_its_authors() -> None:
    edited = gitlab_note({"id": 53, "username": "eve"}, author_id=52, action="update")

    found = request(gitlab_note(BOB), edited)

    assert [one.reviewer for one in found.reviews] == ["bob"]


def test_an_update_that_changed_nothing_of_interest_is_left() -> None:
    assert understood(gitlab_merge_request("update", {"labels": {"previous": [], "current": []}})).unmapped
    assert understood(gitlab_merge_request("update", oldrev=PARENT)).reports


def test_approvals_and_comments_by_others_are_reviews() -> None:
    approved = gitlab_merge_request("approved", user=BOB, updated_at="2024-01-01 09:30:00 UTC")
    taken_back = gitlab_merge_request("unapproved", user=BOB, updated_at="2024-01-01 09:40:00 UTC")

    found = request(taken_back, approved, gitlab_note(BOB))

    assert [(one.reviewer, one.state, one.at) for one in found.reviews] == [
        ("bob", ReviewState.COMMENTED, at(9)),
        ("bob", ReviewState.APPROVED, at(9, 30)),
        ("bob", ReviewState.DISMISSED, at(9, 40)),
    ]
    assert found.opened_at == at(8)


@pytest.mark.parametrize(
    "body",
    [
        gitlab_note(GITLAB_USER),
        gitlab_merge_request("approved"),
        gitlab_note(BOB, system=True),
        gitlab_note(BOB, noteable_type="Issue"),
        gitlab_issue("bug"),
        {"object_kind": "work_item", "object_attributes": {"iid": 3, "type": "Epic"}},
        {"object_kind": "wiki_page"},
    ],
)
def test_what_is_no_review_and_no_delivery_is_said_in_a_sentence(body: object) -> None:
    said = understood(body)

    assert said.reports == ()
    assert said.unmapped


def test_the_header_names_the_kind_where_the_body_does_not() -> None:
    body = gitlab_deployment()
    del body["object_kind"]

    said = open_door(DoorOptions()).understand(of_gitlab("Deployment Hook", body))

    assert len(said.reports) == 1


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "object_kind is missing, as is header x-gitlab-event"),
        (gitlab_deployment(at="01/02/2024"), "status_changed_at is '01/02/2024', no time"),
        (gitlab_deployment(project=None), "GitLab's deployment: project is missing"),
        (gitlab_merge_request("open", iid=1.5), "object_attributes.iid is a number, neither"),
    ],
)
def test_bad_input_is_refused_with_its_place(body: object, words: str) -> None:
    with pytest.raises(ConfigError) as refused:
        open_door(DoorOptions()).understand(delivery("gitlab", body))

    assert words in str(refused.value)
    assert ";" in str(refused.value)


def incident(body: object, **options: object) -> Draft:
    (draft,) = understood(body, **options).incidents
    return draft


def test_an_issue_with_the_label_is_an_incident_until_it_is_closed() -> None:
    opened = incident(gitlab_issue("Incident", "severity::2", "service::cart"))
    closed = incident(gitlab_issue("Incident", action="close", state="closed", closed_at="2024-01-01 09:30:00 UTC"))

    assert incident_id_of(opened.origin, opened.ref) == "git.acme.example:acme/shop#23"
    assert (opened.title, opened.severity, opened.services) == ("Checkout answers 500", "SEV2", ("cart",))
    assert opened.url == "https://git.acme.example/acme/shop/-/issues/23"
    assert (opened.steps, opened.as_of) == ((Step("detected", at(8)),), at(8))
    assert (closed.severity, closed.services) == (None, ("shop",))
    assert closed.steps == (Step("detected", at(8)), Step("restored", at(9, 30)))


def test_an_incident_of_gitlab_itself_needs_no_label() -> None:
    body = gitlab_issue(type="Incident", severity="critical") | {"object_kind": "work_item"}

    assert incident(body).severity == "SEV1"


def test_an_issue_opened_again_is_not_restored_any_more() -> None:
    body = gitlab_issue(
        "incident",
        action="reopen",
        updated_at="2024-01-01 10:00:00 UTC",
        changes={"closed_at": {"previous": "2024-01-01 09:30:00 UTC", "current": None}},
    )

    assert [step.kind for step in incident(body).steps] == ["detected"]


def test_the_door_says_which_labels_mean_an_incident() -> None:
    body = gitlab_issue("kind::Outage")

    assert understood(body).unmapped
    assert incident(body, incident_labels=("kind::out*",)).ref == "acme/shop#23"


@pytest.mark.parametrize(
    "body",
    [
        gitlab_issue(action="update", changes={"labels": {"previous": [{"title": "incident"}], "current": []}}),
        gitlab_issue("incident", action="close", duplicated_to_id=300),
        gitlab_issue("incident", action="close", moved_to_id=300),
    ],
)
def test_what_is_no_incident_of_its_own_any_more_counts_no_longer(body: object) -> None:
    assert incident(body).exclusion is Exclusion.NOISE
