"""GitHub's issues as incidents: those with a label that says so."""

from collections.abc import Sequence

from resile.model.draft import Draft
from resile.ports.delivery_door import Understood
from resile.sources.doors.body import MAX_TITLE, Node
from resile.sources.doors.github_objects import ORIGIN, PUBLIC_HOST
from resile.sources.doors.issues import Change, Issue, draft_of, is_incident
from resile.sources.doors.naming import Naming, last_segment, origin_of

_MAX_LABELS = 1_000
# Closed for one of these reasons, nothing was restored.
_VOID = frozenset({"duplicate", "not_planned"})


def issue(body: Node, naming: Naming, patterns: Sequence[str]) -> Understood:
    """What an issues event says, where the issue is an incident.

    Args:
        patterns: of labels that make an issue an incident.

    Raises:
        ConfigError: a field is missing or of another kind.
    """
    told, action = body["issue"].needed(), body["action"].needed_text()
    labels = labels_of(told)
    removed = body["label"]["name"].text() if action == "unlabeled" else None
    is_one = is_incident(labels, patterns)
    if not is_one and (removed is None or not is_incident((removed,), patterns)):
        return Understood(unmapped="an issue of GitHub that is no incident: no label says so")
    # Without the label, deleted or moved elsewhere it is told once more, so that it counts no longer.
    is_void = not is_one or action in {"deleted", "transferred"}
    return Understood(incidents=(incident_of(told, body["repository"].needed(), naming, is_void=is_void),))


def labels_of(issue: Node) -> tuple[str, ...]:
    """Names of an issue's labels.

    Raises:
        ConfigError: they are no list of labels.
    """
    # The REST API of old installations writes some as texts.
    names = (
        one.text() if isinstance(one.value, str) else one["name"].text() for one in issue["labels"].items(_MAX_LABELS)
    )
    return tuple(dict.fromkeys(name for name in names if name))


def incident_of(issue: Node, repository: Node, naming: Naming, *, is_void: bool = False) -> Draft:
    """The incident that an issue tells of, as webhooks and the REST API alike have it.

    Opened again, it has no closed_at any more: the incident is open as before.

    Raises:
        ConfigError: a field is missing or of another kind.
    """
    path = repository["full_name"].needed_text()
    name = repository["name"].text()
    closed_at = issue["closed_at"].instant() if issue["state"].text() == "closed" else None
    return draft_of(
        Issue(
            origin=origin_of(repository["html_url"].url(), public_host=PUBLIC_HOST, name=ORIGIN),
            path=path,
            number=issue["number"].name(),
            title=issue["title"].text(MAX_TITLE),
            url=issue["html_url"].url(),
            labels=labels_of(issue),
            service=naming.service(path, name, otherwise=name or last_segment(path)),
            opened_at=issue["created_at"].needed_instant(),
            as_of=issue["updated_at"].needed_instant(),
            changes=() if closed_at is None else (Change(closed_at, is_closed=True),),
            is_void=is_void or (closed_at is not None and issue["state_reason"].text() in _VOID),
        )
    )
