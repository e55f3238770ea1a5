"""Where the paging of an incident stands: a value, written together with the events and messages that it gives."""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from resile.model.policy import Policy, Way
from resile.model.severity import Severity


class EscalationState(StrEnum):
    """Whether anybody is being paged."""

    RUNNING = "running"
    ACKNOWLEDGED = "acknowledged"  # held until the alerts clear; what fires anew then pages anew
    UNREACHABLE = "unreachable"  # the whole policy passed and nobody answered
    ENDED = "ended"  # restored, closed, merged, or noise


class PathState(Struct, frozen=True, kw_only=True):
    """One way to a person within a step.

    Attributes:
        due_at: when it is to be used; brought forward where the one before it failed.
        message_id: of the page that went, or goes, out on it; None: not used yet.
    """

    way: Way
    due_at: datetime
    message_id: str | None = None


class Ringing(Struct, frozen=True, kw_only=True):
    """A person who is being paged; their ways in order."""

    person: str
    why: str
    step: int
    paths: tuple[PathState, ...]


class Escalation(Struct, frozen=True, kw_only=True):
    """The paging of one incident.

    Attributes:
        policy: as it was when the incident was declared, or paged anew.
        version: from 1; rises with each writing.
        n_starts: how often it began: once, and with each re-arming.
        started_at: when it began last.
        round: from 0; step: index of the step that began last, -1 before the first.
        step_due_at: when the next step, or round, begins at the latest; None: none does.
        ringing: those who were paged in this round.
        by: who acknowledged.
        severity: the worst for which ways were chosen so far.
    """

    incident_id: str
    policy: Policy
    started_at: datetime
    state: EscalationState = EscalationState.RUNNING
    version: int = 1
    n_starts: int = 1
    round: int = 0
    step: int = -1
    step_due_at: datetime | None = None
    ringing: tuple[Ringing, ...] = ()
    by: str | None = None
    severity: Severity | None = None
