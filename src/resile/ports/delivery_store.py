"""Where deliveries rest: commits, and reports on pull requests and deployments."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from msgspec import Struct

from resile.model.change import ChangeReport, Commit, Deployment, DeploymentReported, LinkReported, PullRequest


class Recorded(Struct, frozen=True):
    """What became of reports: how many were new, how many were known already."""

    n_new: int
    n_known: int


class Shipped(Struct, frozen=True, gc=False):
    """The commits that a deployment was the first to bring to its service and environment.

    Attributes:
        shas: None where its commits are not known.
    """

    deployment_id: str
    repo: str
    shas: tuple[str, ...] | None


class DeliveryStore(Protocol):
    """Commits, reports and what was shipped. Whatever a method acknowledged by returning has survived a crash since.

    Every method may raise StoreError (locked, read-only, full, damaged, of a newer version).
    Instances may be used from several threads.
    """

    def record(self, reports: Sequence[ChangeReport]) -> Recorded:
        """Append reports in one transaction; one whose subject and id are known already changes nothing."""
        ...

    def add_commits(self, commits: Sequence[Commit]) -> int:
        """Add commits in one transaction; known ones change nothing. Returns how many were new."""
        ...

    def commits(self, repo: str, shas: Sequence[str]) -> Mapping[str, Commit]:
        """Those of these commits that are known."""
        ...

    def parents(self, repo: str) -> Mapping[str, tuple[str, ...]]:
        """The parents of every known commit of a repository."""
        ...

    def deployment(self, deployment_id: str) -> Deployment | None:
        """A deployment, folded."""
        ...

    def deployments(self, deployment_ids: Sequence[str]) -> Mapping[str, Deployment]:
        """Several deployments, folded; ids of which nothing is told are absent."""
        ...

    def reports_on(self, deployment_id: str) -> list[DeploymentReported | LinkReported]:
        """Everything that was told of a deployment, by when it holds, then by id."""
        ...

    def deployments_of(self, service: str | None, environment: str | None) -> list[Deployment]:
        """All deployments of a service to an environment, in order of deployed_at, then id; without it, last.

        None is a service or environment that was not told, not any of them.
        """
        ...

    def pull_request(self, pull_request_id: str) -> PullRequest | None:
        """A pull request, folded."""
        ...

    def pull_requests_with(self, repo: str, shas: Sequence[str]) -> Mapping[str, PullRequest]:
        """By commit, the pull request whose merge commit or one of whose commits it is.

        Of several the one whose merge commit it is, else the one merged first, else the first by id.
        """
        ...

    def shipped(self, deployment_ids: Sequence[str]) -> Mapping[str, Shipped]:
        """What was noted of these deployments."""
        ...

    def set_shipped(self, shipped: Sequence[Shipped]) -> None:
        """Note which commits deployments first brought, in place of what was noted before, in one transaction.

        What is noted already in the same words changes nothing. Of several notes on one deployment the last holds.
        """
        ...

    def taken_back(self, deployment_ids: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
        """By deployment, those of the same service and environment that first brought what it takes back.

        It takes back what its commits say to revert, and the pull requests that its own pull requests take back. Ids
        in order; deployments that take nothing back are absent, and so is what a deployment takes back of itself.
        """
        ...

    def last_seq(self) -> int:
        """Rises with every report, commit or note of what was shipped; 0 for an empty store."""
        ...

    def mark(self, seq: int) -> str:
        """Tells apart what was written up to `seq`, where last_seq() has stood, from any other store's.

        Empty for 0, and where last_seq() never stood there: two stores, or one that a backup was put back into, differ.
        """
        ...

    def deployments_changed(self, after_seq: int, up_to_seq: int) -> Iterator[str]:
        """Ids, in order, of deployments whose facts may have changed in (after_seq, up_to_seq].

        By reports on them, by what they shipped, by its commits and pull requests, and by what they take back.
        Some that changed only after `up_to_seq` may be among them; none that nothing is told of.
        """
        ...

    def cursor(self, name: str) -> bytes | None:
        """How far a repeated import has read."""
        ...

    def set_cursor(self, name: str, value: bytes) -> None:
        """Remember how far a repeated import has read."""
        ...

    def services(self) -> Iterable[tuple[str | None, str | None]]:
        """Every service and environment of which a deployment is known."""
        ...

    def close(self) -> None:
        """Let go of files and connections."""
        ...
