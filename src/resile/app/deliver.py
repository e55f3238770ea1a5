"""Take deliveries in, and note which commits each deployment was the first to bring."""

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from resile.model.ancestry import first_contained
from resile.model.change import ChangeReport, Commit, Deployment, DeploymentReported, deployment_id_of
from resile.ports.delivery_store import DeliveryStore, Shipped

# Single commits are looked up in tenths of a millisecond, a whole history in a second.
_ASKED_SINGLY = 1_000

# A service's environment; either may be unknown.
Target = tuple[str | None, str | None]


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
        self._touched: set[Target] = set()
        self._moved: set[Target] = set()
        self._parents: dict[str, dict[str, tuple[str, ...]]] = {}

    def record(self, commits: Sequence[Commit], reports: Sequence[ChangeReport]) -> TakenIn:
        """Store commits and reports; what is known changes nothing.

        Raises:
            StoreError: the store cannot take them.
        """
        n_commits = self._store.add_commits(commits) if commits else 0
        if n_commits:
            for commit in commits:
                self._parents.setdefault(commit.repo, {})[commit.sha] = commit.parents
        if not reports:
            return TakenIn(n_commits=n_commits, n_new=0, n_known=0)
        told = {
            deployment_id_of(report.origin, report.ref) for report in reports if isinstance(report, DeploymentReported)
        }
        before = self._store.deployments(sorted(told))
        recorded = self._store.record(reports)
        superseding = {
            deployment_id_of(report.origin, report.ref)
            for report in reports
            if isinstance(report, DeploymentReported) and report.supersedes_earlier
        }
        # What is known already is looked at too: an earlier run may have been broken off before it was shipped.
        for one, now in self._store.deployments(sorted(told)).items():
            earlier = before.get(one)
            self._touched.add((now.service, now.environment))
            if one in superseding or (earlier and earlier.deployed_at and _place(earlier) != _place(now)):
                self._moved.add((now.service, now.environment))
                if earlier is not None:
                    self._moved.add((earlier.service, earlier.environment))
        return TakenIn(n_commits=n_commits, n_new=recorded.n_new, n_known=recorded.n_known)

    def ship(self) -> tuple[Shipped, ...]:
        """Note what deployments brought wherever that may have changed; gives what was noted anew."""
        targets = self._touched | self._moved
        if self._parents:
            # Commits may be what deployments waited for that came before them.
            targets |= set(self._store.services())
        noted: list[Shipped] = []
        for target in sorted(targets, key=str):
            noted += ship(self._store, *target, is_recount=target in self._moved, parents=self._parents)
        return tuple(noted)


def take_in(store: DeliveryStore, commits: Sequence[Commit], reports: Sequence[ChangeReport]) -> TakenIn:
    """Store commits and reports, and note what the deployments among them first brought.

    Broken off at any point and done again, it gives the same as an undisturbed run.

    Raises:
        StoreError: the store cannot take them.
    """
    recording = Recording(store)
    taken = recording.record(commits, reports)
    return TakenIn(n_commits=taken.n_commits, n_new=taken.n_new, n_known=taken.n_known, shipped=recording.ship())


