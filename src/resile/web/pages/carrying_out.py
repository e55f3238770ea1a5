"""A form of an incident's page becomes a command: done, or given back as it was filled; what others did is told."""

from collections.abc import Callable, Sequence
from datetime import datetime

from fastapi import Request
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel, field_validator

from resile.app.incidents import command_incident, show_incident
from resile.app.wiring import Resile
from resile.model.errors import ConfigError, ConflictError, ResileError, TransitionError
from resile.model.event import Event
from resile.model.time import parse_instant
from resile.web.pages.incident import Refused, page_of
from resile.web.pages.meanwhile import AnyCommand, against, is_repeated, news_in
from resile.web.pages.rendering import path_part

LONGEST_TEXT = 10_000
LONGEST_LINE = 500
# Somebody may append between the look and the command; then both are done anew.
_TRIES = 10


class Aim(BaseModel):
    """Which incident, and the version at which the page showed it."""

    incident_id: str
    version: int = 0

    @field_validator("*", mode="before")
    @classmethod
    def _without_nul(cls, said: object) -> object:
        if isinstance(said, str) and "\x00" in said:
            raise ValueError("holds a NUL character; leave it out")
        return said


def carry_out(
    request: Request,
    form: Aim,
    command: Callable[[], AnyCommand],
    *,
    name: str,
    at: str = "",
) -> Response:
    """Do it and show the incident; or show it with the sentence why not, and the form as it was filled.

    Args:
        name: of the form in the page.
    """
    by = author_of(request)
    try:
        since = _carried_out(request, form, command(), by=by, at=parse_instant(at) if at.strip() else None)
    except (ConfigError, TransitionError, ConflictError) as error:
        return refused(request, form, name, error)
    return done(form, name, n_since=len(since) if news_in(since, by=by) else 0)


def _carried_out(
    request: Request,
    form: Aim,
    command: AnyCommand,
    *,
    by: str,
    at: datetime | None,
) -> Sequence[Event]:
    """What was told between the page that was decided on and the command.

    Raises:
        ConflictError: somebody did something that bears on it, or others keep appending.
    """
    resile: Resile = request.app.state.resile
    for _ in range(_TRIES):
        timeline = resile.timelines.read(form.incident_id)
        since = timeline[max(0, form.version) :]
        if at is None and is_repeated(command, since, by=by):
            return since
        if (what := against(command, since, by=by)) is not None:
            raise ConflictError(f"incident {form.incident_id}: {what}")
        try:
            command_incident(resile, form.incident_id, command, by=by, at=at, expected_version=len(timeline))
        except ConflictError:
            continue
        return since
    raise ConflictError(f"incident {form.incident_id}: others keep appending; try again in a moment")


def done(form: Aim, name: str, *, n_since: int = 0) -> Response:
    """Back to the page. The fragment lets go of what was kept of the form.

    Args:
        n_since: of so many events after the form's version the page tells what weighs most.
    """
    version = max(0, form.version)
    told = f"?since={version}&until={version + n_since}" if n_since else ""
    return RedirectResponse(f"/incidents/{path_part(form.incident_id)}{told}#done-{name}", status_code=303)


def refused(request: Request, form: Aim, name: str, error: ResileError) -> Response:
    """The page as it stands now, why the form was not carried out, and the form as it was filled."""
    view = show_incident(request.app.state.resile, form.incident_id)
    if view is None:
        raise error
    fields = {field: str(value) for field, value in form.model_dump().items()}
    return page_of(request, view, problem=str(error), status_code=409, refused=Refused(name, fields))


def within(text: str, what: str, most: int = LONGEST_LINE) -> str | None:
    """What was written, or None; nothing of it is cut.

    Raises:
        ConfigError: it is longer.
    """
    words = text.strip()
    if len(words) > most:
        raise ConfigError(f"{what} has {len(words):,} characters; write at most {most:,}")
    return words or None


def author_of(request: Request) -> str:
    """Who does it, as timelines write it."""
    identity = getattr(request.state, "identity", None)
    return str(identity.by) if identity is not None else "local"


def name_of(request: Request) -> str | None:
    """The name of who does it; None where nobody is logged in."""
    user = getattr(request.state, "user", None)
    return str(user) if user else None
