"""PagerDuty's Events v2 change events: a marker that something was deployed."""

from typing import Any

from resile.model.change import DeploymentReported, DeploymentStatus
from resile.ports.delivery_door import DoorOptions, Understood
from resile.ports.journal import Delivery
from resile.sources.doors.body import MAX_TITLE, Node, full_sha, read_object
from resile.sources.doors.naming import PRODUCTION, Naming, digest, last_segment, report_id, repository_of

ORIGIN = "pagerduty"
# How a build ended, in the words of those plugins; whatever else they say, it was deployed.
_STATUSES = {
    **dict.fromkeys(("failed", "failure", "error", "errored", "broken"), DeploymentStatus.FAILED),
    **dict.fromkeys(("aborted", "cancelled", "canceled"), DeploymentStatus.CANCELLED),
    **dict.fromkeys(("running", "started", "in_progress"), DeploymentStatus.RUNNING),
}
# custom_details is free; these are what the plugins for Ansible, Jenkins and the like call things.
_SERVICE = ("service", "service_name", "application", "app")
_ENVIRONMENT = ("environment", "env")
_VERSION = ("version", "tag", "release")
_REVISION = ("sha", "commit", "commit_sha", "revision", "git_sha")
_REPOSITORY = ("repo", "repository", "repo_url", "repository_url")
_STATE = ("status", "build_state", "state", "result")


def open_door(options: DoorOptions) -> "PagerDutyChangeDoor":
    """The door for PagerDuty's change events with these options."""
    return PagerDutyChangeDoor(options)


class PagerDutyChangeDoor:
    """Understands what is sent to /v2/change/enqueue."""

    def __init__(self, options: DoorOptions) -> None:
        self._naming = Naming(options)

    def understand(self, delivery: Delivery) -> Understood:
        """What a change event says; the routing key, which is a secret, is not part of it.

        Raises:
            ConfigError: it is no change event.
        """
        body = read_object("PagerDuty's change event", delivery.body)
        if body["event_action"].is_told:
            return Understood(unmapped="an alert of PagerDuty's Events v2, not a change event")
        payload = body["payload"].needed()
        details = payload["custom_details"]
        known = details if isinstance(details.value, dict) else Node(body.sender, details.path, None)
        revision, service = _first(known, _REVISION), _first(known, _SERVICE)
        sha, source = full_sha(revision or ""), payload["source"].text()
        repo = repository_of(_first(known, _REPOSITORY))
        status = _STATUSES.get((_first(known, _STATE) or "").casefold(), DeploymentStatus.SUCCEEDED)
        at = payload["timestamp"].instant()
        # Change events have no id. Of the same time, two that say the same are one; without a time, each is its own.
        told = {name: value for name, value in body.value.items() if name != "routing_key"}
        report = DeploymentReported(
            id=report_id(status, "event"),
            title=payload["summary"].needed_text(MAX_TITLE),
            at=at or delivery.received_at,
            origin=ORIGIN,
            ref=digest(told) if at is not None else digest(told, delivery.id),
            service=self._naming.service(service, repo, source, otherwise=service or last_segment(repo) or source),
            environment=self._naming.environment(_first(known, _ENVIRONMENT)) or PRODUCTION,
            version=_first(known, _VERSION) or (revision if sha is None else None),
            repo=repo,
            sha=sha,
            status=status,
            url=next((link["href"].url() for link in body["links"].items() if link["href"].url()), None),
            **self._naming.told(delivery),
        )
        return Understood(reports=(report,))


def _first(details: Node, names: tuple[str, ...]) -> str | None:
    """The first of these fields that holds a text; whatever else stands in them is somebody's own affair."""
    fields: dict[str, Any] = details.value or {}
    texts = (details[name].text() for name in names if isinstance(fields.get(name), str))
    return next((text for text in texts if text), None)
