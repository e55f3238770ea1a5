"""What people do in an incident's room: notes, tasks, roles, evidence."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import Response
from msgspec import UNSET

from resile.app.access import Identity
from resile.app.wiring import Resile
from resile.model.errors import ConfigError, ConflictError, TransitionError
from resile.model.lifecycle import Note
from resile.model.paging_documents import target_of
from resile.model.room import room_of
from resile.model.room_event import CalledIn, EvidenceKind, Role, TaskState
from resile.model.room_lifecycle import (
    AddEvidence,
    AddTask,
    ChangeTask,
    EditNote,
    LayDownRole,
    RoomCommand,
    TakeRole,
    Withdraw,
)
from resile.web.pages.carrying_out import LONGEST_TEXT, Aim, carry_out, done, name_of, refused, within
from resile.web.security import check_form

router = APIRouter(prefix="/do", include_in_schema=False, dependencies=[Depends(check_form)])


class _Note(Aim):
    text: str = ""


class _Edit(Aim):
    note_id: str
    seen: str = ""
    text: str = ""


class _Role(Aim):
    role: str = ""
    person: str = ""


class _Task(Aim):
    text: str = ""
    owner: str = ""


class _Change(Aim):
    task_id: str
    state: str = ""
    owner: str | None = None


class _Evidence(Aim):
    title: str = ""
    url: str = ""
    text: str = ""
    picture: str = ""
    kind: str = ""


class _CallIn(Aim):
    target: str = ""
    because: str = ""


class _Withdraw(Aim):
    event_id: str
    reason: str = ""


@router.post("/note")
def note(request: Request, form: Annotated[_Note, Form()]) -> Response:
    """Something worth knowing later."""
    return carry_out(request, form, lambda: Note(_text(form.text)), name="note")


@router.post("/note/edit")
def edit(request: Request, form: Annotated[_Edit, Form()]) -> Response:
    """A note gets other words; where somebody gave it others meanwhile, both are shown."""
    resile: Resile = request.app.state.resile
    room = room_of(resile.timelines.read(form.incident_id))
    # Where the note is gone, its form is too: the words come back in the form of a new one.
    name = "note" if form.note_id in room.withdrawn else f"edit-{form.note_id[:40]}"
    return carry_out(request, form, lambda: EditNote(form.note_id, _lines_of(form.text), form.seen), name=name)


@router.post("/role")
def take_role(request: Request, form: Annotated[_Role, Form()]) -> Response:
    """Somebody has a role from now on; without a name, who says so."""
    person = form.person.strip() or name_of(request) or ""
    return carry_out(request, form, lambda: TakeRole(_role(form.role), person), name="role")


@router.post("/role/lay-down")
def lay_down(request: Request, form: Annotated[_Role, Form()]) -> Response:
    """Somebody has a role no more."""
    return carry_out(request, form, lambda: LayDownRole(_role(form.role), form.person), name="role")


@router.post("/task")
def add_task(request: Request, form: Annotated[_Task, Form()]) -> Response:
    """Something is to be done."""
    return carry_out(request, form, lambda: AddTask(form.text, form.owner.strip() or None), name="task")


@router.post("/task/change")
def change_task(request: Request, form: Annotated[_Change, Form()]) -> Response:
    """It is done, is to be done after all, is dropped, or is somebody else's."""

    def command() -> RoomCommand:
        return ChangeTask(
            task_id=form.task_id,
            state=_task_state(form.state) if form.state else UNSET,
            owner=UNSET if form.owner is None or form.state else form.owner.strip() or None,
        )

    return carry_out(request, form, command, name=f"task-{form.task_id[:40]}")


@router.post("/evidence")
def evidence(request: Request, form: Annotated[_Evidence, Form()]) -> Response:
    """What shows what was the matter: an address, lines of a log, a picture."""

    def command() -> RoomCommand:
        url, picture = form.url.strip() or None, form.picture.strip() or None
        lines = _lines_of(form.text).strip("\n")
        kind = _kind(form.kind) or (
            EvidenceKind.PICTURE if picture else EvidenceKind.LOG if lines.strip() else EvidenceKind.LINK
        )
        return AddEvidence(evidence=kind, title=form.title, url=url, text=lines, picture=picture)

    return carry_out(request, form, command, name="evidence")


@router.post("/call-in")
def call_in(request: Request, form: Annotated[_CallIn, Form()]) -> Response:
    """Somebody else is paged, besides whoever is being paged: those who answer for a service, a team, a person."""
    resile: Resile = request.app.state.resile
    by: Identity = request.state.identity
    try:
        target = target_of(form.target, "whom to call in", services=True)
        because = within(form.because, "the reason") or ""
        since = resile.timelines.read(form.incident_id)[max(0, form.version) :]
        if any(isinstance(event, CalledIn) and (event.by, event.target) == (by.by, str(target)) for event in since):
            # Sent twice: they are paged once.
            return done(form, "call-in")
        resile.pager.call_in(form.incident_id, (target,), who=by.name, by=by.by, because=because)
    except (ConfigError, TransitionError, ConflictError) as error:
        return refused(request, form, "call-in", error)
    return done(form, "call-in")


@router.post("/withdraw")
def withdraw(request: Request, form: Annotated[_Withdraw, Form()]) -> Response:
    """A note, a piece of evidence or a message is shown no more."""
    return carry_out(request, form, lambda: Withdraw(form.event_id, form.reason), name=f"withdraw-{form.event_id[:40]}")


def _text(text: str) -> str:
    if not text.strip():
        raise ConfigError("the note is empty; write a word")
    if len(text) > LONGEST_TEXT:
        raise ConfigError(f"the note has {len(text):,} characters; write at most {LONGEST_TEXT:,}")
    return _lines_of(text).strip()


def _lines_of(text: str) -> str:
    """What browsers send with CRLF, as everybody else writes it."""
    return text.replace("\r\n", "\n")


def _role(name: str) -> Role:
    try:
        return Role(name)
    except ValueError:
        raise ConfigError(f"role {name[:40]!r} is unknown; use one of {', '.join(Role)}") from None


def _task_state(name: str) -> TaskState:
    try:
        return TaskState(name)
    except ValueError:
        raise ConfigError(f"a task is not {name[:40]!r}; use one of {', '.join(TaskState)}") from None


def _kind(name: str) -> EvidenceKind | None:
    if not name:
        return None
    try:
        return EvidenceKind(name)
    except ValueError:
        raise ConfigError(f"evidence {name[:40]!r} is unknown; use one of {', '.join(EvidenceKind)}") from None
