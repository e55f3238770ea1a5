"""The two shapes in which Prometheus' family tells of alerts: a notification of a group, and a plain list."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from resile.model.alert import MAX_TITLE, Alert, AlertState
from resile.model.time import HOUR, MINUTE
from resile.ports.delivery_door import DoorOptions, Understood
from resile.ports.journal import Delivery
from resile.sources.doors.alert_parts import OLDEST, SEVERITY_LABELS, SKEW, Telling, expiry, listed
from resile.sources.doors.body import Node, kind_of, printable, read_body, shown
from resile.sources.doors.naming import Naming

# As Alertmanager's resolve_timeout, unless that is set.
RESOLVE_TIMEOUT = 5 * MINUTE
# Prometheus tells again of what is over for a quarter of an hour.
_LATE = HOUR
# The words of annotations, the most telling first.
TITLES = ("summary", "title", "message")
DESCRIPTIONS = ("description", "message")
PLAYBOOKS = ("runbook_url", "runbookUrl", "runbook", "playbook_url", "playbook")
DASHBOARDS = ("dashboard_url", "dashboardUrl", "dashboard")
Notified = Callable[[Node, DoorOptions, Delivery], Iterator[Alert]]


def understood(sender: str, options: DoorOptions, delivery: Delivery, notified: Notified | None = None) -> Understood:
    """What a notification or a plain list says: they are told apart by their shape.

    Args:
        notified: reads a notification; left out: as Alertmanager sends them.

    Raises:
        ConfigError: it is neither.
    """
    body = read_body(sender, delivery.body)
    if isinstance(body.value, list):
        alerts = tuple(alerts_posted(body, options, delivery))
    elif isinstance(body.value, dict):
        alerts = tuple((notified or alerts_notified)(body, options, delivery))
    else:
        body.refuse(f"is {kind_of(body.value)}, neither an object nor a list", "send one JSON object")
    return Understood(alerts=alerts) if alerts else Understood(unmapped="a message without any alert")


def alerts_notified(body: Node, options: DoorOptions, delivery: Delivery) -> Iterator[Alert]:
    """The alerts of a notification."""
    warnings = [] if (left_out := n_left_out(body)) == 0 else [left_out_words(left_out)]
    naming = Naming(options)
    for node in listed(body["alerts"], warnings):
        telling = Telling(options, delivery, warnings, naming)
        labels = telling.texts(node["labels"])
        annotations = told_by_annotations(telling, node["annotations"])
        state = state_of(telling, node["status"], body["status"])
        telling.link("graph", telling.raw(node["generatorURL"]), "generatorURL")
        telling.link("Alertmanager", telling.raw(body["externalURL"]), "externalURL")
        yield telling.alert(
            state=state,
            title=title_of(annotations, labels),
            labels=labels,
            key=telling.raw(node["fingerprint"]),
            starts_at=telling.instant(node["startsAt"]),
            ends_at=telling.instant(node["endsAt"]),
            severity=telling.severity(labels.get(name, "") for name in SEVERITY_LABELS),
            description=first_of(annotations, DESCRIPTIONS),
            group=telling.raw(body["groupKey"]),
        )


def n_left_out(body: Node) -> int:
    """How many alerts the sender left out, as it says."""
    value: Any = body["truncatedAlerts"].value
    return min(value, 10**9) if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def left_out_words(n_alerts: int) -> str:
    """What to say of alerts that the sender left out."""
    return f"the sender left out {n_alerts:,} more alerts of this group; raise its max_alerts"


def state_of(telling: Telling, *nodes: Node) -> AlertState:
    """What holds, of the alert's own status, else of the group's; without any it fires."""
    word = next((word for node in nodes if (word := telling.line(node).casefold())), "")
    if word in {"resolved", "ok", "normal"}:
        return AlertState.RESOLVED
    if word not in {"firing", "alerting"}:
        said = f"its status is {word!r}, neither firing nor resolved" if word else "it tells no status"
        telling.warn(f"{said}; it is taken as firing")
    return AlertState.FIRING


def told_by_annotations(telling: Telling, node: Node) -> dict[str, str]:
    """The annotations; the addresses among them are kept as links."""
    annotations = telling.texts(node)
    for name in PLAYBOOKS:
        telling.playbook(annotations.get(name, ""), f"annotation {name}")
    for name in DASHBOARDS:
        telling.link("dashboard", annotations.get(name, ""), f"annotation {name}")
    return annotations


def title_of(annotations: dict[str, str], labels: dict[str, str]) -> str:
    """The annotation that says it best, else the name of its rule."""
    return first_of(annotations, TITLES) or labels.get("alertname", "")


def first_of(texts: dict[str, str], names: tuple[str, ...]) -> str:
    """The first of these in which something can be read."""
    return next((text for name in names if printable(text := texts.get(name, ""), MAX_TITLE)), "")


def alerts_posted(body: Node, options: DoorOptions, delivery: Delivery) -> Iterator[Alert]:
    """The alerts of a list. One whose end is still to come fires; if it is not told again until then, it is over."""
    warnings: list[str] = []
    naming = Naming(options)
    for node in listed(body, warnings):
        telling = Telling(options, delivery, warnings, naming)
        labels = telling.texts(node["labels"])
        annotations = told_by_annotations(telling, node["annotations"])
        starts_at = telling.instant(node["startsAt"])
        ends_at = _end_believed(telling, node["endsAt"], starts_at)
        is_over = ends_at is not None and ends_at <= telling.told_at
        telling.link("graph", telling.raw(node["generatorURL"]), "generatorURL")
        yield telling.alert(
            state=AlertState.RESOLVED if is_over else AlertState.FIRING,
            title=title_of(annotations, labels),
            labels=labels,
            starts_at=starts_at,
            ends_at=ends_at,
            holds_until=ends_at,
            expires_at=expiry(telling.told_at, ends_at, RESOLVE_TIMEOUT),
            severity=telling.severity(labels.get(name, "") for name in SEVERITY_LABELS),
            description=first_of(annotations, DESCRIPTIONS),
        )


def _end_believed(telling: Telling, node: Node, starts_at: datetime | None) -> datetime | None:
    """Until when a listed alert holds, unless it is by a clock that is far off: what may fire is not taken for over."""
    ends_at = telling.instant(node)
    if ends_at is None:
        return None
    ago = telling.told_at - ends_at
    if starts_at is not None and starts_at - telling.told_at > SKEW:
        telling.warn(f"{node.path} is by a clock that is ahead; the alert ends when nothing more is told of it")
        return None
    if ago > OLDEST:
        telling.warn(f"{node.path} is {shown(node.value)}, too long ago to be believed; it is taken as firing")
        return None
    if ago > _LATE:
        telling.warn(f"{node.path} is {shown(node.value)}, long over; if it still fires, the sender's clock is behind")
    return ends_at
