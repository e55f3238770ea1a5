"""GitLab's webhooks: deployments, pipelines, releases, pushes, merge requests, comments on them, issues."""

import re
from collections.abc import Callable

from resile.model.change import Commit
from resile.ports.delivery_door import DoorOptions, Understood
from resile.ports.journal import Delivery
from resile.sources.doors.body import MAX_TITLE, Node, full_sha, printable, read_object
from resile.sources.doors.gitlab_issues import issue
from resile.sources.doors.gitlab_merge_requests import merge_request, note
from resile.sources.doors.gitlab_objects import (
    STATUSES,
    deployment_report,
    environment_of,
    pipeline_report,
    project_of,
    release_report,
    repository_name,
)
from resile.sources.doors.naming import Naming, Told, commits_reverted, version_in

_COMMIT_URL = re.compile(r"/commit/([0-9a-f]{40,64})\b", re.IGNORECASE)
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
        self._incident_labels = options.incident_labels
        self._kinds: dict[str, Callable[[Node, Told], Understood]] = {
            "deployment": self._deployment,
            "pipeline": self._pipeline,
            "release": self._release,
            "push": self._push,
            "merge_request": merge_request,
            "note": note,
            "issue": self._issue,
            # Since GitLab 17.2, of incidents and other kinds of issues.
            "work_item": self._issue,
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
        return Understood(unmapped=f"GitLab's event {kind!r}, of which resile takes nothing")

    def _deployment(self, body: Node, told: Told) -> Understood:
        word = body["status"].needed_text()
        if word not in STATUSES:
            return Understood(unmapped=f"a deployment's status {word!r}, which says nothing of how it went")
        is_numbered = body["deployment_id"].is_told
        found = _COMMIT_URL.search(body["commit_url"].text(1_000) or "")
        report = deployment_report(
            project_of(body["project"].needed(), self._naming),
            told,
            # Before GitLab 14 only its job has a number.
            ref=body["deployment_id"].name() if is_numbered else f"job:{body['deployable_id'].name()}",
            word=word,
            at=body["status_changed_at"].needed_instant(),
            environment=environment_of(body["environment"].text(), body["environment_tier"].text(), self._naming),
            version=version_in(body["ref"].text()),
            sha=full_sha(found[1]) if found else None,
            title=body["commit_title"].text(MAX_TITLE),
            url=body["deployable_url"].url(),
        )
        return Understood(reports=(report,))

    def _pipeline(self, body: Node, told: Told) -> Understood:
        pipeline = body["object_attributes"].needed()
        name = pipeline["name"].text()
        environment = self._naming.run_environment(name)
        if environment is None:
            return Understood(unmapped=f"pipeline {name or ''!r}, which is not named as a deployment")
        report = pipeline_report(
            project_of(body["project"].needed(), self._naming),
            told,
            pipeline,
            environment=environment,
            title=body["commit"]["message"].text(MAX_TITLE),
            url=pipeline["url"].url(),
        )
        if report is None:
            return Understood(unmapped=f"pipeline {name!r} was {pipeline['status'].text()}, which deploys nothing")
        return Understood(reports=(report,))

    def _release(self, body: Node, told: Told) -> Understood:
        tag, action = body["tag"].needed_text(), body["action"].needed_text()
        if not self._counts_releases:
            return Understood(unmapped=f"release {tag!r}; releases do not count as deployments at this door")
        if action != "create":
            return Understood(unmapped=f"release {tag!r} was {action}d, not published")
        project = project_of(body["project"].needed(), self._naming)
        report = release_report(project, told, body, tag=body["tag"], url=body["url"].url())
        if report is None:
            return Understood(unmapped=f"{tag!r} is a prerelease, which is not deployed to production")
        return Understood(reports=(report,))

    def _issue(self, body: Node, _: Told) -> Understood:
        if not body["project"].is_told:
            return Understood(unmapped="a work item of a group, such as an epic, which is no incident")
        return issue(body, project_of(body["project"], self._naming), self._incident_labels)

    def _push(self, body: Node, _: Told) -> Understood:
        ref = body["ref"].needed_text()
        if not ref.startswith("refs/heads/"):
            return Understood(unmapped=f"a push to {ref!r}, which is no branch")
        if set(body["after"].needed_text()) == {"0"}:
            return Understood(unmapped=f"branch {ref!r} was deleted")
        repo = repository_name(body["project"].needed())
        pushed = tuple(_commit(repo, commit) for commit in body["commits"].items(_MAX_PUSHED))
        return Understood(pushed=pushed) if pushed else Understood(unmapped=f"branch {ref!r} has no new commits")


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
