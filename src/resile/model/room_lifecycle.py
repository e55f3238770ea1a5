"""Which commands of the room its present state allows, and the events they become."""

from datetime import datetime
from typing import Any, assert_never

from msgspec import UNSET, Struct, UnsetType

from resile.model.errors import TransitionError
from resile.model.event import Event, Source
from resile.model.history import event_id
from resile.model.incident import Incident
from resile.model.lifecycle import MAX_TEXT
from resile.model.room import KnownNote, Room, Task
from resile.model.room_event import (
    EvidenceAdded,
    EvidenceKind,
    NoteEdited,
    Role,
    RoleLaidDown,
    RoleTaken,
    TaskAdded,
    TaskChanged,
    TaskState,
    Withdrawn,
)

MAX_TASKS = 500
MAX_EVIDENCE = 500
MAX_TITLE = 500
MAX_URL = 2_000
MAX_WORDINGS = 200


class TakeRole(Struct, frozen=True):
    """Say that a person has a role from now on."""

    role: Role
    person: str


class LayDownRole(Struct, frozen=True):
    """Say that a person has it no more."""

    role: Role
    person: str


class AddTask(Struct, frozen=True):
    """Say that something is to be done."""

    text: str
    owner: str | None = None


class ChangeTask(Struct, frozen=True, kw_only=True):
    """Say how a task stands; what is UNSET stays as it is."""

    task_id: str
    text: UnsetType | str = UNSET
    owner: UnsetType | str | None = UNSET
    state: UnsetType | TaskState = UNSET


class EditNote(Struct, frozen=True):
    """Give a note other words; `seen` is the wording that one had before one's eyes (`KnownNote.seen`)."""

    note_id: str
    text: str
    seen: str


class AddEvidence(Struct, frozen=True, kw_only=True):
    """Show what was the matter."""

    evidence: EvidenceKind
    title: str
    url: str | None = None
    text: str = ""
    picture: str | None = None


class Withdraw(Struct, frozen=True):
    """Show a note, a piece of evidence or a message no more."""

    event_id: str
    reason: str = ""


class NoteChangedError(TransitionError):
    """Somebody changed a note while another person did.

    Attributes:
        text: what it says now.
        seen: to be given back with the joined text.
        by: who changed it last.
    """

    def __init__(self, subject: str, note: KnownNote) -> None:
        last = note.wordings[-1]
        who = last.by.partition(":")[2] or last.by
        super().__init__(f"{subject}: {who} changed this note while you did; join the two texts and save again")
        self.text = note.text
        self.seen = note.seen
        self.by = last.by


RoomCommand = TakeRole | LayDownRole | AddTask | ChangeTask | EditNote | AddEvidence | Withdraw


def decide_room(
    incident: Incident,
    room: Room,
    command: RoomCommand,
    *,
    now: datetime,
    by: str,
    at: datetime | None = None,
    source: Source = Source.HUMAN,
) -> list[Event]:
    """The events that the command becomes, in order; none where it would change nothing.

    Raises:
        TransitionError: the room's state does not allow it, or `at` lies in the future.
    """
    if not incident.exists:
        raise TransitionError(f"incident {incident.id} is not known; check its id")
    if at is not None and at > now:
        raise TransitionError(f"incident {incident.id}: {at.isoformat()} lies in the future; give a past time")
    stamp: dict[str, Any] = {"at": now if at is None else at, "recorded_at": now, "by": by, "source": source}
    told = _told(incident.id, room, command)
    return [kind(id=event_id(incident.n_events + n), **stamp, **fields) for n, (kind, fields) in enumerate(told, 1)]


def _told(incident_id: str, room: Room, command: RoomCommand) -> list[tuple[Any, dict[str, Any]]]:
    subject = f"incident {incident_id}"
    match command:
        case TakeRole():
            person = _words(command.person, f"{subject}: the person's name", MAX_TITLE)
            has_it = any(holder.person == person for holder in room.roles.get(command.role, ()))
            return [] if has_it else [(RoleTaken, {"role": command.role, "person": person})]
        case LayDownRole():
            return _lay_down(subject, room, command)
        case AddTask():
            if len(room.tasks) >= MAX_TASKS:
                raise TransitionError(f"{subject} has {MAX_TASKS} tasks already; finish or drop some")
            text = _words(command.text, f"{subject}: the task", MAX_TITLE)
            owner = _name(command.owner, f"{subject}: the name of who does it")
            return [(TaskAdded, {"text": text, "owner": owner})]
        case ChangeTask():
            return _change_task(subject, room, command)
        case EditNote():
            return _edit_note(subject, room, command)
        case AddEvidence():
            return _add_evidence(subject, room, command)
        case Withdraw():
            return _withdraw(subject, room, command)
        case _:
            assert_never(command)


