"""GitHub's webhooks: deployments and their statuses, runs, releases, pushes, pull requests, reviews and issues."""

from collections.abc import Callable
from urllib.parse import parse_qs

from resile.model.change import Commit
from resile.model.errors import ConfigError
from resile.ports.delivery_door import DoorOptions, Understood
from resile.ports.journal import Delivery
from resile.sources.doors.body import MAX_TITLE, Node, printable, read_object
from resile.sources.doors.github_issues import issue
from resile.sources.doors.github_objects import GitHubDeployments
from resile.sources.doors.github_pull_requests import pull_request, repository_name, review
from resile.sources.doors.naming import Naming, Told, commits_reverted

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
        self._incident_labels = options.incident_labels
        deployments = GitHubDeployments(options)
        self._events: dict[str, Callable[[Node, Told], Understood]] = {
            "deployment": deployments.deployment,
            "deployment_status": deployments.deployment_status,
            "workflow_run": deployments.workflow_run,
            "release": deployments.release,
            "push": self._push,
            "pull_request": pull_request,
            "pull_request_review": review,
            "issues": self._issue,
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
        return Understood(unmapped=f"GitHub's event {event!r}, of which resile takes nothing")

    def _issue(self, body: Node, _: Told) -> Understood:
        return issue(body, self._naming, self._incident_labels)

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
