"""What every store of deliveries agrees on: names that can be kept, the order of deployments, whose a commit is."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from resile.model.change import (
    ChangeReport,
    Commit,
    Deployment,
    DeploymentReported,
    PullRequest,
    PullRequestReported,
)
from resile.model.errors import StoreError
from resile.ports.delivery_store import Shipped

_LATEST = datetime.max.replace(tzinfo=UTC)


def check_reports(reports: Iterable[ChangeReport]) -> None:
    """Refuse names that PostgreSQL could not keep.

    Raises:
        StoreError: a name holds a NUL character.
    """
    for report in reports:
        names: tuple[str | None, ...] = (report.subject, report.id)
        if isinstance(report, DeploymentReported):
            names = (*names, report.service, report.environment)
        elif isinstance(report, PullRequestReported):
            names = (*names, report.reverts, report.merge_sha, *report.commits)
        _check(names, f"report {report.id!r} on {report.subject!r}")


def check_commits(commits: Iterable[Commit]) -> None:
    """As check_reports."""
    for commit in commits:
        names = (commit.repo, commit.sha, *(commit.parents or ()), *commit.reverts)
        if "\0" in "".join(names):
            _check(names, f"commit {commit.sha!r} of {commit.repo!r}")


def check_shipped(shipped: Iterable[Shipped]) -> None:
    """As check_reports."""
    for one in shipped:
        _check((one.deployment_id, one.repo, *one.known), f"what deployment {one.deployment_id!r} shipped")


def _check(names: tuple[str | None, ...], subject: str) -> None:
    if any(name is not None and "\0" in name for name in names):
        raise StoreError(
            f"{subject} names something with a NUL character, which no database keeps; take it out where it comes from"
        )


def in_order(deployments: Sequence[Deployment]) -> list[Deployment]:
    """By deployed_at, then id; those without it last."""
    return sorted(deployments, key=lambda one: (one.deployed_at or _LATEST, one.deployed_at is None, one.id))


def pull_request_of(sha: str, among: Iterable[PullRequest]) -> PullRequest | None:
    """The pull request that brought a commit: it is its merge commit, else one of its commits; the one merged first."""
    having = [one for one in among if one.merge_sha == sha or sha in one.commits]
    return min(having, key=lambda one: (one.merge_sha != sha, one.merged_at or _LATEST, one.id), default=None)
