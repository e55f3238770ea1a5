"""What one transaction writes of deliveries, and which deployments' facts it changes."""

import json
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
from resile.ports.delivery_store import Shipped, Unsettled
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
    unsettled,
)
from resile.stores.rows import among, chunks, insert_rows

LAST_SEQ = select(func.coalesce(func.max(marks.c.seq), 0))
# Any number will do, so long as all versions of resile use the same.
_WRITE_LOCK = 0x7265_7369_6C67
_TAKE_TURN = text("SELECT pg_advisory_xact_lock(:key)")
_CHUNK = 2_000
# A service's environment; either may be unknown.
Target = tuple[str | None, str | None]
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
        # By service and environment, from when on it has to be worked out what was shipped.
        self._unsettled: dict[Target, int] = {}

    def _next(self) -> int:
        self._seq += 1
        return self._seq

    def conclude(self) -> None:
        """Mark how far the count has come, if it has, and what has to be worked out."""
        if self._unsettled:
            self._note_unsettled()
        if self._seq > self._stood:
            self._connection.execute(insert(marks).values(seq=self._seq, mark=uuid.uuid4().hex))

    def _note_unsettled(self) -> None:
        names = {json.dumps(target): target for target in self._unsettled}
        query = select(unsettled.c.target, unsettled.c.since)
        stood = dict(self._paths.rows(query, unsettled.c.target, names))
        rows = [
            (name, *target, min(self._unsettled[target], stood.get(name, self._unsettled[target])), self._seq)
            for name, target in names.items()
        ]
        insert_rows(self._connection, unsettled, rows, key=("target",))

    def unsettle(self, service: str | None, environment: str | None, since_us: int) -> None:
        """Have it worked out what was shipped there from then on."""
        self._next()
        self._mark_unsettled((service, environment), since_us)

    def _mark_unsettled(self, target: Target, since_us: int) -> None:
        self._unsettled[target] = min(since_us, self._unsettled.get(target, since_us))

    def settle(self, line: Unsettled, noted: Sequence[Shipped]) -> bool:
        """Note what was shipped, unless others have been there since `line` was read."""
        is_it = (unsettled.c.target == json.dumps((line.service, line.environment))) & (unsettled.c.seq == line.seq)
        if not self._connection.execute(delete(unsettled).where(is_it)).rowcount:
            return False
        self.ship(noted)
        return True

    def commits(self, told: Sequence[Commit]) -> int:
        """Add commits that are not known, or known without their parents and told whole now; how many."""
        new = {(commit.repo, commit.sha): commit for commit in reversed(told)}
        # Whole ones first, whatever their order.
        new |= {(commit.repo, commit.sha): commit for commit in reversed(told) if commit.parents is not None}
        for repo in {commit.repo for commit in told}:
            known = self._paths.rows(
                select(commits.c.sha, commits.c.parents.is_not(None)).where(commits.c.repo == repo),
                commits.c.sha,
                [commit.sha for commit in told if commit.repo == repo],
            )
            without = []
            for sha, is_whole in known:
                if is_whole or new[repo, sha].parents is None:
                    del new[repo, sha]
                else:
                    without.append(sha)
            self._forget(repo, without)
        # In the order in which they were told; the same one may have been told twice.
        listed = list({key: one for one in told if new.get(key := (one.repo, one.sha)) is one}.values())
        insert_rows(self._connection, commits, [self._row_of(commit) for commit in listed])
        insert_rows(
            self._connection,
            reverting,
            list({(commit.sha, commit.repo, reverted) for commit in listed for reverted in commit.reverts}),
        )
        if listed:
            # A new commit may be the one whose beginning was named, or the second one, so that none is meant.
            self._change(self._shippers({*new, *self._paths.takers_by_beginning(new)}))
            repos = {commit.repo for commit in listed if commit.parents is not None}
            if repos:
                self._unsettle_holes(repos)
        return len(listed)

    def _unsettle_holes(self, repos: Iterable[str]) -> None:
        """What was not known of deployments may be known now, and so what those after them were the first to bring.

        Whoever is working something out may have come to where these commits were missing, and has to look again.
        """
        for service, environment, since_us in self._paths.all_rows(
            select(unsettled.c.service, unsettled.c.environment, unsettled.c.since)
        ):
            self._mark_unsettled((service, environment), since_us)
        its = deployments.c
        query = (
            select(its.service, its.environment, func.min(its.deployed_at))
            .where(its.is_told, its.deployed_at.is_not(None), its.sha.is_not(None), its.n_shipped.is_(None))
            .group_by(its.service, its.environment)
        )
        for service, environment, since_us in self._paths.rows(query, its.repo, repos):
            self._mark_unsettled((service, environment), since_us)

    def _forget(self, repo: str, shas: Sequence[str]) -> None:
        """Make place for commits that are told anew."""
        for some in chunks(shas, _CHUNK):
            for table in (reverting, commits):
                theirs = among(table.c.sha, some, is_sqlite=self._is_sqlite)
                self._connection.execute(delete(table).where(table.c.repo == repo, theirs))

    def _row_of(self, commit: Commit) -> tuple[Any, ...]:
        return (
            self._next(),
            commit.repo,
            commit.sha,
            None if commit.parents is None else " ".join(commit.parents),
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
            now[number] = rows[number]._replace(
                is_told=True,
                service=one.service,
                environment=one.environment,
                deployed_at=None if one.deployed_at is None else to_us(one.deployed_at),
                repo=one.repo,
                sha=one.sha,
            )
        moved = {number for number, row in now.items() if row != rows[number]}
        insert_rows(self._connection, deployments, [now[number] for number in sorted(moved)], key=("number",))
        takers = self._paths.takers(self._brought(moved))
        self._change(set(rows) | self._shippers(takers))
        for number in moved:
            for row in (rows[number], now[number]):
                if row.deployed_at is not None:
                    self._mark_unsettled((row.service, row.environment), row.deployed_at)
        # What they brought is another's now.
        taken_back = [now[number] for number in moved if now[number].deployed_at is None]
        self.ship([Shipped(row.deployment_id, row.shipped_repo, None) for row in taken_back if row.shipped_repo])

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
        brought = {(one.repo, sha) for name in new for one in (before.get(name), new[name]) if one for sha in one.known}
        for some in chunks(numbers, _CHUNK):
            aimed_at = among(shipped.c.deployment, some, is_sqlite=self._is_sqlite)
            self._connection.execute(delete(shipped).where(aimed_at))
        insert_rows(
            self._connection,
            shipped,
            [(rows[name].number, place, sha) for name, one in new.items() for place, sha in enumerate(one.known)],
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
        nothing = (False, None, None, None, None, None, None, None)
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
