"""GitHub's webhooks: deployments and their statuses, runs, releases, pushes, pull requests and reviews."""

from collections.abc import Callable
from typing import TypedDict
from urllib.parse import parse_qs

from resile.model.change import Commit, DeploymentKind, DeploymentReported, DeploymentStatus
from resile.model.errors import ConfigError
from resile.ports.delivery_door import DoorOptions, Understood
from resile.ports.journal import Delivery
from resile.sources.doors.body import MAX_TITLE, Node, printable, read_object
from resile.sources.doors.github_pull_requests import pull_request, repository_name, review
from resile.sources.doors.naming import (
    PRODUCTION,
    Naming,
    Told,
    commits_reverted,
    last_segment,
    origin_of,
    report_id,
    version_in,
)

ORIGIN = "github"
_PUBLIC_HOST = "github.com"
# `inactive` is left out: it says that a later deployment took over, not that this one failed.
_STATES = {
    "success": DeploymentStatus.SUCCEEDED,
    "failure": DeploymentStatus.FAILED,
    "error": DeploymentStatus.FAILED,
    "in_progress": DeploymentStatus.RUNNING,
    "queued": DeploymentStatus.QUEUED,
    "pending": DeploymentStatus.QUEUED,
    "waiting": DeploymentStatus.QUEUED,
}
_CONCLUSIONS = {
    "success": DeploymentStatus.SUCCEEDED,
    "failure": DeploymentStatus.FAILED,
    "timed_out": DeploymentStatus.FAILED,
    "startup_failure": DeploymentStatus.FAILED,
    "cancelled": DeploymentStatus.CANCELLED,
}
_TASKS = {
    "rollback": DeploymentKind.ROLLBACK,
    "deploy:rollback": DeploymentKind.ROLLBACK,
    "hotfix": DeploymentKind.HOTFIX,
    "deploy:hotfix": DeploymentKind.HOTFIX,
}
_FORM = "application/x-www-form-urlencoded"
# GitHub sends at most so many with a push.
_MAX_PUSHED = 2_048


def open_door(options: DoorOptions) -> "GitHubDoor":
    """The door for GitHub with these options."""
    return GitHubDoor(options)


