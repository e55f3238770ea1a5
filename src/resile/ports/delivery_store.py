"""Where deliveries rest: commits, and reports on pull requests and deployments."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
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
        at_least: where they are not, those of which it is known all the same: the one that it names, and those on the
            way from there to where the history has its holes.
    """

    deployment_id: str
    repo: str
    shas: tuple[str, ...] | None
    at_least: tuple[str, ...] = ()

    @property
    def known(self) -> tuple[str, ...]:
        """The commits of which it is known that it was the first to bring them, whether these are all or not."""
        return self.at_least if self.shas is None else self.shas


class Unsettled(Struct, frozen=True, gc=False):
    """A service's environment of which it has to be worked out what its deployments shipped.

    Attributes:
        since: by deployments that went out then or later; what earlier ones shipped is settled.
        seq: when it was last noted that it has to be.
    """

    service: str | None
    environment: str | None
    since: datetime
    seq: int


class Placed(Struct, frozen=True, gc=False):
    """Where a deployment that succeeded stands in its service and environment, and the commit that it names."""

    deployment_id: str
    deployed_at: datetime
    repo: str | None
    sha: str | None


class DeliveryStore(Protocol):
    """Commits, reports and what was shipped. Whatever a method acknowledged by returning has survived a crash since.

    Every method may raise StoreError (locked, read-only, full, damaged, of a newer version).
    Instances may be used from several threads.
    """

    def record(self, reports: Sequence[ChangeReport]) -> Recorded:
        """Append reports in one transaction; one whose subject and id are known already changes nothing.

        Where a deployment is placed otherwise than before, what was shipped from then on is unsettled.
        """
        ...

    def add_commits(self, commits: Sequence[Commit]) -> int:
        """Add commits in one transaction; known ones change nothing.

        One that was told without parents is replaced once it is told whole. Whole ones unsettle what is not known of
        deployments of their repositories, and anew what is unsettled already.

        Returns:
            How many were new, or told whole for the first time.
        """
        ...

    def commits(self, repo: str, shas: Sequence[str]) -> Mapping[str, Commit]:
        """Those of these commits that are known."""
        ...

    def parents(self, repo: str) -> Mapping[str, tuple[str, ...]]:
        """The parents of every commit of a repository of which they are known."""
        ...

    def ancestry(self, repo: str, sha: str, *, most: int) -> Mapping[str, tuple[str, ...]]:
        """The parents of a commit and of commits before it, as far as they are known, of at most so many commits."""
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

    def unsettled(self) -> list[Unsettled]:
        """Where it has to be worked out what was shipped, in order of service and environment."""
        ...

    def unsettle(self, service: str | None, environment: str | None, since: datetime) -> None:
        """Have it worked out anew what was shipped there by deployments from then on."""
        ...

    def settle(self, line: Unsettled, shipped: Sequence[Shipped]) -> bool:
        """As set_shipped, and it is settled; in one transaction.

        False: it has been settled or unsettled by somebody else since it was asked for, and nothing was written.
        """
        ...

    def placed(self, service: str | None, environment: str | None, since: datetime) -> list[Placed]:
        """The deployments there that succeeded then or later, in order of deployed_at, then id."""
        ...

    def brought(
        self,
        service: str | None,
        environment: str | None,
        repo: str,
        *,
        before: datetime,
        shas: Sequence[str] | None = None,
    ) -> set[str]:
        """The commits of a repository that deployments there brought that succeeded before an instant.

        Args:
            shas: only those among these; None: all.
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

    def all_commits(self) -> Iterator[Commit]:
        """Every commit, streamed, in the order in which they came to be known as they are."""
        ...

    def all_reports(self) -> Iterator[ChangeReport]:
        """Every report, streamed, in the order in which they were told."""
        ...

    def all_pull_requests(self) -> Iterator[PullRequest]:
        """Every pull request of which something is told, folded, streamed, in order of ids."""
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
