"""A Bitbucket Data Center by REST, against a server of our own that answers as it documents it."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from resile.model.change import ReviewState
from resile.model.errors import ConfigError
from resile.sources.forges.bitbucket import KIND
from resile.testing.simulated_clock import SimulatedClock
from tests.sources.forges.data_center_server import (
    ANN,
    BOB,
    FIRST,
    HEAD,
    TOKEN,
    DataCenterServer,
    activity,
    commit,
    pull_request,
    tag,
)
from tests.sources.forges.world import NOW, ForgeWorld, KilledError

HOST = "127.0.0.1"
SHOP = f"{HOST}/scm/acme/shop"


class World(ForgeWorld):
    server: DataCenterServer
    target = "ACME/shop"


def made(*, root: str = "") -> Iterator[World]:
    clock = SimulatedClock(NOW)
    with DataCenterServer(clock, root=root) as server:
        server.add()
        yield World(KIND, server, clock, TOKEN)


@pytest.fixture
def world() -> Iterator[World]:
    yield from made()


def at(hour: int, minute: int = 0) -> datetime:
    return datetime(2024, 1, 1, hour, minute, tzinfo=UTC)


def filled(world: World) -> World:
    """A repository with one of each."""
    server = world.server
    server.of("commits").extend([commit(HEAD, FIRST, at="2024-01-01T09:00:00+00:00"), commit(FIRST)])
    server.of("tags").extend([tag("v1.4.2"), tag("v1.5.0-rc.1"), tag("nightly")])
    server.of("pull-requests").append(pull_request())
    comment = {"id": 1, "text": "Why two?", "author": BOB}
    server.of("pull-requests/17/activities").extend(
        [
            activity(7, "MERGED", BOB, "2024-01-01T09:00:00+00:00", commit={"id": HEAD}),
            activity(6, "UNAPPROVED", BOB, "2024-01-01T08:40:00+00:00"),
            activity(5, "APPROVED", BOB, "2024-01-01T08:30:00+00:00"),
            activity(4, "RESCOPED", ANN, "2024-01-01T08:28:00+00:00", fromHash=FIRST),
            activity(3, "COMMENTED", ANN, "2024-01-01T08:25:00+00:00", commentAction="ADDED", comment=comment),
            activity(2, "REVIEWED", BOB, "2024-01-01T08:21:00+00:00"),
            activity(1, "COMMENTED", BOB, "2024-01-01T08:20:00+00:00", commentAction="ADDED", comment=comment),
            activity(0, "OPENED", ANN, "2024-01-01T08:00:00+00:00"),
        ]
    )
    server.of("pull-requests/17/commits").append(commit(FIRST))
    return world


def test_tags_that_are_versions_are_releases_at_the_time_of_their_commit(world: World) -> None:
    filled(world)

    summary = world.take()

    deployment = world.deployment(f"{HOST}:release:{SHOP}:v1.4.2")
    assert (summary.n_deployments, summary.n_unused) == (1, 2)
    assert (deployment.deployed_at, deployment.sha, deployment.service) == (at(9), HEAD, "shop")
    shipped = world.deliveries.shipped([deployment.id])[deployment.id]
    assert set(shipped.shas or ()) == {HEAD, FIRST}


def test_tags_left_out_at_first_are_read_once_they_are_asked_for(world: World) -> None:
    world.server.of("commits").append(commit(HEAD))
    world.server.of("tags").append(tag("v1.4.2"))
    assert world.take(since=NOW).n_deployments == 0

    assert world.take().n_deployments == 1


def test_a_pull_request_comes_with_its_commits_and_what_others_said(world: World) -> None:
    filled(world)

    world.take()

    request = world.pull_request(f"{SHOP}#17")
    assert (request.author, request.opened_at, request.merged_at) == ("ann", at(8), at(9))
    assert (request.merge_sha, request.head_sha, request.commits) == (HEAD, FIRST, (FIRST,))
    assert request.first_commit_at == at(7, 40)
    assert [(one.reviewer, one.state, one.at) for one in request.reviews] == [
        ("bob", ReviewState.COMMENTED, at(8, 20)),
        ("bob", ReviewState.CHANGES_REQUESTED, at(8, 21)),
        ("bob", ReviewState.APPROVED, at(8, 30)),
        ("bob", ReviewState.DISMISSED, at(8, 40)),
    ]


def test_before_its_eighth_version_the_merge_alone_tells_the_commit(world: World) -> None:
    filled(world)
    world.server.of("pull-requests")[0]["properties"] = {}

    world.take()

    assert world.pull_request(f"{SHOP}#17").merge_sha == HEAD


def test_a_second_import_reads_only_what_is_new(world: World) -> None:
    filled(world)
    world.server.of("pull-requests").append(pull_request(18, "OPEN", hour=8))
    world.take()
    world.server.of("pull-requests")[1] = pull_request(18, hour=12)

    summary = world.take()

    assert (summary.n_deployments, summary.n_read, summary.n_unused) == (0, 0, 0)
    assert world.pull_request(f"{SHOP}#18").merged_at == at(12)
    assert not world.server.paths("pull-requests/17")
    assert world.server.paths("commits/") == []


def test_a_project_is_read_repository_by_repository_under_a_path_and_by_its_page() -> None:
    for world in made(root="/git"):
        world.server.max_per_page = 1
        world.server.add(slug="cart", number=31)
        for slug in ("shop", "cart"):
            world.server.of("commits", slug).append(commit(HEAD))
            world.server.of("tags", slug).append(tag("v1.0"))
        host = f"{world.server.address}/git"

        assert world.take(f"{host}/projects/ACME", host=host).n_deployments == 2

        assert world.deployment(f"{HOST}:release:{HOST}/git/scm/acme/cart:v1.0").service == "cart"
        assert world.take(f"{host}/projects/ACME/repos/shop/browse?at=main", host=host).n_deployments == 0


def test_a_users_repository_is_that_of_a_project_with_a_tilde(world: World) -> None:
    world.server.add("~ann", "notes", 33)
    world.server.of("commits", "notes").append(commit(HEAD))

    assert world.take("users/ann/repos/notes").n_read == 1
    assert world.take("~ann/notes").n_read == 0


def test_one_stream_that_is_withheld_leaves_the_others(world: World) -> None:
    filled(world)
    world.server.withheld.append("/tags")

    summary = world.take()

    assert (summary.n_deployments, summary.n_pull_requests) == (0, 1)
    (remark,) = [one for one in summary.remarks if one.startswith(f"tags of {SHOP} are not read")]
    assert "You are not permitted to access this resource" in remark


@pytest.mark.parametrize("n_readings", range(1, 12))
def test_killed_anywhere_and_run_again_it_is_as_if_nothing_had_happened(world: World, n_readings: int) -> None:
    filled(world)
    world.server.max_per_page = 1
    world.server.of("pull-requests").extend(pull_request(number, hour=number - 8) for number in range(18, 21))
    undisturbed = World(KIND, world.server, world.clock, TOKEN)
    undisturbed.take()
    with pytest.raises(KilledError):
        world.take(killed_after=n_readings)

    world.take()

    name = f"{HOST}:release:{SHOP}:v1.4.2"
    assert world.deployment(name) == undisturbed.deployment(name)
    assert world.deliveries.shipped([name]) == undisturbed.deliveries.shipped([name])
    for number in range(17, 21):
        one = f"{SHOP}#{number}"
        assert world.pull_request(one) == undisturbed.pull_request(one)


def test_a_time_that_is_none_leaves_out_that_item_alone(world: World) -> None:
    filled(world)
    world.server.of("pull-requests").append(pull_request(18, createdDate="soon"))

    summary = world.take()

    assert summary.n_pull_requests == 1
    assert any("createdDate" in one.example for one in summary.unused)


@pytest.mark.parametrize(
    ("target", "options", "words"),
    [
        ("NONE/shop", {}, "no repository or workspace that Bitbucket shows"),
        ("ACME/shop/more", {}, "no project or repository"),
        ("ACME/shop", {"runs": {"Deploy": "production"}}, "lists no deployments"),
    ],
)
def test_what_cannot_be_read_is_said(world: World, target: str, options: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        world.take(target, **options)
