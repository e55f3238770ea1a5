"""Grafana's alerts, as its contact point of the kind webhook sends them: Alertmanager's shape and more."""

from collections.abc import Iterator

from resile.model.alert import Alert, fingerprint_of
from resile.ports.delivery_door import DoorOptions, Understood
from resile.ports.journal import Delivery
from resile.sources.doors.alert_lists import (
    DESCRIPTIONS,
    first_of,
    left_out_words,
    n_left_out,
    state_of,
    title_of,
    told_by_annotations,
    understood,
)
from resile.sources.doors.alert_parts import SEVERITY_LABELS, Telling, listed, scalar_text
from resile.sources.doors.body import Node
from resile.sources.doors.naming import Naming

_SENDER = "Grafana"
_MAX_VALUES = 20
_LINKS = {
    "panelURL": "panel",
    "dashboardURL": "dashboard",
    "generatorURL": "rule",
    "silenceURL": "silence",
    "imageURL": "image",
}


def open_door(options: DoorOptions) -> "GrafanaDoor":
    """The door for Grafana's alerts with these options."""
    return GrafanaDoor(options)


class GrafanaDoor:
    """Understands what Grafana sends to a webhook."""

    def __init__(self, options: DoorOptions) -> None:
        self._options = options

    def understand(self, delivery: Delivery) -> Understood:
        """What a notification says; a list of alerts, as sent to an Alertmanager, is understood too.

        Raises:
            ConfigError: it is neither.
        """
        return understood(_SENDER, self._options, delivery, notified=_alerts)


def _alerts(body: Node, options: DoorOptions, delivery: Delivery) -> Iterator[Alert]:
    warnings = [] if (left_out := n_left_out(body)) == 0 else [left_out_words(left_out)]
    alerts = list(listed(body["alerts"], warnings))
    naming = Naming(options)
    for node in alerts:
        telling = Telling(options, delivery, warnings, naming)
        labels = telling.texts(node["labels"])
        annotations = told_by_annotations(telling, node["annotations"])
        for name, words in _LINKS.items():
            telling.link(words, telling.raw(node[name]), name)
        # What the message says of the whole group is said of an alert only where it is alone.
        alone = body if len(alerts) == 1 else Node(body.sender, "", None)
        yield telling.alert(
            state=state_of(telling, node["status"], body["status"], body["state"]),
            title=title_of(annotations, labels) or telling.raw(alone["title"]),
            labels={"rule_uid": telling.raw(node["ruleUID"]), "org_id": telling.raw(body["orgId"]), **labels},
            # Known by the labels that its rule gave it, should it come without a fingerprint.
            key=telling.raw(node["fingerprint"]) or (fingerprint_of(labels) if labels else ""),
            starts_at=telling.instant(node["startsAt"]),
            ends_at=telling.instant(node["endsAt"]),
            severity=telling.severity(labels.get(name, "") for name in SEVERITY_LABELS),
            description=_description(telling, annotations, node) or telling.raw(alone["message"]),
            group=telling.raw(body["groupKey"]),
        )


def _description(telling: Telling, annotations: dict[str, str], node: Node) -> str:
    """What its annotation says, and the values that made it fire."""
    values = node["values"]
    if isinstance(values.value, dict):
        shown = [f"{name} = {scalar_text(value)}" for name, value in sorted(values.value.items()) if scalar_text(value)]
        words = ", ".join(shown[:_MAX_VALUES])
    else:
        words = telling.raw(node["valueString"])
    return "\n".join(part for part in (first_of(annotations, DESCRIPTIONS), words) if part)
