"""What is asked of deliveries: window, services, environments, how far a failure may lie from what caused it."""

from datetime import timedelta
from enum import StrEnum

from msgspec import Struct

from resile.analytics.query import Window
from resile.model.errors import ConfigError
from resile.model.time import DAY

# What senders call the environment that people depend on; names are compared in lower case.
PRODUCTION = ("production", "prod", "prd", "live")


class Definitions(StrEnum):
    """Whose definitions of the metrics are meant."""

    RESILE = "resile"
    MIDDLEWARE = "middleware"


class DeliveryQuery(Struct, frozen=True, kw_only=True):
    """One question to the deliveries.

    Attributes:
        services: only these, all where empty; the empty string stands for deployments without one.
        environments: only these, in lower case, all where empty; the empty string stands for deployments without one.
        attribution_window: how long after a deployment an incident of its service is laid at its door.
        is_blended: one row over all services and environments asked for, instead of one for each.
    """

    window: Window
    services: tuple[str, ...] = ()
    environments: tuple[str, ...] = PRODUCTION
    attribution_window: timedelta = DAY
    definitions: Definitions = Definitions.RESILE
    is_blended: bool = False

    def __post_init__(self) -> None:
        if self.attribution_window <= timedelta():
            raise ConfigError(f"attribution window {self.attribution_window} is not positive; give one such as 24h")


def definitions_named(name: str) -> Definitions:
    """The definitions of that name.

    Raises:
        ConfigError: there are none.
    """
    try:
        return Definitions(name)
    except ValueError:
        raise ConfigError(f"no definitions are called {name!r}; use {' or '.join(Definitions)}") from None
