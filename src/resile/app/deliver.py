"""Take deliveries in, and note which commits each deployment was the first to bring."""

from collections.abc import Callable, Container, Iterator, Mapping, Sequence

from msgspec import Struct

from resile.model.ancestry import Contained, first_contained
from resile.model.change import ChangeReport, Commit
from resile.model.time import EARLIEST
from resile.ports.delivery_store import DeliveryStore, Placed, Shipped, Unsettled

# So many commits are looked up at once: at first, for most deployments bring few, and at most.
_FIRST_LOOK = 32
_LAST_LOOK = 4_096
# What others unsettle meanwhile is settled too, this often.
_TRIES = 5

Parents = Mapping[str, Mapping[str, tuple[str, ...]]]


class TakenIn(Struct, frozen=True, kw_only=True):
    """What became of commits and reports.

    Attributes:
        shipped: of the deployments that were noted anew, what they brought.
    """

    n_commits: int
    n_new: int
    n_known: int
    shipped: tuple[Shipped, ...] = ()


class Recording:
    """Records in as many steps as there are, and then notes what was shipped, once."""

    def __init__(self, store: DeliveryStore) -> None:
        self._store = store
        self._parents: dict[str, dict[str, tuple[str, ...]]] = {}

    def record(self, commits: Sequence[Commit], reports: Sequence[ChangeReport]) -> TakenIn:
        """Store commits and reports; what is known changes nothing.

        Raises:
            StoreError: the store cannot take them.
        """
        n_commits = self._store.add_commits(commits) if commits else 0
        if n_commits:
            for commit in commits:
                # Without parents, none of them leads from a deployment to what it brought.
                if commit.parents is not None:
                    self._parents.setdefault(commit.repo, {})[commit.sha] = commit.parents
        if not reports:
            return TakenIn(n_commits=n_commits, n_new=0, n_known=0)
        recorded = self._store.record(reports)
        return TakenIn(n_commits=n_commits, n_new=recorded.n_new, n_known=recorded.n_known)

    def ship(self) -> tuple[Shipped, ...]:
        """Note what deployments brought wherever that may have changed; gives what was noted anew."""
        return settle_all(self._store, self._parents)


def take_in(store: DeliveryStore, commits: Sequence[Commit], reports: Sequence[ChangeReport]) -> TakenIn:
    """Store commits and reports, and note what the deployments among them first brought.

    Broken off at any point and done again, or followed by anything else that is taken in, it gives the same as an
    undisturbed run: what has to be worked out is noted together with what is the reason.

    Raises:
        StoreError: the store cannot take them.
    """
    recording = Recording(store)
    taken = recording.record(commits, reports)
    return TakenIn(n_commits=taken.n_commits, n_new=taken.n_new, n_known=taken.n_known, shipped=recording.ship())


def settle_all(store: DeliveryStore, parents: Parents | None = None) -> tuple[Shipped, ...]:
    """Work out what is unsettled; gives what was noted anew.

    Args:
        parents: by repository, those that are at hand and need not be looked up.
    """
    noted: list[Shipped] = []
    for _ in range(_TRIES):
        lines = store.unsettled()
        for line in lines:
            changed = _shipped_since(store, line, parents or {})
            # Else somebody else was at it: theirs stands, or is looked at the next time round.
            if store.settle(line, changed):
                noted += changed
        if not lines:
            break
    return tuple(noted)


def _shipped_since(store: DeliveryStore, line: Unsettled, parents: Parents) -> list[Shipped]:
    """What deployments from then on brought that is noted otherwise, or not at all."""
    placed = store.placed(line.service, line.environment, line.since)
    noted = store.shipped([one.deployment_id for one in placed])
    is_first_parent = _follows_first_parents(store, line.service)
    found: list[Shipped] = []
    by_repo: dict[str | None, list[Placed]] = {}
    for one in placed:
        by_repo.setdefault(one.repo if one.sha else None, []).append(one)
    for repo, its in by_repo.items():
        if repo is None:
            found += [Shipped(one.deployment_id, one.repo or "", None) for one in its]
            continue
        heads = [one.sha or "" for one in its]
        known = _Parents(store, repo, parents.get(repo, {}), heads)
        contained = first_contained(
            known,
            [(one.deployment_id, one.sha or "") for one in its],
            shipped=_Brought(store, line, repo, known, heads),
            is_first_parent=is_first_parent,
        )
        found += [_shipped(one, repo, released.sha or "") for one, released in zip(contained, its, strict=True)]
    return [one for one in found if noted.get(one.deployment_id) != one]


