"""Alertmanager's webhook, version 4: one body may tell of alerts that fire and of others that are over."""

from resile.ports.delivery_door import DoorOptions, Understood
from resile.ports.journal import Delivery
from resile.sources.doors.alert_lists import understood

_SENDER = "Alertmanager's webhook"


def open_door(options: DoorOptions) -> "AlertmanagerDoor":
    """The door for Alertmanager's webhook with these options."""
    return AlertmanagerDoor(options)


class AlertmanagerDoor:
    """Understands what Alertmanager sends to a receiver of the kind webhook."""

    def __init__(self, options: DoorOptions) -> None:
        self._options = options

    def understand(self, delivery: Delivery) -> Understood:
        """What a notification says; what Prometheus sends to an Alertmanager is understood too.

        Raises:
            ConfigError: it is neither.
        """
        return understood(_SENDER, self._options, delivery)
