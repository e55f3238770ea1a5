"""Which commits each release is the first to contain."""

from collections.abc import Container, Iterable, Mapping

from msgspec import Struct


class Contained(Struct, frozen=True, gc=False):
    """The commits that a release contains and none of those before it.

    Attributes:
        shas: the release's own commit first, if no earlier release has it; then away from it.
        missing: a commit of which the parents are not known, so that `shas` may be short of some; None: it is whole.
            No earlier release is known to have the release's own commit then.
    """

    release_id: str
    shas: tuple[str, ...]
    missing: str | None = None


def first_contained(
    parents: Mapping[str, tuple[str, ...]],
    releases: Iterable[tuple[str, str]],
    *,
    shipped: Container[str] = (),
    is_first_parent: bool = False,
) -> list[Contained]:
    """Walk from each release to where earlier ones have been: each commit is visited once, each parent looked at once.

    For each release the same set as `git rev-list RELEASE --not EARLIER…`; seen from a commit, its release is the
    earliest of `git tag --contains COMMIT`.

    Args:
        parents: by commit, the ids of its parents; of a commit that is not in it they are not known.
        releases: (id, commit), in order of time, with whatever branch they stand on.
        shipped: commits of releases before these, with everything that they descend from; nothing there is visited.
        is_first_parent: follow first parents alone, as `git rev-list --first-parent --exclude-first-parent-only`.
    """
    seen: set[str] = set()
    # The releases' own commits: what lies behind one was released with it, also where nobody knows what that is.
    named: set[str] = set()
    found = []
    for release_id, sha in releases:
        missing = None
        shas: list[str] = []
        waiting = [sha]
        while waiting:
            one = waiting.pop()
            if one in seen or one in named or one in shipped:
                continue
            its_parents = parents.get(one)
            if its_parents is None:
                # Not seen: a later release that comes here misses it as much as this one.
                missing = one
                continue
            seen.add(one)
            shas.append(one)
            waiting.extend(its_parents[:1] if is_first_parent else its_parents)
        named.add(sha)
        found.append(Contained(release_id, tuple(shas), missing))
    return found
