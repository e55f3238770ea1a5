"""Deliveries in memory: a whole DeliveryStore for tests, that keeps nothing when it is gone."""

import threading
import uuid
from collections.abc import Iterator, Mapping, Sequence

from resile.model.change import (
    ChangeReport,
    Commit,
    Deployment,
    DeploymentReported,
    LinkReported,
    PullRequest,
    PullRequestReported,
    ReviewReported,
    fold_deployment,
    fold_pull_request,
    pull_request_id_of,
)
from resile.ports.delivery_store import Recorded, Shipped
from resile.stores.delivery_names import check_commits, check_reports, check_shipped, in_order, pull_request_of

Key = tuple[str, str]


class MemoryDeliveryStore:
    """The DeliveryStore in memory, by looking through everything; values are frozen, so they are kept as they are."""

    def __init__(self) -> None:
        self._guard = threading.RLock()
        self._seq = 0
        self._marks: dict[int, str] = {}
        self._commits: dict[Key, Commit] = {}
        self._of_deployments: dict[str, dict[str, DeploymentReported | LinkReported]] = {}
        self._of_pull_requests: dict[str, dict[str, PullRequestReported | ReviewReported]] = {}
        self._shipped: dict[str, Shipped] = {}
        self._changed: dict[str, int] = {}
        self._cursors: dict[str, bytes] = {}

    def record(self, reports: Sequence[ChangeReport]) -> Recorded:
        """Append reports; one whose subject and id are known already changes nothing.

        Raises:
            StoreError: a name holds a NUL character.
        """
        check_reports(reports)
        with self._guard:
            deployments, pull_requests = set(), set()
            n_new = 0
            for report in reports:
                if isinstance(report, DeploymentReported | LinkReported):
                    of_deployment = self._of_deployments.setdefault(report.subject, {})
                    is_new = of_deployment.setdefault(report.id, report) is report
                    deployments |= {report.subject} if is_new else set()
                else:
                    of_pull_request = self._of_pull_requests.setdefault(report.subject, {})
                    is_new = of_pull_request.setdefault(report.id, report) is report
                    pull_requests |= {report.subject} if is_new else set()
                n_new += is_new
            brought = {key for name in pull_requests for key in self._ever_in(name)}
            changed = deployments | self._shippers(self._takers(self._brought(deployments)))
            self._wrote(n_new, changed | self._shippers(brought | self._takers(brought)))
            return Recorded(n_new=n_new, n_known=len(reports) - n_new)

    def add_commits(self, commits: Sequence[Commit]) -> int:
        """Add commits; known ones change nothing. Returns how many were new.

        Raises:
            StoreError: a name holds a NUL character.
        """
        check_commits(commits)
        with self._guard:
            new = {(commit.repo, commit.sha): commit for commit in reversed(commits)}
            new = {key: commit for key, commit in new.items() if key not in self._commits}
            self._commits |= new
            self._wrote(len(new), self._shippers(set(new)))
            return len(new)

    def commits(self, repo: str, shas: Sequence[str]) -> Mapping[str, Commit]:
        """Those of these commits that are known."""
        with self._guard:
            return {sha: self._commits[repo, sha] for sha in shas if (repo, sha) in self._commits}

    def parents(self, repo: str) -> Mapping[str, tuple[str, ...]]:
        """The parents of every known commit of a repository."""
        with self._guard:
            return {commit.sha: commit.parents for commit in self._commits.values() if commit.repo == repo}

    def deployment(self, deployment_id: str) -> Deployment | None:
        """A deployment, folded."""
        with self._guard:
            return fold_deployment(self._of_deployments.get(deployment_id, {}).values())

    def deployments(self, deployment_ids: Sequence[str]) -> Mapping[str, Deployment]:
        """Several deployments, folded; ids of which nothing is told are absent."""
        return {name: found for name in deployment_ids if (found := self.deployment(name)) is not None}

    def reports_on(self, deployment_id: str) -> list[DeploymentReported | LinkReported]:
        """Everything that was told of a deployment, by when it holds, then by id."""
        with self._guard:
            told = list(self._of_deployments.get(deployment_id, {}).values())
        return sorted(told, key=lambda report: (report.at, report.id))

    def deployments_of(self, service: str | None, environment: str | None) -> list[Deployment]:
        """All deployments of a service to an environment, in order of deployed_at, then id; without it, last."""
        with self._guard:
            told = self.deployments(list(self._of_deployments)).values()
        return in_order([one for one in told if (one.service, one.environment) == (service, environment)])

    def pull_request(self, pull_request_id: str) -> PullRequest | None:
        """A pull request, folded."""
        with self._guard:
            return fold_pull_request(self._of_pull_requests.get(pull_request_id, {}).values())

    def pull_requests_with(self, repo: str, shas: Sequence[str]) -> Mapping[str, PullRequest]:
        """By commit, the pull request whose merge commit or one of whose commits it is."""
        with self._guard:
            told = [self.pull_request(name) for name in self._of_pull_requests]
        of_repo = [one for one in told if one is not None and one.repo == repo]
        found = {sha: pull_request_of(sha, of_repo) for sha in shas}
        return {sha: one for sha, one in found.items() if one is not None}

    def shipped(self, deployment_ids: Sequence[str]) -> Mapping[str, Shipped]:
        """What was noted of these deployments."""
        with self._guard:
            return {name: self._shipped[name] for name in deployment_ids if name in self._shipped}

    def set_shipped(self, shipped: Sequence[Shipped]) -> None:
        """Note which commits deployments first brought, in place of what was noted before.

        Raises:
            StoreError: a name holds a NUL character.
        """
        check_shipped(shipped)
        with self._guard:
            new = {one.deployment_id: one for one in shipped}
            new = {name: one for name, one in new.items() if self._shipped.get(name) != one}
            brought = self._brought(set(new))
            self._shipped |= new
            brought |= self._brought(set(new))
            self._wrote(len(new), set(new) | self._shippers(self._takers(brought)))

    def taken_back(self, deployment_ids: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
        """By deployment, those of the same service and environment that first brought what it takes back."""
        found: dict[str, tuple[str, ...]] = {}
        with self._guard:
            for name, deployment in self.deployments(deployment_ids).items():
                others = self.deployments(sorted(self._shippers(self._aims(name)) - {name})).values()
                place = (deployment.service, deployment.environment)
                alike = tuple(other.id for other in others if (other.service, other.environment) == place)
                found |= {name: alike} if alike else {}
        return found

    def last_seq(self) -> int:
        """Rises with every report, commit or note of what was shipped; 0 for an empty store."""
        with self._guard:
            return self._seq

    def mark(self, seq: int) -> str:
        """Tells apart what was written up to `seq` from any other store's."""
        with self._guard:
            return self._marks.get(seq, "")

    def deployments_changed(self, after_seq: int, up_to_seq: int) -> Iterator[str]:
        """Ids, in order, of deployments whose facts may have changed in (after_seq, up_to_seq]."""
        with self._guard:
            changed = sorted(name for name, seq in self._changed.items() if seq > after_seq)
            told = self.deployments(changed) if up_to_seq > after_seq else {}
        yield from told

    def cursor(self, name: str) -> bytes | None:
        """How far a repeated import has read."""
        with self._guard:
            return self._cursors.get(name)

    def set_cursor(self, name: str, value: bytes) -> None:
        """Remember how far a repeated import has read."""
        with self._guard:
            self._cursors[name] = value

    def services(self) -> list[tuple[str | None, str | None]]:
        """Every service and environment of which a deployment is known."""
        with self._guard:
            told = self.deployments(list(self._of_deployments)).values()
        return list(dict.fromkeys((one.service, one.environment) for one in told))

    def close(self) -> None:
        """Nothing to let go of."""

    def _wrote(self, n_rows: int, changed: set[str]) -> None:
        if n_rows:
            self._seq += n_rows
            self._marks[self._seq] = uuid.uuid4().hex
            self._changed |= dict.fromkeys(changed, self._seq)

    def _brought(self, deployments: set[str]) -> set[Key]:
        """The commits that deployments shipped."""
        noted = [self._shipped[name] for name in deployments if name in self._shipped]
        return {(one.repo, sha) for one in noted for sha in one.shas or ()}

    def _shippers(self, commits: set[Key]) -> set[str]:
        """The deployments that shipped one of the commits."""
        return {name for name in self._shipped if commits & self._brought({name})} if commits else set()

    def _ever_in(self, pull_request_id: str) -> set[Key]:
        """The commits that any report has counted to a pull request."""
        told = self._of_pull_requests.get(pull_request_id, {}).values()
        shas = {sha for one in told if isinstance(one, PullRequestReported) for sha in (*one.commits, one.merge_sha)}
        return {(one.repo, sha) for one in told for sha in shas if sha is not None}

    def _takers(self, commits: set[Key]) -> set[Key]:
        """The commits that take back one of these, by themselves or by their pull requests."""
        found = {key for key, one in self._commits.items() if any((one.repo, sha) in commits for sha in one.reverts)}
        aimed_at = {name for name in self._of_pull_requests if commits & self._ever_in(name)}
        for name in self._of_pull_requests:
            one = self.pull_request(name)
            if one is not None and one.reverts is not None and pull_request_id_of(one.repo, one.reverts) in aimed_at:
                found |= self._ever_in(name)
        return found

    def _aims(self, deployment_id: str) -> set[Key]:
        """The commits that a deployment takes back."""
        found: set[Key] = set()
        for repo, sha in self._brought({deployment_id}):
            if (commit := self._commits.get((repo, sha))) is not None:
                found |= {(repo, reverted) for reverted in commit.reverts}
            own = self.pull_requests_with(repo, [sha]).get(sha)
            if own is not None and own.reverts is not None:
                aimed_at = self.pull_request(pull_request_id_of(repo, own.reverts))
                found |= set() if aimed_at is None else {(repo, one) for one in _commits_of(aimed_at)}
        return found


def _commits_of(pull_request: PullRequest) -> tuple[str, ...]:
    merge = () if pull_request.merge_sha is None else (pull_request.merge_sha,)
    return (*pull_request.commits, *merge)
