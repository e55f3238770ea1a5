"""GitHub's webhooks, in the shape that GitHub sends."""

from datetime import UTC, datetime
from itertools import permutations
from urllib.parse import urlencode

import msgspec
import pytest

from resile.model.change import (
    Deployment,
    DeploymentKind,
    DeploymentReported,
    DeploymentStatus,
    fold_deployment,
)
from resile.model.errors import ConfigError
from resile.ports.delivery_door import DoorOptions, Understood
from resile.ports.journal import Delivery
from resile.sources.doors.github import open_door
from tests.sources.doors.bodies import RECEIVED, SHA, of_github
from tests.sources.doors.github_bodies import (
    REPOSITORY,
    github_deployment,
    github_issue,
    github_pull_request,
    github_push,
    github_release,
    github_run,
    github_status,
)

SUCCEEDED_AT = "2024-03-04T10:05:00Z"


def understood(event: str, body: object, **options: object) -> Understood:
    return open_door(DoorOptions(**options)).understand(of_github(event, body))


def folded(*deliveries: Delivery, **options: object) -> Deployment:
    door = open_door(DoorOptions(**options))
    reports = [report for one in deliveries for report in door.understand(one).reports]
    deployment = fold_deployment([report for report in reports if isinstance(report, DeploymentReported)])
    assert deployment is not None
    return deployment


def at(hour: int, minute: int = 0, day: int = 4) -> datetime:
    return datetime(2024, 3, day, hour, minute, tzinfo=UTC)


def test_a_deployment_happened_when_its_status_is_success_at_that_moment() -> None:
    deployment = folded(of_github("deployment_status", github_status("success", SUCCEEDED_AT)))

    assert deployment.id == "github:81"
    assert deployment.deployed_at == at(10, 5)
    assert deployment.service == "shop"
    assert deployment.environment == "production"
    assert deployment.version == "v1.4.2"
    assert (deployment.repo, deployment.sha) == ("github.com/acme/shop", SHA)
    assert deployment.title == "Cart in two steps"
    assert deployment.url == "https://ci.example.com/runs/5"


def test_statuses_give_the_same_deployment_in_whatever_order_they_come() -> None:
    deliveries = [
        of_github("deployment", github_deployment()),
        of_github("deployment_status", github_status("in_progress", "2024-03-04T10:01:00Z", 9)),
        of_github("deployment_status", github_status("failure", "2024-03-04T10:02:00Z", 10)),
        of_github("deployment_status", github_status("success", SUCCEEDED_AT, 11)),
    ]

    seen = {msgspec.json.encode(folded(*order)) for order in permutations(deliveries)}

    assert len(seen) == 1
    deployment = folded(*deliveries)
    assert deployment.started_at == at(10)
    assert deployment.deployed_at == at(10, 5)
    assert deployment.status is DeploymentStatus.SUCCEEDED


@pytest.mark.parametrize(
    ("earlier", "later", "number"),
    [
        ("in_progress", "success", 99),
        ("in_progress", "success", 101),
        ("failure", "error", 99),
        ("success", "failure", 99),
    ],
)
def test_of_two_statuses_in_one_second_the_end_is_the_later_one(earlier: str, later: str, number: int) -> None:
    deployment = folded(
        of_github("deployment_status", github_status(later, SUCCEEDED_AT, 100)),
        of_github("deployment_status", github_status(earlier, SUCCEEDED_AT, number)),
    )

    assert deployment.status is folded(of_github("deployment_status", github_status(later, SUCCEEDED_AT))).status


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("queued", DeploymentStatus.QUEUED),
        ("pending", DeploymentStatus.QUEUED),
        ("waiting", DeploymentStatus.QUEUED),
        ("in_progress", DeploymentStatus.RUNNING),
        ("failure", DeploymentStatus.FAILED),
        ("error", DeploymentStatus.FAILED),
    ],
)
def test_other_states_are_no_deployment_yet(state: str, status: DeploymentStatus) -> None:
    deployment = folded(of_github("deployment_status", github_status(state, SUCCEEDED_AT)))

    assert deployment.status is status
    assert deployment.deployed_at is None


