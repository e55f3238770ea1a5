"""Which tags are releases, of which version, and to which environment they go."""

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase

from msgspec import Struct

from resile.model.change import DeploymentKind
from resile.model.errors import ConfigError

PRODUCTION = "production"
PRE_RELEASE = "pre-release"
MAX_NAME = 250

# What stands before a version without naming a part of the repository.
_WORDS = frozenset({"release", "releases", "rel", "version", "ver", "hotfix", "rollback", "revert"})
_VERSION = re.compile(
    r"(?:(?P<prefix>[A-Za-z@][^\s]*?)[-/@_])?[vV]?(?P<version>(?:[0-9]+(?:\.[0-9]+)+|(?<=[vV])[0-9]+)[-._+0-9A-Za-z]*)"
)
_PRE_RELEASE = re.compile(
    r"(?:alpha|beta|rc|cr|dev|pre|preview|snapshot|nightly|canary|milestone)(?![a-z])|(?<![a-z])[abcm][0-9]",
    re.IGNORECASE,
)
_UNPLANNED = re.compile(r"(?<![a-z])(hot-?fix|roll-?back|revert)(?![a-z])", re.IGNORECASE)


class Rule(Struct, frozen=True):
    """Tags or branches of a pattern go to an environment.

    Attributes:
        pattern: with `*`, `?` and `[…]`.
        is_branch: every commit on the first-parent line of such a branch is a deployment of its own.
    """

    environment: str
    pattern: str
    is_branch: bool = False


class ReleaseRules(Struct, frozen=True, kw_only=True):
    """What a release is.

    Attributes:
        names: prefixes of tags that mean this service, such as `shop` of `shop-v1.2`; in lower case.
        patterns: tags that are releases; empty: those that are versions.
        rules: the first that fits says the environment.
        environment: to which everything goes that no rule sends elsewhere; None: production, and pre-releases to
            `pre-release`.
    """

    names: frozenset[str] = frozenset()
    patterns: tuple[str, ...] = ()
    rules: tuple[Rule, ...] = ()
    environment: str | None = None


class Release(Struct, frozen=True):
    """A tag that is a release."""

    environment: str
    version: str
    unplanned: DeploymentKind | None


def parsed_environments(given: Sequence[str]) -> tuple[tuple[Rule, ...], str | None]:
    """Rules and the environment for all else, from `ENV=PATTERN`, `ENV=branch:PATTERN` and `ENV`.

    Raises:
        ConfigError: one of them is none of these, or two name the environment for all else.
    """
    rules, default = [], None
    for text in given:
        environment, is_rule, pattern = text.partition("=")
        environment, pattern = environment.strip(), pattern.strip()
        if not environment or len(environment) > MAX_NAME or (is_rule and not pattern.removeprefix("branch:")):
            raise ConfigError(
                f"environment {text!r} cannot be used; write production='v*', staging=branch:main, or a name alone"
            )
        if is_rule:
            rules.append(Rule(environment, pattern.removeprefix("branch:"), pattern.startswith("branch:")))
        elif default is not None:
            raise ConfigError(f"environments {default!r} and {environment!r} are both for all tags; give one a pattern")
        else:
            default = environment
    return tuple(rules), default


def release_of(tag: str, rules: ReleaseRules) -> Release | str:
    """What the tag releases; or why it does not count, in one sentence."""
    if len(tag) > MAX_NAME:
        return f"the tag's name has {len(tag)} characters; names up to {MAX_NAME} are read"
    found = _VERSION.fullmatch(tag)
    tag_rules = [rule for rule in rules.rules if not rule.is_branch]
    chosen = next((rule for rule in tag_rules if fnmatchcase(tag, rule.pattern)), None)
    if rules.patterns:
        if not any(fnmatchcase(tag, pattern) for pattern in rules.patterns):
            return f"the tag {tag!r} fits no --tags pattern"
    elif chosen is None:
        if found is None:
            return f"the tag {tag!r} is no version; name a pattern with --tags if such tags are releases"
        if not _is_ours(found["prefix"], rules.names):
            return f"the tag {tag!r} is a version of {found['prefix']!r}; name it with --tags if it is this service's"
    if chosen is None and tag_rules and rules.environment is None:
        return f"the tag {tag!r} fits no --environment pattern"
    if chosen is not None:
        environment = chosen.environment
    elif rules.environment is not None:
        environment = rules.environment
    else:
        environment = PRE_RELEASE if is_pre_release(tag) else PRODUCTION
    return Release(environment, found["version"] if found is not None else tag, _unplanned(tag))


def is_pre_release(tag: str) -> bool:
    """Whether a tag says that it comes before the version that is released, such as v1.4.2-rc.1."""
    found = _VERSION.fullmatch(tag)
    # What stands before the version names a part of the repository, such as dev-tools; what follows a plus is a build.
    version = tag if found is None else found["version"]
    return _PRE_RELEASE.search(version.partition("+")[0]) is not None


def _is_ours(prefix: str | None, names: frozenset[str]) -> bool:
    return prefix is None or prefix.casefold() in _WORDS or prefix.casefold() in names


def _unplanned(tag: str) -> DeploymentKind | None:
    found = _UNPLANNED.search(tag)
    return None if found is None else DeploymentKind(found[1].casefold().replace("-", ""))
