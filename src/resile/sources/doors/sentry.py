"""Sentry's webhooks: issues, and the alerts of its rules."""

from collections.abc import Callable

from resile.model.alert import Alert, AlertState
from resile.ports.delivery_door import DoorOptions, Understood
from resile.ports.journal import Delivery
from resile.sources.doors.alert_parts import Telling
from resile.sources.doors.body import Node, printable, read_object

_SENDER = "Sentry's webhook"
_RESOURCE = "sentry-hook-resource"
_MAX_TAGS = 100
# Tags of an event that are kept as labels under other names, or tell what is known anyway.
_NOT_LABELS = frozenset({"url", "user", "level", "title"})


def open_door(options: DoorOptions) -> "SentryDoor":
    """The door for Sentry with these options."""
    return SentryDoor(options)


class SentryDoor:
    """Understands what an integration of Sentry's is sent: `issue`, `event_alert` and `metric_alert`."""

    def __init__(self, options: DoorOptions) -> None:
        self._options = options
        self._resources: dict[str, tuple[str, Callable[[Telling, Node], Alert]]] = {
            "issue": ("issue", _of_issue),
            "event_alert": ("event", _of_event),
            "metric_alert": ("metric_alert", _of_metric),
        }

    def understand(self, delivery: Delivery) -> Understood:
        """What a webhook says; without the header `Sentry-Hook-Resource`, the body tells which it is.

        Raises:
            ConfigError: it is none of Sentry's.
        """
        body = read_object(_SENDER, delivery.body)
        data = body["data"]
        named = printable(delivery.headers.get(_RESOURCE, ""), 40)
        if named and named not in self._resources:
            return Understood(unmapped=f"a webhook on {named!r}, of which resile takes nothing")
        data.needed()
        for resource, (field, read) in self._resources.items():
            if resource == named or (not named and data[field].is_told):
                data[field].needed()["id"]  # an object, or refused with its place
                return Understood(alerts=(read(Telling(self._options, delivery), body),))
        return Understood(unmapped="a webhook on something else than issues and alerts")


def _of_issue(telling: Telling, body: Node) -> Alert:
    issue = body["data"]["issue"]
    action = telling.line(body["action"]).casefold()
    labels = _labels(telling, issue, {"short_id": "shortId", "culprit": "culprit", "level": "level"})
    labels |= {"project": name} if (name := _project(telling, issue["project"])) else {}
    telling.link("Sentry", telling.raw(issue["web_url"]) or telling.raw(issue["permalink"]), "data.issue.web_url")
    state = _issue_state(telling, action, telling.line(issue["status"]).casefold())
    began = issue["firstSeen"] if action == "created" else issue["lastSeen"]
    took = _name(telling, issue["assignedTo"]) if state is AlertState.ACKNOWLEDGED else ""
    return telling.alert(
        state=state,
        title=telling.raw(issue["title"]),
        labels=labels,
        key=telling.raw(issue["id"]),
        starts_at=telling.instant(began) if state is not AlertState.RESOLVED else None,
        severity=telling.severity([labels.get("level", "")]),
        service=labels.get("project", ""),
        by=took or (_name(telling, body["actor"]) if state is not AlertState.FIRING else ""),
    )


def _issue_state(telling: Telling, action: str, status: str) -> AlertState:
    if action in {"resolved", "archived", "ignored"}:
        return AlertState.RESOLVED
    if action == "assigned":
        # Told of one that is resolved, too, when somebody tidies up.
        return AlertState.RESOLVED if status in {"resolved", "ignored"} else AlertState.ACKNOWLEDGED
    if action not in {"created", "unresolved"}:
        telling.warn(f"its action is {action!r}, which is unknown; it is taken as unresolved")
    return AlertState.FIRING


def _of_event(telling: Telling, body: Node) -> Alert:
    event = body["data"]["event"]
    rule = telling.raw(body["data"]["triggered_rule"])
    names = {"culprit": "culprit", "level": "level", "environment": "environment", "release": "release"}
    labels = {**_tags(telling, event["tags"]), **_labels(telling, event, names), **({"rule": rule} if rule else {})}
    telling.link("Sentry", telling.raw(event["web_url"]), "data.event.web_url")
    # An event tells its project by a number only, but its address has the name.
    project = labels.get("project", "") or _project_in(telling.raw(event["url"]))
    labels |= {"project": project} if project else {}
    return telling.alert(
        state=AlertState.FIRING,
        title=telling.raw(event["title"]) or telling.raw(event["message"]),
        labels=labels,
        key=telling.raw(event["issue_id"]),
        starts_at=telling.instant(event["datetime"]),
        severity=telling.severity([labels.get("level", "")]),
        service=project,
        description=telling.raw(event["message"]),
    )


def _of_metric(telling: Telling, body: Node) -> Alert:
    data = body["data"]
    metric = data["metric_alert"]
    action = telling.line(body["action"]).casefold()
    is_over = action == "resolved"
    if action not in {"critical", "warning", "resolved"}:
        telling.warn(f"its action is {action!r}, which is unknown; it is taken as critical")
    rule = metric["alert_rule"] if isinstance(metric["alert_rule"].value, dict) else Node(body.sender, "", None)
    name = telling.raw(rule["name"]) or telling.raw(metric["title"])
    projects = metric["projects"].value
    project = next((one for one in projects if isinstance(one, str)), "") if isinstance(projects, list) else ""
    own = {"rule": name, "project": project, "environment": telling.raw(rule["environment"])}
    telling.link("Sentry", telling.raw(data["web_url"]), "data.web_url")
    number = telling.raw(metric["id"])
    return telling.alert(
        state=AlertState.RESOLVED if is_over else AlertState.FIRING,
        title=name or telling.raw(data["description_title"]),
        labels={label: text for label, text in own.items() if text},
        # Its ids are others than those of issues.
        key=f"metric_alert/{number}" if number else "",
        starts_at=telling.instant(metric["date_started"]),
        ends_at=telling.instant(metric["date_closed"]) if is_over else None,
        severity=None if is_over else telling.severity([action if action == "warning" else "critical"]),
        service=project,
        description=telling.raw(data["description_text"]),
    )


def _labels(telling: Telling, node: Node, names: dict[str, str]) -> dict[str, str]:
    return {label: text for label, field in names.items() if (text := telling.raw(node[field]))}


def _tags(telling: Telling, node: Node) -> dict[str, str]:
    """Tags, which are pairs in a list."""
    pairs = node.value if isinstance(node.value, list) else []
    tags: dict[str, str] = {}
    for number, pair in enumerate(pairs[:_MAX_TAGS]):
        if isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], str):  # noqa: PLR2004 - a pair
            text = telling.raw(Node(node.sender, f"{node.path}[{number}]", pair[1]))
            if text and pair[0] not in _NOT_LABELS:
                tags[pair[0]] = text
    return tags


def _project(telling: Telling, node: Node) -> str:
    return (telling.line(node["slug"]) or telling.line(node["name"])) if isinstance(node.value, dict) else ""


def _project_in(address: str) -> str:
    """`shop` of `https://sentry.io/api/0/projects/acme/shop/events/…`."""
    parts = address[:2_000].partition("/api/0/projects/")[2].split("/")
    return parts[1] if len(parts) > 1 else ""


def _name(telling: Telling, node: Node) -> str:
    return telling.line(node["name"]) if isinstance(node.value, dict) else ""
