"""How an incident ends by itself: people are asked whether it is restored where no alert can tell, and it is closed."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct

from resile.model.event import Closed, Corrected, Event, Exclusion, Marked, Merged, Mitigated, PagingEvent, Reopened
from resile.model.event import Restored as RestoredEvent
from resile.model.incident import Incident, value_of
from resile.model.phases import contradictions, instants
from resile.model.room_event import AskedIfRestored
from resile.model.severity import Severity
from resile.model.time import DAY, MINUTE

# Whoever does not answer three times has other ways to be reminded.
MAX_ASKED = 3
# What resile does by itself is no sign that somebody is still at work.
_ITSELF = ("resile", "door:")
_NO_EMERGENCY = frozenset({Exclusion.NOISE, Exclusion.PLANNED})
_MATTERS = (Mitigated, RestoredEvent, Closed, Reopened, Corrected, Merged, Marked)


class EndingLengths(Struct, frozen=True, kw_only=True):
    """For how long it must be quiet; None: it is never done.

    Attributes:
        ask_after: since it was mitigated, or its alerts cleared, until people are asked whether it is restored;
            ask_after_of: by severity.
        close_after: since it was restored, until it is closed.
    """

    ask_after: timedelta | None = 30 * MINUTE
    ask_after_of: Mapping[Severity, timedelta | None] = {}
    close_after: timedelta | None = 3 * DAY

    def asks_after(self, severity: Severity | None) -> timedelta | None:
        """How long to wait before people are asked of an incident of this severity."""
        return self.ask_after if severity is None else self.ask_after_of.get(severity, self.ask_after)


class Ending(StrEnum):
    """What comes next."""

    ASK = "ask"
    CLOSE = "close"


class NextEnding(Struct, frozen=True):
    """What is done by itself, and when at the earliest; whatever people do before puts it off."""

    what: Ending
    at: datetime


def matters(event: Event) -> bool:
    """Whether an event may change what comes next."""
    return isinstance(event, _MATTERS)


def next_ending(
    incident: Incident,
    events: Sequence[Event],
    *,
    is_firing: bool,
    is_watched: bool = False,
    lengths: EndingLengths,
    cleared_at: datetime | None = None,
) -> NextEnding | None:
    """What comes next of an incident that this resile declared; None: nothing, it is for others or for people.

    Args:
        is_firing: whether an alert of it is not resolved: then it is not quiet, and that will tell.
        is_watched: whether it is waited for that its alerts stay clear.
        cleared_at: when the last of its alerts cleared, where it has any.
    """
    known = instants(incident)
    is_ours = incident.exists and incident.origin is None and value_of(incident.merged_into, None) is None
    if not is_ours or known.closed is not None or contradictions(known):
        return None
    if known.restored is not None:
        if lengths.close_after is None or is_firing:
            return None
        last = max(known.restored.at, _stirred_at(events), cleared_at or known.restored.at)
        return NextEnding(Ending.CLOSE, last + lengths.close_after)
    mitigated_at = None if known.mitigated is None else known.mitigated.at
    better = [at for at in (mitigated_at, cleared_at) if at is not None]
    if not better or is_firing or is_watched or value_of(incident.exclusion, None) in _NO_EMERGENCY:
        return None
    after = lengths.asks_after(value_of(incident.severity, None))
    asked = [event.at for event in events if isinstance(event, AskedIfRestored) and event.at >= max(better)]
    if after is None or len(asked) >= MAX_ASKED:
        return None
    return NextEnding(Ending.ASK, max(*better, _stirred_at(events), *asked) + after)


def _stirred_at(events: Sequence[Event]) -> datetime:
    """When somebody last said or did something."""
    said = (one.recorded_at for one in events if not isinstance(one, PagingEvent) and not one.by.startswith(_ITSELF))
    return max(said, default=events[0].recorded_at)
