"""GitLab's issues as incidents: those of type incident, and those with a label that says so."""

from collections.abc import Sequence
from datetime import datetime

from resile.ports.delivery_door import Understood
from resile.sources.doors.body import MAX_TITLE, Node
from resile.sources.doors.gitlab_objects import Project
from resile.sources.doors.issues import Change, Issue, draft_of, is_incident

_MAX_LABELS = 1_000


def issue(body: Node, project: Project, patterns: Sequence[str]) -> Understood:
    """What an issue event says, where the issue is an incident.

    Args:
        patterns: of labels that make an issue an incident.

    Raises:
        ConfigError: a field is missing or of another kind.
    """
    told = body["object_attributes"].needed()
    labels = labels_of(body["labels"] if body["labels"].is_told else told["labels"])
    was = body["changes"]["labels"]["previous"]
    is_one = is_of_type(told) or is_incident(labels, patterns)
    if not is_one and not is_incident(labels_of(was), patterns):
        return Understood(unmapped="an issue of GitLab that is no incident: neither its type nor a label says so")
    # Without the label it is told once more, so that it counts no longer.
    found = issue_of(told, project, labels=labels, url=told["url"].url(), is_void=not is_one)
    return Understood(incidents=(draft_of(found),))


def is_of_type(issue: Node) -> bool:
    """Whether GitLab itself calls an issue an incident; webhooks and the REST API have the type under two names."""
    words = (issue["issue_type"].text(), issue["type"].text())
    return any(word is not None and word.casefold() == "incident" for word in words)


def labels_of(labels: Node) -> tuple[str, ...]:
    """Names of labels, from texts or from objects with a title, in either of which GitLab writes them."""
    names = (one.text() if isinstance(one.value, str) else one["title"].text() for one in labels.items(_MAX_LABELS))
    return tuple(dict.fromkeys(name for name in names if name))


def issue_of(
    issue: Node,
    project: Project,
    *,
    labels: tuple[str, ...],
    url: str | None,
    is_void: bool = False,
    changes: Sequence[Change] = (),
) -> Issue:
    """An issue as webhooks and the REST API alike describe it.

    Args:
        changes: closings and openings again that are known besides the last closing, which the issue tells itself.

    Raises:
        ConfigError: a field is missing or of another kind.
    """
    closed_at = issue["closed_at"].instant() if issue["state"].text() == "closed" else None
    last = () if closed_at is None else (Change(whole_second(closed_at), is_closed=True),)
    return Issue(
        origin=project.origin,
        path=project.path or project.repo,
        number=issue["iid"].name(),
        title=issue["title"].text(MAX_TITLE),
        url=url,
        labels=labels,
        service=project.service,
        severity=issue["severity"].text(),
        opened_at=whole_second(issue["created_at"].needed_instant()),
        as_of=whole_second(issue["updated_at"].needed_instant()),
        changes=(*changes, *last),
        # It carries on elsewhere, where it is counted.
        is_void=is_void or issue["moved_to_id"].is_told or issue["duplicated_to_id"].is_told,
    )


def whole_second(at: datetime) -> datetime:
    """Webhooks tell whole seconds and the REST API parts of them; of both, the same incident comes."""
    return at.replace(microsecond=0)