@pytest.mark.parametrize("state", ["inactive", "postponed"])
def test_a_state_that_says_nothing_of_how_it_went_changes_nothing(state: str) -> None:
    said = understood("deployment_status", github_status(state, SUCCEEDED_AT))

    assert said.reports == ()
    assert state in (said.unmapped or "")


def test_a_rollback_is_named_by_the_task() -> None:
    deployment = folded(of_github("deployment", github_deployment(task="rollback")))

    assert deployment.unplanned is DeploymentKind.ROLLBACK


def test_a_branch_is_no_version() -> None:
    assert folded(of_github("deployment", github_deployment(ref="main"))).version is None
    assert folded(of_github("deployment", github_deployment(ref="refs/tags/shop-1.4.2"))).version == "shop-1.4.2"


def test_an_enterprise_host_names_its_own_deployments() -> None:
    body = github_deployment() | {"repository": REPOSITORY | {"html_url": "https://git.acme.example/acme/shop"}}

    deployment = folded(of_github("deployment", body))

    assert deployment.id == "git.acme.example:81"
    assert deployment.repo == "git.acme.example/acme/shop"


@pytest.mark.parametrize(
    ("options", "service"),
    [
        ({"services": {"acme/shop": "checkout"}}, "checkout"),
        ({"services": {"SHOP": "checkout"}}, "checkout"),
        ({"services": {"acme/shop": "checkout"}, "service": "other"}, "checkout"),
        ({"services": {"acme/search": "search"}, "service": "other"}, "other"),
        ({"services": {"acme/search": "search"}}, "shop"),
    ],
)
def test_the_service_is_what_the_options_say_and_else_the_repository(options: dict, service: str) -> None:
    assert folded(of_github("deployment", github_deployment()), **options).service == service


@pytest.mark.parametrize(
    ("name", "expected"),
    [("Production", "production"), ("LIVE", "production"), ("Prod-EU", "production"), ("staging", "staging")],
)
def test_production_has_many_names(name: str, expected: str) -> None:
    body = github_deployment(environment=name, production_environment=False)

    assert folded(of_github("deployment", body), production=("prod-*",)).environment == expected


def test_an_environment_that_users_see_is_production_whatever_its_name() -> None:
    queued = github_deployment(environment="shop-front", production_environment=True)
    done = github_status("success", SUCCEEDED_AT, environment="shop-front", production_environment=True)

    deployment = folded(of_github("deployment", queued), of_github("deployment_status", done))

    assert deployment.environment == "production"


@pytest.mark.parametrize("named", ["Deploy", ".github/workflows/deploy.yml", "deploy.yml"])
def test_a_workflow_is_named_by_its_name_or_its_file(named: str) -> None:
    run = github_run("completed", name="Deploy", path=".github/workflows/deploy.yml@refs/heads/main")

    assert folded(of_github("workflow_run", run), runs={named: "production"}).environment == "production"


def test_an_issue_with_a_label_of_incidents_is_one() -> None:
    told = understood("issues", github_issue("opened"))

    (draft,) = told.incidents
    assert (draft.origin, draft.ref, draft.title) == ("github", "acme/shop#23", "Checkout answers 500")
    assert draft.services == ("checkout",)
    assert draft.severity == "SEV1"
    assert [(step.kind, step.at) for step in draft.steps] == [("detected", at(11))]


def test_a_closed_issue_is_restored_and_opened_again_it_is_not() -> None:
    closed = github_issue("closed", state="closed", closed_at="2024-03-04T12:00:00Z", state_reason="completed")
    again = github_issue("reopened", state="open", closed_at=None, state_reason="reopened")

    steps = [[step.kind for step in understood("issues", body).incidents[0].steps] for body in (closed, again)]

    assert steps == [["detected", "restored"], ["detected"]]


