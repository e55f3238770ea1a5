"""Deliveries in memory: a whole DeliveryStore for tests, that keeps nothing when it is gone."""

import json
import threading
import uuid
from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime

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
    is_short_id,
    pull_request_id_of,
)
from resile.ports.delivery_store import Placed, Recorded, Shipped, Unsettled
from resile.stores.delivery_names import check_commits, check_reports, check_shipped, in_order, pull_request_of

Key = tuple[str, str]
Target = tuple[str | None, str | None]


class MemoryDeliveryStore:
    """The DeliveryStore in memory, by looking through everything; values are frozen, so they are kept as they are."""

    def __init__(self) -> None:
        self._guard = threading.RLock()
        self._seq = 0
        self._marks: dict[int, str] = {}
        self._commits: dict[Key, Commit] = {}
        self._of_deployments: dict[str, dict[str, DeploymentReported | LinkReported]] = {}
        self._of_pull_requests: dict[str, dict[str, PullRequestReported | ReviewReported]] = {}
        self._reports: list[ChangeReport] = []
        self._shipped: dict[str, Shipped] = {}
        self._unsettled: dict[Target, Unsettled] = {}
        self._changed: dict[str, int] = {}
        self._cursors: dict[str, bytes] = {}

    def record(self, reports: Sequence[ChangeReport]) -> Recorded:
        """Append reports; one whose subject and id are known already changes nothing.

        Raises:
            StoreError: a name holds a NUL character.
        """
        check_reports(reports)
        with self._guard:
            told = {one.subject for one in reports if isinstance(one, DeploymentReported | LinkReported)}
            before = self.deployments(sorted(told))
            deployments, pull_requests = set(), set()
            n_new = 0
            for report in reports:
                if isinstance(report, DeploymentReported | LinkReported):
                    of_deployment = self._of_deployments.setdefault(report.subject, {})
                    is_new = report.id not in of_deployment
                    of_deployment.setdefault(report.id, report)
                    deployments |= {report.subject} if is_new else set()
                else:
                    of_pull_request = self._of_pull_requests.setdefault(report.subject, {})
                    is_new = report.id not in of_pull_request
                    of_pull_request.setdefault(report.id, report)
                    pull_requests |= {report.subject} if is_new else set()
                if is_new:
                    self._reports.append(report)
                n_new += is_new
            brought = {key for name in pull_requests for key in self._ever_in(name)}
            changed = deployments | self._shippers(self._takers(self._brought(deployments)))
            self._wrote(n_new, changed | self._shippers(brought | self._takers(brought)))
            for name, now in self.deployments(sorted(told)).items():
                self._moved(before.get(name), now)
            return Recorded(n_new=n_new, n_known=len(reports) - n_new)

    def add_commits(self, commits: Sequence[Commit]) -> int:
        """Add commits; known ones change nothing, but one without parents is told whole once. Returns how many it took.

        Raises:
            StoreError: a name holds a NUL character.
        """
        check_commits(commits)
        with self._guard:
            new: dict[Key, Commit] = {}
            for commit in commits:
                key = commit.repo, commit.sha
                known = new.get(key) or self._commits.get(key)
                if known is None or (known.parents is None and commit.parents is not None):
                    new[key] = commit
            for key, commit in new.items():
                # One that is told anew is the last that came to be known.
                self._commits.pop(key, None)
                self._commits[key] = commit
            named = {key for key, one in self._commits.items() if any(_begins(one.repo, s, new) for s in one.reverts)}
            self._wrote(len(new), self._shippers(set(new) | named))
            repos = {commit.repo for commit in new.values() if commit.parents is not None}
            for line in list(self._unsettled.values()) if repos else ():
                self._mark_unsettled((line.service, line.environment), line.since)
            for name, one in self.deployments(list(self._of_deployments)).items():
                noted = self._shipped.get(name)
                if one.repo in repos and one.sha and one.deployed_at and (noted is None or noted.shas is None):
                    self._mark_unsettled((one.service, one.environment), one.deployed_at)
            return len(new)

    def _moved(self, before: Deployment | None, now: Deployment) -> None:
        """Note what has to be worked out anew where a deployment is placed otherwise than before."""
        if before is not None and _place(before) == _place(now):
            return
        for one in (before, now):
            if one is not None and one.deployed_at is not None:
                self._mark_unsettled((one.service, one.environment), one.deployed_at)
        if now.deployed_at is None and now.id in self._shipped:
            self.set_shipped([Shipped(now.id, self._shipped[now.id].repo, None)])

    def _mark_unsettled(self, target: Target, since: datetime) -> None:
        known = self._unsettled.get(target)
        self._unsettled[target] = Unsettled(*target, since if known is None else min(since, known.since), self._seq)

    def unsettled(self) -> list[Unsettled]:
        """Where it has to be worked out what was shipped, in order of service and environment."""
        with self._guard:
            return [self._unsettled[target] for target in sorted(self._unsettled, key=json.dumps)]

    def unsettle(self, service: str | None, environment: str | None, since: datetime) -> None:
        """Have it worked out anew what was shipped there by deployments from then on."""
        with self._guard:
            self._wrote(1, set())
            self._mark_unsettled((service, environment), since)

    def settle(self, line: Unsettled, shipped: Sequence[Shipped]) -> bool:
        """As set_shipped, and it is settled; False: others have been there since `line` was read."""
        check_shipped(shipped)
        with self._guard:
            known = self._unsettled.get((line.service, line.environment))
            if known is None or known.seq != line.seq:
                return False
            self.set_shipped(shipped)
            del self._unsettled[line.service, line.environment]
            return True

    def placed(self, service: str | None, environment: str | None, since: datetime) -> list[Placed]:
        """The deployments there that succeeded then or later, in order of deployed_at, then id."""
        found = self.deployments_of(service, environment)
        return [
            Placed(one.id, one.deployed_at, one.repo, one.sha)
            for one in found
            if one.deployed_at is not None and one.deployed_at >= since
        ]

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
        with self._guard:
            found = self.deployments_of(service, environment)
            earlier = {one.id for one in found if one.deployed_at is not None and one.deployed_at < before}
            everything = {sha for its, sha in self._brought(earlier) if its == repo}
        return everything if shas is None else everything & set(shas)

    def commits(self, repo: str, shas: Sequence[str]) -> Mapping[str, Commit]:
        """Those of these commits that are known."""
        with self._guard:
            return {sha: self._commits[repo, sha] for sha in shas if (repo, sha) in self._commits}

    def parents(self, repo: str) -> Mapping[str, tuple[str, ...]]:
        """The parents of every commit of a repository of which they are known."""
        with self._guard:
            return {
                commit.sha: commit.parents
                for commit in self._commits.values()
                if commit.repo == repo and commit.parents is not None
            }

    def ancestry(self, repo: str, sha: str, *, most: int) -> Mapping[str, tuple[str, ...]]:
        """The parents of a commit and of commits before it, as far as they are known, of at most so many commits."""
        found: dict[str, tuple[str, ...]] = {}
        with self._guard:
            waiting = deque([sha])
            while waiting and len(found) < most:
                one = waiting.popleft()
                commit = self._commits.get((repo, one))
                if commit is not None and commit.parents is not None and one not in found:
                    found[one] = commit.parents
                    waiting.extend(commit.parents)
        return found

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

    def all_commits(self) -> Iterator[Commit]:
        """Every commit, in the order in which they came to be known as they are."""
        with self._guard:
            found = list(self._commits.values())
        yield from found

    def all_reports(self) -> Iterator[ChangeReport]:
        """Every report, in the order in which they were told."""
        with self._guard:
            found = list(self._reports)
        yield from found

    def all_pull_requests(self) -> Iterator[PullRequest]:
        """Every pull request of which something is told, folded, in order of ids."""
        with self._guard:
            found = [self.pull_request(name) for name in sorted(self._of_pull_requests)]
        yield from [one for one in found if one is not None]

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
        return {(one.repo, sha) for one in noted for sha in one.known}

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
        found = {
            key for key, one in self._commits.items() if any(_aims_at(one.repo, sha, commits) for sha in one.reverts)
        }
        aimed_at = {name for name in self._of_pull_requests if commits & self._ever_in(name)}
        for name in self._of_pull_requests:
            one = self.pull_request(name)
            if one is not None and one.reverts is not None and pull_request_id_of(one.repo, one.reverts) in aimed_at:
                found |= self._ever_in(name)
        return found

    def _meant(self, repo: str, reverted: str) -> str:
        """The one commit whose id begins so, where it is a beginning of just one."""
        if not is_short_id(reverted):
            return reverted
        found = [sha for one, sha in self._commits if one == repo and sha.startswith(reverted)]
        return found[0] if len(found) == 1 else reverted

    def _aims(self, deployment_id: str) -> set[Key]:
        """The commits that a deployment takes back."""
        found: set[Key] = set()
        for repo, sha in self._brought({deployment_id}):
            if (commit := self._commits.get((repo, sha))) is not None:
                found |= {(repo, self._meant(repo, reverted)) for reverted in commit.reverts}
            own = self.pull_requests_with(repo, [sha]).get(sha)
            if own is not None and own.reverts is not None:
                aimed_at = self.pull_request(pull_request_id_of(repo, own.reverts))
                found |= set() if aimed_at is None else {(repo, one) for one in _commits_of(aimed_at)}
        return found


def _place(one: Deployment) -> tuple[object, ...]:
    return one.service, one.environment, one.deployed_at, one.repo, one.sha


def _aims_at(repo: str, reverted: str, commits: Collection[Key]) -> bool:
    return (repo, reverted) in commits or _begins(repo, reverted, commits)


def _begins(repo: str, reverted: str, commits: Collection[Key]) -> bool:
    return is_short_id(reverted) and any(one == repo and sha.startswith(reverted) for one, sha in commits)


def _commits_of(pull_request: PullRequest) -> tuple[str, ...]:
    merge = () if pull_request.merge_sha is None else (pull_request.merge_sha,)
    return (*pull_request.commits, *merge)
