"""What people do about a page: take it, pass it on, call somebody else, end it."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel

from resile.app.access import Identity
from resile.app.incidents import command_incident, show_incident
from resile.app.wiring import Resile
from resile.model.errors import ConfigError, ConflictError, TransitionError
from resile.model.event import PagingBegan
from resile.model.incident import InstantName
from resile.model.lifecycle import Reach
from resile.model.paging_documents import target_of
from resile.web.pages import incident, now
from resile.web.pages.rendering import path_part
from resile.web.security import check_form

router = APIRouter(prefix="/do/paging", include_in_schema=False, dependencies=[Depends(check_form)])


class _Aim(BaseModel):
    """Which incident, and the page on which the button was: `now`, else the incident's own, at its version."""

    incident_id: str
    back: str = ""
    version: int | None = None


class _Also(_Aim):
    target: str = ""


@router.post("/acknowledge")
def acknowledge(request: Request, form: Annotated[_Aim, Form()]) -> Response:
    """Whoever presses it takes the incident."""

    def act(resile: Resile, by: Identity) -> None:
        resile.pager.acknowledge(form.incident_id, who=by.name, by=by.by)

    return _carry_out(request, form, act)


@router.post("/escalate")
def escalate(request: Request, form: Annotated[_Aim, Form()]) -> Response:
    """The next step begins now."""

    def act(resile: Resile, by: Identity) -> None:
        since = [] if form.version is None else resile.timelines.read(form.incident_id)[max(0, form.version) :]
        # A button that is tapped twice begins one step.
        if not any(isinstance(event, PagingBegan) and event.by == by.by for event in since):
            resile.pager.escalate(form.incident_id, who=by.name, by=by.by)

    return _carry_out(request, form, act)


@router.post("/restore")
def restore(request: Request, form: Annotated[_Aim, Form()]) -> Response:
    """The service is whole again."""

    def act(resile: Resile, by: Identity) -> None:
        command_incident(resile, form.incident_id, Reach(InstantName.RESTORED), by=by.by)

    return _carry_out(request, form, act)


@router.post("/also")
def also(request: Request, form: Annotated[_Also, Form()]) -> Response:
    """Somebody else is paged."""

    def act(resile: Resile, by: Identity) -> None:
        if not form.target.strip():
            raise ConfigError("nobody was chosen; choose whom to page")
        target = target_of(form.target, "whom to page")
        resile.pager.page_also(form.incident_id, (target,), who=by.name, by=by.by)

    return _carry_out(request, form, act)


def _carry_out(request: Request, form: _Aim, act: Callable[[Resile, Identity], None]) -> Response:
    """Do it and show the page again; or show it with the sentence why not."""
    resile: Resile = request.app.state.resile
    try:
        act(resile, request.state.identity)
    except (ConfigError, TransitionError, ConflictError) as error:
        if form.back == "now":
            return now.page_of(request, problem=str(error), status_code=409)
        view = show_incident(resile, form.incident_id)
        if view is None:
            raise
        return incident.page_of(request, view, problem=str(error), status_code=409)
    here = f"/incidents/{path_part(form.incident_id)}#done-paging"
    return RedirectResponse("/now" if form.back == "now" else here, 303)
