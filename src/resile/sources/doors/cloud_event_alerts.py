"""CloudEvents 1.0 of any type as alerts, their data read as JSON of any shape; CDEvents among them as what they are."""

import re

from resile.model.alert import Alert, AlertState
from resile.model.change import DeploymentReported
from resile.ports.delivery_door import DoorOptions, Understood
from resile.ports.journal import Delivery
from resile.sources.doors.alert_parts import Telling
from resile.sources.doors.body import Node
from resile.sources.doors.cdevents import CDEventsDoor
from resile.sources.doors.cloud_events import CloudEvent, events_in
from resile.sources.doors.json_fields import JsonReader
from resile.sources.doors.json_guess import state_word
from resile.sources.doors.naming import last_segment

_SENDER = "CloudEvents"
_CDEVENTS = "dev.cdevents"
_BETWEEN = re.compile(r"[^A-Za-z]+")
# A type's last words tell what happened: com.example.disk.alert.resolved.v1.
_LAST_WORDS = 4


def open_door(options: DoorOptions) -> "CloudEventAlertsDoor":
    """The door for CloudEvents of any type with these options.

    Raises:
        ConfigError: an option is no way to a value.
    """
    return CloudEventAlertsDoor(options)


class CloudEventAlertsDoor:
    """Understands events of any sender."""

    def __init__(self, options: DoorOptions) -> None:
        self._options = options
        self._cdevents = CDEventsDoor(options)
        self._reader = JsonReader(options)

    def understand(self, delivery: Delivery) -> Understood:
        """What an event or a batch of them says; one that is wrong refuses the batch.

        Raises:
            ConfigError: it is no CloudEvent.
        """
        told = [self._told_by(event, delivery) for event in events_in(_SENDER, delivery)]
        reports = tuple(one for one in told if isinstance(one, DeploymentReported))
        alerts = tuple(one for one in told if isinstance(one, Alert))
        if reports or alerts:
            return Understood(reports=reports, alerts=alerts)
        return Understood(unmapped=next((one for one in told if isinstance(one, str)), "an empty batch of events"))

    def _told_by(self, event: CloudEvent, delivery: Delivery) -> DeploymentReported | Alert | str:
        # What comes without an envelope can only be a bare CDEvent.
        is_bare = event.attributes is event.data
        if is_bare or event.attributes["type"].needed_text().startswith(_CDEVENTS):
            return self._cdevents.told_by(event, delivery)
        attributes = event.attributes
        telling = Telling(self._options, delivery)
        kind, source = attributes["type"].needed_text(), attributes["source"].needed_text(2_000)
        subject, state = telling.line(attributes["subject"]), _state(kind)
        time = telling.line(attributes["time"])
        otherwise = {
            "title": " ".join(filter(None, (kind, subject))),
            "key": "#".join(filter(None, (source, subject or _stem(kind)))),
            "state": state.value,
            "ends_at" if state is AlertState.RESOLVED else "starts_at": time,
        }
        data = event.data if isinstance(event.data.value, dict) else Node(_SENDER, "data", {})
        around = {"ce_type": kind, "ce_source": source, **({"ce_subject": subject} if subject else {})}
        known_by = (source, last_segment(source), kind)
        return self._reader.alert(telling, data, data, otherwise=otherwise, around=around, known_by=known_by)


def _state(kind: str) -> AlertState:
    """What a type says happened; it fires unless that says something else."""
    said = (state_word(word) for word in reversed(_parts(kind)[-_LAST_WORDS:]))
    return next((state for state in said if state is not None), AlertState.FIRING)


def _stem(kind: str) -> str:
    """A type without the words that say what happened, so that an end meets its beginning."""
    return ".".join(word for word in _parts(kind) if state_word(word) is None)


def _parts(kind: str) -> list[str]:
    return [word for word in _BETWEEN.split(kind) if word]
