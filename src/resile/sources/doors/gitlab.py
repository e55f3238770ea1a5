"""GitLab's webhooks: deployments, pipelines, releases, pushes, merge requests and comments on them."""

import re
from collections.abc import Callable
from typing import TypedDict

from resile.model.change import Commit, DeploymentReported, DeploymentStatus
from resile.model.time import format_instant
from resile.ports.delivery_door import DoorOptions, Understood
from resile.ports.journal import Delivery
from resile.sources.doors.body import MAX_TITLE, Node, full_sha, printable, read_object
from resile.sources.doors.gitlab_merge_requests import merge_request, note, project_name
from resile.sources.doors.naming import (
    PRODUCTION,
    Naming,
    Told,
    bounded_ref,
    commits_reverted,
    last_segment,
    origin_of,
    report_id,
    version_in,
)

ORIGIN = "gitlab"
_PUBLIC_HOST = "gitlab.com"
_STATUSES = {
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
_ENDED = frozenset({DeploymentStatus.SUCCEEDED, DeploymentStatus.FAILED, DeploymentStatus.CANCELLED})
_COMMIT_URL = re.compile(r"/commit/([0-9a-f]{40,64})\b", re.IGNORECASE)
# A release of GitLab is not marked as a prerelease; its tag is.
_PRERELEASE = re.compile(r"\d[-._]?(?:a|alpha|b|beta|c|rc|pre|preview|dev|snapshot|nightly)[-._]?\d*", re.IGNORECASE)
_KINDS = {"merge request": "merge_request", "tag push": "tag_push", "confidential issue": "issue", "job": "build"}
# GitLab sends the newest 20; somebody may have raised that.
_MAX_PUSHED = 2_048


def open_door(options: DoorOptions) -> "GitLabDoor":
    """The door for GitLab with these options."""
    return GitLabDoor(options)


class GitLabDoor:
    """Understands the webhooks of gitlab.com and of GitLab's own installations."""

    def __init__(self, options: DoorOptions) -> None:
        self._naming = Naming(options)
        self._counts_releases = options.counts_releases
        self._kinds: dict[str, Callable[[Node, Told], Understood]] = {
            "deployment": self._deployment,
            "pipeline": self._pipeline,
            "release": self._release,
            "push": self._push,
            "merge_request": merge_request,
            "note": note,
        }

    def understand(self, delivery: Delivery) -> Understood:
        """What an event says; its kind stands in the body, and else in `x-gitlab-event`.

        Raises:
            ConfigError: it is not what GitLab sends.
        """
        body = read_object("GitLab", delivery.body)
        kind = body["object_kind"].text(60) or body["event_name"].text(60) or _kind_in(delivery)
        if not kind:
            body["object_kind"].refuse("is missing, as is header x-gitlab-event", "point a webhook of GitLab here")
        body.sender = f"GitLab's {kind}"
        if kind in self._kinds:
            return self._kinds[kind](body, self._naming.told(delivery))
        if kind in {"issue", "work_item"}:
            return Understood(unmapped="an issue of GitLab; issues are not read as incidents so far")
        return Understood(unmapped=f"GitLab's event {kind!r}, of which resile takes nothing")

    def _deployment(self, body: Node, told: Told) -> Understood:
        word = body["status"].needed_text()
        if word not in _STATUSES:
            return Understood(unmapped=f"a deployment's status {word!r}, which says nothing of how it went")
        at = body["status_changed_at"].needed_instant()
        is_numbered = body["deployment_id"].is_told
        found = _COMMIT_URL.search(body["commit_url"].text(1_000) or "")
        report = DeploymentReported(
            id=report_id(_STATUSES[word], f"{word}:{format_instant(at)}"),
            at=at,
            # Before GitLab 14 only its job has a number.
            ref=body["deployment_id"].name() if is_numbered else f"job:{body['deployable_id'].name()}",
            status=_STATUSES[word],
            environment=self._naming.environment(body["environment"].text()),
            version=version_in(body["ref"].text()),
            sha=full_sha(found[1]) if found else None,
            title=body["commit_title"].text(MAX_TITLE),
            url=body["deployable_url"].url(),
            **self._of_project(body),
            **told,
        )
        return Understood(reports=(report,))

    def _pipeline(self, body: Node, told: Told) -> Understood:
        pipeline = body["object_attributes"].needed()
        name = pipeline["name"].text()
        environment = self._naming.run_environment(name)
        if environment is None:
            return Understood(unmapped=f"pipeline {name or ''!r}, which is not named as a deployment")
        word = pipeline["status"].needed_text()
        if word not in _STATUSES:
            return Understood(unmapped=f"pipeline {name!r} was {word}, which deploys nothing")
        status = _STATUSES[word]
        created_at = pipeline["created_at"].needed_instant()
        at = pipeline["finished_at"].needed_instant() if status in _ENDED else created_at
        report = DeploymentReported(
            id=report_id(status, f"{word}:{format_instant(at)}"),
            at=at,
            ref=f"pipeline:{pipeline['id'].name()}",
            status=status,
            environment=environment,
            version=version_in(pipeline["ref"].text()),
            sha=pipeline["sha"].sha(),
            title=printable(body["commit"]["message"].text(MAX_TITLE) or "", MAX_TITLE) or None,
            url=pipeline["url"].url(),
            **self._of_project(body),
            **told,
        )
        return Understood(reports=(report,))

    def _release(self, body: Node, told: Told) -> Understood:
        tag, action = body["tag"].needed_text(), body["action"].needed_text()
        if not self._counts_releases:
            return Understood(unmapped=f"release {tag!r}; releases do not count as deployments at this door")
        if action != "create":
            return Understood(unmapped=f"release {tag!r} was {action}d, not published")
        if _PRERELEASE.search(tag):
            return Understood(unmapped=f"{tag!r} is a prerelease, which is not deployed to production")
        report = DeploymentReported(
            id=report_id(DeploymentStatus.SUCCEEDED, "released"),
            at=body["released_at"].instant() or body["created_at"].needed_instant(),
            ref=bounded_ref(f"release:{body['project']['id'].name()}:{tag}"),
            status=DeploymentStatus.SUCCEEDED,
            environment=PRODUCTION,
            version=tag,
            sha=body["commit"]["id"].sha(),
            title=body["name"].text(MAX_TITLE),
            url=body["url"].url(),
            **self._of_project(body),
            **told,
        )
        return Understood(reports=(report,))

    def _push(self, body: Node, _: Told) -> Understood:
        ref = body["ref"].needed_text()
        if not ref.startswith("refs/heads/"):
            return Understood(unmapped=f"a push to {ref!r}, which is no branch")
        if set(body["after"].needed_text()) == {"0"}:
            return Understood(unmapped=f"branch {ref!r} was deleted")
        repo = project_name(body)
        pushed = tuple(_commit(repo, commit) for commit in body["commits"].items(_MAX_PUSHED))
        return Understood(pushed=pushed) if pushed else Understood(unmapped=f"branch {ref!r} has no new commits")

    def _of_project(self, body: Node) -> "_OfProject":
        project = body["project"].needed()
        name, path = project["name"].text(), project["path_with_namespace"].text()
        return _OfProject(
            origin=origin_of(project["web_url"].url(), public_host=_PUBLIC_HOST, name=ORIGIN),
            repo=project_name(body),
            # The name may be words for people; the path is what the project is called by.
            service=self._naming.service(path, name, otherwise=last_segment(path) or name),
        )


class _OfProject(TypedDict):
    origin: str
    repo: str
    service: str | None


def _commit(repo: str, commit: Node) -> Commit:
    message = commit["message"].raw_text() or ""
    at = commit["timestamp"].needed_instant()
    return Commit(
        repo=repo,
        sha=commit["id"].sha() or commit["id"].refuse("is no full id of a commit"),
        # One time is sent; a clone knows both.
        authored_at=at,
        committed_at=at,
        subject=printable(message.strip().partition("\n")[0], MAX_TITLE),
        author=commit["author"]["name"].text(),
        reverts=commits_reverted(message),
    )


def _kind_in(delivery: Delivery) -> str:
    """The kind that the header names: `Merge Request Hook`."""
    header = printable(delivery.headers.get("x-gitlab-event", ""), 60).casefold().removesuffix(" hook")
    return _KINDS.get(header, header)