def ship(
    store: DeliveryStore,
    service: str | None,
    environment: str | None,
    *,
    is_recount: bool = False,
    is_first_parent: bool | None = None,
    parents: Mapping[str, Mapping[str, tuple[str, ...]]] | None = None,
) -> list[Shipped]:
    """Note which commits each deployment was the first to bring to its service and environment.

    In order of deployed_at. Only what comes after everything noted so far is worked out, unless a deployment came late
    or moved: then all are counted again, and those are noted that differ.

    Args:
        is_first_parent: follow first parents alone; None: as is remembered for the service.
        parents: by repository, those that are at hand and need not be looked up.

    Returns:
        What was noted anew.
    """
    told = store.deployments_of(service, environment)
    deployments = [one for one in told if one.deployed_at is not None]
    noted = dict(store.shipped([one.id for one in told]))
    # Taken back after something was noted of them: what they brought is another's now.
    others = [noted[one.id] for one in told if one.deployed_at is None and one.id in noted]
    taken_back = [Shipped(one.deployment_id, one.repo, None) for one in others if one.shas is not None]
    found = list(taken_back)
    by_repo: dict[str | None, list[Deployment]] = {}
    for one in deployments:
        by_repo.setdefault(one.repo if one.sha else None, []).append(one)
    if is_first_parent is None:
        is_first_parent = _follows_first_parents(store, service)
    for repo, its in by_repo.items():
        if repo is None:
            found += [Shipped(one.id, one.repo or "", None) for one in its]
            continue
        n_noted = 0 if is_recount or taken_back else _n_settled(its, noted)
        if n_noted == len(its):
            continue
        shipped = {sha for one in its[:n_noted] for sha in noted[one.id].shas or ()}
        releases = [(one.id, one.sha or "") for one in its[n_noted:]]
        known = _Parents(store, repo, (parents or {}).get(repo, {}))
        contained = first_contained(known, releases, shipped=shipped, is_first_parent=is_first_parent)
        # A history with a hole is not counted short: what it brought is unknown.
        found += [Shipped(one.release_id, repo, None if one.missing else one.shas) for one in contained]
    changed = [one for one in found if noted.get(one.deployment_id) != one]
    if changed:
        store.set_shipped(changed)
    return changed


def first_parent_name(service: str | None) -> str:
    """The name under which it is remembered that a service's releases are followed by first parents alone."""
    return f"first-parent:{service}"


def follow_first_parents(store: DeliveryStore, service: str, *, is_first_parent: bool | None) -> None:
    """Remember how a service's releases are followed, and count them again if that changes; None: as before."""
    was = _follows_first_parents(store, service)
    if is_first_parent is None or is_first_parent == was:
        return
    for one, environment in list(store.services()):
        if one == service:
            ship(store, service, environment, is_recount=True, is_first_parent=is_first_parent)
    # Last: broken off before, it is done again.
    store.set_cursor(first_parent_name(service), b"1" if is_first_parent else b"0")


def _follows_first_parents(store: DeliveryStore, service: str | None) -> bool:
    return store.cursor(first_parent_name(service)) == b"1"


def _n_settled(deployments: list[Deployment], noted: dict[str, Shipped]) -> int:
    """How many of them, from the first, are noted as they are; 0 where one before a noted one is not."""
    n_settled = len(deployments)
    seen: set[str] = set()
    for number, one in enumerate(deployments):
        known = noted.get(one.id)
        if known is None or known.shas is None or known.repo != one.repo:
            n_settled = min(n_settled, number)
            continue
        if n_settled <= number:
            return 0
        # Its own commit stands first, unless an earlier one brought that.
        if known.shas[0] != one.sha if known.shas else one.sha not in seen:
            return 0
        seen.update(known.shas)
    return n_settled


class _Parents(Mapping[str, tuple[str, ...]]):
    """Parents of commits, looked up as they are asked for; all at once where that gets slow."""

    def __init__(self, store: DeliveryStore, repo: str, at_hand: Mapping[str, tuple[str, ...]]) -> None:
        self._store = store
        self._repo = repo
        self._known = at_hand
        self._n_asked = 0

    def __getitem__(self, sha: str) -> tuple[str, ...]:
        parents = self._known.get(sha)
        if parents is not None or self._n_asked > _ASKED_SINGLY:
            return self._known[sha]
        self._n_asked += 1
        if self._n_asked > _ASKED_SINGLY:
            self._known = self._store.parents(self._repo)
            return self._known[sha]
        return self._store.commits(self._repo, [sha])[sha].parents

    def __iter__(self) -> Iterator[str]:
        return iter(self._store.parents(self._repo))

    def __len__(self) -> int:
        return len(self._store.parents(self._repo))


def _place(deployment: Deployment) -> tuple[object, ...]:
    one = deployment
    return one.deployed_at, one.sha, one.repo, one.service, one.environment
