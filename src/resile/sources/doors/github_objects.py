"""What GitHub's webhooks and its REST API tell alike of deployments, workflow runs and releases."""

from typing import TypedDict

from resile.model.change import DeploymentKind, DeploymentReported, DeploymentStatus
from resile.ports.delivery_door import DoorOptions, Understood
from resile.sources.doors.body import MAX_TITLE, Node
from resile.sources.doors.github_pull_requests import repository_name
from resile.sources.doors.naming import (
    PRODUCTION,
    Naming,
    Told,
    last_segment,
    origin_of,
    report_id,
    version_in,
)

ORIGIN = "github"
PUBLIC_HOST = "github.com"
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


class GitHubDeployments:
    """Deployments, runs and releases as reports, under names that are the same wherever they were heard of.

    Every method takes an object with `repository` and what it is about beside it, as webhooks have them.
    """

    def __init__(self, options: DoorOptions) -> None:
        self._naming = Naming(options)
        self._counts_releases = options.counts_releases

    def deployment(self, body: Node, told: Told) -> Understood:
        """That a deployment was made."""
        deployment = body["deployment"].needed()
        report = DeploymentReported(
            id=report_id(DeploymentStatus.QUEUED, "created"),
            at=deployment["created_at"].needed_instant(),
            status=DeploymentStatus.QUEUED,
            environment=self._environment(deployment, deployment["environment"].text()),
            **self._told_of(deployment),
            **self._of_repository(body),
            **told,
        )
        return Understood(reports=(report,))

    def deployment_status(self, body: Node, told: Told) -> Understood:
        """What a deployment came to."""
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
            environment=self._environment(deployment, environment),
            url=status["log_url"].url() or status["target_url"].url(),
            **self._told_of(deployment),
            **self._of_repository(body),
            **told,
        )
        return Understood(reports=(report,))

    def workflow_run(self, body: Node, told: Told) -> Understood:
        """What a run came to by `action`: requested, in_progress, completed."""
        run = body["workflow_run"].needed()
        name = run["name"].text()
        environment = self.run_environment(run)
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

    def release(self, body: Node, told: Told) -> Understood:
        """A release, as a deployment to production, once `action` publishes it."""
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

    def run_environment(self, workflow: Node) -> str | None:
        """Where runs of a workflow deploy to, by its name or its file; None: it is not named as a deployment."""
        # .github/workflows/deploy.yml@main: a reference may stand behind the file.
        path = (workflow["path"].text() or "").partition("@")[0]
        return self._naming.run_environment(workflow["name"].text(), path, last_segment(path))

    def _environment(self, deployment: Node, name: str | None) -> str | None:
        # Whoever deploys may say that an environment of any name is one that users see.
        return PRODUCTION if deployment["production_environment"].flag() else self._naming.environment(name)

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
            origin=origin_of(repository["html_url"].url(), public_host=PUBLIC_HOST, name=ORIGIN),
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
