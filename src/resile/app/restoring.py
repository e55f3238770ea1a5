"""An incident is restored because its alerts are resolved: as of when they cleared, whenever it is said."""

from collections.abc import Sequence
from datetime import datetime

from resile.app.growing import Growing
from resile.model.errors import TransitionError
from resile.model.event import Noted, Restored, Source
from resile.model.incident import InstantName
from resile.model.lifecycle import Reach
from resile.model.phases import instants, last_reopening
from resile.model.time import MICROSECOND

_BEFORE_RESTORED = tuple(InstantName)[: list(InstantName).index(InstantName.RESTORED)]


def tell_restored(growing: Growing, cleared: Sequence[datetime]) -> None:
    """Tell it, as of the last of the instants at which its alerts cleared."""
    reopened = last_reopening(growing.incident)
    if reopened is not None and reopened.at >= growing.now:
        # At this instant, or by a clock that is ahead: it is over all the same, and nobody is paged for it.
        growing.tell(Restored, at=max([*cleared, *_no_earlier_than(growing)]))
        return
    at = min(max([*cleared, *_no_earlier_than(growing)]), growing.now)
    for instant in (at, growing.now):
        try:
            growing.carry_out(Reach(InstantName.RESTORED), at=instant, source=Source.MEASURED)
        except TransitionError as error:
            reason = str(error)
        else:
            return
    # Its instants contradict each other, so that no time would do: people must mend them.
    growing.tell(Noted, text=f"All alerts are resolved, but the incident could not be restored: {reason}")


def _no_earlier_than(growing: Growing) -> list[datetime]:
    """What was reached before, and must not come after restoring."""
    known = instants(growing.incident)
    found = [instant.at for name in _BEFORE_RESTORED if (instant := known.get(name)) is not None]
    reopened = last_reopening(growing.incident)
    return found if reopened is None else [*found, reopened.at + MICROSECOND]
