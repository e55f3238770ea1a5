"""GitHub by its REST API: what it tells becomes what its webhooks would have told, once, however often it is asked."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from resile.model.change import DeploymentKind, DeploymentStatus
from resile.sources.forges.commits import Branch
from resile.sources.forges.reading import encoded
from resile.sources.git_repo import clone_cursor
from tests.sources.forges.github_server import sha_of
from tests.sources.forges.github_world import GitHubWorld, at, filled, later, release, reviewed, run, when

RUNS = {"Deploy": "production"}


@pytest.fixture
def world() -> Iterator[GitHubWorld]:
    made = GitHubWorld()
    filled(made.server)
    with made.server.forge:
        yield made


def test_a_pull_request_comes_with_its_commits_reviews_and_when_it_was_ready(world: GitHubWorld) -> None:
    world.take()

    pull = world.pull(17)
    assert (pull.title, pull.author) == ("Change 17", "ann")
    assert (pull.opened_at, pull.ready_at, pull.merged_at) == (when(1, 10), when(1, 12), when(3, 12))
    assert (pull.merge_sha, pull.head_sha) == (sha_of("merge-17"), sha_of("head-17"))
    assert pull.commits == (sha_of("c1"), sha_of("c2"))
    assert pull.first_commit_at == when(1, 8)
    # The author's own words are no review; what was dismissed was an approval before.
    assert [(one.reviewer, one.state.value, one.at) for one in pull.reviews] == [
        ("bob", "commented", when(2, 9)),
        ("bob", "approved", when(2, 11)),
        ("bob", "dismissed", when(2, 12)),
        ("carol", "approved", when(3, 11)),
    ]
    assert world.pull(18).reverts == "17"
    assert world.pull(18).ready_at == when(4)
    assert world.pull(19).ready_at is None


def test_a_timeline_without_end_is_read_so_far_and_said(world: GitHubWorld) -> None:
    world.server.most_on_a_page = 1
    world.server.timelines[18] = [reviewed(9000 + n, "bob", "commented", at(5, n % 24)) for n in range(22)]

    summary = world.take()

    assert len(world.pull(18).reviews) == 20
    assert any("timeline has more than 20 pages" in one.example for one in summary.unused)


def test_deployments_come_with_what_they_came_to(world: GitHubWorld) -> None:
    summary = world.take()

    done = world.deployment("github:81")
    assert (done.started_at, done.deployed_at) == (when(4, 10), when(4, 10, 5))
    assert (done.service, done.environment, done.version) == ("shop", "production", "v1.4.2")
    assert (done.repo, done.sha) == ("github.com/acme/shop", sha_of("d"))
    failed = world.deployment("github:82")
    assert (failed.status, failed.deployed_at) == (DeploymentStatus.FAILED, None)
    assert failed.unplanned is DeploymentKind.ROLLBACK
    assert world.deployment("github:83").status is DeploymentStatus.SUCCEEDED
    assert (summary.n_deployments, summary.n_changed, summary.n_pull_requests) == (5, 0, 3)
    assert summary.environments == {"production": 3, "staging": 1}


def test_what_each_deployment_brought_is_known_from_the_commits(world: GitHubWorld) -> None:
    world.take()

    shipped = world.store.shipped(["github:81", "github:83"])
    assert set(shipped["github:81"].shas or ()) == {sha_of(name) for name in "abcd"}
    assert shipped["github:83"].shas == (sha_of("e"),)
    commit = world.store.commits("github.com/acme/shop", [sha_of("d"), sha_of("e")])
    assert commit[sha_of("d")].parents == (sha_of("b"), sha_of("c"))
    assert commit[sha_of("d")].subject == 'Merge "cart"'
    assert commit[sha_of("e")].reverts == (sha_of("c"),)


def test_each_attempt_at_a_named_run_is_a_deployment(world: GitHubWorld) -> None:
    world.take(runs=RUNS)

    assert world.deployment("github:run:6001:1").status is DeploymentStatus.FAILED
    again = world.deployment("github:run:6001:2")
    assert (again.started_at, again.deployed_at, again.sha) == (when(9, 11), when(9, 11, 5), sha_of("e"))
    assert world.deployment("github:run:6002:1").status is DeploymentStatus.RUNNING


@pytest.mark.parametrize("attempt", ["second", "9" * 150, "²", -1])
def test_a_run_whose_attempt_is_no_number_is_left_out_alone(world: GitHubWorld, attempt: object) -> None:
    world.server.runs[1] |= {"run_attempt": attempt}

    summary = world.take(runs=RUNS)

    assert world.deployment("github:run:6001:2").deployed_at == when(9, 11, 5)
    assert any("run_attempt is no number" in one.example for one in summary.unused)


def test_runs_are_left_alone_where_none_is_named_and_a_name_that_fits_none_is_said(world: GitHubWorld) -> None:
    world.take()
    assert not any("actions" in path for path in world.asked)

    summary = world.take(runs={"Ship it": "production"})
    assert any("has no workflow called Ship it; check --run" in one.example for one in summary.unused)


def test_a_release_is_a_deployment_of_the_commit_that_its_tag_names(world: GitHubWorld) -> None:
    summary = world.take()

    released = world.deployment("github:release:55")
    assert (released.deployed_at, released.version, released.sha) == (when(5, 10), "v1.4.2", sha_of("d"))
    assert world.store.deployment("github:release:56") is None
    assert any("prerelease" in one.example for one in summary.unused)
    assert world.take(counts_releases=False).n_unused == 0


def test_a_prerelease_that_becomes_a_release_counts_from_then_on(world: GitHubWorld) -> None:
    world.take()
    world.server.releases[1] = release(56, "v1.5.0", at(6), at(6, 10))

    assert world.take().n_deployments == 1
    assert world.deployment("github:release:56").version == "v1.5.0"


def test_issues_with_the_label_are_incidents(world: GitHubWorld) -> None:
    summary = world.take()

    done = world.incident(23)
    assert done.title is not None
    assert done.title.value == "Trouble 23"
    assert done.services is not None
    assert done.services.value == ("api",)
    assert done.severity is not None
    assert done.severity.value == "SEV1"
    assert world.phases(23) == (when(6, 11), when(6, 12))
    assert world.phases(25) == (when(8), None)
    assert not world.incident(24).exists
    assert summary.n_new_incidents == 2


def test_labels_may_be_patterns(world: GitHubWorld) -> None:
    assert world.take(incident_labels=("b?g",)).n_new_incidents == 1
    assert world.incident(24).exists


def test_an_issue_opened_again_is_not_restored_any_more(world: GitHubWorld) -> None:
    world.take()
    world.server.add_issue(23, "incident", opened=at(6, 11), updated=at(9), state="open", state_reason="reopened")

    assert world.take().n_updated_incidents == 1
    assert world.phases(23) == (when(6, 11), None)


def test_again_nothing_is_new_and_little_is_asked(world: GitHubWorld) -> None:
    world.take(runs=RUNS)
    world.clock.advance(later(30))
    world.take(runs=RUNS)
    before = world.state()

    world.clock.advance(timedelta(hours=1))
    summary = world.take(runs=RUNS)

    assert (summary.n_commits, summary.n_deployments, summary.n_changed, summary.n_new_incidents) == (0, 0, 0, 0)
    assert world.state() == before
    assert not any(path.endswith("/statuses") for path in world.asked[1:] if "/83/" not in path)
    assert not any("timeline" in path for path in world.asked)
    assert len(world.asked) <= 12


def test_a_list_that_did_not_change_is_asked_for_by_its_mark_and_not_read(world: GitHubWorld) -> None:
    world.take()
    world.said.clear()
    world.take()

    marked = {asked.path for asked in world.server.forge.asked if "if-none-match" in asked.headers}
    assert {path.rpartition("/")[2] for path in marked} == {"pulls", "deployments", "issues"}
    assert not any("pull requests" in said for said in world.said)

    world.server.add_pull(18, opened=at(4), updated=at(12), merged=at(12))
    world.take()
    assert world.pull(18).merged_at == when(12)


def test_only_what_was_touched_since_is_read(world: GitHubWorld) -> None:
    world.take()
    world.server.add_pull(18, opened=at(4), updated=at(12), merged=at(12))
    world.server.add_commit("f", "e", at=at(12))
    world.server.add_deployment(84, at(12), ("success", at(12, 1)), sha=sha_of("f"), ref="main")

    summary = world.take()

    assert (summary.n_commits, summary.n_deployments) == (1, 1)
    assert world.pull(18).merged_at == when(12)
    assert world.store.shipped(["github:84"])["github:84"].shas == (sha_of("f"),)
    assert not any("issues/17/timeline" in path for path in world.asked)
    assert any(path.endswith(f"compare/{sha_of('e')}...{sha_of('f')}") for path in world.asked)


def test_a_deployment_under_way_is_asked_for_until_it_ended(world: GitHubWorld) -> None:
    world.server.add_deployment(84, at(19, 12), ("in_progress", at(19, 12)), sha=sha_of("e"))
    world.take()
    world.server.add_status(84, "success", at(19, 13))
    world.clock.advance(later(2))

    assert world.take().n_changed == 1
    assert world.deployment("github:84").deployed_at == when(19, 13)
    world.take()
    assert "/repos/acme/shop/deployments/84" not in world.asked


def test_a_run_that_was_run_again_weeks_later_is_heard_of(world: GitHubWorld) -> None:
    world.take(runs=RUNS)
    world.server.attempts[6002, 1] = run(6002, 1, "failure", at(19), at(19, 1))
    world.server.runs[1] = run(6002, 2, "success", at(28), at(28, 1), created=at(19))
    world.clock.advance(later(10))

    world.take(runs=RUNS)

    assert world.deployment("github:run:6002:1").status is DeploymentStatus.FAILED
    assert world.deployment("github:run:6002:2").deployed_at == when(28, 1)


def test_since_leaves_out_what_is_older_and_asked_for_earlier_it_is_read_after_all(world: GitHubWorld) -> None:
    world.take(since=when(6))

    assert world.store.pull_request("github.com/acme/shop#17") is None
    assert world.store.deployment("github:81") is None
    assert world.store.deployment("github:release:55") is None
    assert world.store.deployment("github:83") is not None

    world.take()
    assert world.store.pull_request("github.com/acme/shop#17") is not None
    assert world.store.deployment("github:81") is not None
    assert world.store.deployment("github:release:55") is not None


def test_a_later_since_skips_nothing_that_was_touched_after_the_last_import(world: GitHubWorld) -> None:
    world.take()
    world.server.add_pull(18, opened=at(4), updated=at(12), merged=at(12))
    world.server.add_deployment(84, at(12), ("success", at(12, 1)), sha=sha_of("e"))
    world.clock.advance(later(1))

    world.take(since=when(19))

    assert world.pull(18).merged_at == when(12)
    assert world.deployment("github:84").deployed_at == when(12, 1)


def test_pages_of_a_commit_that_is_gone_hold_nothing_up(world: GitHubWorld) -> None:
    world.server.most_on_a_page = 2
    broken_off = encoded(Branch("", sha_of("z"), f"repos/acme/shop/commits?per_page=2&sha={sha_of('z')}&page=2"))
    world.store.set_cursor("github:github.com/acme/shop:commits", broken_off)
    world.server.gone = {sha_of("z")}

    summary = world.take()

    assert summary.n_commits == 5
    assert not any("commits of" in remark and "not read" in remark for remark in summary.remarks)


def test_production_that_is_told_of_in_two_ways_is_said(world: GitHubWorld) -> None:
    (remark,) = [one for one in world.take().remarks if "counted twice" in one]

    assert remark.startswith("github.com/acme/shop tells of production by its deployments and its releases")
    assert not any("counted twice" in one for one in world.take(counts_releases=False).remarks)


def test_of_a_person_only_public_repositories_are_listed_which_is_said(world: GitHubWorld) -> None:
    world.server.owner_is_person = True

    summary = world.take("acme")

    assert any("lists only the public repositories of a person" in one for one in summary.remarks)


def test_a_history_that_was_rewritten_is_read_anew(world: GitHubWorld) -> None:
    world.take()
    world.server.commits = []
    world.server.add_commit("x", at=at(10))
    world.server.add_commit("y", "x", at=at(11))

    summary = world.take()

    assert summary.n_commits == 2
    assert any("commits of github.com/acme/shop: the history was rewritten" in remark for remark in summary.remarks)


def test_an_empty_repository_is_no_fault(world: GitHubWorld) -> None:
    world.server.commits = []

    assert world.take().n_commits == 0


def test_where_a_clone_told_the_commits_they_are_not_asked_for(world: GitHubWorld) -> None:
    world.store.set_cursor(clone_cursor("github.com/acme/shop"), b"1")

    summary = world.take()

    assert not any(path.endswith("/commits") for path in world.asked)
    assert any("come from its clone" in remark for remark in summary.remarks)


@pytest.mark.parametrize(("status", "words"), [(403, "does not let this token read"), (404, "or does not show it")])
def test_what_the_token_does_not_open_is_said_and_the_rest_is_read(world: GitHubWorld, status: int, words: str) -> None:
    world.server.withheld = {r"/deployments$": status}

    summary = world.take()

    (remark,) = [one for one in summary.remarks if "deployments of github.com/acme/shop are not read" in one]
    assert words in remark
    assert "the token needs Deployments: read" in remark
    assert summary.n_pull_requests == 3
    assert world.store.deployment("github:release:55") is not None


def test_one_item_that_is_wrong_spoils_no_other(world: GitHubWorld) -> None:
    world.server.pulls[0]["updated_at"] = "soon"
    world.server.pulls[1]["title"] = 7
    world.server.deployments[0]["created_at"] = None
    world.server.issues[0]["created_at"] = {}
    # Nothing that this server could sort by.
    world.server.pulls[0]["updated_at"], world.server.deployments[0]["created_at"] = at(3), at(4)
    world.server.pulls[0]["number"] = None

    summary = world.take()

    left_out = [one.example for one in summary.unused]
    assert any("title is a number, not a text; it is left out" in example for example in left_out)
    assert any("number is missing; it is left out" in example for example in left_out)
    assert any("created_at is an object, not a text" in example for example in left_out)
    assert summary.n_pull_requests == 1
    assert world.incident(25).exists
