"""What the fields of an alert are usually called in JSON of any shape, and the words for its states."""

import re
from collections.abc import Mapping

from resile.model.alert import AlertState
from resile.sources.doors.alert_parts import scalar_text
from resile.sources.doors.body import Node

# By their names in lower case without dashes and underscores, the most telling first.
NAMES: dict[str, tuple[str, ...]] = {
    "title": ("title", "alertname", "name", "summary", "subject", "message", "text", "msg"),
    "state": ("state", "status", "alertstate", "alertstatus", "eventaction", "action", "eventtype"),
    "severity": ("severity", "priority", "level", "urgency"),
    "key": ("fingerprint", "dedupkey", "key", "alias", "alertid", "incidentid", "id"),
    "service": ("service", "servicename", "application", "app", "component"),
    "description": ("description", "details", "body", "message", "text", "msg"),
    "url": ("url", "link", "htmlurl", "permalink", "href"),
    "playbook": ("runbookurl", "runbook", "playbookurl", "playbook"),
    "starts_at": ("startsat", "startedat", "firedat", "timestamp", "time", "createdat", "date", "at"),
    "ends_at": ("endsat", "endedat", "resolvedat", "closedat"),
    "group": ("groupkey", "group"),
    "by": ("by", "user", "actor"),
    "labels": ("labels", "tags"),
}
# What may be wrapped around the alert itself.
WRAPPERS = ("alert", "event", "incident", "data", "payload", "issue", "check", "monitor")
LISTS = ("alerts", "events", "incidents", "items", "data", "results")
_MAX_WRAPPERS = 3
STATE_WORDS: dict[str, AlertState] = {
    **dict.fromkeys(
        (
            *("firing", "alerting", "alert", "alarm", "triggered", "trigger", "open", "opened", "reopened", "problem"),
            *("critical", "down", "error", "failing", "failed", "failure", "warning", "warn", "active", "new"),
            *("created", "started", "nodata", "unhealthy", "detected", "raised", "unresolved", "incident"),
        ),
        AlertState.FIRING,
    ),
    **dict.fromkeys(
        (
            *("resolved", "resolve", "ok", "closed", "close", "recovered", "recovery", "up", "cleared", "clear"),
            *(
                "normal",
                "healthy",
                "inactive",
                "fixed",
                "done",
                "success",
                "succeeded",
                "completed",
                "expired",
                "ended",
            ),
        ),
        AlertState.RESOLVED,
    ),
    **dict.fromkeys(("acknowledged", "acknowledge", "acked", "ack"), AlertState.ACKNOWLEDGED),
}
_SECRET = re.compile(r"token|secret|passw|apikey|authorization|credential|cookie|privatekey")
_NOT_LETTERS = re.compile(r"[\W_]+")
_MAX_NAME = 200


def folded(name: str) -> str:
    """A name without case, dashes and underscores."""
    return _NOT_LETTERS.sub("", name[:_MAX_NAME].casefold())


def by_folded_name(node: Node) -> dict[str, str]:
    """The names of an object's fields by what they are when folded; of two alike the first in order."""
    if not isinstance(node.value, dict):
        return {}
    return {folded(name): name for name in sorted(node.value, reverse=True)}


def guessed(node: Node, field: str, names: Mapping[str, str] | None = None) -> Node | None:
    """The field of an object that is called as such fields are; None where there is none that says anything.

    Args:
        names: by_folded_name(node), where it is known.
    """
    names = by_folded_name(node) if names is None else names
    for known in NAMES[field]:
        name = names.get(known)
        if name is None:
            continue
        told = node[name]
        if told.value and (scalar_text(told.value) or field == "labels"):
            return told
    return None


def inner(node: Node) -> Node:
    """The object that tells the alert, where others are wrapped around it."""
    for _ in range(_MAX_WRAPPERS):
        if guessed(node, "title") is not None or not isinstance(node.value, dict):
            break
        name = next((name for name in WRAPPERS if isinstance(node.value.get(name), dict)), None)
        if name is None:
            break
        node = node[name]
    return node


def list_in(node: Node) -> Node | None:
    """The list of alerts in an object, where it is one of several and no alert itself; else None."""
    if guessed(node, "title") is not None:
        return None
    for name in LISTS:
        value = node.value.get(name)
        if isinstance(value, list) and any(isinstance(one, dict) for one in value):
            return node[name]
    return None


def state_word(text: str) -> AlertState | None:
    """The state that a word tells; None: it is unknown."""
    return STATE_WORDS.get(folded(text))


def is_secret(name: str) -> bool:
    """Whether a field of that name is none to be shown."""
    return _SECRET.search(folded(name)) is not None
