"""Deliveries in a database."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, CursorResult, select

from resile.model.change import (
    ChangeReport,
    Commit,
    Deployment,
    DeploymentReported,
    LinkReported,
    PullRequest,
    is_short_id,
    pull_request_id_of,
)
from resile.model.time import from_us, to_us
from resile.ports.delivery_store import Placed, Recorded, Shipped, Unsettled
from resile.stores.delivery_names import check_commits, check_reports, check_shipped, in_order
from resile.stores.delivery_paths import CHUNK, DeploymentRow, Key, Paths, decoded
from resile.stores.delivery_tables import (
    commits,
    cursors,
    deployments,
    marks,
    pull_commits,
    pull_requests,
    reports,
    reverting,
    shipped,
    unsettled,
)
from resile.stores.delivery_writing import LAST_SEQ, DeliveryWriting
from resile.stores.engine import Database
from resile.stores.rows import insert_rows, plain_rows

_words = msgspec.json.Decoder(tuple[str, str | None])


class SqlDeliveryStore:
    """The DeliveryStore in SQLite or PostgreSQL; closes the database with itself only as its owner."""

    def __init__(self, database: Database, *, is_owner: bool = False) -> None:
        self._database = database
        self._is_owner = is_owner

    def record(self, reports: Sequence[ChangeReport]) -> Recorded:
        """Append reports in one transaction; one whose subject and id are known already changes nothing.

        Raises:
            StoreError: the database failed, or a name holds a NUL character.
        """
        check_reports(reports)
        with self._writing() as writing:
            n_new = writing.reports(reports)
        return Recorded(n_new=n_new, n_known=len(reports) - n_new)

    def add_commits(self, commits: Sequence[Commit]) -> int:
        """Add commits in one transaction; known ones change nothing, but one without parents is told whole once.

        Returns:
            How many were new, or told whole for the first time.

        Raises:
            StoreError: the database failed, or a name holds a NUL character.
        """
        check_commits(commits)
        with self._writing() as writing:
            return writing.commits(commits)

    def set_shipped(self, shipped: Sequence[Shipped]) -> None:
        """Note which commits deployments first brought, in place of what was noted before, in one transaction.

        Raises:
            StoreError: the database failed, or a name holds a NUL character.
        """
        check_shipped(shipped)
        with self._writing() as writing:
            writing.ship(shipped)

    def unsettled(self) -> list[Unsettled]:
        """Where it has to be worked out what was shipped, in order of service and environment."""
        its = unsettled.c
        with self._database.reading() as connection:
            rows = plain_rows(connection, select(its.service, its.environment, its.since, its.seq).order_by(its.target))
        return [Unsettled(service, environment, from_us(since), seq) for service, environment, since, seq in rows]

    def unsettle(self, service: str | None, environment: str | None, since: datetime) -> None:
        """Have it worked out anew what was shipped there by deployments from then on."""
        with self._writing() as writing:
            writing.unsettle(service, environment, to_us(since))

    def settle(self, line: Unsettled, shipped: Sequence[Shipped]) -> bool:
        """As set_shipped, and it is settled; False: others have been there since `line` was read, nothing was written.

        Raises:
            StoreError: as set_shipped.
        """
        check_shipped(shipped)
        with self._writing() as writing:
            return writing.settle(line, shipped)

    def placed(self, service: str | None, environment: str | None, since: datetime) -> list[Placed]:
        """The deployments there that succeeded then or later, in order of deployed_at, then id."""
        its = deployments.c
        query = (
            select(its.deployment_id, its.deployed_at, its.repo, its.sha)
            .where(*_there(service, environment), its.deployed_at >= to_us(since))
            .order_by(its.deployed_at, its.deployment_id)
        )
        with self._database.reading() as connection:
            return [Placed(name, from_us(at), repo, sha) for name, at, repo, sha in plain_rows(connection, query)]

    def brought(
        self,
        service: str | None,
        environment: str | None,
        repo: str,
        *,
        before: datetime,
        shas: Sequence[str] | None = None,
    ) -> set[str]:
        """The commits of a repository that deployments there brought that succeeded before an instant."""
        its, before_us = deployments.c, to_us(before)
        query = select(shipped.c.sha).join_from(shipped, deployments)
        with self._looking() as paths:
            if shas is None:
                query = query.where(
                    *_there(service, environment), its.deployed_at < before_us, its.shipped_repo == repo
                )
                return {sha for (sha,) in paths.all_rows(query)}
            query = query.add_columns(its.service, its.environment, its.shipped_repo, its.deployed_at)
            place = (service, environment, repo)
            # Compared here: given the place, SQLite would go through all that was ever shipped there.
            return {
                sha
                for sha, *where, at in paths.rows(query, shipped.c.sha, shas)
                if tuple(where) == place and at is not None and at < before_us
            }

    @contextmanager
    def _writing(self) -> Iterator[DeliveryWriting]:
        with self._database.writing() as connection:
            writing = DeliveryWriting(connection, is_sqlite=self._database.is_sqlite)
            yield writing
            writing.conclude()

    def commits(self, repo: str, shas: Sequence[str]) -> Mapping[str, Commit]:
        """Those of these commits that are known."""
        query = select(commits).where(commits.c.repo == repo)
        with self._looking() as paths:
            return {row[2]: _commit_of(row) for row in paths.rows(query, commits.c.sha, shas)}

    def parents(self, repo: str) -> Mapping[str, tuple[str, ...]]:
        """The parents of every commit of a repository of which they are known."""
        query = select(commits.c.sha, commits.c.parents).where(commits.c.repo == repo, commits.c.parents.is_not(None))
        with self._database.reading() as connection:
            return {sha: tuple(parents.split()) for sha, parents in plain_rows(connection, query)}

    def ancestry(self, repo: str, sha: str, *, most: int) -> Mapping[str, tuple[str, ...]]:
        """The parents of a commit and of commits before it, as far as they are known, of at most so many commits."""
        with self._looking() as paths:
            return paths.ancestry(repo, sha, most)

    def deployment(self, deployment_id: str) -> Deployment | None:
        """A deployment, folded."""
        return self.deployments([deployment_id]).get(deployment_id)

    def deployments(self, deployment_ids: Sequence[str]) -> Mapping[str, Deployment]:
        """Several deployments, folded; ids of which nothing is told are absent."""
        query = select(deployments.c.number)
        with self._looking() as paths:
            numbers = [number for (number,) in paths.rows(query, deployments.c.deployment_id, deployment_ids)]
            return {one.id: one for one in paths.deployments(numbers)}

    def reports_on(self, deployment_id: str) -> list[DeploymentReported | LinkReported]:
        """Everything that was told of a deployment, by when it holds, then by id."""
        query = select(deployments.c.number)
        with self._looking() as paths:
            numbers = [number for (number,) in paths.rows(query, deployments.c.deployment_id, [deployment_id])]
            told = paths.told_of_deployments(numbers)
        return sorted(told, key=lambda report: (report.at, report.id))

    def deployments_of(self, service: str | None, environment: str | None) -> list[Deployment]:
        """All deployments of a service to an environment, in order of deployed_at, then id; without it, last."""
        query = select(deployments.c.number).where(*_there(service, environment))
        with self._database.reading() as connection:
            numbers = [number for (number,) in plain_rows(connection, query)]
            return in_order(self._paths(connection).deployments(numbers))

    def pull_request(self, pull_request_id: str) -> PullRequest | None:
        """A pull request, folded."""
        with self._looking() as paths:
            return next(iter(_pull_requests(paths, [pull_request_id])), None)

    def pull_requests_with(self, repo: str, shas: Sequence[str]) -> Mapping[str, PullRequest]:
        """By commit, the pull request whose merge commit or one of whose commits it is."""
        with self._looking() as paths:
            return paths.pull_requests_with(repo, shas)

    def shipped(self, deployment_ids: Sequence[str]) -> Mapping[str, Shipped]:
        """What was noted of these deployments."""
        query = select(deployments).where(deployments.c.shipped_repo.is_not(None))
        with self._looking() as paths:
            noted = paths.rows(query, deployments.c.deployment_id, deployment_ids)
            return paths.shipped([DeploymentRow(*row) for row in noted])

    def taken_back(self, deployment_ids: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
        """By deployment, those of the same service and environment that first brought what it takes back."""
        query = select(deployments).where(deployments.c.is_told, deployments.c.shipped_repo.is_not(None))
        with self._looking() as paths:
            theirs = [DeploymentRow(*row) for row in paths.rows(query, deployments.c.deployment_id, deployment_ids)]
            aims = _aims(paths, [row.number for row in theirs])
            shippers = paths.shippers({key for keys in aims.values() for key in keys})
            numbers = {number for found in shippers.values() for number in found}
            others = {row[0]: DeploymentRow(*row) for row in paths.rows(query, deployments.c.number, numbers)}
        found: dict[str, tuple[str, ...]] = {}
        for one in theirs:
            aimed_at = {number for key in aims.get(one.number, ()) for number in shippers.get(key, ())}
            alike = sorted(
                others[number].deployment_id
                for number in aimed_at - {one.number}
                if number in others and others[number][4:6] == one[4:6]
            )
            if alike:
                found[one.deployment_id] = tuple(alike)
        return found

    def last_seq(self) -> int:
        """Rises with every report, commit or note of what was shipped; 0 for an empty store."""
        with self._database.reading() as connection:
            seq: int = connection.execute(LAST_SEQ).scalar_one()
        return seq

    def mark(self, seq: int) -> str:
        """Tells apart what was written up to `seq` from any other store's."""
        with self._database.reading() as connection:
            mark: str | None = connection.execute(select(marks.c.mark).where(marks.c.seq == seq)).scalar()
        return mark or ""

    def deployments_changed(self, after_seq: int, up_to_seq: int) -> Iterator[str]:
        """Ids, in order, of deployments whose facts may have changed in (after_seq, up_to_seq].

        Holds a connection until it is exhausted or closed.
        """
        if up_to_seq <= after_seq:
            return
        # What changed again after up_to_seq is told too: it may have changed before.
        query = (
            select(deployments.c.deployment_id)
            .where(deployments.c.is_told, deployments.c.changed_seq > after_seq, deployments.c.number <= up_to_seq)
            .order_by(deployments.c.deployment_id)
        )
        with (
            self._database.reading() as connection,
            connection.execute(query, execution_options={"yield_per": CHUNK}) as changed,
        ):
            for (deployment_id,) in changed:
                yield deployment_id

    def all_commits(self) -> Iterator[Commit]:
        """Every commit, streamed, in the order in which they came to be known; holds a connection till it ends."""
        with self._streamed(select(commits).order_by(commits.c.seq)) as (_, found):
            for row in found:
                yield _commit_of(tuple(row))

    def all_reports(self) -> Iterator[ChangeReport]:
        """Every report, streamed, in the order in which they were told; holds a connection till it ends."""
        with self._streamed(select(reports.c.body).order_by(reports.c.seq)) as (_, found):
            for (body,) in found:
                yield decoded(body)

    def all_pull_requests(self) -> Iterator[PullRequest]:
        """Every pull request of which something is told, folded, streamed, in order of ids; holds a connection."""
        query = select(pull_requests.c.number).order_by(pull_requests.c.pull_request_id)
        with self._streamed(query) as (paths, found):
            for some in found.partitions():
                yield from sorted(paths.pull_requests(number for (number,) in some), key=lambda one: one.id)

    @contextmanager
    def _streamed(self, query: Any) -> Iterator[tuple[Paths, CursorResult[Any]]]:
        """The rows of a query as they come, and a way to look up more meanwhile."""
        with (
            self._database.reading() as connection,
            connection.execute(query, execution_options={"yield_per": CHUNK}) as found,
        ):
            yield self._paths(connection), found

    def cursor(self, name: str) -> bytes | None:
        """How far a repeated import has read."""
        with self._database.reading() as connection:
            value = connection.execute(select(cursors.c.value).where(cursors.c.name == name)).scalar()
        return None if value is None else bytes(value)

    def set_cursor(self, name: str, value: bytes) -> None:
        """Remember how far a repeated import has read."""
        with self._database.writing() as connection:
            insert_rows(connection, cursors, [(name, value)], key=("name",))

    def services(self) -> Iterable[tuple[str | None, str | None]]:
        """Every service and environment of which a deployment is known."""
        query = select(deployments.c.service, deployments.c.environment).where(deployments.c.is_told).distinct()
        with self._database.reading() as connection:
            return plain_rows(connection, query)

    def close(self) -> None:
        """Let go of the database, if it is this store's own."""
        if self._is_owner:
            self._database.close()

    @contextmanager
    def _looking(self) -> Iterator[Paths]:
        with self._database.reading() as connection:
            yield self._paths(connection)

    def _paths(self, connection: Connection) -> Paths:
        return Paths(connection, is_sqlite=self._database.is_sqlite)


