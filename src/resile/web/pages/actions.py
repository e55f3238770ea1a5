"""What people do on an incident's page: each form is one command on its timeline."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel

from resile.app.incidents import command_incident, show_incident
from resile.app.wiring import Resile
from resile.model.errors import ConfigError, ConflictError, TransitionError
from resile.model.event import Exclusion, PagingEvent
from resile.model.incident import InstantName
from resile.model.lifecycle import ChangeSeverity, Command, Correct, Mark, Note, Reach, Reopen
from resile.model.severity import parse_severity
from resile.model.time import parse_instant
from resile.web.pages.incident import page_of
from resile.web.pages.rendering import path_part
from resile.web.security import check_form

router = APIRouter(prefix="/do", include_in_schema=False, dependencies=[Depends(check_form)])

_LONGEST_TEXT = 10_000


class _Aim(BaseModel):
    """Which incident, and the version at which the page showed it."""

    incident_id: str
    version: int


class _Reach(_Aim):
    instant: str
    at: str = ""
    text: str = ""


class _Note(_Aim):
    text: str = ""


class _Severity(_Aim):
    severity: str


class _Mark(_Aim):
    exclusion: str = ""
    reason: str = ""


class _Correct(_Aim):
    event_id: str
    to: str = ""
    reason: str = ""
    how: str = "move"


@router.post("/reach")
def reach(request: Request, form: Annotated[_Reach, Form()]) -> Response:
    """An instant was reached, now or at a time given."""
    text = form.text.strip()[:_LONGEST_TEXT] or _who(request, form.instant)
    return _carry_out(request, form, lambda: Reach(_instant(form.instant), text), form.at)


@router.post("/reopen")
def reopen(request: Request, form: Annotated[_Aim, Form()]) -> Response:
    """It was not over."""
    return _carry_out(request, form, Reopen)


@router.post("/note")
def note(request: Request, form: Annotated[_Note, Form()]) -> Response:
    """Something worth knowing later."""
    return _carry_out(request, form, lambda: Note(_text(form.text)))


@router.post("/severity")
def change_severity(request: Request, form: Annotated[_Severity, Form()]) -> Response:
    """It is worse or less bad."""
    return _carry_out(request, form, lambda: ChangeSeverity(parse_severity(form.severity)))


@router.post("/mark")
def mark(request: Request, form: Annotated[_Mark, Form()]) -> Response:
    """It counts in no measure, or counts again."""
    reason = form.reason.strip()[:_LONGEST_TEXT] or None
    return _carry_out(request, form, lambda: Mark(_exclusion(form.exclusion), reason))


@router.post("/correct")
def correct(request: Request, form: Annotated[_Correct, Form()]) -> Response:
    """An instant happened at another time, or not at all."""

    def command() -> Command:
        moved = None if form.how == "take-back" else _moved(form.to)
        return Correct(form.event_id, moved, form.reason.strip()[:_LONGEST_TEXT] or None)

    return _carry_out(request, form, command)


def _carry_out(request: Request, form: _Aim, command: Callable[[], Command], at: str = "") -> Response:
    """Do it and show the incident; or show it with the sentence why not."""
    resile: Resile = request.app.state.resile
    try:
        happened_at = parse_instant(at) if at.strip() else None
        command_incident(
            resile,
            form.incident_id,
            command(),
            by=author_of(request),
            at=happened_at,
            expected_version=_seen(resile, form),
        )
    except (ConfigError, TransitionError, ConflictError) as error:
        view = show_incident(resile, form.incident_id)
        if view is None:
            raise
        return page_of(request, view, problem=str(error), status_code=409)
    return RedirectResponse(f"/incidents/{path_part(form.incident_id)}", status_code=303)


def _seen(resile: Resile, form: _Aim) -> int:
    """The version decided upon: what paging told since the page was shown changes nobody's decision."""
    since = resile.timelines.read(form.incident_id)[form.version :] if form.version > 0 else []
    return form.version + (len(since) if all(isinstance(event, PagingEvent) for event in since) else 0)


def author_of(request: Request) -> str:
    """Who does it, as timelines write it."""
    identity = getattr(request.state, "identity", None)
    return str(identity.by) if identity is not None else "local"


def _who(request: Request, instant: str) -> str | None:
    """Whoever presses Acknowledged is who acknowledged."""
    user = getattr(request.state, "user", None)
    return str(user) if user and instant == InstantName.ACKNOWLEDGED else None


def _instant(name: str) -> InstantName:
    try:
        return InstantName(name)
    except ValueError:
        raise ConfigError(f"instant {name[:40]!r} is unknown; use one of {', '.join(InstantName)}") from None


def _exclusion(name: str) -> Exclusion | None:
    if not name:
        return None
    try:
        return Exclusion(name)
    except ValueError:
        raise ConfigError(f"{name[:40]!r} is no reason to exclude; use one of {', '.join(Exclusion)}") from None


def _text(text: str) -> str:
    if not text.strip():
        raise ConfigError("the note is empty; write a word")
    if len(text) > _LONGEST_TEXT:
        raise ConfigError(f"the note has {len(text)} characters; write at most {_LONGEST_TEXT}")
    return text.strip()


def _moved(text: str) -> datetime:
    if not text.strip():
        raise ConfigError("the corrected time is empty; write it as 2024-01-31T08:30:00Z")
    return parse_instant(text)
