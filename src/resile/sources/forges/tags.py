"""Tags as releases, where a forge has no others."""

from datetime import datetime

from msgspec import Struct

from resile.ports.delivery_source import Unused
from resile.ports.source import Place
from resile.sources.doors.naming import PRODUCTION
from resile.sources.forges.reading import decoded, wants_more
from resile.sources.git_releases import ReleaseRules, release_of


class Tags(Struct):
    """A cursor.

    Attributes:
        known: the tags that were read, and the beginnings of their commits' ids.
        since: what is older was left out, when tags were read at first.
    """

    known: dict[str, str] = {}
    since: datetime | None = None

    def is_early(self, at: datetime | None) -> bool:
        """Whether a tag of that time is left out, which it is at first alone."""
        return not self.known and self.since is not None and at is not None and at < self.since


def tags_known(cursor: bytes | None, since: datetime | None) -> Tags:
    """The tags that were read before; none, where more is wanted than was."""
    tags = decoded(cursor, Tags)
    return tags if tags.known and not wants_more(since, tags.since) else Tags(since=since)


def unreleased(tag: str, *, service: str | None, repo: str) -> Unused | None:
    """Why a tag is no release to production, by the rules of `resile import git`; None if it is one."""
    place = Place(f"tag {tag} of {repo}")
    release = release_of(tag, ReleaseRules(names=frozenset({(service or "").casefold()})))
    if isinstance(release, str):
        return Unused(place, release)
    if release.environment != PRODUCTION:
        return Unused(place, f"{tag!r} is a prerelease, which is not deployed to production")
    return None
