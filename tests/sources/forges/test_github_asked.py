"""What is asked of GitHub: whose repositories, with which token, within which limits; and what is said of it."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from resile.model.errors import ConfigError
from resile.testing.loopback_forge import Reply
from tests.sources.forges.github_world import GitHubWorld, at, filled


@pytest.fixture
def world() -> Iterator[GitHubWorld]:
    made = GitHubWorld()
    filled(made.server)
    with made.server.forge:
        yield made


def test_an_owner_is_all_of_its_repositories_but_forks_and_archived_ones(world: GitHubWorld) -> None:
    world.server.add_repository("a-fork", fork=True)
    world.server.add_repository("old", archived=True)

    summary = world.take("acme")

    assert summary.n_pull_requests == 3
    assert any("1 repositories of acme were read, 2 left out" in remark for remark in summary.remarks)
    assert summary.n_unused == 3
    assert not any(path.startswith("/repos/acme/old") for path in world.asked)


def test_the_service_is_the_repository_unless_one_is_named(world: GitHubWorld) -> None:
    world.take(service="checkout")

    assert world.deployment("github:81").service == "checkout"


def test_other_names_of_production_are_told(world: GitHubWorld) -> None:
    world.server.add_deployment(85, at(8), ("success", at(8, 1)), environment="live-eu", production_environment=False)
    world.server.statuses[85][0]["environment"] = "live-eu"

    world.take(environments=("production=live-*",))

    assert world.deployment("github:85").environment == "production"


def test_a_limit_beyond_the_patience_ends_it_with_what_was_read_kept(world: GitHubWorld) -> None:
    world.server.forge.fails = [None] * 6 + [Reply(status=429, headers={"retry-after": "7200"})]

    summary = world.take()

    assert summary.broken_off is not None
    assert "run the same command again after that" in summary.broken_off
    assert summary.n_commits == 5
    world.clock.advance(timedelta(hours=2))
    assert world.take().broken_off is None
    assert world.deployment("github:83").deployed_at is not None


def test_without_a_token_what_is_public_is_read_and_the_low_limit_is_said(world: GitHubWorld) -> None:
    summary = world.take(token=None)

    assert summary.n_pull_requests == 3
    assert any("60 questions an hour" in remark for remark in summary.remarks)
    assert not any("authorization" in asked.headers for asked in world.server.forge.asked)


def test_a_token_that_is_refused_is_said(world: GitHubWorld) -> None:
    world.server.token = "another"  # noqa: S105 - of nobody

    with pytest.raises(ConfigError, match="refuses the token"):
        world.take()


def test_a_repository_that_is_not_there_is_said(world: GitHubWorld) -> None:
    with pytest.raises(ConfigError, match="knows no repos/acme/nothing, or does not show it"):
        world.take("acme/nothing")


def test_the_bar_hears_of_what_is_read_in_its_own_units(world: GitHubWorld) -> None:
    world.take(runs={"Deploy": "production"})

    assert {"5 commits", "3 pull requests", "4 deployments", "2 workflow runs", "2 issues"} <= set(world.said)
    assert "reading github.com/acme/shop" in world.said
