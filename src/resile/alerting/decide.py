"""An alert through all stages: what becomes of it, and the reason of each."""

from collections.abc import Callable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from resile.alerting.case import Case, World
from resile.alerting.incident_stages import correlate, incident
from resile.alerting.stages import dedup, group, inhibit, route, silence, throttle
from resile.model.alert import MUTED, AlertState, KnownAlert, Outcome, Verdict

# What a stage finds out goes into the case; what it decided, into the verdict.
StageOf = Callable[[Case, World], tuple[Case, Verdict]]

# A route says by which labels alerts are grouped, so that it is found before the group.
_FIRING: Sequence[StageOf] = (dedup, silence, inhibit, route, group, throttle, correlate, incident)
# What clears must be heard whatever is muted now, and needs no group.
_CLEARING: Sequence[StageOf] = (dedup, route, incident)
_TAKING: Sequence[StageOf] = (dedup, incident)


class Decided(Struct, frozen=True, kw_only=True):
    """What became of one telling.

    Attributes:
        is_written: whether the alert changed; else it was told again, or not even that.
    """

    case: Case
    outcome: Outcome
    verdicts: tuple[Verdict, ...]
    is_written: bool


def decide(case: Case, world: World) -> Decided:
    """Ask stage after stage until one ends it."""
    verdicts = []
    for stage in _stages(case):
        case, verdict = stage(case, world)
        verdicts.append(verdict)
        if verdict.ends:
            break
    outcome = case.outcome or Outcome.KNOWN
    is_same = _is_muted_as_before(case, outcome, verdicts[-1])
    is_news = len(verdicts) > 1 and not is_same
    if is_same:
        case = replace(case, is_counted=True)
    return Decided(case=case, outcome=outcome, verdicts=tuple(verdicts), is_written=is_news)


def _stages(case: Case) -> Sequence[StageOf]:
    state, known = case.alert.state, case.known
    if state is AlertState.RESOLVED:
        return _CLEARING
    if state is AlertState.ACKNOWLEDGED and known is not None and _is_in_incident(known):
        return _TAKING
    return _FIRING


def _is_in_incident(known: KnownAlert) -> bool:
    return known.alert.state is AlertState.FIRING and known.outcome not in MUTED


def _is_muted_as_before(case: Case, outcome: Outcome, last: Verdict) -> bool:
    """Whether it was told again while the same silence, or inhibition, mutes it."""
    known = case.known
    return (
        known is not None
        and outcome in MUTED
        and known.outcome is outcome
        and known.alert.state is case.alert.state
        and bool(known.verdicts)
        and known.verdicts[-1].because_of == last.because_of
    )
