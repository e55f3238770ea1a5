"""An incident's room: who does what, what was found, whom to call in, what lies beside it."""

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Header, Request
from starlette.responses import Response

from resile.app.beside_incident import IncidentAlerts, IncidentDeployments, alerts_of, deployments_of
from resile.app.incidents import IncidentView, command_incident
from resile.app.room_out import RoomOut, room_out
from resile.model.errors import ConfigError
from resile.model.lifecycle import Command
from resile.model.paging_documents import target_of
from resile.model.room_event import Role
from resile.model.room_lifecycle import LayDownRole, NoteChangedError, RoomCommand
from resile.web.api.asking import resile_of
from resile.web.api.commands import CommandBody
from resile.web.api.incidents import known, version_of
from resile.web.api.pages import Said
from resile.web.api.reports import as_json
from resile.web.api.room_bodies import (
    CallInBody,
    EvidenceBody,
    NewNoteBody,
    NoteEditBody,
    RoleBody,
    TaskBody,
    TaskChangeBody,
    WithdrawBody,
)
from resile.web.api.schema import answers
from resile.web.errors import PROBLEM, problem_body

router = APIRouter(prefix="/incidents/{incident_id:path}", tags=["incidents"])

_ANSWERS = answers(RoomOut, also=(404, 409))
_Match = Annotated[str | None, Header(max_length=50, description='The version decided upon: `"7"`.')]


@router.get("/room", summary="An incident's room", responses=answers(RoomOut, also=(404,)))
def show(request: Request, incident_id: str) -> Response:
    """Roles, tasks, notes, evidence, runs of playbooks, updates and what was promised; the version is in `ETag`."""
    return _shown(known(request, incident_id))


@router.post("/roles", summary="Take a role, or hand it over", responses=_ANSWERS)
def take_role(request: Request, incident_id: str, body: RoleBody, if_match: _Match = None) -> Response:
    """The person has it from now on; of commander, deputy, scribe and liaison there is one at a time."""
    return _carry_out(request, incident_id, body.to_command(), body, if_match)


@router.delete("/roles/{role}/{person}", summary="Lay a role down", responses=_ANSWERS)
def lay_down_role(request: Request, incident_id: str, role: Role, person: str, if_match: _Match = None) -> Response:
    """The person has it no more."""
    return _carry_out(request, incident_id, LayDownRole(role, person), None, if_match)


@router.post("/tasks", summary="Add a task", responses=_ANSWERS)
def add_task(request: Request, incident_id: str, body: TaskBody, if_match: _Match = None) -> Response:
    """Something is to be done."""
    return _carry_out(request, incident_id, body.to_command(), body, if_match)


@router.patch("/tasks/{task_id}", summary="Say how a task stands", responses=_ANSWERS)
def change_task(
    request: Request, incident_id: str, task_id: str, body: TaskChangeBody, if_match: _Match = None
) -> Response:
    """Other words, another owner, or `done`, `dropped`, `open` again."""
    return _carry_out(request, incident_id, body.to_command(task_id), body, if_match)


@router.patch("/notes/{note_id}", summary="Change a note", responses=_ANSWERS)
def edit_note(
    request: Request, incident_id: str, note_id: str, body: NoteEditBody, if_match: _Match = None
) -> Response:
    """Other words for a note; where somebody changed it since `seen`, 409 with what it says now in `present`."""
    try:
        return _carry_out(request, incident_id, body.to_command(note_id), body, if_match)
    except NoteChangedError as error:
        told: dict[str, Any] = msgspec.json.decode(problem_body(409, str(error)))
        present = {"text": error.text, "seen": error.seen, "by": error.by}
        return Response(msgspec.json.encode({**told, "present": present}), status_code=409, media_type=PROBLEM)


@router.post("/notes", summary="Write a note", responses=_ANSWERS)
def add_note(request: Request, incident_id: str, body: NewNoteBody, if_match: _Match = None) -> Response:
    """The command `note`, answered with the room."""
    return _carry_out(request, incident_id, body.to_command(), body, if_match)


@router.post("/evidence", summary="Add evidence", responses=_ANSWERS)
def add_evidence(request: Request, incident_id: str, body: EvidenceBody, if_match: _Match = None) -> Response:
    """A link, a chart, lines of a log, or a picture."""
    return _carry_out(request, incident_id, body.to_command(), body, if_match)


@router.post("/withdraw", summary="Show something no more", responses=_ANSWERS)
def withdraw(request: Request, incident_id: str, body: WithdrawBody, if_match: _Match = None) -> Response:
    """A note or a piece of evidence, with its pictures, is shown no more: a secret in it, or the wrong incident."""
    return _carry_out(request, incident_id, body.to_command(), body, if_match)


@router.post(
    "/call-in", status_code=201, summary="Call people in", responses=answers(Said, status=201, also=(404, 409))
)
def call_in(request: Request, incident_id: str, body: CallInBody) -> Response:
    """They are paged beside whoever is being paged already."""
    known(request, incident_id)
    if body.at is not None:
        raise ConfigError("people are called in now; leave `at` out")
    by = request.state.identity
    targets = tuple(dict.fromkeys(target_of(one, "whom to call in", services=True) for one in body.targets))
    said = resile_of(request).pager.call_in(incident_id, targets, who=by.name, by=by.by, because=body.because or "")
    return as_json(Said(incident_id, said), status_code=201)


@router.get("/alerts", summary="An incident's alerts", responses=answers(IncidentAlerts, also=(404,)))
def alerts(request: Request, incident_id: str) -> Response:
    """Those that belong to it, and those that fire near it."""
    return as_json(alerts_of(resile_of(request), known(request, incident_id)))


@router.get(
    "/deployments", summary="What was deployed before an incident", responses=answers(IncidentDeployments, also=(404,))
)
def deployments(request: Request, incident_id: str) -> Response:
    """To its services, in the day before it began, the newest first."""
    return as_json(deployments_of(resile_of(request), known(request, incident_id)))


def _carry_out(
    request: Request,
    incident_id: str,
    command: Command | RoomCommand,
    body: CommandBody | None,
    if_match: str | None,
) -> Response:
    known(request, incident_id)
    view = command_incident(
        resile_of(request),
        incident_id,
        command,
        by=request.state.identity.by,
        at=None if body is None else body.at,
        expected_version=version_of(if_match),
    )
    return _shown(view)


def _shown(view: IncidentView) -> Response:
    answer = as_json(room_out(view))
    answer.headers["etag"] = f'"{view.version}"'
    return answer
