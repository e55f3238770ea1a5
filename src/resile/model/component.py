"""Parts of what users see, and how each of them does, in the words that readers of status pages know."""

from collections.abc import Iterable
from enum import StrEnum

from resile.model.errors import ConfigError
from resile.model.severity import Severity


class ComponentState(StrEnum):
    """How a component does; in the order of how bad it is."""

    OPERATIONAL = "operational"
    UNDER_MAINTENANCE = "under_maintenance"
    DEGRADED_PERFORMANCE = "degraded_performance"
    PARTIAL_OUTAGE = "partial_outage"
    MAJOR_OUTAGE = "major_outage"

    @property
    def rank(self) -> int:
        """0 is the best."""
        return _RANKS[self]

    @property
    def words(self) -> str:
        """`degraded performance`."""
        return self.value.replace("_", " ")


_RANKS = {state: rank for rank, state in enumerate(ComponentState)}
_OF_SEVERITY = {
    Severity.SEV1: ComponentState.MAJOR_OUTAGE,
    Severity.SEV2: ComponentState.PARTIAL_OUTAGE,
}


class UpdatePhase(StrEnum):
    """How far an incident has come, as readers of status pages are told."""

    INVESTIGATING = "investigating"
    IDENTIFIED = "identified"
    MONITORING = "monitoring"
    RESOLVED = "resolved"


class MaintenancePhase(StrEnum):
    """How far a maintenance window has come."""

    SCHEDULED = "scheduled"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


def worst(states: Iterable[ComponentState]) -> ComponentState:
    """The worst of some states; of none: operational."""
    return max(states, key=lambda state: state.rank, default=ComponentState.OPERATIONAL)


def component_state(words: str) -> ComponentState:
    """The state that somebody wrote: `partial_outage`, `Partial outage`.

    Raises:
        ConfigError: it is none.
    """
    try:
        return ComponentState("_".join(words.strip().lower().split()))
    except ValueError:
        raise ConfigError(
            f"{words[:40]!r} is no state of a component; write one of {', '.join(ComponentState)}"
        ) from None


def update_phase(words: str) -> UpdatePhase:
    """The phase that somebody wrote.

    Raises:
        ConfigError: it is none.
    """
    try:
        return UpdatePhase(words.strip().lower())
    except ValueError:
        raise ConfigError(f"{words[:40]!r} is no phase of an update; write one of {', '.join(UpdatePhase)}") from None


def state_in(phase: UpdatePhase, severity: Severity | None) -> ComponentState:
    """How the components of an incident do, as far as its phase and severity tell."""
    if phase is UpdatePhase.RESOLVED:
        return ComponentState.OPERATIONAL
    if phase is UpdatePhase.MONITORING or severity is None:
        return ComponentState.DEGRADED_PERFORMANCE
    return _OF_SEVERITY.get(severity, ComponentState.DEGRADED_PERFORMANCE)
