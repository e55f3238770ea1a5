"""What somebody asks for and was done already, in the words in which they are told."""

from resile.app.growing import Growing
from resile.model.escalation import Escalation, EscalationState
from resile.model.event import PagingBegan
from resile.model.time import MINUTE
from resile.response.escalate import Stand

# Who presses twice within it, or loads the answer again, meant it once.
_ONE_PUSH = MINUTE


def already(incident_id: str, stand: Stand, *, who: str) -> str:
    """Why there is nothing left to take, as whoever would is told; empty: it can be taken."""
    if stand.state is EscalationState.ENDED:
        return f"{incident_id} is over already: {stand.because}."
    if stand.state is EscalationState.ACKNOWLEDGED:
        return f"{'You' if stand.by == who else stand.by} took {incident_id} already."
    return ""


def pushed_already(growing: Growing, known: Escalation | None, stand: Stand, because: str) -> str:
    """What came of the same push a moment ago, where nothing else began since; empty: there was none."""
    began = next((one for one in reversed(growing.events) if isinstance(one, PagingBegan)), None)
    if known is None or began is None or began.because != because or began.at <= growing.now - _ONE_PUSH:
        return ""
    if {known.state, stand.state} != {EscalationState.RUNNING}:
        return ""
    called = sorted({one.person for one in known.ringing if one.step == known.step})
    return f"had the next step begun already, less than a minute ago; now paging {', '.join(called) or 'nobody'}."
