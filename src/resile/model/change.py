"""Commits, pull requests and deployments, and the reports from which the latter two are folded."""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec


class DeploymentStatus(StrEnum):
    """How far a deployment has come, as its sender says."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class DeploymentKind(StrEnum):
    """What an unplanned deployment is, where its sender says so."""

    ROLLBACK = "rollback"  # back to an earlier version
    HOTFIX = "hotfix"  # forward, to mend production
    REVERT = "revert"  # forward, taking a change back


class ReviewState(StrEnum):
    """What a reviewer said."""

    APPROVED = "approved"
    CHANGES_REQUESTED = "changes_requested"
    COMMENTED = "commented"
    DISMISSED = "dismissed"


# gc=False: as events, these come by the million and refer to nothing that could refer back to them.
class Commit(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """One commit of a repository; never changes.

    Attributes:
        repo: name of the repository, e.g. `github.com/acme/shop`, or what the user called it.
        sha: full hexadecimal id.
        parents: ids; none for a root; None where they were not told, as of commits of a push.
        reverts: ids of commits that it says to revert; where people write the beginning of an id, that.
    """

    repo: str
    sha: str
    parents: tuple[str, ...] | None = ()
    authored_at: datetime
    committed_at: datetime
    subject: str = ""
    author: str | None = None
    reverts: tuple[str, ...] = ()


SHORTEST_ID, FULL_ID = 7, 40


def is_short_id(sha: str) -> bool:
    """Whether that is the beginning of a commit's id, as people write it; it counts if only one commit has it."""
    return SHORTEST_ID <= len(sha) < FULL_ID


class Reported(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag_field="kind", omit_defaults=True):
    """What every report carries. Reports are appended, never changed; what they say is folded.

    Attributes:
        id: unique among the reports on its subject: the same report told again is one.
        at: as of when it holds, by the sender's clock; of two that differ, the later is right. Aware UTC.
        recorded_at: when resile learnt it, aware UTC.
        by: who said so: `import:git`, `door:github`, `token:ci`, `user:ann`.
    """

    id: str
    at: datetime
    recorded_at: datetime
    by: str


class DeploymentReported(Reported, frozen=True, kw_only=True, tag="deployment"):
    """Something is known of a deployment; what is None or empty is not told by this report.

    Attributes:
        origin: which system named it, e.g. `github`; with `ref` it names the deployment for good.
        ref: its name there, unique within the origin.
        status: reached at `at`.
        unplanned: what it is, where the sender says so.
        caused: ids of incidents that it is said to have caused.
        mends: id of the incident that it is said to mend.
        supersedes_earlier: what the same `by` told of it before `recorded_at` holds no more, such as of a moved tag.
    """

    origin: str
    ref: str
    service: str | None = None
    environment: str | None = None
    version: str | None = None
    repo: str | None = None
    sha: str | None = None
    status: DeploymentStatus | None = None
    unplanned: DeploymentKind | None = None
    mends: str | None = None
    caused: tuple[str, ...] = ()
    title: str | None = None
    url: str | None = None
    supersedes_earlier: bool = False

    @property
    def subject(self) -> str:
        """The id of the deployment."""
        return deployment_id_of(self.origin, self.ref)


class PullRequestReported(Reported, frozen=True, kw_only=True, tag="pull_request"):
    """Something is known of a pull request; what is None or empty is not told by this report.

    Attributes:
        number: its name in the repository, e.g. `17`.
        ready_at: when a draft was declared ready for review.
        commits: ids of the commits on its branch.
        first_commit_at: when the earliest of them was written.
        reverts: number of the pull request that it takes back.
        is_open: it was open as of `at`; what was told of its closing before holds no more.
    """

    repo: str
    number: str
    title: str | None = None
    author: str | None = None
    opened_at: datetime | None = None
    ready_at: datetime | None = None
    merged_at: datetime | None = None
    closed_at: datetime | None = None
    merge_sha: str | None = None
    head_sha: str | None = None
    commits: tuple[str, ...] = ()
    first_commit_at: datetime | None = None
    reverts: str | None = None
    url: str | None = None
    is_open: bool | None = None

    @property
    def subject(self) -> str:
        """The id of the pull request."""
        return pull_request_id_of(self.repo, self.number)


class ReviewReported(Reported, frozen=True, kw_only=True, tag="review"):
    """Somebody other than the author said something on a pull request, at `at`."""

    repo: str
    number: str
    reviewer: str
    state: ReviewState

    @property
    def subject(self) -> str:
        """The id of the pull request."""
        return pull_request_id_of(self.repo, self.number)


class LinkReported(Reported, frozen=True, kw_only=True, tag="link"):
    """A person or system says that this deployment caused this incident, or that it did not."""

    deployment_id: str
    incident_id: str
    is_cause: bool = True
    reason: str = ""

    @property
    def subject(self) -> str:
        """The id of the deployment."""
        return self.deployment_id


ChangeReport = DeploymentReported | PullRequestReported | ReviewReported | LinkReported


class Review(msgspec.Struct, frozen=True, gc=False):
    """What a reviewer said, and when."""

    reviewer: str
    state: ReviewState
    at: datetime


