"""From commits to the deployments that shipped them, and to what takes them back: looked up within one connection."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import ColumnElement, Connection, func, select, text

from resile.model.change import (
    FULL_ID,
    SHORTEST_ID,
    ChangeReport,
    Deployment,
    DeploymentReported,
    LinkReported,
    PullRequest,
    PullRequestReported,
    ReviewReported,
    decode_report,
    fold_deployment,
    fold_pull_request,
)
from resile.model.errors import StoreError
from resile.ports.delivery_store import Shipped
from resile.stores.delivery_names import pull_request_of
from resile.stores.delivery_tables import (
    commits,
    deployments,
    pull_commits,
    pull_requests,
    reports,
    reverting,
    shipped,
)
from resile.stores.rows import among, chunks, plain_rows

# Repository and id of a commit.
Key = tuple[str, str]
# Values asked for in one statement.
CHUNK = 2_000


# Nobody knows how far it is to what was shipped before: the walk goes as far as rows are asked for. The order of the
# joins is said: the planner of SQLite would go through all commits of the repository at each step.
_WALK = """
    WITH RECURSIVE walk (sha, parents) AS (
        SELECT sha, parents FROM delivery_commits WHERE repo = :repo AND sha = :sha
        UNION
        SELECT c.sha, c.parents FROM walk CROSS JOIN {parent} CROSS JOIN delivery_commits AS c
        WHERE c.repo = :repo AND c.sha = p.value
    )
    SELECT sha, parents FROM walk LIMIT :most
