"""Which playbooks were opened for an incident, and which were used before it was mitigated."""

from collections.abc import Iterable
from datetime import datetime

from resile.model.event import Event, Source
from resile.model.room_event import PlaybookOpened, StepBegan

Names = tuple[str, ...] | None


def playbooks_of(timeline: Iterable[Event], over_at: datetime | None) -> tuple[Names, Names]:
    """The playbooks that were opened, and those that were used, by name, each once; None where there is none.

    One is used where a person opened it, or where one of its steps began; and not later than the incident was over.

    Args:
        over_at: when the incident was mitigated, or restored where nobody knows that; None: it is not.
    """
    opened: dict[str, None] = {}
    used: dict[str, None] = {}
    for event in timeline:
        if isinstance(event, PlaybookOpened):
            opened[event.playbook] = None
        if (isinstance(event, StepBegan) or (isinstance(event, PlaybookOpened) and event.source is Source.HUMAN)) and (
            over_at is None or event.at <= over_at
        ):
            used[event.playbook] = None
    return tuple(sorted(opened)) or None, tuple(sorted(used)) or None