class PullRequest(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A pull request as all reports together tell it; reviews in order of time."""

    id: str
    repo: str
    number: str
    title: str = ""
    author: str | None = None
    opened_at: datetime | None = None
    ready_at: datetime | None = None
    merged_at: datetime | None = None
    closed_at: datetime | None = None
    merge_sha: str | None = None
    head_sha: str | None = None
    commits: tuple[str, ...] = ()
    first_commit_at: datetime | None = None
    reverts: str | None = None
    url: str | None = None
    reviews: tuple[Review, ...] = ()


class Link(msgspec.Struct, frozen=True, gc=False):
    """What was said last of a deployment and an incident, by whom."""

    incident_id: str
    is_cause: bool
    by: str
    at: datetime
    reason: str = ""


class Deployment(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A deployment as all reports together tell it.

    Attributes:
        status: the one reached last; None where none was told.
        started_at: the first status of any kind.
        deployed_at: when it first succeeded; None while it has not.
        links: one for each incident of which something was said, in order of ids.
    """

    id: str
    origin: str
    ref: str
    service: str | None = None
    environment: str | None = None
    version: str | None = None
    repo: str | None = None
    sha: str | None = None
    status: DeploymentStatus | None = None
    started_at: datetime | None = None
    deployed_at: datetime | None = None
    unplanned: DeploymentKind | None = None
    mends: str | None = None
    title: str | None = None
    url: str | None = None
    links: tuple[Link, ...] = ()


def deployment_id_of(origin: str, ref: str) -> str:
    """The id of a deployment: the same report gives the same deployment, on any machine."""
    return f"{origin}:{ref}"


def pull_request_id_of(repo: str, number: str) -> str:
    """The id of a pull request."""
    return f"{repo}#{number}"


_OF_DEPLOYMENT = ("service", "environment", "version", "repo", "sha", "unplanned", "mends", "title", "url")
_OF_PULL_REQUEST = (
    *("title", "author", "opened_at", "ready_at", "merged_at", "merge_sha", "head_sha", "commits"),
    *("first_commit_at", "reverts", "url"),
)


def fold_deployment(reports: Iterable[DeploymentReported | LinkReported]) -> Deployment | None:
    """What the reports on one deployment say together, in whatever order they came; None if none tells of it itself."""
    ordered = _without_superseded(sorted(reports, key=_by_time))
    told = [report for report in ordered if isinstance(report, DeploymentReported)]
    if not told:
        return None
    reached = [report for report in told if report.status is not None]
    links: dict[str, Link] = {}
    for report in ordered:
        if isinstance(report, LinkReported):
            said = Link(report.incident_id, report.is_cause, report.by, report.at, report.reason)
            links[report.incident_id] = said
        else:
            for incident_id in report.caused:
                links[incident_id] = Link(incident_id, is_cause=True, by=report.by, at=report.at)
    return Deployment(
        id=told[0].subject,
        origin=told[0].origin,
        ref=told[0].ref,
        status=reached[-1].status if reached else None,
        started_at=reached[0].at if reached else None,
        deployed_at=next((report.at for report in reached if report.status is DeploymentStatus.SUCCEEDED), None),
        links=tuple(links[incident_id] for incident_id in sorted(links)),
        **_last_told(told, _OF_DEPLOYMENT),
    )


def fold_pull_request(reports: Iterable[PullRequestReported | ReviewReported]) -> PullRequest | None:
    """What the reports on one pull request say together, in whatever order; None if none tells of it itself."""
    ordered = sorted(reports, key=_by_time)
    told = [report for report in ordered if isinstance(report, PullRequestReported)]
    if not told:
        return None
    reviews = [report for report in ordered if isinstance(report, ReviewReported)]
    return PullRequest(
        id=told[0].subject,
        repo=told[0].repo,
        number=told[0].number,
        reviews=tuple(Review(report.reviewer, report.state, report.at) for report in reviews),
        closed_at=_closed_at(told),
        **_last_told(told, _OF_PULL_REQUEST),
    )


def _closed_at(told: list[PullRequestReported]) -> datetime | None:
    """When it was closed last; None where it was opened again since."""
    last = next((report for report in reversed(told) if report.closed_at is not None or report.is_open), None)
    return None if last is None else last.closed_at


def _without_superseded(
    reports: list[DeploymentReported | LinkReported],
) -> list[DeploymentReported | LinkReported]:
    since: dict[str, datetime] = {}
    for report in reports:
        if isinstance(report, DeploymentReported) and report.supersedes_earlier:
            since[report.by] = max(report.recorded_at, since.get(report.by, report.recorded_at))
    if not since:
        return reports
    return [
        report
        for report in reports
        if isinstance(report, LinkReported) or report.recorded_at >= since.get(report.by, report.recorded_at)
    ]


def _by_time(report: Reported) -> tuple[datetime, str]:
    return report.at, report.id


def _last_told(told: list[DeploymentReported] | list[PullRequestReported], names: tuple[str, ...]) -> dict[str, Any]:
    """Of each field, what the last report that tells it says."""
    found: dict[str, Any] = {}
    for name in names:
        for report in reversed(told):
            value = getattr(report, name)
            if value is not None and value != ():
                found[name] = value
                break
    return found


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(ChangeReport)


def encode_report(report: ChangeReport) -> bytes:
    """A report as JSON."""
    return _encoder.encode(report)


def decode_report(body: bytes | str) -> ChangeReport:
    """A report from its JSON.

    Raises:
        msgspec.ValidationError, msgspec.DecodeError: it is none.
    """
    report: ChangeReport = _decoder.decode(body)
    return report
