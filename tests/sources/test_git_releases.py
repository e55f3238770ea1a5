import pytest

from resile.model.change import DeploymentKind
from resile.model.errors import ConfigError
from resile.sources.git_plumbing import name_of_address
from resile.sources.git_releases import Release, ReleaseRules, parsed_environments, release_of

SHOP = ReleaseRules(names=frozenset({"shop"}))


@pytest.mark.parametrize(
    ("tag", "environment", "version"),
    [
        ("v1.2.3", "production", "1.2.3"),
        ("1.2", "production", "1.2"),
        ("v7", "production", "7"),
        ("2024.05.1", "production", "2024.05.1"),
        ("shop-v1.2.3", "production", "1.2.3"),
        ("Shop/1.2.3", "production", "1.2.3"),
        ("release-1.2", "production", "1.2"),
        ("1.0.post1", "production", "1.0.post1"),
        ("1.0+build.rc1", "production", "1.0+build.rc1"),
        ("1.0rc1", "pre-release", "1.0rc1"),
        ("v1.0-beta", "pre-release", "1.0-beta"),
        ("1.0a13", "pre-release", "1.0a13"),
        ("1.0.dev0", "pre-release", "1.0.dev0"),
        ("v0.1.0-alpha.1", "pre-release", "0.1.0-alpha.1"),
    ],
)
def test_versions_are_releases(tag: str, environment: str, version: str) -> None:
    assert release_of(tag, SHOP) == Release(environment, version, None)


@pytest.mark.parametrize("tag", ["nightly", "5", "latest", "release", "web-v1.0", "v", "x" * 300, "2024-05-01"])
def test_other_tags_are_not_and_say_why(tag: str) -> None:
    reason = release_of(tag, SHOP)

    assert isinstance(reason, str)
    assert reason.startswith("the tag")


@pytest.mark.parametrize(
    ("tag", "kind"),
    [
        ("v1.2.3-hotfix", DeploymentKind.HOTFIX),
        ("hotfix/1.2.3", DeploymentKind.HOTFIX),
        ("v1.2.3-roll-back", DeploymentKind.ROLLBACK),
        ("revert-1.2", DeploymentKind.REVERT),
    ],
)
def test_a_tag_that_says_so_is_unplanned(tag: str, kind: DeploymentKind) -> None:
    release = release_of(tag, SHOP)

    assert isinstance(release, Release)
    assert release.unplanned is kind


def test_patterns_decide_where_they_are_given() -> None:
    rules, default = parsed_environments(["staging=*-rc*", "production=deploy-*"])
    by_rule = ReleaseRules(rules=rules, environment=default)
    by_tags = ReleaseRules(patterns=("deploy-*",))

    assert release_of("deploy-7", by_rule) == Release("production", "deploy-7", None)
    assert release_of("v1.0-rc1", by_rule) == Release("staging", "1.0-rc1", None)
    assert "fits no --environment pattern" in str(release_of("v1.0", by_rule))
    assert release_of("deploy-7", by_tags) == Release("production", "deploy-7", None)
    assert "fits no --tags pattern" in str(release_of("v1.0", by_tags))


@pytest.mark.parametrize("given", [["=v*"], ["production="], ["production=branch:"], [""], ["a", "b"]])
def test_environments_that_cannot_be_used_are_refused(given: list[str]) -> None:
    with pytest.raises(ConfigError, match="environment"):
        parsed_environments(given)


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("https://ann:secret@github.com/acme/shop.git", "github.com/acme/shop"),
        ("https://github.com/acme/shop/?token=secret", "github.com/acme/shop"),
        ("git@github.com:acme/shop.git", "github.com/acme/shop"),
        ("git@GitHub.com:Acme/shop.git", "github.com/Acme/shop"),
        ("ssh://git@git.example.org:2222/acme/shop", "git.example.org/acme/shop"),
        ("file:///srv/git/shop.git", "shop"),
        ("/srv/git/shop.git", "shop"),
        ("../shop/", "shop"),
        ("https://[broken/", ""),
        ("", ""),
    ],
)
def test_a_repository_is_called_by_its_address_without_credentials(address: str, name: str) -> None:
    assert name_of_address(address) == name
