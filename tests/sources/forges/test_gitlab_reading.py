"""How GitLab's REST API is read: pages, limits, faults, rights, and where a reading goes on."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from pydantic import SecretStr

from resile.model.errors import ConfigError
from resile.sources.forges.gitlab import KIND
from resile.sources.git_repo import clone_cursor
from resile.testing.loopback_forge import Asked, Reply
from tests.sources.forges import gitlab_answers as answers
from tests.sources.forges.faulty import reply
from tests.sources.forges.gitlab_server import TOKEN
from tests.sources.forges.gitlab_world import HOST, SHOP, World, at, filled, made, many
from tests.sources.forges.world import ForgeWorld, KilledError


@pytest.fixture
def world() -> Iterator[World]:
    yield from made()


@pytest.fixture
def world_under_a_path() -> Iterator[World]:
    yield from made(root="/gitlab")


@pytest.mark.parametrize(
    ("target", "host", "words"),
    [
        ("https://git.acme.example/acme/shop", "https://other.example/gitlab", "name two hosts"),
        ("https://acme.example/acme/shop", "https://acme.example/gitlab", "does not stand under --host"),
        ("acme/shop", "https://acme.example/git lab", "names nothing"),
        ("acme/shop", "https://acme.example/gitlab?x=1", "has more than a path"),
        ("acme/shop", "http://git.acme.example/gitlab", "in clear"),
        ("acme/../shop", "git.acme.example", "names nothing"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused(world: World, target: str, host: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        world.take(target, host=host)
    assert world.server.asked == []


def test_every_page_is_read_also_where_several_changed_at_one_instant(world: World) -> None:
    many(world)
    for one in world.server.of("merge_requests")[1:5]:
        one["updated_at"] = "2024-01-01T11:00:00.700Z"

    assert world.take().n_pull_requests == 7


def test_what_changes_while_it_is_read_pushes_nothing_past_us(world: World) -> None:
    many(world)
    requests = world.server.of("merge_requests")
    notes_of_first = world.server.of("merge_requests/0/notes")
    asked_for = world.server.reply

    def changing(asked: Asked) -> Reply:
        if "merge_requests/0/notes" in asked.path and not notes_of_first:
            notes_of_first.append(answers.note(9, answers.BOB, "Oh.", "2024-01-01T23:00:00.000Z"))
            requests[0]["updated_at"] = "2024-01-01T23:00:00.000Z"
        return asked_for(asked)

    world.server.reply = changing  # type: ignore[method-assign]

    assert world.take().n_pull_requests == 7


def test_what_robots_wrote_beyond_a_bound_is_left_out_and_said(world: World) -> None:
    filled(world)
    chatter = (answers.note(n, answers.BOB, "Built.", "2024-01-01T08:40:00.000Z") for n in range(100, 2_200))
    world.server.of("merge_requests/17/notes").extend(chatter)

    summary = world.take()

    assert summary.n_pull_requests == 1
    (said,) = [one for one in summary.unused if "2,000 entries" in one.example]
    assert said.example == "there are more than 2,000 entries; the others are left out"
    assert "merge_requests/17/notes" in said.place


def test_a_second_import_reads_only_what_is_new(world: World) -> None:
    filled(world)
    world.server.of("releases").append(answers.release())
    world.take()
    world.server.of("merge_requests").append(answers.merge_request(18, "opened", hour=10))
    world.server.of("deployments").append(answers.deployment(16, hour=14))

    summary = world.take()

    assert (summary.n_deployments, summary.n_pull_requests, summary.n_read, summary.n_unused) == (1, 1, 0, 0)
    assert (summary.n_new_incidents, summary.n_updated_incidents) == (0, 0)
    assert world.server.paths("merge_requests/") == [
        f"/api/v4/projects/30/merge_requests/18/{what}" for what in ("notes", "commits")
    ]
    assert world.server.paths("resource_state_events") == []


def test_what_changed_since_is_told_anew(world: World) -> None:
    filled(world)
    world.server.of("deployments")[0]["status"] = "running"
    world.take()
    world.server.of("deployments")[0] |= {"status": "success", "updated_at": "2024-01-02T00:00:00.000Z"}
    world.server.of("issues")[2] |= {
        "state": "closed", "closed_at": "2024-01-01T10:00:00.000Z", "updated_at": "2024-01-01T10:00:00.000Z"
    }  # fmt: skip

    summary = world.take()

    assert (summary.n_changed, summary.n_updated_incidents) == (1, 1)
    assert world.timeline(HOST, "acme/platform/shop#24") == [("detected", at(8)), ("restored", at(10))]


def test_new_commits_alone_are_read_and_all_once_a_branch_was_rewritten(world: World) -> None:
    commits = world.server.of("repository/commits")
    commits.extend([answers.commit("b" * 40, "a" * 40), answers.commit("a" * 40)])
    assert world.take().n_read == 2
    # A branch that was merged brings an older commit.
    commits.insert(0, answers.commit("d" * 40, "b" * 40, "c" * 40))
    commits.append(answers.commit("c" * 40, "a" * 40))

    assert world.take().n_commits == 2

    commits[:] = [answers.commit("e" * 40, "a" * 40), answers.commit("a" * 40)]
    assert world.take().n_commits == 1
    assert world.take().n_read == 0


def test_commits_are_read_on_from_the_page_at_which_it_was_broken_off(world: World) -> None:
    world.server.max_per_page = 1
    shas = [letter * 40 for letter in "edcba"]
    world.server.of("repository/commits").extend(
        answers.commit(sha, *shas[number + 1 : number + 2]) for number, sha in enumerate(shas)
    )
    with pytest.raises(KilledError):
        world.take(killed_after=6)

    assert world.take().n_read == 3

    assert len(world.deliveries.parents(SHOP)) == 5


def test_commits_are_left_to_a_clone_that_was_imported(world: World) -> None:
    filled(world)
    world.deliveries.set_cursor(clone_cursor(SHOP), b"1")

    summary = world.take()

    assert summary.n_read == 0
    assert [one for one in summary.remarks if "its clone was imported" in one]


def test_what_was_last_touched_before_a_day_is_left_out_at_first(world: World) -> None:
    world.server.of("deployments").extend([answers.deployment(15, hour=5), answers.deployment(16, hour=14)])
    world.server.of("releases").extend([answers.release("v1", hour=5), answers.release("v2.0", hour=14)])

    world.take(since=at(12))

    assert {one.ref for one in world.deliveries.deployments_of("shop", "production")} == {"16", "release:30:v2.0"}


def test_a_later_day_skips_nothing_that_changed_after_the_last_import(world: World) -> None:
    world.server.of("deployments").append(answers.deployment(15, hour=5))
    world.take()
    world.server.of("deployments").append(answers.deployment(16, hour=9))

    world.take(since=at(12))

    assert {one.ref for one in world.deliveries.deployments_of("shop", "production")} == {"15", "16"}


@pytest.mark.parametrize("earlier", [None, at(4)])
def test_what_was_left_out_at_first_is_read_once_it_is_asked_for(world: World, earlier: datetime | None) -> None:
    world.server.of("deployments").extend([answers.deployment(15, hour=5), answers.deployment(16, hour=14)])
    world.take(since=at(12))

    world.take(since=earlier)

    assert {one.ref for one in world.deliveries.deployments_of("shop", "production")} == {"15", "16"}
    world.take(since=earlier)
    assert not world.server.paths("/environments")


def test_what_was_deleted_while_it_was_read_is_left_out_alone(world: World) -> None:
    filled(world)
    world.server.of("merge_requests").append(answers.merge_request(18, hour=10))
    gone = reply({"message": "404 Merge Request Not Found"}, 404)
    world.server.faults += [("merge_requests/17/notes", gone), ("issues/23/resource_state_events", gone)]

    summary = world.take()

    assert world.pull_request(f"{SHOP}#18").title
    assert (summary.n_pull_requests, summary.n_new_incidents) == (1, 1)
    assert any("merge_requests/17/notes" in one.example for one in summary.unused)


@pytest.mark.parametrize("bad", [{"updated_at": "2024-01-01T25:00:00Z"}, {"id": None}, {"iid": None}])
def test_one_that_has_no_name_or_no_time_holds_up_no_other(world: World, bad: dict[str, object]) -> None:
    world.server.of("merge_requests").extend([answers.merge_request(17, **bad), answers.merge_request(18, hour=10)])

    summary = world.take()

    assert world.pull_request(f"{SHOP}#18").title
    assert (summary.n_pull_requests, summary.n_unused) == (1, 1)


def test_a_label_of_incidents_is_found_among_thousands(world: World) -> None:
    filled(world)
    labels = world.server.of("labels")
    labels[:0] = [{"id": number, "name": f"a{number:04}"} for number in range(2_000)]

    assert world.take().n_new_incidents == 2


def test_a_limit_is_waited_for(world: World) -> None:
    filled(world)
    world.server.per_limit = 5

    summary = world.take()

    assert (summary.n_deployments, summary.n_pull_requests, summary.n_new_incidents) == (1, 1, 2)
    assert summary.broken_off is None
    assert world.server.n_turned_away == 0
    assert any("waiting for GitLab's rate limit" in words for words in world.said)


def test_a_limit_that_lasts_too_long_ends_the_import_which_goes_on_later(world: World) -> None:
    filled(world)
    world.server.per_limit = 8

    broken_off = world.take(patience=timedelta(seconds=1))

    assert "rate limit is used up" in (broken_off.broken_off or "")
    assert world.take().broken_off is None
    assert world.pull_request(f"{SHOP}#17").reviews


def test_a_fault_is_asked_about_again(world: World) -> None:
    filled(world)
    world.server.faults += [
        ("deployments", reply({"message": "502 Bad Gateway"}, 502)),
        ("deployments", reply({"message": "429"}, 429, {"Retry-After": "3"})),
        ("notes", reply(b"<html>", 503)),
    ]

    summary = world.take()

    assert (summary.n_deployments, summary.n_pull_requests) == (1, 1)


def test_a_token_without_the_right_to_one_stream_reads_the_others(world: World) -> None:
    filled(world)
    world.server.withheld.append("/deployments")

    summary = world.take()

    assert (summary.n_deployments, summary.n_pull_requests, summary.n_new_incidents) == (0, 1, 2)
    (remark,) = summary.remarks
    assert remark.startswith(f"deployments of {SHOP} are not read: GitLab does not let this token read")
    assert "read_api" in remark
    assert TOKEN not in remark


def test_a_stream_that_was_withheld_is_read_once_it_is_granted(world: World) -> None:
    filled(world)
    world.server.withheld.append("/deployments")
    world.take()
    world.server.withheld.clear()

    assert world.take().n_deployments == 1


@pytest.mark.parametrize("n_readings", range(1, 26, 2))
def test_killed_anywhere_and_run_again_it_is_as_if_nothing_had_happened(world: World, n_readings: int) -> None:
    many(filled(world), 5)
    undisturbed = ForgeWorld(KIND, world.server, world.clock, TOKEN)
    undisturbed.take()
    with pytest.raises(KilledError):
        world.take(killed_after=n_readings)

    world.take()

    for name in (f"{HOST}:15",):
        assert world.deployment(name) == undisturbed.deployment(name)
        assert world.deliveries.shipped([name]) == undisturbed.deliveries.shipped([name])
    for number in (0, 1, 2, 3, 4, 17):
        name = f"{SHOP}#{number}"
        assert world.pull_request(name) == undisturbed.pull_request(name)
    for number in (23, 24):
        ref = f"acme/platform/shop#{number}"
        assert world.timeline(HOST, ref) == undisturbed.timeline(HOST, ref)


def test_an_item_that_is_not_as_documented_is_left_out_with_its_reason(world: World) -> None:
    world.server.of("deployments").extend([answers.deployment(14, "sleeping", hour=9), answers.deployment(15)])
    world.server.of("merge_requests").append(answers.merge_request(created_at="soon"))

    summary = world.take()

    assert (summary.n_deployments, summary.n_pull_requests, summary.n_unused) == (1, 0, 2)
    assert {"sleeping" in one.example or "soon" in one.example for one in summary.unused} == {True}


@pytest.mark.parametrize("target", ["acme/none", "nobody"])
def test_what_is_not_there_or_not_shown_is_said(world: World, target: str) -> None:
    with pytest.raises(ConfigError, match=f"'{target}' is no project or group that GitLab shows"):
        world.take(target)


def test_a_token_that_is_refused_is_said_without_it(world: World) -> None:
    world.token = "glpat-expired"  # noqa: S105 - it opens nothing

    with pytest.raises(ConfigError, match="refuses the token") as refused:
        world.take()

    assert "glpat" not in str(refused.value)


def test_the_public_hosts_token_goes_to_no_other(world: World) -> None:
    with pytest.raises(ConfigError, match="wants a token"):
        world.take(token=None, public_token=SecretStr(TOKEN))

    assert not any("authorization" in asked.headers for asked in world.server.asked)


def test_a_next_page_on_another_host_is_not_asked_for(world: World) -> None:
    link = {"Link": '<https://evil.example/api/v4/projects/30/deployments?page=2>; rel="next"'}
    world.server.faults.append(("merge_requests/17/notes", reply([], 200, link)))
    filled(world)

    with pytest.raises(ConfigError, match=r"evil\.example, where the token is not sent"):
        world.take()
