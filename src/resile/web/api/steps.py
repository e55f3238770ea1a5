"""The steps of an incident's playbook: what they are, how they went, and running them."""

from typing import Annotated

from fastapi import APIRouter, Request
from msgspec import Struct
from pydantic import Field, StringConstraints
from starlette.exceptions import HTTPException
from starlette.responses import Response

from resile.app.steps_view import IncidentSteps, incident_steps
from resile.model.event import Event
from resile.web.api.asking import resile_of
from resile.web.api.commands import Body, Words
from resile.web.api.reports import as_json
from resile.web.api.schema import answers
from resile.web.asking_who import who_of

router = APIRouter(prefix="/incidents/{incident_id:path}/steps", tags=["playbooks"])

_Value = Annotated[str, StringConstraints(max_length=32_768)]


class Tapped(Struct, frozen=True):
    """What came of it: the run, and whether it waits for a second person."""

    incident_id: str
    run_id: str
    is_waiting: bool = False


class RunBody(Body):
    """Run a step of the playbook that is open, or of another one; `number`: only if that version is open.

    `inputs` are chosen among the choices where the incident leaves some.
    """

    playbook: Words | None = None
    number: Annotated[int, Field(ge=1, le=1_000_000_000)] | None = None
    inputs: Annotated[dict[Words, _Value], Field(max_length=50)] = {}


@router.get("", summary="The steps of an incident's playbook", responses=answers(IncidentSteps, also=(404,)))
def steps(request: Request, incident_id: str) -> Response:
    """In their order: what each would run, whether it may, and how its last run went, with its output."""
    resile = resile_of(request)
    timeline = _known(request, incident_id)
    return as_json(incident_steps(resile.runs, incident_id, timeline, who=who_of(request), now=resile.clock.now()))


@router.post("/{step}/run", status_code=202, summary="Run a step",
             responses=answers(Tapped, status=202, also=(404, 409)))  # fmt: skip
def run(request: Request, incident_id: str, step: str, body: RunBody) -> Response:
    """Begin it; or ask for it, where a second person has to agree. What comes of it is told on the timeline."""
    resile = resile_of(request)
    timeline = _known(request, incident_id)
    name = body.playbook
    if name is None:
        shown = incident_steps(resile.runs, incident_id, timeline, who=who_of(request), now=resile.clock.now())
        if shown.playbook is None:
            raise HTTPException(409, f"no playbook is open for incident {incident_id[:80]}; name one")
        name = shown.playbook
    begun = resile.runs.run(incident_id, name, step, who=who_of(request), number=body.number, inputs=body.inputs)
    return as_json(Tapped(incident_id, begun.run_id, begun.is_waiting), status_code=202)


@router.post("/runs/{run_id}/agree", status_code=202, summary="Agree to a step",
             responses=answers(Tapped, status=202, also=(404, 409)))  # fmt: skip
def agree(request: Request, incident_id: str, run_id: str) -> Response:
    """Say yes to a step that another person asked for; it runs as they asked for it."""
    _known(request, incident_id)
    resile_of(request).runs.agree(incident_id, run_id, who=who_of(request))
    return as_json(Tapped(incident_id, run_id), status_code=202)


@router.post("/runs/{run_id}/refuse", summary="Refuse a step", responses=answers(Tapped, also=(404, 409)))
def refuse(request: Request, incident_id: str, run_id: str) -> Response:
    """Say no to a step that waits, or take back that one asked for it."""
    _known(request, incident_id)
    resile_of(request).runs.refuse(incident_id, run_id, who=who_of(request))
    return as_json(Tapped(incident_id, run_id))


@router.post("/runs/{run_id}/stop", status_code=202, summary="Stop a run",
             responses=answers(Tapped, status=202, also=(404, 409)))  # fmt: skip
def stop(request: Request, incident_id: str, run_id: str) -> Response:
    """Have a run end, wherever it runs."""
    _known(request, incident_id)
    resile_of(request).runs.stop(incident_id, run_id, who=who_of(request))
    return as_json(Tapped(incident_id, run_id), status_code=202)


@router.post("/runs/{run_id}/roll-back", status_code=202, summary="Undo a run",
             responses=answers(Tapped, status=202, also=(404, 409)))  # fmt: skip
def roll_back(request: Request, incident_id: str, run_id: str) -> Response:
    """Run the step that undoes it, with what it was given."""
    _known(request, incident_id)
    begun = resile_of(request).runs.roll_back(incident_id, run_id, who=who_of(request))
    return as_json(Tapped(incident_id, begun.run_id, begun.is_waiting), status_code=202)


def _known(request: Request, incident_id: str) -> list[Event]:
    timeline = resile_of(request).timelines.read(incident_id)
    if not timeline:
        raise HTTPException(404, f"incident {incident_id[:200]!r} is not known; /api/v1/incidents lists the ids")
    return timeline
