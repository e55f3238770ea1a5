"""Datadog's monitors, as the template that the documentation of doors gives for its webhooks has them."""

import re

from resile.model.alert import Alert, AlertState
from resile.ports.delivery_door import DoorOptions, Understood
from resile.ports.journal import Delivery
from resile.sources.doors.alert_parts import Telling, labels_of_tags
from resile.sources.doors.body import Node, read_object

_SENDER = "Datadog's webhook"
# $ALERT_CYCLE_KEY, where nothing was put in its place.
_VARIABLE = re.compile(r"\$[A-Z][A-Z0-9_.\[\]]*")
_FIRING = frozenset({"triggered", "re-triggered", "warn", "re-warn", "no data", "re-no data", "renotify"})
_PRIORITY = re.compile(r"[Pp][1-5]")
_TYPES = frozenset({"error", "warning", "info"})
_LABELS = ("alert_id", "alert_metric", "hostname", "org_id")
_MAX_TAGS = 500


def open_door(options: DoorOptions) -> "DatadogDoor":
    """The door for Datadog with these options."""
    return DatadogDoor(options)


class DatadogDoor:
    """Understands the JSON of our template."""

    def __init__(self, options: DoorOptions) -> None:
        self._options = options

    def understand(self, delivery: Delivery) -> Understood:
        """What a monitor says.

        Raises:
            ConfigError: it is no JSON object.
        """
        body = read_object(_SENDER, delivery.body)
        return Understood(alerts=(_alert(Telling(self._options, delivery), body),))


def _alert(telling: Telling, body: Node) -> Alert:
    transition = _said(telling, body["alert_transition"])
    kind = _said(telling, body["alert_type"]).casefold()
    labels = _labels(telling, body)
    for name, words in (("link", "Datadog"), ("snapshot", "graph")):
        telling.link(words, _said(telling, body[name]), name)
    for name in ("runbook_url", "runbook"):
        telling.playbook(_said(telling, body[name]), name)
    state = _state(telling, transition, kind)
    # `date` is that of the event, which of a recovery is the end.
    at = telling.instant(body["date"]) if _said(telling, body["date"]) else None
    return telling.alert(
        state=state,
        title=_said(telling, body["alert_title"]) or _said(telling, body["event_title"]),
        labels=labels,
        key=_key(telling, body),
        starts_at=at if state is AlertState.FIRING else None,
        ends_at=at if state is AlertState.RESOLVED else None,
        severity=telling.severity(_severity_words(_said(telling, body["alert_priority"]), transition, kind)),
        known_by=(labels.get("hostname", ""), labels.get("host", "")),
        description=(_said(telling, body["text_only_msg"]) or _said(telling, body["event_msg"])).replace("%%%", ""),
        group=_said(telling, body["aggreg_key"]),
    )


def _said(telling: Telling, node: Node) -> str:
    text = telling.raw(node)
    return "" if _VARIABLE.fullmatch(text.strip()) or text.strip() == "null" else text


def _state(telling: Telling, transition: str, kind: str) -> AlertState:
    word = transition.strip().casefold()
    if "recovered" in word:
        return AlertState.RESOLVED
    if word in _FIRING:
        return AlertState.FIRING
    if not word and kind == "success":
        return AlertState.RESOLVED
    said = f"its alert_transition is {transition[:40]!r}, which is unknown" if word else "it has no alert_transition"
    telling.warn(f"{said}; it is taken as triggered")
    return AlertState.FIRING


def _severity_words(priority: str, transition: str, kind: str) -> list[str]:
    """Its priority, else what its transition and type say."""
    words = [priority] if _PRIORITY.fullmatch(priority.strip()) else []
    words += ["warning"] if "warn" in transition.casefold() else []
    return [*words, *([kind] if kind in _TYPES else [])]


def _labels(telling: Telling, body: Node) -> dict[str, str]:
    tags = _said(telling, body["tags"]).split(",")[:_MAX_TAGS]
    scope = _said(telling, body["alert_scope"]).split(",")[:_MAX_TAGS]
    own = {name: _said(telling, body[name]) for name in _LABELS}
    return {**labels_of_tags([*scope, *tags]), **{name: text for name, text in own.items() if text}}


def _key(telling: Telling, body: Node) -> str:
    """The key of the cycle from trigger to recovery, else of the monitor and what it looks at."""
    key = _said(telling, body["alert_cycle_key"])
    if key.strip():
        return key
    parts = [_said(telling, body[name]) for name in ("alert_id", "alert_scope")]
    if not any(parts):
        return ""
    telling.warn("it has no alert_cycle_key; it is known by alert_id and alert_scope")
    return "/".join(parts)