"""
_LISTED = """'["' || replace(walk.parents, ' ', '","') || '"]'"""
# Ids that would break a list of JSON end the walk there: they are looked up one by one.
_WALK_SQLITE = text(
    _WALK.format(parent=f"json_each(CASE WHEN json_valid({_LISTED}) THEN {_LISTED} ELSE '[]' END) AS p")
)
_WALK_POSTGRESQL = text(_WALK.format(parent="unnest(string_to_array(walk.parents, ' ')) AS p (value)"))


class DeploymentRow(NamedTuple):
    """A row of `delivery_deployments`, in the order of its columns."""

    number: int
    deployment_id: str
    changed_seq: int
    is_told: bool
    service: str | None
    environment: str | None
    shipped_repo: str | None
    n_shipped: int | None
    deployed_at: int | None
    repo: str | None
    sha: str | None


class Paths:
    """Lookups of many at once, as the connection sees the database."""

    def __init__(self, connection: Connection, *, is_sqlite: bool) -> None:
        self._connection = connection
        self._is_sqlite = is_sqlite

    def rows(self, query: Any, column: ColumnElement[Any], values: Iterable[Any]) -> Iterator[tuple[Any, ...]]:
        """The rows of a query where the column is one of the values, in order of the values' chunks."""
        for some in chunks(sorted(set(values)), CHUNK):
            yield from plain_rows(self._connection, query.where(among(column, some, is_sqlite=self._is_sqlite)))

    def all_rows(self, query: Any) -> Iterator[tuple[Any, ...]]:
        """The rows of a query."""
        yield from plain_rows(self._connection, query)

    def ancestry(self, repo: str, sha: str, most: int) -> dict[str, tuple[str, ...]]:
        """The parents of a commit and of commits before it, where they are known, of at most so many commits."""
        query = _WALK_SQLITE if self._is_sqlite else _WALK_POSTGRESQL
        found = self._connection.execute(query, {"repo": repo, "sha": sha, "most": most})
        return {name: tuple(parents.split()) for name, parents in found if parents is not None}

    def shipped(self, rows: Sequence[DeploymentRow]) -> dict[str, Shipped]:
        """What is noted of deployments, of which something is noted."""
        shas: dict[int, list[str]] = {row.number: [] for row in rows if row.n_shipped != 0}
        query = select(shipped).order_by(shipped.c.deployment, shipped.c.place)
        for number, _, sha in self.rows(query, shipped.c.deployment, shas):
            shas[number].append(sha)
        noted = {}
        for row in rows:
            its, repo = tuple(shas.get(row.number, ())), row.shipped_repo or ""
            is_whole = row.n_shipped is not None
            noted[row.deployment_id] = Shipped(
                row.deployment_id, repo, its if is_whole else None, () if is_whole else its
            )
        return noted

    def shippers(self, keys: Iterable[Key]) -> dict[Key, list[int]]:
        """By commit, the numbers of the deployments that shipped it."""
        found: dict[Key, list[int]] = {}
        for repo, shas in _by_repo(keys).items():
            query = (
                select(shipped.c.sha, shipped.c.deployment)
                .join_from(shipped, deployments)
                .where(deployments.c.shipped_repo == repo)
            )
            for sha, number in self.rows(query, shipped.c.sha, shas):
                found.setdefault((repo, sha), []).append(number)
        return found

    def takers(self, keys: set[Key]) -> set[Key]:
        """The commits that take back one of these, by themselves or by their pull requests."""
        found: set[Key] = set()
        for repo, shas in _by_repo(keys).items():
            query = select(reverting.c.sha).where(reverting.c.repo == repo)
            found |= {(repo, sha) for (sha,) in self.rows(query, reverting.c.reverted, shas)}
            names = [name for _, _, name in self.pulls_with(repo, shas)]
            takers = self.rows(select(pull_requests.c.number), pull_requests.c.reverts, names)
            found |= self.ever_in([number for (number,) in takers])
        return found | self.takers_by_beginning(keys)

    def takers_by_beginning(self, keys: Iterable[Key]) -> set[Key]:
        """The commits that name the beginning of one of these ids as what they take back."""
        found: set[Key] = set()
        for repo, shas in _by_repo(keys).items():
            by_beginning = _by_beginning(shas)
            found |= {(repo, sha) for sha, reverted in self._short(repo) if _begins_one(reverted, by_beginning)}
        return found

    def _short(self, repo: str) -> list[tuple[Any, ...]]:
        """The commits of a repository that name the beginning of an id, and that; few do."""
        query = select(reverting.c.sha, reverting.c.reverted).where(
            reverting.c.repo == repo, func.length(reverting.c.reverted).between(SHORTEST_ID, FULL_ID - 1)
        )
        return plain_rows(self._connection, query)

    def meant(self, repo: str, beginning: str) -> str | None:
        """The one commit whose id begins so; None if none does, or several."""
        query = select(commits.c.sha).where(
            commits.c.repo == repo, commits.c.sha >= beginning, commits.c.sha < beginning + "g"
        )
        found = plain_rows(self._connection, query.order_by(commits.c.sha).limit(2))
        return found[0][0] if len(found) == 1 else None

    def ever_in(self, numbers: Iterable[int]) -> set[Key]:
        """The commits that any report has counted to these pull requests."""
        query = select(pull_requests.c.repo, pull_commits.c.sha).join_from(pull_requests, pull_commits)
        return {(repo, sha) for repo, sha in self.rows(query, pull_requests.c.number, numbers)}

    def pulls_with(self, repo: str, shas: Iterable[str]) -> Iterator[tuple[str, int, str]]:
        """Commit, number and id of pull requests to which a report has counted one of the commits."""
        query = (
            select(pull_commits.c.sha, pull_requests.c.number, pull_requests.c.pull_request_id)
            .join_from(pull_commits, pull_requests)
            .where(pull_requests.c.repo == repo)
        )
        return self.rows(query, pull_commits.c.sha, shas)

    def deployments(self, numbers: Iterable[int]) -> list[Deployment]:
        """Deployments by number, folded; without those of which nothing is told."""
        folded = [fold_deployment(_of_deployment(told)) for told in self._told(numbers).values()]
        return [one for one in folded if one is not None]

    def told_of_deployments(self, numbers: Iterable[int]) -> list[DeploymentReported | LinkReported]:
        """The reports on deployments by number, in no order."""
        return [report for told in self._told(numbers).values() for report in _of_deployment(told)]

    def pull_requests(self, numbers: Iterable[int]) -> list[PullRequest]:
        """Pull requests by number, folded; without those of which nothing is told."""
        folded = [fold_pull_request(_of_pull_request(told)) for told in self._told(numbers).values()]
        return [one for one in folded if one is not None]

    def _told(self, numbers: Iterable[int]) -> dict[int, list[ChangeReport]]:
        told: dict[int, list[ChangeReport]] = {}
        query = select(reports.c.subject, reports.c.body)
        for number, body in self.rows(query, reports.c.subject, numbers):
            told.setdefault(number, []).append(decoded(body))
        return told

    def pull_requests_with(self, repo: str, shas: Sequence[str]) -> dict[str, PullRequest]:
        """By commit, the pull request that brought it."""
        having: dict[str, list[str]] = {}
        numbers = set()
        for sha, number, name in self.pulls_with(repo, shas):
            having.setdefault(sha, []).append(name)
            numbers.add(number)
        folded = {one.id: one for one in self.pull_requests(numbers)}
        found = {
            sha: pull_request_of(sha, [folded[name] for name in names if name in folded])
            for sha, names in having.items()
        }
        return {sha: one for sha, one in found.items() if one is not None}


def _by_beginning(shas: Iterable[str]) -> dict[str, list[str]]:
    """Ids by the shortest beginning that people write."""
    found: dict[str, list[str]] = {}
    for sha in shas:
        found.setdefault(sha[:SHORTEST_ID], []).append(sha)
    return found


def _begins_one(short: str, shas: dict[str, list[str]]) -> bool:
    return any(sha.startswith(short) for sha in shas.get(short[:SHORTEST_ID], ()))


def _by_repo(keys: Iterable[Key]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for repo, sha in keys:
        found.setdefault(repo, set()).add(sha)
    return found


def decoded(body: str) -> ChangeReport:
    """A report as it rests.

    Raises:
        StoreError: it is of a newer version.
    """
    try:
        return decode_report(body)
    except msgspec.MsgspecError as error:
        raise StoreError(f"a report on a delivery cannot be read by this resile ({error}); update resile") from error


def _of_deployment(told: list[ChangeReport]) -> list[DeploymentReported | LinkReported]:
    return [one for one in told if isinstance(one, DeploymentReported | LinkReported)]


def _of_pull_request(told: list[ChangeReport]) -> list[PullRequestReported | ReviewReported]:
    return [one for one in told if isinstance(one, PullRequestReported | ReviewReported)]
