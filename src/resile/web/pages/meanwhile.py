"""What others did to an incident since somebody looked at it: what asks for a new decision, and what is only told."""

from collections.abc import Callable, Sequence
from typing import Any

from msgspec import UNSET

from resile.model.event import (
    Acknowledged,
    Closed,
    Corrected,
    Described,
    Event,
    Identified,
    Marked,
    Merged,
    Mitigated,
    Noted,
    Reopened,
    Restored,
    SeverityChanged,
)
from resile.model.incident import KIND_OF_CLAIM, InstantName
from resile.model.lifecycle import ChangeSeverity, Command, Correct, Describe, Mark, Merge, Note, Reach, Reopen
from resile.model.room_event import EvidenceAdded, Role, RoleLaidDown, RoleTaken, TaskAdded, TaskChanged
from resile.model.room_lifecycle import AddEvidence, AddTask, ChangeTask, LayDownRole, RoomCommand, TakeRole
from resile.web.pages.timeline import who

AnyCommand = Command | RoomCommand
# What everybody in the room wants to hear of, whatever they were about to do.
_WEIGHTY = (Restored, Closed, Reopened, Merged, SeverityChanged, Described)
# What changes whether an instant was reached.
_TURNS = (Restored, Closed, Reopened, Merged, Corrected)
# After these what one said before does not hold, and may be said once more.
_UNDOES = {Reach: (Reopened, Corrected), Reopen: (Restored, Closed, Corrected)}


def against(command: AnyCommand, since: Sequence[Event], *, by: str) -> str | None:
    """Why the command was decided upon what no longer holds: what somebody else did; None where nothing bears on it.

    Args:
        since: what was told since the page was made on which it was decided.
        by: who decides; what they did themselves, they know.
    """
    for event in reversed(since):
        if _bears_on(command, event) and not _is_own(event, by):
            return f"{deed_of(event)} while you decided; look again, and send it once more if it still holds"
    return None


def news_in(since: Sequence[Event], *, by: str) -> list[str]:
    """What weighs most of what others did meanwhile, one sentence each, the latest of each kind."""
    latest = {type(event): event for event in since if isinstance(event, _WEIGHTY) and not _is_own(event, by)}
    return [deed_of(event) for event in sorted(latest.values(), key=lambda event: event.id)]


def is_repeated(command: AnyCommand, since: Sequence[Event], *, by: str) -> bool:
    """Whether the same person just did just that: a button tapped twice, a form sent twice."""
    for event in reversed(since):
        if event.by == by and _does(command, event):
            return True
        if isinstance(command, Reach | Reopen) and isinstance(event, _UNDOES[type(command)]):
            return False
    return False


def _does(command: AnyCommand, event: Event) -> bool:
    match command, event:
        case Reach(), _ if command.instant is not InstantName.ACKNOWLEDGED:
            return KIND_OF_CLAIM.get(type(event)) == command.instant.value
        case Note(), Noted():
            return event.text == command.text and event.pictures == command.pictures
        case AddTask(), TaskAdded():
            return event.text == command.text.strip()
        case AddEvidence(), EvidenceAdded():
            return (event.title, event.url, event.text) == (command.title.strip(), command.url, command.text)
        case Reopen(), Reopened():
            return True
        case _:
            return False


def _bears_on(command: AnyCommand, event: Event) -> bool:  # noqa: C901, PLR0911 - one case per command
    match command:
        case ChangeSeverity():
            is_same = isinstance(event, SeverityChanged) and event.severity is command.severity
            return isinstance(event, SeverityChanged | Merged) and not is_same
        case Reach():
            return command.instant is not InstantName.ACKNOWLEDGED and isinstance(event, _TURNS)
        case Reopen():
            return isinstance(event, _TURNS)
        case Mark():
            is_same = isinstance(event, Marked) and event.exclusion is command.exclusion
            return isinstance(event, Marked | Merged) and not is_same
        case Merge():
            return isinstance(event, Merged)
        case Correct():
            return isinstance(event, Corrected) and event.event_id == command.event_id
        case Describe():
            return isinstance(event, Described) and _differ(command, event, ("title", "services", "team"))
        case ChangeTask():
            is_its = isinstance(event, TaskChanged) and event.task_id == command.task_id
            return is_its and _differ(command, event, ("text", "owner", "state"))
        case TakeRole() | LayDownRole():
            if command.role is Role.EXPERT or not isinstance(event, RoleTaken | RoleLaidDown):
                return False
            return event.role is command.role and event.person != command.person
        case _:
            return False


def _differ(command: Describe | ChangeTask, event: Event, names: tuple[str, ...]) -> bool:
    """Whether both say something else of the same thing."""
    pairs = ((getattr(command, name), getattr(event, name)) for name in names)
    return any(UNSET not in pair and pair[0] != pair[1] for pair in pairs)


def _is_own(event: Event, by: str) -> bool:
    # Without accounts everybody is the same: then it may well have been somebody else.
    return event.by == by and by.startswith("user:")


def deed_of(event: Event) -> str:
    """What somebody did, as a sentence without its end: `bob closed it`."""
    name = "somebody" if event.by == "local" else who(event.by)
    return f"{name} {_DEEDS[type(event)](event)}"


_DEEDS: dict[type, Callable[[Any], str]] = {
    Acknowledged: lambda _: "acknowledged it",
    Identified: lambda _: "said what caused it",
    Mitigated: lambda _: "said that it is mitigated",
    Restored: lambda _: "said that it is restored",
    Closed: lambda _: "closed it",
    Reopened: lambda _: "reopened it",
    Merged: lambda event: f"merged it into {event.into}" if event.into else "set it apart again",
    SeverityChanged: lambda event: f"changed the severity to {event.severity or 'none'}",
    Marked: lambda event: f"excluded it as {event.exclusion}" if event.exclusion else "counted it again",
    Corrected: lambda _: "corrected an instant",
    Described: lambda _: "described it anew",
    TaskChanged: lambda _: "changed the task",
    RoleTaken: lambda event: f"made {event.person} {event.role}",
    RoleLaidDown: lambda event: f"took the role of {event.role} from {event.person}",
}
