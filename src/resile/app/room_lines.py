"""What an incident's room tells, in words to read."""

from typing import assert_never

from msgspec import UNSET

from resile.model.room_event import (
    AnyRoomEvent,
    AskedIfRestored,
    CalledIn,
    ChatClosed,
    ChatOpened,
    EvidenceAdded,
    NoteEdited,
    PlaybookOpened,
    RoleLaidDown,
    RoleTaken,
    Said,
    StepAsked,
    StepBegan,
    StepEnded,
    StepOutcome,
    TaskAdded,
    TaskChanged,
    UpdateAgreed,
    UpdateDrafted,
    UpdateDropped,
    UpdatePromised,
    UpdateReminded,
    Withdrawn,
)
from resile.model.time import format_instant

OUTCOME_WORDS = {
    StepOutcome.DONE: "came through",
    StepOutcome.FAILED: "failed",
    StepOutcome.TIMED_OUT: "took too long and was ended",
    StepOutcome.STOPPED: "was stopped",
    StepOutcome.UNKNOWN: "ended in an unknown state",
    StepOutcome.REFUSED: "was not run",
}
# On a line; the whole of it is beside the step.
_SHOWN = 300


def room_words(event: AnyRoomEvent) -> tuple[str, str]:
    """What an event of the room is called, and what it says."""
    match event:
        case StepAsked() | StepBegan() | StepEnded() | PlaybookOpened():
            return _of_playbook(event)
        case UpdateDrafted() | UpdateAgreed() | UpdateDropped() | UpdatePromised() | UpdateReminded():
            return _of_update(event)
        case ChatOpened() | ChatClosed() | Said():
            return _of_chat(event)
        case _:
            return _of_people(event)


def _of_people(  # noqa: PLR0911 - one case per kind
    event: RoleTaken
    | RoleLaidDown
    | TaskAdded
    | TaskChanged
    | NoteEdited
    | EvidenceAdded
    | Withdrawn
    | CalledIn
    | AskedIfRestored,
) -> tuple[str, str]:
    match event:
        case RoleTaken():
            return f"{event.person} is {event.role}", ""
        case RoleLaidDown():
            return f"{event.person} is no longer {event.role}", ""
        case TaskAdded():
            return "Task", f"{event.text} ({event.owner})" if event.owner else event.text
        case TaskChanged():
            return _of_task(event)
        case NoteEdited():
            return "Note changed", event.text
        case EvidenceAdded():
            return f"Evidence: {event.evidence}", event.title
        case Withdrawn():
            return "Withdrawn", event.reason
        case CalledIn():
            people = ", ".join(event.people) or "nobody"
            return f"Called in {people}", "; ".join(filter(None, (event.target, event.because)))
        case AskedIfRestored():
            return "Asked whether it is restored", "; ".join(filter(None, (", ".join(event.people), event.because)))
        case _:
            assert_never(event)


def _of_task(event: TaskChanged) -> tuple[str, str]:
    told = [] if event.text is UNSET else [event.text]
    if event.owner is not UNSET:
        told.append(f"for {event.owner}" if event.owner else "for nobody")
    state = "changed" if event.state is UNSET else event.state.value
    return f"Task {state}", "; ".join(told)


def _of_playbook(event: StepAsked | StepBegan | StepEnded | PlaybookOpened) -> tuple[str, str]:
    match event:
        case PlaybookOpened():
            return f"Playbook {event.playbook} opened", event.because
        case StepAsked():
            return f"Step {event.step} asked for", f"playbook {event.playbook}; a second person has to agree"
        case StepBegan():
            who = f"agreed by {', '.join(event.agreed)}" if event.agreed else "by itself"
            return f"Step {event.step} began", f"playbook {event.playbook}, {who}"
        case StepEnded():
            code = f"exit code {event.exit_code}" if event.exit_code else ""
            told = event.output.strip()
            output = told if len(told) <= _SHOWN else told[: _SHOWN - 1] + "…"
            name = f"Step {event.step}" if event.step else "Step"
            return f"{name} {OUTCOME_WORDS[event.outcome]}", "; ".join(filter(None, (event.because, code, output)))
        case _:
            assert_never(event)


def _of_update(
    event: UpdateDrafted | UpdateAgreed | UpdateDropped | UpdatePromised | UpdateReminded,
) -> tuple[str, str]:
    match event:
        case UpdateDrafted():
            return f"Update for {event.audience} drafted", event.title or event.text
        case UpdateAgreed():
            return "Update agreed to", ""
        case UpdateDropped():
            return "Update dropped", event.reason
        case UpdatePromised():
            if event.due_at is None:
                return f"Nothing more is promised to {event.audience}", ""
            return f"Next update promised to {event.audience}", f"by {format_instant(event.due_at)}"
        case UpdateReminded():
            what = "is overdue" if event.is_late else "is due soon"
            return f"Promised update for {event.audience} {what}", ", ".join(event.people)
        case _:
            assert_never(event)


def _of_chat(event: ChatOpened | ChatClosed | Said) -> tuple[str, str]:
    match event:
        case ChatOpened():
            return f"{event.channel} room {event.name}".strip(), event.url or ""
        case ChatClosed():
            return f"{event.channel} room closed", ""
        case Said():
            return f"{event.author} said", event.text
        case _:
            assert_never(event)
