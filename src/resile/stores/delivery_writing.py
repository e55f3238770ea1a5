"""What one transaction writes of deliveries, and which deployments' facts it changes."""

import uuid
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Connection, delete, func, insert, select, text, update

from resile.model.change import (
    ChangeReport,
    Commit,
    DeploymentReported,
    LinkReported,
    PullRequestReported,
    ReviewReported,
    encode_report,
    pull_request_id_of,
)
from resile.model.time import to_us
from resile.ports.delivery_store import Shipped
from resile.stores.delivery_paths import DeploymentRow, Key, Paths
from resile.stores.delivery_tables import (
    commits,
    deployments,
    marks,
    pull_commits,
    pull_requests,
    reports,
    reverting,
    shipped,
)
from resile.stores.rows import among, chunks, insert_rows

LAST_SEQ = select(func.coalesce(func.max(marks.c.seq), 0))
# Any number will do, so long as all versions of resile use the same.
_WRITE_LOCK = 0x7265_7369_6C67
_TAKE_TURN = text("SELECT pg_advisory_xact_lock(:key)")
_CHUNK = 2_000
R = TypeVar("R", bound=ChangeReport)


class DeliveryWriting:
    """The writes of one transaction; one at a time, so that a number is given only when all before it can be seen."""

    def __init__(self, connection: Connection, *, is_sqlite: bool) -> None:
        self._connection = connection
        self._is_sqlite = is_sqlite
        if not is_sqlite:
            # A statement of its own: the next one sees what the holder before had committed.
            connection.execute(_TAKE_TURN, {"key": _WRITE_LOCK})
        self._paths = Paths(connection, is_sqlite=is_sqlite)
        stood: int = connection.execute(LAST_SEQ).scalar_one()
        self._stood = stood
        self._seq = self._stood

    def _next(self) -> int:
        self._seq += 1
        return self._seq

    def conclude(self) -> None:
        """Mark how far the count has come, if it has."""
        if self._seq > self._stood:
            self._connection.execute(insert(marks).values(seq=self._seq, mark=uuid.uuid4().hex))

    def commits(self, told: Sequence[Commit]) -> int:
        """Add commits that are not known; how many."""
        new = {(commit.repo, commit.sha): commit for commit in reversed(told)}
        for repo in {commit.repo for commit in told}:
            known = self._paths.rows(
                select(commits.c.sha).where(commits.c.repo == repo),
                commits.c.sha,
                [commit.sha for commit in told if commit.repo == repo],
            )
            for (sha,) in known:
                del new[repo, sha]
        # In the order in which they were told.
        listed = [commit for commit in told if new.get((commit.repo, commit.sha)) is commit]
        insert_rows(self._connection, commits, [self._row_of(commit) for commit in listed])
        insert_rows(
            self._connection,
            reverting,
            list({(commit.sha, commit.repo, reverted) for commit in listed for reverted in commit.reverts}),
        )
        if listed:
            self._change(self._shippers(new))
        return len(listed)

    def _row_of(self, commit: Commit) -> tuple[Any, ...]:
        return (
            self._next(),
            commit.repo,
            commit.sha,
            " ".join(commit.parents),
            " ".join(commit.reverts),
            to_us(commit.authored_at),
            to_us(commit.committed_at),
            msgspec.json.encode((commit.subject, commit.author)).decode(),
        )

    def reports(self, told: Sequence[ChangeReport]) -> int:
        """Add reports that are not known, and keep what is found by them; how many."""
        of_deployments = [one for one in told if isinstance(one, DeploymentReported | LinkReported)]
        of_pulls = [one for one in told if isinstance(one, PullRequestReported | ReviewReported)]
        n_new = 0
        if of_deployments:
            rows = self._deployments(one.subject for one in of_deployments)
            new = self._added(of_deployments, {name: row.number for name, row in rows.items()})
            n_new += len(new)
            self._place({rows[one.subject].number: rows[one.subject] for one in new})
        if of_pulls:
            numbers = self._pull_requests(of_pulls)
            added = self._added(of_pulls, numbers)
            n_new += len(added)
            self._gather([one for one in added if isinstance(one, PullRequestReported)], numbers)
            keys = self._paths.ever_in({numbers[one.subject] for one in added})
            self._change(self._shippers(keys | self._paths.takers(keys)))
        return n_new

    def _added(self, told: list[R], numbers: dict[str, int]) -> list[R]:
        """Insert the reports that are not known yet; `numbers` are those of their subjects."""
        query = select(reports.c.subject, reports.c.report_id)
        known = set(self._paths.rows(query, reports.c.subject, numbers.values()))
        new: dict[tuple[int, str], R] = {}
        for report in told:
            new.setdefault((numbers[report.subject], report.id), report)
        new = {key: report for key, report in new.items() if key not in known}
        rows = [(self._next(), *key, encode_report(report).decode()) for key, report in new.items()]
        insert_rows(self._connection, reports, rows)
        return list(new.values())

    def _place(self, rows: dict[int, DeploymentRow]) -> None:
        """Keep to which service and environment deployments went; that may change what others take back."""
        now: dict[int, DeploymentRow] = dict(rows)
        names = {row.deployment_id: number for number, row in rows.items()}
        for one in self._paths.deployments(rows):
            number = names[one.id]
            now[number] = rows[number]._replace(is_told=True, service=one.service, environment=one.environment)
        moved = {number for number, row in now.items() if row != rows[number]}
        insert_rows(self._connection, deployments, [now[number] for number in sorted(moved)], key=("number",))
        takers = self._paths.takers(self._brought(number for number in moved if now[number].n_shipped))
        self._change(set(rows) | self._shippers(takers))

    def _gather(self, told: list[PullRequestReported], numbers: dict[str, int]) -> None:
        """Keep the way from commits to pull requests, and from those to what takes them back."""
        keys = {(numbers[one.subject], sha) for one in told for sha in (*one.commits, one.merge_sha) if sha is not None}
        query = select(pull_commits.c.pull_request, pull_commits.c.sha)
        known = self._paths.rows(query, pull_commits.c.pull_request, {number for number, _ in keys})
        insert_rows(self._connection, pull_commits, sorted(keys.difference(known)))
        changed = self._paths.pull_requests({numbers[one.subject] for one in told})
        aims = [
            (numbers[one.id], one.id, one.repo, one.reverts and pull_request_id_of(one.repo, one.reverts))
            for one in changed
        ]
        insert_rows(self._connection, pull_requests, aims, key=("number",))

    def ship(self, noted: Sequence[Shipped]) -> None:
        """Note what deployments shipped, where that differs from what was noted."""
        new = {one.deployment_id: one for one in noted}
        rows = self._deployments(new)
        before = self._paths.shipped([row for row in rows.values() if row.shipped_repo is not None])
        new = {name: one for name, one in new.items() if before.get(name) != one}
        numbers = [rows[name].number for name in new]
        brought = {
            (one.repo, sha) for name in new for one in (before.get(name), new[name]) if one for sha in one.shas or ()
        }
        for some in chunks(numbers, _CHUNK):
            aimed_at = among(shipped.c.deployment, some, is_sqlite=self._is_sqlite)
            self._connection.execute(delete(shipped).where(aimed_at))
        insert_rows(
            self._connection,
            shipped,
            [(rows[name].number, place, sha) for name, one in new.items() for place, sha in enumerate(one.shas or ())],
        )
        now = [
            rows[name]._replace(shipped_repo=one.repo, n_shipped=None if one.shas is None else len(one.shas))
            for name, one in new.items()
        ]
        insert_rows(self._connection, deployments, now, key=("number",))
        if new:
            self._next()
            self._change(set(numbers) | self._shippers(self._paths.takers(brought)))

    def _deployments(self, names: Iterable[str]) -> dict[str, DeploymentRow]:
        """The rows of deployments, new ones where they were never heard of."""
        listed = list(dict.fromkeys(names))
        found = {
            row[1]: DeploymentRow(*row)
            for row in self._paths.rows(select(deployments), deployments.c.deployment_id, listed)
        }
        nothing = (False, None, None, None, None)
        new = [DeploymentRow(self._next(), name, self._seq, *nothing) for name in listed if name not in found]
        insert_rows(self._connection, deployments, new)
        return found | {row.deployment_id: row for row in new}

    def _pull_requests(self, told: Iterable[PullRequestReported | ReviewReported]) -> dict[str, int]:
        """The numbers of pull requests, new ones where they were never heard of."""
        repos = {one.subject: one.repo for one in told}
        query = select(pull_requests.c.pull_request_id, pull_requests.c.number)
        found = dict(self._paths.rows(query, pull_requests.c.pull_request_id, repos))
        new = [(self._next(), name, repo, None) for name, repo in repos.items() if name not in found]
        insert_rows(self._connection, pull_requests, new)
        return found | {name: number for number, name, _, _ in new}

    def _brought(self, numbers: Iterable[int]) -> set[Key]:
        query = select(deployments.c.shipped_repo, shipped.c.sha).join_from(shipped, deployments)
        return {(repo, sha) for repo, sha in self._paths.rows(query, shipped.c.deployment, numbers)}

    def _shippers(self, keys: Iterable[Key]) -> set[int]:
        return {number for numbers in self._paths.shippers(keys).values() for number in numbers}

    def _change(self, numbers: Iterable[int]) -> None:
        """Note of deployments that their facts may have changed, as of the end of this transaction."""
        for some in chunks(sorted(numbers), _CHUNK):
            theirs = among(deployments.c.number, some, is_sqlite=self._is_sqlite)
            self._connection.execute(update(deployments).where(theirs).values(changed_seq=self._seq))
