"""The bodies by which programs work in an incident's room, checked at the border."""

from typing import Annotated

from msgspec import UNSET
from pydantic import Field, StringConstraints

from resile.model.lifecycle import MAX_PICTURES, MAX_TEXT, Note
from resile.model.policy import MAX_TARGETS
from resile.model.room_event import EvidenceKind, Role, TaskState
from resile.model.room_lifecycle import (
    MAX_URL,
    AddEvidence,
    AddTask,
    ChangeTask,
    EditNote,
    RoomCommand,
    TakeRole,
    Withdraw,
)
from resile.web.api.commands import CommandBody, Paragraphs, PictureId, Words

_Lines = Annotated[str, StringConstraints(max_length=MAX_TEXT, pattern=r"^[^\x00]*$")]
_Address = Annotated[str, StringConstraints(max_length=MAX_URL, pattern=r"^https?://[^\x00]+$")]


class RoleBody(CommandBody):
    """Say that a person has a role from now on; whoever had it hands it over, but for experts."""

    role: Role
    person: Words

    def to_command(self) -> RoomCommand:
        """The command that it stands for."""
        return TakeRole(self.role, self.person)


class TaskBody(CommandBody):
    """Say that something is to be done."""

    text: Words
    owner: Words | None = None

    def to_command(self) -> RoomCommand:
        """The command that it stands for."""
        return AddTask(self.text, self.owner)


class TaskChangeBody(CommandBody):
    """Say how a task stands; what is left out stays, an owner that is null goes."""

    text: Words | None = None
    owner: Words | None = None
    state: TaskState | None = None

    def to_command(self, task_id: str) -> RoomCommand:
        """The command that it stands for."""
        return ChangeTask(
            task_id=task_id,
            text=UNSET if self.text is None else self.text,
            owner=self.owner if "owner" in self.model_fields_set else UNSET,
            state=UNSET if self.state is None else self.state,
        )


class NewNoteBody(CommandBody):
    """Write something down, in Markdown; `![](picture:ID)` shows a picture of the incident."""

    text: Paragraphs
    pictures: Annotated[tuple[PictureId, ...], Field(max_length=MAX_PICTURES)] = ()

    def to_command(self) -> Note:
        """The command that it stands for."""
        return Note(self.text, self.pictures)


class NoteEditBody(CommandBody):
    """Give a note other words; `seen` is that of the note as it was looked at."""

    text: Paragraphs
    seen: Words

    def to_command(self, note_id: str) -> RoomCommand:
        """The command that it stands for."""
        return EditNote(note_id, self.text, self.seen)


class EvidenceBody(CommandBody):
    """Show what was the matter: an address, lines of a log, or a picture of the incident."""

    evidence: EvidenceKind
    title: Words
    url: _Address | None = None
    text: _Lines = ""
    picture: PictureId | None = None

    def to_command(self) -> RoomCommand:
        """The command that it stands for."""
        return AddEvidence(evidence=self.evidence, title=self.title, url=self.url, text=self.text, picture=self.picture)


class WithdrawBody(CommandBody):
    """Show a note or a piece of evidence no more."""

    event_id: Words
    reason: Words | None = None

    def to_command(self) -> RoomCommand:
        """The command that it stands for."""
        return Withdraw(self.event_id, self.reason or "")


class CallInBody(CommandBody):
    """Have further people paged: `service/payments`, `team/payments`, `schedule/payments`, `person/ann`."""

    targets: Annotated[tuple[Words, ...], Field(min_length=1, max_length=MAX_TARGETS)]
    because: Words | None = None
