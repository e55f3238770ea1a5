"""What becomes of alerts, as documents of the catalog say it, compiled: routes and inhibitions."""

from datetime import timedelta

from msgspec import Struct

from resile.model.alert import Alert
from resile.model.matcher import Matcher, fit_all
from resile.model.severity import Severity
from resile.model.time import MINUTE


class Throttle(Struct, frozen=True, kw_only=True):
    """At most so many alerts of a group page within so long; the others join without a page."""

    most: int
    within: timedelta


class Route(Struct, frozen=True, kw_only=True):
    """Which alerts make incidents, and of which kind; as `RouteDocument`.

    Attributes:
        group_by: None: alerts of the same name, else title, and service go into one incident.
    """

    name: str
    order: int = 100
    match: tuple[Matcher, ...] = ()
    group_by: tuple[str, ...] | None = None
    policy: str | None = None
    service: str | None = None
    team: str | None = None
    severity: Severity | None = None
    pages: bool = True
    restores: bool = True
    restored_after: timedelta = timedelta(0)
    reopens_within: timedelta = 30 * MINUTE
    throttle: Throttle | None = None

    def fits(self, alert: Alert) -> bool:
        """Whether the alert goes by it, if no other takes it before."""
        return fit_all(self.match, alert)


# What takes the alerts that no other does: every one makes an incident. No document can have its name.
DEFAULT_ROUTE = Route(name="")


class Inhibition(Struct, frozen=True, kw_only=True):
    """While an alert that fits `while_firing` fires, those that fit `mute` make no incident; as its document."""

    name: str
    while_firing: tuple[Matcher, ...]
    mute: tuple[Matcher, ...]
    equal: tuple[str, ...] = ()
