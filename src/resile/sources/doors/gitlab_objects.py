"""What GitLab's webhooks and its REST API tell alike: projects, deployments, pipelines, releases, merge requests."""

import re
from datetime import datetime

from msgspec import Struct

from resile.model.change import DeploymentReported, DeploymentStatus, ReviewReported, ReviewState
from resile.model.time import format_instant
from resile.sources.doors.body import MAX_TITLE, Node
from resile.sources.doors.naming import (
    PRODUCTION,
    Naming,
    Told,
    bounded_ref,
    last_segment,
    origin_of,
    report_id,
    repository_of,
    version_in,
)
from resile.sources.git_releases import is_pre_release

ORIGIN = "gitlab"
PUBLIC_HOST = "gitlab.com"
STATUSES = {
    "success": DeploymentStatus.SUCCEEDED,
    "failed": DeploymentStatus.FAILED,
    "canceled": DeploymentStatus.CANCELLED,
    "running": DeploymentStatus.RUNNING,
    "created": DeploymentStatus.QUEUED,
    "waiting_for_resource": DeploymentStatus.QUEUED,
    "preparing": DeploymentStatus.QUEUED,
    "pending": DeploymentStatus.QUEUED,
    "blocked": DeploymentStatus.QUEUED,
}
ENDED = frozenset({DeploymentStatus.SUCCEEDED, DeploymentStatus.FAILED, DeploymentStatus.CANCELLED})
# The button "Revert" writes this; of another project it names the path.
_REVERTED = re.compile(r"\bThis reverts merge request ([\w./-]{1,200})?!(\d{1,18})\b")
_MAX_DESCRIPTION = 100_000


class Project(Struct, frozen=True, kw_only=True):
    """A project under the names by which its deliveries are known.

    Attributes:
        path: with its groups, `acme/platform/shop`.
        number: its id, which stays where it is moved to another group.
    """

    origin: str
    repo: str
    service: str | None
    path: str | None
    number: Node


def project_of(project: Node, naming: Naming) -> Project:
    """A project as webhooks and the REST API alike describe it.

    Raises:
        ConfigError: it has no name, or a field is of another kind.
    """
    name, path = project["name"].text(), project["path_with_namespace"].text()
    return Project(
        origin=origin_of(project["web_url"].url(), public_host=PUBLIC_HOST, name=ORIGIN),
        repo=repository_name(project),
        # The name may be words for people; the path is what the project is called by.
        service=naming.service(path, name, otherwise=last_segment(path) or name),
        path=path,
        number=project["id"],
    )


def repository_name(project: Node) -> str:
    """The repository as gitlab.com/acme/shop.

    Raises:
        ConfigError: neither address nor path is told.
    """
    name = repository_of(project["web_url"].url()) or project["path_with_namespace"].text()
    return name or project["web_url"].refuse("is missing", "send it")


def environment_of(name: str | None, tier: str | None, naming: Naming) -> str | None:
    """An environment's name; whatever GitLab itself counts to its tier of production is production."""
    return PRODUCTION if tier == PRODUCTION else naming.environment(name)


def deployment_report(
    project: Project,
    told: Told,
    *,
    ref: str,
    word: str,
    at: datetime,
    environment: str | None,
    version: str | None,
    sha: str | None,
    title: str | None,
    url: str | None,
) -> DeploymentReported:
    """A deployment's or a pipeline's status, `word`, which is one of STATUSES, reached at `at`."""
    return DeploymentReported(
        id=report_id(STATUSES[word], f"{word}:{format_instant(at)}"),
        at=at,
        origin=project.origin,
        ref=ref,
        status=STATUSES[word],
        service=project.service,
        environment=environment,
        version=version,
        repo=project.repo,
        sha=sha,
        title=title,
        url=url,
        **told,
    )


def pipeline_report(
    project: Project, told: Told, pipeline: Node, *, environment: str | None, title: str | None, url: str | None
) -> DeploymentReported | None:
    """A pipeline that deploys; None for a status that deploys nothing, such as `skipped`.

    Raises:
        ConfigError: a field is missing or of another kind.
    """
    word = pipeline["status"].needed_text()
    status = STATUSES.get(word)
    if status is None:
        return None
    created_at = pipeline["created_at"].needed_instant()
    # Of a branch such as release/1.4 it is told that it is no tag.
    is_branch = pipeline["tag"].is_told and not pipeline["tag"].flag()
    return deployment_report(
        project,
        told,
        ref=f"pipeline:{pipeline['id'].name()}",
        word=word,
        at=pipeline["finished_at"].needed_instant() if status in ENDED else created_at,
        environment=environment,
        version=None if is_branch else version_in(pipeline["ref"].text()),
        sha=pipeline["sha"].sha(),
        title=title,
        url=url,
    )


def release_report(
    project: Project, told: Told, release: Node, *, tag: Node, url: str | None
) -> DeploymentReported | None:
    """A release as a deployment to production; None for a prerelease, which its tag alone says.

    Raises:
        ConfigError: a field is missing or of another kind.
    """
    version = tag.needed_text()
    if is_pre_release(version):
        return None
    return DeploymentReported(
        id=report_id(DeploymentStatus.SUCCEEDED, "released"),
        at=release["released_at"].instant() or release["created_at"].needed_instant(),
        origin=project.origin,
        # By the tag as it came: two that begin alike would become one where they are cut.
        ref=bounded_ref(f"release:{project.number.name()}:{tag.raw_text()}"),
        status=DeploymentStatus.SUCCEEDED,
        service=project.service,
        environment=PRODUCTION,
        version=version,
        repo=project.repo,
        sha=release["commit"]["id"].sha(),
        title=release["name"].text(MAX_TITLE),
        url=url,
        **told,
    )


def comment_report(told: Told, *, repo: str, number: str, comment: Node, reviewer: str, at: datetime) -> ReviewReported:
    """A comment on a merge request; edited, it is still the same.

    Raises:
        ConfigError: it has no id.
    """
    return ReviewReported(
        id=f"note:{comment['id'].name()}",
        at=at,
        repo=repo,
        number=number,
        reviewer=reviewer,
        state=ReviewState.COMMENTED,
        **told,
    )


def reverted(description: str, path: str | None) -> str | None:
    """The number of the merge request that a description says to revert; None for one of another project.

    Args:
        path: of the project, `acme/shop`; beside its neighbours it may be called `shop`.
    """
    found = _REVERTED.search(description[:_MAX_DESCRIPTION])
    if found is None:
        return None
    is_here = not found[1] or found[1].casefold() in {(path or "").casefold(), (last_segment(path) or "").casefold()}
    return found[2] if is_here else None