@pytest.mark.parametrize(
    "body",
    [
        {"action": "closed", "state": "closed", "closed_at": "2024-03-04T12:00:00Z", "state_reason": "not_planned"},
        {"action": "closed", "state": "closed", "closed_at": "2024-03-04T12:00:00Z", "state_reason": "duplicate"},
        {"action": "deleted"},
        {"action": "transferred"},
        {"action": "unlabeled", "labels": []},
    ],
)
def test_an_issue_that_is_no_incident_after_all_counts_no_longer(body: dict) -> None:
    told = understood("issues", github_issue(**body) | {"label": {"name": "Incident"}})

    assert [draft.exclusion for draft in told.incidents] == ["noise"]


def test_the_labels_of_incidents_are_what_the_door_says() -> None:
    body = github_issue("opened", labels=[{"name": "outage/major"}])

    assert not understood("issues", body).incidents
    assert understood("issues", body, incident_labels=("outage/*",)).incidents


def test_a_run_counts_where_the_door_names_its_workflow() -> None:
    requested, done = github_run("requested"), github_run("completed")

    assert "not named as a deployment" in (understood("workflow_run", done).unmapped or "")
    for name in ("deploy", ".github/workflows/deploy.yml"):
        deployment = folded(of_github("workflow_run", done), of_github("workflow_run", requested), runs={name: "live"})
        assert deployment.id == "github:run:6001:1"
        assert deployment.environment == "production"
        assert (deployment.started_at, deployment.deployed_at) == (at(10, 1), at(10, 6))
        assert deployment.sha == SHA


def test_another_attempt_at_a_run_is_another_deployment() -> None:
    runs = {"Deploy": "production"}
    first = folded(of_github("workflow_run", github_run("completed", conclusion="failure")), runs=runs)
    second = folded(of_github("workflow_run", github_run("completed", run_attempt=2)), runs=runs)

    assert (first.id, first.status) == ("github:run:6001:1", DeploymentStatus.FAILED)
    assert (second.id, second.status) == ("github:run:6001:2", DeploymentStatus.SUCCEEDED)


def test_a_run_that_was_skipped_deploys_nothing() -> None:
    said = understood("workflow_run", github_run("completed", conclusion="skipped"), runs={"deploy": "production"})

    assert said.reports == ()
    assert said.unmapped


def test_a_published_release_is_a_deployment_to_production() -> None:
    deployment = folded(of_github("release", github_release()), of_github("release", github_release("released")))

    assert deployment.id == "github:release:55"
    assert deployment.environment == "production"
    assert deployment.version == "v1.4.2"
    assert deployment.sha is None
    assert deployment.deployed_at == at(10, 10)


def test_the_commit_of_a_release_is_known_where_it_was_made_from_one() -> None:
    assert folded(of_github("release", github_release(target_commitish=SHA))).sha == SHA


@pytest.mark.parametrize(
    ("body", "options"),
    [
        (github_release(prerelease=True), {}),
        (github_release(draft=True), {}),
        (github_release("edited"), {}),
        (github_release(), {"counts_releases": False}),
    ],
)
def test_prereleases_drafts_and_edits_are_no_deployment(body: object, options: dict) -> None:
    said = understood("release", body, **options)

    assert said.reports == ()
    assert "v1.4.2" in (said.unmapped or "")


def test_a_prerelease_made_a_release_is_deployed_then() -> None:
    later = github_release("released", updated_at="2024-03-05T08:00:00Z")

    assert folded(of_github("release", later)).deployed_at == at(8, day=5)


def test_a_push_tells_commits_and_what_they_revert_but_not_their_parents() -> None:
    said = understood("push", github_push("Add cart\n\nAt last.", f'Revert "Add cart"\n\nThis reverts commit {SHA}.'))

    first, second = said.pushed
    assert said.commits == ()
    assert (first.subject, first.author, first.committed_at) == ("Add cart", "Ann Ohm", at(8))
    assert first.repo == "github.com/acme/shop"
    assert (first.reverts, second.reverts) == ((), (SHA,))