class GitHubDoor:
    """Understands the webhooks of github.com and of GitHub Enterprise."""

    def __init__(self, options: DoorOptions) -> None:
        self._naming = Naming(options)
        self._counts_releases = options.counts_releases
        self._events: dict[str, Callable[[Node, Told], Understood]] = {
            "deployment": self._deployment,
            "deployment_status": self._deployment_status,
            "workflow_run": self._workflow_run,
            "release": self._release,
            "push": self._push,
            "pull_request": pull_request,
            "pull_request_review": review,
        }

    def understand(self, delivery: Delivery) -> Understood:
        """What an event says; `x-github-event` names its kind.

        Raises:
            ConfigError: it is not what GitHub sends.
        """
        event = printable(delivery.headers.get("x-github-event", ""), 60)
        if not event:
            raise ConfigError("GitHub: header x-github-event is missing; point a webhook of GitHub here")
        sender = f"GitHub's {event}"
        body = read_object(sender, _json_of(delivery, sender))
        if event in self._events:
            return self._events[event](body, self._naming.told(delivery))
        if event == "ping":
            return Understood(unmapped="GitHub's greeting: the webhook is set up, and its events will arrive here")
        if event == "issues":
            return Understood(unmapped="an issue of GitHub; issues are not read as incidents so far")
        return Understood(unmapped=f"GitHub's event {event!r}, of which resile takes nothing")

    def _deployment(self, body: Node, told: Told) -> Understood:
        deployment = body["deployment"].needed()
        report = DeploymentReported(
            id=report_id(DeploymentStatus.QUEUED, "created"),
            at=deployment["created_at"].needed_instant(),
            status=DeploymentStatus.QUEUED,
            environment=self._naming.environment(deployment["environment"].text()),
            **self._told_of(deployment),
            **self._of_repository(body),
            **told,
        )
        return Understood(reports=(report,))

    def _deployment_status(self, body: Node, told: Told) -> Understood:
        deployment, status = body["deployment"].needed(), body["deployment_status"].needed()
        state = status["state"].needed_text()
        if state not in _STATES:
            return Understood(unmapped=f"a deployment's status {state!r}, which says nothing of how it went")
        environment = status["environment"].text() or deployment["environment"].text()
        report = DeploymentReported(
            # Ids rise; as texts of one length they do too.
            id=report_id(_STATES[state], f"{status['id'].name():0>20}"),
            at=status["created_at"].needed_instant(),
            status=_STATES[state],
            environment=self._naming.environment(environment),
            url=status["log_url"].url() or status["target_url"].url(),
            **self._told_of(deployment),
            **self._of_repository(body),
            **told,
        )
        return Understood(reports=(report,))

    def _workflow_run(self, body: Node, told: Told) -> Understood:
        run = body["workflow_run"].needed()
        name = run["name"].text()
        environment = self._naming.run_environment(name, run["path"].text())
        if environment is None:
            return Understood(unmapped=f"a run of workflow {name or ''!r}, which is not named as a deployment")
        action = body["action"].needed_text()
        if action == "completed":
            at = run["updated_at"].needed_instant()
            status = _CONCLUSIONS.get(run["conclusion"].needed_text())
        else:
            # Of another attempt, created_at is still that of the first.
            at = run["run_started_at"].instant() or run["created_at"].needed_instant()
            status = {"requested": DeploymentStatus.QUEUED, "in_progress": DeploymentStatus.RUNNING}.get(action)
        if status is None:
            return Understood(unmapped=f"a run of workflow {name or ''!r} that was neither carried out nor failed")
        # Another attempt at a run deploys once more.
        attempt = run["run_attempt"].name() if run["run_attempt"].is_told else "1"
        report = DeploymentReported(
            id=report_id(status, action),
            at=at,
            ref=f"run:{run['id'].name()}:{attempt}",
            status=status,
            environment=environment,
            version=version_in(run["head_branch"].text()),
            sha=run["head_sha"].sha(),
            title=run["display_title"].text(MAX_TITLE),
            url=run["html_url"].url(),
            **self._of_repository(body),
            **told,
        )
        return Understood(reports=(report,))

    def _release(self, body: Node, told: Told) -> Understood:
        release, action = body["release"].needed(), body["action"].needed_text()
        tag = release["tag_name"].needed_text()
        if not self._counts_releases:
            return Understood(unmapped=f"release {tag!r}; releases do not count as deployments at this door")
        if action not in {"published", "released"}:
            return Understood(unmapped=f"release {tag!r} was {action}, not published")
        if release["prerelease"].flag() or release["draft"].flag():
            return Understood(unmapped=f"{tag!r} is a prerelease or a draft, which is not deployed to production")
        published_at = release["published_at"].needed_instant()
        report = DeploymentReported(
            id=report_id(DeploymentStatus.SUCCEEDED, action),
            # A prerelease that was made a release keeps its published_at; of both, the fold takes the earlier.
            at=published_at if action == "published" else release["updated_at"].instant() or published_at,
            ref=f"release:{release['id'].name()}",
            status=DeploymentStatus.SUCCEEDED,
            environment=PRODUCTION,
            version=tag,
            sha=release["target_commitish"].sha(),
            title=release["name"].text(MAX_TITLE),
            url=release["html_url"].url(),
            **self._of_repository(body),
            **told,
        )
        return Understood(reports=(report,))

    def _push(self, body: Node, _: Told) -> Understood:
        ref = body["ref"].needed_text()
        if not ref.startswith("refs/heads/"):
            return Understood(unmapped=f"a push to {ref!r}, which is no branch")
        if body["deleted"].flag():
            return Understood(unmapped=f"branch {ref!r} was deleted")
        repo = repository_name(body)
        pushed = tuple(_commit(repo, commit) for commit in body["commits"].items(_MAX_PUSHED))
        if not pushed:
            how = "was moved by force, without" if body["forced"].flag() else "was pushed without"
            return Understood(unmapped=f"branch {ref!r} {how} new commits")
        return Understood(pushed=pushed)

    def _told_of(self, deployment: Node) -> "_OfDeployment":
        """What a deployment says of itself, whatever its status."""
        return _OfDeployment(
            ref=deployment["id"].name(),
            version=version_in(deployment["ref"].text()),
            sha=deployment["sha"].sha(),
            unplanned=_TASKS.get((deployment["task"].text() or "").casefold()),
            title=deployment["description"].text(MAX_TITLE),
        )

    def _of_repository(self, body: Node) -> "_OfRepository":
        repository = body["repository"].needed()
        name, full_name = repository["name"].text(), repository["full_name"].text()
        return _OfRepository(
            origin=origin_of(repository["html_url"].url(), public_host=_PUBLIC_HOST, name=ORIGIN),
            repo=repository_name(body),
            service=self._naming.service(full_name, name, otherwise=name or last_segment(full_name)),
        )


class _OfDeployment(TypedDict):
    ref: str
    version: str | None
    sha: str | None
    unplanned: DeploymentKind | None
    title: str | None


class _OfRepository(TypedDict):
    origin: str
    repo: str
    service: str | None


def _commit(repo: str, commit: Node) -> Commit:
    message = commit["message"].raw_text() or ""
    at = commit["timestamp"].needed_instant()
    author = commit["author"]
    return Commit(
        repo=repo,
        sha=commit["id"].sha() or commit["id"].refuse("is no full id of a commit"),
        # One time is sent; a clone knows both.
        authored_at=at,
        committed_at=at,
        subject=printable(message.strip().partition("\n")[0], MAX_TITLE),
        author=author["name"].text() or author["username"].text(),
        reverts=commits_reverted(message),
    )


def _json_of(delivery: Delivery, sender: str) -> bytes:
    """The JSON of a body, which GitHub sends as a field of a form unless the webhook says otherwise."""
    if not delivery.headers.get("content-type", "").casefold().startswith(_FORM):
        return delivery.body
    try:
        fields = parse_qs(delivery.body.decode(), max_num_fields=8)
    except ValueError:
        raise ConfigError(f"{sender}: the body is no form; set the content type to application/json") from None
    if "payload" not in fields:
        raise ConfigError(f"{sender}: the form has no field payload; set the content type to application/json")
    return fields["payload"][0].encode()
