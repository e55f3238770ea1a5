"""What Prometheus sends to an Alertmanager: a list of alerts, told again and again while they hold."""

from resile.ports.delivery_door import DoorOptions, Understood
from resile.ports.journal import Delivery
from resile.sources.doors.alert_lists import understood

_SENDER = "Prometheus"


def open_door(options: DoorOptions) -> "PrometheusDoor":
    """The door that stands in an Alertmanager's place with these options."""
    return PrometheusDoor(options)


class PrometheusDoor:
    """Understands what Prometheus, Thanos, Mimir, Loki and their like send under `alerting.alertmanagers`."""

    def __init__(self, options: DoorOptions) -> None:
        self._options = options

    def understand(self, delivery: Delivery) -> Understood:
        """What a list of alerts says; a notification of Alertmanager's webhook is understood too.

        Raises:
            ConfigError: it is neither.
        """
        return understood(_SENDER, self._options, delivery)
