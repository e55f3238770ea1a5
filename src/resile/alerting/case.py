"""An alert on its way through the stages, and what they may look at."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from resile.alerting.firing import Firing
from resile.alerting.rules import Rules
from resile.alerting.standing import Standing
from resile.model.alert import Alert, KnownAlert, Outcome
from resile.model.route import DEFAULT_ROUTE, Route
from resile.model.severity import Severity


class Deed(StrEnum):
    """What is to be done on an incident's timeline."""

    DECLARE = "declare"
    JOIN = "join"
    REOPEN = "reopen"
    CLEAR = "clear"
    RESTORE = "restore"  # clear, and it was the last
    NOTHING = "nothing"


class Case(Struct, frozen=True, kw_only=True):
    """One telling of an alert, with what the stages found out so far.

    Attributes:
        known: the alert as it stood before; None: it was never told of.
        is_asked_again: nobody told anything new; what muted the alert may be over.
        is_still: it never stopped firing, though its incident was restored a while ago.
        outcome: None until a stage said.
        is_counted: it was merely told again.
        service, severity, team: of the incident.
        pages: whether somebody may be paged for it.
        incident_id: to which it goes, for JOIN, REOPEN, CLEAR and RESTORE, or which it acknowledges.
        why_there: why it goes to that incident, or why it holds no more.
        is_told: whether its sender told it; else it is resile that concludes it, or asks again.
    """

    id: str
    alert: Alert
    known: KnownAlert | None
    now: datetime
    is_asked_again: bool = False
    is_still: bool = False
    outcome: Outcome | None = None
    is_counted: bool = False
    route: Route = DEFAULT_ROUTE
    service: str | None = None
    team: str | None = None
    severity: Severity | None = None
    policy: str | None = None
    group_key: str | None = None
    pages: bool = True
    is_throttled: bool = False
    deed: Deed = Deed.NOTHING
    incident_id: str | None = None
    why_there: str = ""
    is_told: bool = True


class Group(Struct, frozen=True, kw_only=True):
    """Alerts that go into one incident.

    Attributes:
        incident_ids: to which they belonged, the last decided upon first.
        fired_at: when they fired lately.
    """

    incident_ids: tuple[str, ...] = ()
    fired_at: tuple[datetime, ...] = ()


class World(Struct, frozen=True, kw_only=True):
    """What the stages may look at.

    Attributes:
        incidents: those that alerts of this batch may go to, by id; those into which they were merged too.
        open: ids of those that alerts of other groups may join, the one that began last first.
    """

    rules: Rules
    firing: Firing
    groups: Mapping[str, Group]
    incidents: Mapping[str, Standing]
    open: Sequence[str] = ()

    def carrying_on(self, incident_id: str | None) -> Standing | None:
        """The incident, or that into which it was merged; None where nothing is known of it."""
        for _ in range(MAX_MERGES):
            standing = self.incidents.get(incident_id or "")
            if standing is None or standing.merged_into is None:
                return standing
            incident_id = standing.merged_into
        return None

    def firing_of(self, standing: Standing, *, also: str | None = None) -> frozenset[str]:
        """Ids of the alerts of an incident that fire, with those of the incidents that were merged into it."""
        merged = [self.incidents[name] for name in {*standing.incident.absorbed, also or ""} if name in self.incidents]
        elsewhere = frozenset[str]().union(*(one.firings.open for one in merged if one.id != standing.id))
        return standing.firings.open | (elsewhere - standing.firings.cleared)


# Merged into one that was merged into another, and so on.
MAX_MERGES = 10
