"""What is told of an incident and brings more pages: it is open again, or worse than it was."""

from resile.app.growing import Growing
from resile.model.escalation import Escalation, EscalationState
from resile.model.event import Corrected, Marked, Merged, Reopened
from resile.model.incident import value_of
from resile.model.time import DAY, HOUR
from resile.ports.paging_store import Changes, Timer, TimerKind
from resile.response.escalate import is_worse

# What is told of longer ago is an old story that somebody sets right, and wakes nobody.
_LATELY = HOUR


def opens_again(growing: Growing, known: Escalation) -> str | None:
    """Why somebody is to be paged, by what `growing` newly tells; None: nobody is.

    Whoever reopens it says that it is not over. What was restored, marked or merged by mistake pages on only on the
    same day.
    """
    lately = [event for event in growing.new if growing.now - event.at <= _LATELY]
    who = growing.by.partition(":")[2] or growing.by
    if any(isinstance(event, Reopened) for event in lately):
        return f"reopened by {who}"
    is_undone = any(isinstance(event, Corrected | Marked | Merged) for event in lately)
    return f"{who} took back what had ended it" if is_undone and growing.now - known.started_at <= DAY else None


def looked_at_again(growing: Growing, known: Escalation) -> Changes:
    """An escalation that runs is asked at once where the incident has become worse, for people have other ways then."""
    if known.state is EscalationState.RUNNING and is_worse(known, value_of(growing.incident.severity, None)):
        return Changes(timers=(Timer(kind=TimerKind.ESCALATION, subject=known.incident_id, due_at=growing.now),))
    return Changes()