def _there(service: str | None, environment: str | None) -> tuple[ColumnElement[bool], ...]:
    """Of deployments, that they went to the environment of the service."""
    its = deployments.c
    # As "is null" or "=", which every planner finds in the index.
    is_of = [column.is_(None) if value is None else column == value
             for column, value in ((its.service, service), (its.environment, environment))]  # fmt: skip
    return (its.is_told.is_(True), *is_of)


def _commit_of(row: tuple[Any, ...]) -> Commit:
    _, repo, sha, parents, reverts, authored_at, committed_at, words = row
    subject, author = _words.decode(words)
    return Commit(
        repo=repo,
        sha=sha,
        parents=None if parents is None else tuple(parents.split()),
        authored_at=from_us(authored_at),
        committed_at=from_us(committed_at),
        subject=subject,
        author=author,
        reverts=tuple(reverts.split()),
    )


def _pull_requests(paths: Paths, names: Iterable[str]) -> list[PullRequest]:
    query = select(pull_requests.c.number)
    return paths.pull_requests(number for (number,) in paths.rows(query, pull_requests.c.pull_request_id, names))


def _aims(paths: Paths, numbers: list[int]) -> dict[int, set[Key]]:
    """By deployment, the commits that it takes back: said by its commits, or those of pull requests taken back."""
    aims: dict[int, set[Key]] = {}
    query = (
        select(shipped.c.deployment, deployments.c.shipped_repo, reverting.c.repo, reverting.c.reverted)
        .join_from(shipped, deployments)
        .join(reverting, reverting.c.sha == shipped.c.sha)
    )
    for number, own, repo, reverted in paths.rows(query, shipped.c.deployment, numbers):
        # Compared here: given the repository, SQLite would go through all that reverts in it, for each deployment.
        if own == repo:
            meant = paths.meant(repo, reverted) if is_short_id(reverted) else reverted
            aims.setdefault(number, set()).add((repo, meant or reverted))
    query = (
        select(shipped.c.deployment, shipped.c.sha, pull_requests.c.repo)
        .join_from(shipped, deployments)
        .join(pull_commits, pull_commits.c.sha == shipped.c.sha)
        .join(
            pull_requests,
            (pull_requests.c.number == pull_commits.c.pull_request)
            & (pull_requests.c.repo == deployments.c.shipped_repo),
        )
        .where(pull_requests.c.reverts.is_not(None))
    )
    through: dict[str, dict[str, set[int]]] = {}
    for number, sha, repo in paths.rows(query, shipped.c.deployment, numbers):
        through.setdefault(repo, {}).setdefault(sha, set()).add(number)
    for repo, carriers in through.items():
        own = {sha: one for sha, one in paths.pull_requests_with(repo, list(carriers)).items() if one.reverts}
        names = {sha: pull_request_id_of(repo, one.reverts) for sha, one in own.items() if one.reverts}
        brought = {one.id: _commits_of(one) for one in _pull_requests(paths, set(names.values()))}
        for sha, name in names.items():
            for number in carriers[sha]:
                aims.setdefault(number, set()).update(brought.get(name, ()))
    return aims


def _commits_of(pull_request: PullRequest) -> list[Key]:
    merge = [] if pull_request.merge_sha is None else [pull_request.merge_sha]
    return [(pull_request.repo, sha) for sha in (*pull_request.commits, *merge)]