def test_a_push_tells_the_beginning_of_an_id_that_somebody_wrote() -> None:
    (said,) = understood("push", github_push(f"Go back\n\nThis reverts commit {SHA[:8]}.")).pushed

    assert said.reverts == (SHA[:8],)


def test_a_forced_push_without_commits_says_so() -> None:
    assert "by force" in (understood("push", github_push(forced=True)).unmapped or "")
    assert understood("push", github_push("Add cart", forced=True)).pushed


@pytest.mark.parametrize("push", [{"ref": "refs/tags/v1"}, {"deleted": True, "after": "0" * 40}])
def test_tags_and_deleted_branches_bring_no_commits(push: dict) -> None:
    assert understood("push", github_push("Add cart", **push)).unmapped


@pytest.mark.parametrize(
    ("event", "body", "words"),
    [
        ("ping", {"zen": "Design for failure.", "hook_id": 1, "hook": {"type": "Repository"}}, "greeting"),
        ("issues", {"action": "opened", "issue": {"number": 3, "labels": []}, "repository": REPOSITORY}, "issue"),
        ("star", {"action": "created", "repository": REPOSITORY}, "'star'"),
        ("pull_request", github_pull_request("labeled"), "labeled"),
    ],
)
def test_what_resile_takes_nothing_from_is_said_in_a_sentence(event: str, body: object, words: str) -> None:
    said = understood(event, body)

    assert said.reports == ()
    assert words in (said.unmapped or "")


def test_the_body_may_come_as_a_form() -> None:
    payload = msgspec.json.encode(github_status("success", SUCCEEDED_AT)).decode()
    form = urlencode({"payload": payload}).encode()

    deployment = folded(of_github("deployment_status", form, content_type="application/x-www-form-urlencoded"))

    assert deployment.deployed_at == at(10, 5)


@pytest.mark.parametrize(
    ("event", "body", "words"),
    [
        ("", {}, "header x-github-event is missing"),
        ("deployment_status", {"repository": REPOSITORY}, "deployment is missing"),
        ("deployment_status", github_status("success", ""), "deployment_status.created_at is empty"),
        ("deployment_status", github_status("success", "yesterday"), "deployment_status.created_at is 'yesterday'"),
        ("deployment", github_deployment(id=[1]), "deployment.id is a list"),
        ("deployment", github_deployment(id=1 << 70), "deployment.id is a number, neither a text nor a whole number"),
        ("deployment", github_deployment(id="x" * 999), "deployment.id is longer than 200 characters"),
        ("push", github_push("one") | {"commits": {}}, "commits is an object, not a list"),
        (
            "push",
            github_push("one", commits=[{"id": "main", "timestamp": SUCCEEDED_AT}]),
            "commits[0].id is no full id",
        ),
        ("push", b'{"ref":\n  "refs/heads/main",,}', "malformed JSON at line 2, column 21"),
        ("push", b'{"ref": "\xff"}', "not UTF-8 at line 1, column 10"),
        ("push", b"[]", "the body is a list, not an object"),
        ("push", b"", "the body is empty"),
        ("push", b"[" * 100_000, "nested too deeply"),
        ("push", b'{"ref": "refs', "ends too early"),
    ],
)
def test_bad_input_is_refused_with_its_place(event: str, body: object, words: str) -> None:
    with pytest.raises(ConfigError) as refused:
        understood(event, body)

    assert words in str(refused.value)
    assert ";" in str(refused.value)


def test_reports_say_who_told_and_since_when() -> None:
    (report,) = (
        open_door(DoorOptions(name="github/shop")).understand(of_github("deployment", github_deployment())).reports
    )

    assert (report.by, report.recorded_at) == ("door:github/shop", RECEIVED)


def test_a_password_in_an_address_is_not_kept() -> None:
    status = github_status("success", SUCCEEDED_AT)
    status["deployment_status"] |= {"log_url": "https://x-token:ghs_secret@ci.example.com:8443/runs/5?a=b"}

    assert folded(of_github("deployment_status", status)).url == "https://ci.example.com:8443/runs/5?a=b"