def _shipped(contained: Contained, repo: str, sha: str) -> Shipped:
    """A history with a hole is not counted short: what it brought is unknown, but for what lies before the hole."""
    if contained.missing is None:
        return Shipped(contained.release_id, repo, contained.shas)
    return Shipped(contained.release_id, repo, None, contained.shas or (sha,))


def first_parent_name(service: str | None) -> str:
    """The name under which it is remembered that a service's releases are followed by first parents alone."""
    return f"first-parent:{service}"


def follow_first_parents(store: DeliveryStore, service: str, *, is_first_parent: bool | None) -> None:
    """Remember how a service's releases are followed, and count them again if that changes; None: as before."""
    was = _follows_first_parents(store, service)
    if is_first_parent is None or is_first_parent == was:
        return
    # Before, so that it is not left undone by whoever is broken off here; after, so that it is not done by somebody
    # else in the old way and taken for done.
    _unsettle(store, service)
    store.set_cursor(first_parent_name(service), b"1" if is_first_parent else b"0")
    _unsettle(store, service)
    settle_all(store)


def _unsettle(store: DeliveryStore, service: str) -> None:
    for one, environment in list(store.services()):
        if one == service:
            store.unsettle(service, environment, EARLIEST)


def _follows_first_parents(store: DeliveryStore, service: str | None) -> bool:
    return store.cursor(first_parent_name(service)) == b"1"


class _Parents(Mapping[str, tuple[str, ...]]):
    """Parents of commits: those at hand, else looked up with those of the commits before them."""

    def __init__(
        self, store: DeliveryStore, repo: str, at_hand: Mapping[str, tuple[str, ...]], heads: Sequence[str]
    ) -> None:
        self._store = store
        self._repo = repo
        self.at_hand = at_hand
        self._holes = self._without_parents(heads)
        self._found: dict[str, tuple[str, ...]] = {}
        self._n = _FIRST_LOOK
        self._reached: set[str] = set()
        # What was looked up since somebody asked.
        self._fresh: list[tuple[str, ...]] = []

    def _without_parents(self, heads: Sequence[str]) -> set[str]:
        """Those of which nobody knows where they come from: there may be thousands, where only pushes are heard of."""
        asked = [sha for sha in heads if sha not in self.at_hand]
        found = self._store.commits(self._repo, asked) if asked else {}
        return {sha for sha in asked if sha not in found or found[sha].parents is None}

    def __getitem__(self, sha: str) -> tuple[str, ...]:
        if sha in self._holes:
            raise KeyError(sha)
        parents = self.at_hand.get(sha)
        if parents is None:
            parents = self._found.get(sha)
        if parents is not None:
            return parents
        # Ever more only along one way: each release begins another, and most are short.
        self._n = min(2 * self._n, _LAST_LOOK) if sha in self._reached else _FIRST_LOOK
        found = self._store.ancestry(self._repo, sha, most=self._n)
        self._found |= found
        self._fresh += found.values()
        self._reached.update(*found.values())
        return found[sha]

    def fresh(self) -> set[str]:
        """The parents that came to be known since the last time: to where the walk is likely to go."""
        fresh, self._fresh = self._fresh, []
        return set().union(*fresh)

    def __iter__(self) -> Iterator[str]:
        return iter(self.at_hand)

    def __len__(self) -> int:
        return len(self.at_hand)


class _Brought(Container[str]):
    """What was brought before the line begins, looked up with those that are likely to be asked for next."""

    def __init__(
        self,
        store: DeliveryStore,
        line: Unsettled,
        repo: str,
        parents: _Parents,
        heads: Sequence[str],
    ) -> None:
        self._ask: Callable[[Sequence[str] | None], set[str]] = lambda shas: store.brought(
            line.service, line.environment, repo, before=line.since, shas=shas
        )
        self._parents = parents
        # Of a whole history, all at once is quicker.
        self._all: set[str] | None = self._ask(None) if len(parents) > _LAST_LOOK else None
        self._known: dict[str, bool] = {}
        self._likely = set() if self._all is not None else {*heads}.union(parents.at_hand, *parents.at_hand.values())

    def __contains__(self, sha: object) -> bool:
        if self._all is not None:
            return sha in self._all
        one = str(sha)
        if one not in self._known:
            asked = {one, *self._likely, *self._parents.fresh()}.difference(self._known)
            self._likely = set()
            brought = self._ask(sorted(asked))
            self._known.update((name, name in brought) for name in asked)
        return self._known[one]
