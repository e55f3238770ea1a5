"""How Bitbucket Cloud's REST API is read: pages, tokens, limits, faults, and where a reading goes on."""

import base64
from collections.abc import Iterator
from datetime import timedelta

import pytest

from resile.model.change import DeploymentStatus
from resile.model.errors import ConfigError
from resile.sources.git_repo import clone_cursor
from tests.sources.forges import bitbucket_answers as answers
from tests.sources.forges.bitbucket_server import TOKEN
from tests.sources.forges.bitbucket_world import SHOP, World, at, filled, made
from tests.sources.forges.faulty import reply
from tests.sources.forges.world import KilledError


@pytest.fixture
def world() -> Iterator[World]:
    yield from made()


@pytest.mark.parametrize("minds_order", [True, False])
def test_what_had_not_ended_is_looked_at_again(world: World, *, minds_order: bool) -> None:
    world.server.minds_order, world.server.max_per_page = minds_order, 2
    deployments = world.server.of("deployments")
    deployments.append(answers.in_progress(15))
    deployments.extend(answers.deployment(number, hour=number - 5) for number in (16, 17))
    world.take()
    assert world.deployment("bitbucket:dep-15").status is DeploymentStatus.RUNNING
    deployments[0] = answers.deployment(15)
    deployments.append(answers.deployment(18, hour=14))

    summary = world.take()

    assert (summary.n_deployments, summary.n_changed) == (1, 1)
    assert world.deployment("bitbucket:dep-15").deployed_at == at(10, 5)


def test_what_was_withheld_once_is_not_taken_for_deleted(world: World) -> None:
    deployments = world.server.of("deployments")
    deployments.append(answers.in_progress(15))
    world.take()
    deployments[0] = answers.deployment(15)
    world.server.faults.append(("dep-15", reply({"type": "error", "error": {"message": "No access."}}, 403)))
    assert any("deployments of" in one and "No access." in one for one in world.take().remarks)

    world.take()

    assert world.deployment("bitbucket:dep-15").deployed_at == at(10, 5)


def test_pages_are_read_down_to_what_is_known(world: World) -> None:
    world.server.max_per_page = 2
    deployments = world.server.of("deployments")
    deployments.extend(answers.deployment(number, hour=number) for number in range(1, 8))
    assert world.take().n_deployments == 7
    deployments.append(answers.deployment(9, hour=9))

    assert world.take().n_deployments == 1
    assert len(world.server.paths("/deployments")) == 2


def test_what_came_in_while_a_reading_lay_broken_off_is_read_as_well(world: World) -> None:
    world.server.max_per_page = 2
    deployments = world.server.of("deployments")
    deployments.extend(answers.deployment(number, hour=number) for number in range(1, 8))
    with pytest.raises(KilledError):
        world.take(killed_after=4)
    deployments.append(answers.deployment(9, hour=9))

    world.take()

    names = [f"bitbucket:dep-{number}" for number in (*range(1, 8), 9)]
    assert len(world.deliveries.deployments(names)) == 8
    # On from where it was, and once more from above.
    pages = [asked.params.get("page", "1") for asked in world.server.asked if asked.path.endswith("/deployments")]
    assert pages == ["3", "4", "1", "2"]


def test_a_second_import_reads_only_what_is_new(world: World) -> None:
    filled(world)
    world.take()
    world.server.of("pullrequests").append(answers.pull_request(18, "OPEN", hour=10))

    summary = world.take()

    assert (summary.n_deployments, summary.n_pull_requests, summary.n_read) == (0, 1, 0)
    assert (summary.n_new_incidents, summary.n_updated_incidents) == (0, 0)
    assert world.server.paths("pullrequests/") == [
        f"/2.0/repositories/acme/shop/pullrequests/18/{what}" for what in ("activity", "commits")
    ]
    assert world.server.paths("changes") == []


def test_a_later_day_skips_nothing_that_began_after_the_last_import(world: World) -> None:
    deployments = world.server.of("deployments")
    deployments.append(answers.deployment(15, hour=5))
    world.take()
    deployments.append(answers.deployment(16, hour=9))

    assert world.take(since=at(12)).n_deployments == 1


def test_what_was_left_out_at_first_is_read_once_it_is_asked_for(world: World) -> None:
    world.server.of("deployments").extend([answers.deployment(15, hour=5), answers.deployment(16, hour=14)])
    world.server.of("pullrequests").extend([answers.pull_request(18, hour=5), answers.pull_request(19, hour=14)])
    first = world.take(since=at(12))
    assert (first.n_deployments, first.n_pull_requests) == (1, 1)

    second = world.take()

    assert (second.n_deployments, world.pull_request(f"{SHOP}#18").number) == (1, "18")


def test_tags_left_out_at_first_are_read_once_they_are_asked_for(world: World) -> None:
    world.server.of("refs/tags").append(answers.tag())
    assert world.take(since=at(12) + timedelta(days=40)).n_deployments == 0

    assert world.take().n_deployments == 1


