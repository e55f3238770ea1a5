"""Paging: how everything stands, the pages of an incident, and whom to page."""

from typing import Annotated

from fastapi import APIRouter, Request
from msgspec import Struct
from pydantic import Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from resile.app.incident_pages import IncidentPages, incident_pages
from resile.app.incidents import show_incident
from resile.app.now import Now
from resile.app.page_targets import targets_named
from resile.model.errors import ConfigError
from resile.model.severity import parse_severity
from resile.web.api.asking import resile_of
from resile.web.api.commands import Body, Services, SeverityName, Words
from resile.web.api.reports import as_json
from resile.web.api.schema import answers
from resile.web.shared_now import SharedNow

router = APIRouter(tags=["paging"])

_Names = Annotated[tuple[Words, ...], Field(max_length=20)]


class Said(Struct, frozen=True):
    """What came of it, in one sentence."""

    incident_id: str
    said: str


class PageBody(Body):
    """Page somebody: by a policy, or people, schedules and teams by name; else as the services say.

    With `incident_id` they are paged for that incident, and text, policy, severity and services are left out.
    """

    text: Words | None = None
    incident_id: Words | None = None
    policy: Words | None = None
    person: _Names = ()
    schedule: _Names = ()
    team: _Names = ()
    severity: SeverityName | None = None
    services: Services = ()


@router.get("/now", summary="How everything stands", responses=answers(Now))
def now(request: Request) -> Response:
    """What is open and who has it, who is on call, what is overdue, and gaps within a day."""
    shared: SharedNow = request.app.state.now
    return as_json(shared.look())


@router.get(
    "/incidents/{incident_id:path}/pages",
    summary="An incident's pages and receipts",
    responses=answers(IncidentPages, also=(404,)),
)
def pages(request: Request, incident_id: str) -> Response:
    """Who was paged by which way, how far each page came, who answered, and which step comes next."""
    view = show_incident(resile_of(request), incident_id)
    if view is None:
        raise _unknown(incident_id)
    return as_json(incident_pages(resile_of(request), view))


@router.post(
    "/incidents/{incident_id:path}/acknowledge", summary="Take an incident", responses=answers(Said, also=(404, 409))
)
def acknowledge(request: Request, incident_id: str) -> Response:
    """Nobody else is paged for it; taken twice, it says who was first."""
    _known(request, incident_id)
    by = request.state.identity
    return as_json(Said(incident_id, resile_of(request).pager.acknowledge(incident_id, who=by.name, by=by.by)))


@router.post(
    "/incidents/{incident_id:path}/escalate", summary="Page the next step now", responses=answers(Said, also=(404, 409))
)
def escalate(request: Request, incident_id: str) -> Response:
    """The next step of its policy begins now, whoever has taken it."""
    _known(request, incident_id)
    by = request.state.identity
    return as_json(Said(incident_id, resile_of(request).pager.escalate(incident_id, who=by.name, by=by.by)))


@router.post("/pages", status_code=201, summary="Page somebody", responses=answers(Said, status=201, also=(404, 409)))
def page(request: Request, body: PageBody) -> Response:
    """Declare an incident and page for it, or page somebody else for one that is open."""
    resile, by = resile_of(request), request.state.identity
    targets = targets_named(person=body.person, schedule=body.schedule, team=body.team)
    if body.incident_id is not None:
        _known(request, body.incident_id)
        if not targets:
            raise ConfigError("nobody is named to be paged; name a person, a schedule or a team")
        if body.text or body.policy or body.severity or body.services:
            raise ConfigError(f"{body.incident_id} has its text, policy, severity and services; leave them out")
        said = resile.pager.page_also(body.incident_id, targets, who=by.name, by=by.by)
        return as_json(Said(body.incident_id, said), status_code=201)
    if body.text is None:
        raise ConfigError("a page needs a text; say in a few words what is wrong")
    incident_id = resile.pager.page(
        body.text,
        who=by.name,
        by=by.by,
        policy=body.policy,
        targets=targets,
        severity=None if body.severity is None else parse_severity(body.severity),
        services=body.services,
    )
    return as_json(Said(incident_id, f"{incident_id} declared; somebody is paged for it."), status_code=201)


def _known(request: Request, incident_id: str) -> None:
    if not resile_of(request).timelines.read(incident_id):
        raise _unknown(incident_id)


def _unknown(incident_id: str) -> HTTPException:
    return HTTPException(404, f"incident {incident_id[:200]!r} is not known; /api/v1/incidents lists the ids")