def _lay_down(subject: str, room: Room, command: LayDownRole) -> list[tuple[Any, dict[str, Any]]]:
    holders = [holder.person for holder in room.roles.get(command.role, ())]
    if command.person not in holders:
        whose = ", ".join(holders) or "nobody"
        raise TransitionError(f"{subject}: {command.role} is {whose}, not {command.person[:80]!r}; look again")
    return [(RoleLaidDown, {"role": command.role, "person": command.person})]


def _task_of(subject: str, room: Room, task_id: str) -> Task:
    task = next((one for one in room.tasks if one.id == task_id), None)
    if task is None:
        raise TransitionError(f"{subject} has no task {task_id[:40]!r}; look again")
    return task


def _change_task(subject: str, room: Room, command: ChangeTask) -> list[tuple[Any, dict[str, Any]]]:
    task = _task_of(subject, room, command.task_id)
    fields: dict[str, Any] = {}
    if command.text is not UNSET:
        text = _words(command.text, f"{subject}: the task", MAX_TITLE)
        fields |= {} if text == task.text else {"text": text}
    if command.owner is not UNSET:
        owner = _name(command.owner, f"{subject}: the name of who does it")
        fields |= {} if owner == task.owner else {"owner": owner}
    if command.state is not UNSET and command.state is not task.state:
        fields["state"] = command.state
    return [(TaskChanged, {"task_id": task.id, **fields})] if fields else []


def _note_of(subject: str, room: Room, note_id: str) -> KnownNote:
    note = next((one for one in room.notes if one.id == note_id), None)
    if note is None:
        raise TransitionError(f"{subject} has no note {note_id[:40]!r}, or it was withdrawn; look again")
    return note


def _edit_note(subject: str, room: Room, command: EditNote) -> list[tuple[Any, dict[str, Any]]]:
    note = _note_of(subject, room, command.note_id)
    text = _words(command.text, f"{subject}: the note", MAX_TEXT, what="withdraw it instead")
    if text == note.text:
        return []
    if command.seen != note.seen:
        raise NoteChangedError(subject, note)
    if len(note.wordings) >= MAX_WORDINGS:
        raise TransitionError(f"{subject}: this note was changed {MAX_WORDINGS} times; write a new one")
    return [(NoteEdited, {"note_id": note.id, "text": text})]


def _add_evidence(subject: str, room: Room, command: AddEvidence) -> list[tuple[Any, dict[str, Any]]]:
    if len(room.evidence) >= MAX_EVIDENCE:
        raise TransitionError(f"{subject} has {MAX_EVIDENCE} pieces of evidence already; withdraw some")
    fields = {name: getattr(command, name) for name in command.__struct_fields__}
    fields["title"] = _words(command.title, f"{subject}: the title", MAX_TITLE)
    if len(command.text) > MAX_TEXT:
        raise TransitionError(
            f"{subject}: {len(command.text):,} characters are more than {MAX_TEXT:,}; keep the lines that show it"
        )
    if command.url is not None and not command.url.startswith(("https://", "http://")):
        raise TransitionError(f"{subject}: {command.url[:80]!r} is no address of the web; write https://host/path")
    if command.url is not None and len(command.url) > MAX_URL:
        raise TransitionError(f"{subject}: the address has {len(command.url):,} characters; write at most {MAX_URL:,}")
    if not (command.url or command.text.strip() or command.picture):
        raise TransitionError(f"{subject}: there is nothing to show; give an address, lines or a picture")
    return [(EvidenceAdded, fields)]


def _withdraw(subject: str, room: Room, command: Withdraw) -> list[tuple[Any, dict[str, Any]]]:
    if command.event_id in room.withdrawn:
        return []
    known = {note.id for note in room.notes} | {one.id for one in room.evidence} | room.said
    if command.event_id not in known:
        raise TransitionError(f"{subject} has no note, evidence or message {command.event_id[:40]!r}; look again")
    reason = _name(command.reason, f"{subject}: the reason") or ""
    return [(Withdrawn, {"event_id": command.event_id, "reason": reason})]


def _name(text: str | None, subject: str) -> str | None:
    """What may be left empty."""
    return _words(text, subject, MAX_TITLE) if text and text.strip() else None


def _words(text: str, subject: str, most: int, *, what: str = "write a word") -> str:
    words = text.strip()
    if not words:
        raise TransitionError(f"{subject} is empty; {what}")
    if len(words) > most:
        raise TransitionError(f"{subject} has {len(words):,} characters; write at most {most:,}")
    return words