def test_what_was_deleted_while_it_was_read_is_left_out_alone(world: World) -> None:
    filled(world)
    world.server.of("pullrequests").append(answers.pull_request(18, hour=10))
    world.server.faults += [("pullrequests/17/activity", reply({"type": "error", "error": {"message": "gone"}}, 404))]

    summary = world.take()

    assert (summary.n_pull_requests, world.pull_request(f"{SHOP}#18").number) == (1, "18")
    assert any("pullrequests/17/activity" in one.example for one in summary.unused)


def test_one_that_has_no_time_holds_up_no_other(world: World) -> None:
    filled(world)
    world.server.of("issues").append(answers.issue(24, updated_on="2024-01-01T25:00:00Z"))
    world.server.of("pullrequests").append(answers.pull_request(18, updated_on="2024-01-01T25:00:00Z"))

    summary = world.take()

    assert (summary.n_pull_requests, summary.n_new_incidents, summary.n_unused) == (1, 1, 2)


def test_commits_are_left_to_a_clone_that_was_imported(world: World) -> None:
    filled(world)
    world.deliveries.set_cursor(clone_cursor(SHOP), b"1")

    assert world.take().n_read == 0


def test_new_commits_alone_are_read_and_all_once_a_branch_was_rewritten(world: World) -> None:
    commits = world.server.of("commits")
    commits.extend([answers.commit("b" * 40, "a" * 40), answers.commit("a" * 40)])
    assert world.take().n_read == 2
    commits.insert(0, answers.commit("d" * 40, "b" * 40))
    assert world.take().n_read == 1

    commits[:] = [answers.commit("e" * 40, "a" * 40), answers.commit("a" * 40)]

    assert (world.take().n_commits, world.take().n_read) == (1, 0)


@pytest.mark.parametrize(
    ("token", "header"),
    [
        ("bb-of-this-test", "Bearer bb-of-this-test"),
        ("ann@acme.example:ATATT3x", "Basic " + base64.b64encode(b"ann@acme.example:ATATT3x").decode()),
    ],
)
def test_a_token_goes_as_its_kind_has_it(world: World, token: str, header: str) -> None:
    world.server.accepted = {header}
    world.token = token

    world.take()

    assert {asked.headers["authorization"] for asked in world.server.asked} == {header}


def test_a_token_without_the_scope_for_one_stream_reads_the_others(world: World) -> None:
    filled(world)
    world.server.withheld.append("/pullrequests")

    summary = world.take()

    assert (summary.n_deployments, summary.n_pull_requests, summary.n_new_incidents) == (1, 0, 1)
    (remark,) = [one for one in summary.remarks if one.startswith("pull requests of")]
    assert "lack one or more required privilege scopes" in remark
    assert "the scope pullrequest" in remark


def test_a_limit_without_a_date_and_a_fault_are_waited_for(world: World) -> None:
    filled(world)
    world.server.faults += [
        ("deployments", reply({"type": "error", "error": {"message": "Rate limit for this resource"}}, 429)),
        ("activity", reply(b"<html>", 502)),
    ]
    began = world.clock.now()

    summary = world.take()

    assert (summary.n_deployments, summary.n_pull_requests) == (1, 1)
    assert world.clock.now() - began >= timedelta(minutes=1)


def test_a_next_page_on_another_host_is_not_asked_for(world: World) -> None:
    filled(world)
    page = {"values": [], "next": "https://evil.example/2.0/repositories/acme/shop/deployments?page=2"}
    world.server.faults.append(("activity", reply(page)))

    with pytest.raises(ConfigError, match=r"evil\.example, where the token is not sent"):
        world.take()


@pytest.mark.parametrize("n_readings", range(1, 22, 2))
def test_killed_anywhere_and_run_again_it_is_as_if_nothing_had_happened(world: World, n_readings: int) -> None:
    filled(world)
    world.server.max_per_page = 2
    world.server.of("deployments").extend(answers.deployment(number, hour=number - 5) for number in range(16, 21))
    world.server.of("pullrequests").extend(answers.pull_request(number, hour=number - 8) for number in range(18, 22))
    undisturbed = World(world.kind, world.server, world.clock, TOKEN)
    undisturbed.take()
    with pytest.raises(KilledError):
        world.take(killed_after=n_readings)

    world.take()

    names = [f"bitbucket:dep-{number}" for number in range(15, 21)]
    assert world.deliveries.deployments(names) == undisturbed.deliveries.deployments(names)
    assert world.deliveries.shipped(names) == undisturbed.deliveries.shipped(names)
    for number in range(17, 22):
        name = f"{SHOP}#{number}"
        assert world.pull_request(name) == undisturbed.pull_request(name)
    assert world.timeline("bitbucket", "acme/shop#23") == undisturbed.timeline("bitbucket", "acme/shop#23")


@pytest.mark.parametrize("target", ["acme/none", "nobody", "acme/shop/more", "https://git.acme.example/acme/shop"])
def test_what_is_not_there_is_said(world: World, target: str) -> None:
    with pytest.raises(ConfigError, match=r"no (repository or workspace|workspace or repository)"):
        world.take(target)
