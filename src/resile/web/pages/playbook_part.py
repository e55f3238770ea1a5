"""The playbook on an incident's page: its steps in their order, one button each, and what came of them."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel, ConfigDict

from resile.app.incidents import show_incident
from resile.app.runs import Runs
from resile.app.steps_view import IncidentSteps, incident_steps
from resile.app.wiring import Resile
from resile.model.errors import ConfigError, ConflictError, TransitionError
from resile.model.event import Event
from resile.model.room import Room
from resile.response.playbook import Who
from resile.web.asking_who import who_of
from resile.web.pages.rendering import path_part
from resile.web.security import check_form

router = APIRouter(prefix="/do/step", include_in_schema=False, dependencies=[Depends(check_form)])

# How a run went, and whether that is good, bad or neither.
STEP_WORDS = {
    "waiting": ("waits for a second person", ""),
    "running": ("runs", ""),
    "done": ("done", "good"),
    "failed": ("failed", "bad"),
    "timed_out": ("took too long and was ended", "bad"),
    "stopped": ("stopped", "bad"),
    "unknown": ("unknown how far it came", "bad"),
    "refused": ("not run", ""),
}


# Before the names of inputs in the form.
_INPUT = "input-"


class _Aim(BaseModel):
    """Which incident."""

    incident_id: str


class _Tap(_Aim):
    model_config = ConfigDict(extra="allow")

    playbook: str
    number: int
    step: str


class _OfRun(_Aim):
    run_id: str


def playbook_part(request: Request, incident_id: str, timeline: list[Event], room: Room) -> dict[str, object]:
    """What the part needs to be rendered."""
    resile: Resile = request.app.state.resile
    shown: IncidentSteps = incident_steps(
        resile.runs, incident_id, timeline, who=who_of(request), now=resile.clock.now(), room=room
    )
    return {"playbook": shown, "step_words": STEP_WORDS}


@router.post("/run")
def run(request: Request, form: Annotated[_Tap, Form()]) -> Response:
    """Run a step, or ask for it."""
    # What was chosen among is named by the playbook.
    chosen = {
        name.removeprefix(_INPUT): value
        for name, value in (form.model_extra or {}).items()
        if name.startswith(_INPUT) and isinstance(value, str)
    }

    def tap(runs: Runs, who: Who) -> None:
        runs.run(form.incident_id, form.playbook, form.step, who=who, number=form.number, inputs=chosen)

    return _tapped(request, form, tap)


@router.post("/agree")
def agree(request: Request, form: Annotated[_OfRun, Form()]) -> Response:
    """Say yes to a step that somebody else asked for."""
    return _tapped(request, form, lambda runs, who: runs.agree(form.incident_id, form.run_id, who=who))


@router.post("/refuse")
def refuse(request: Request, form: Annotated[_OfRun, Form()]) -> Response:
    """Say no to it, or take it back."""
    return _tapped(request, form, lambda runs, who: runs.refuse(form.incident_id, form.run_id, who=who))


@router.post("/stop")
def stop(request: Request, form: Annotated[_OfRun, Form()]) -> Response:
    """Have a run end."""
    return _tapped(request, form, lambda runs, who: runs.stop(form.incident_id, form.run_id, who=who))


@router.post("/roll-back")
def roll_back(request: Request, form: Annotated[_OfRun, Form()]) -> Response:
    """Run the step that undoes it."""
    return _tapped(request, form, lambda runs, who: runs.roll_back(form.incident_id, form.run_id, who=who))


def _tapped(request: Request, form: _Aim, tap: Callable[[Runs, Who], object]) -> Response:
    """Do it and show the incident; or show it with the sentence why not."""
    resile: Resile = request.app.state.resile
    try:
        tap(resile.runs, who_of(request))
    except (ConfigError, TransitionError, ConflictError) as error:
        from resile.web.pages.incident import page_of  # noqa: PLC0415 - that page includes this part

        view = show_incident(resile, form.incident_id)
        if view is None:
            raise
        return page_of(request, view, problem=str(error), status_code=409)
    return RedirectResponse(f"/incidents/{path_part(form.incident_id)}#playbook", status_code=303)
