"""Incidents: list them, show one and its timeline, declare one, carry it through."""

import re
from enum import StrEnum
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Body, Header, Query, Request
from msgspec import Struct
from starlette.exceptions import HTTPException
from starlette.responses import Response

from resile.app import incidents
from resile.app.incident_out import IncidentOut, incident_out
from resile.app.incidents import MAX_PER_PAGE, IncidentPage, IncidentView, Listing
from resile.model.errors import ConfigError
from resile.model.event import Event
from resile.web.api.asking import asked_by, described, resile_of
from resile.web.api.commands import AnyCommand, DeclareBody
from resile.web.api.reports import as_json
from resile.web.api.schema import answers

router = APIRouter(prefix="/incidents", tags=["incidents"])

MAX_PAGE = 1_000_000
MAX_EVENTS = 1_000
_OWN = ("state", "excluded", "q", "sort", "order", "page", "per_page")


class State(StrEnum):
    """Which incidents by their clock."""

    ALL = "all"
    OPEN = "open"
    RESTORED = "restored"


class Excluded(StrEnum):
    """Which incidents by whether they count."""

    NO = "no"
    ALL = "all"
    PLANNED = "planned"
    DRILL = "drill"
    NOISE = "noise"
    TEST = "test"
    MERGED = "merged"
    CONTRADICTORY = "contradictory"
    WITHOUT_START = "without_start"


class Sort(StrEnum):
    """By what a list is sorted."""

    STARTED = "started"
    DURATION = "duration"
    SEVERITY = "severity"
    TITLE = "title"
    SERVICE = "service"
    TEAM = "team"
    STATUS = "status"


class Order(StrEnum):
    """Which end comes first."""

    ASCENDING = "asc"
    DESCENDING = "desc"


class TimelinePage(Struct, frozen=True, kw_only=True):
    """A part of a timeline, oldest first.

    Attributes:
        next: give it back as `after` for what follows; null at the end.
    """

    incident_id: str
    version: int
    events: list[Event]
    next: int | None


@router.get("", summary="List incidents", responses=answers(IncidentPage), openapi_extra=described())
def list_incidents(
    request: Request,
    *,
    state: Annotated[State, Query(description="By the clock at the window's end.")] = State.ALL,
    excluded: Annotated[Excluded, Query(description="no: those that count; all: those that do not.")] = Excluded.NO,
    q: Annotated[str, Query(max_length=200, description="Words in title, id or service.")] = "",
    sort: Sort = Sort.STARTED,
    order: Order = Order.DESCENDING,
    page: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 1,
    per_page: Annotated[int, Query(ge=1, le=MAX_PER_PAGE)] = 50,
) -> Response:
    """One page of the incidents behind a figure: the same filters as the reports."""
    listing = Listing(
        query=asked_by(request, also=_OWN),
        state=state.value,
        excluded=excluded.value,
        text=q,
        sort=sort.value,
        descending=order is Order.DESCENDING,
        page=page,
        per_page=per_page,
    )
    return as_json(incidents.list_incidents(resile_of(request), listing))


@router.post(
    "", status_code=201, summary="Declare an incident", responses=answers(IncidentOut, status=201, also=(409,))
)
def declare(request: Request, body: DeclareBody) -> Response:
    """Declare an incident under the next number; its address is in `Location`."""
    view = incidents.declare(resile_of(request), body.command(), by=request.state.identity.by, at=body.at)
    answer = shown(view, status_code=201)
    answer.headers["location"] = f"/api/v1/incidents/{quote(view.incident.id, safe=':')}"
    return answer


@router.get(
    "/{incident_id:path}/timeline", summary="An incident's events", responses=answers(TimelinePage, also=(404,))
)
def timeline(
    request: Request,
    incident_id: str,
    after: Annotated[int, Query(ge=0, le=1_000_000_000, description="Only events after this version.")] = 0,
    limit: Annotated[int, Query(ge=1, le=MAX_EVENTS)] = 200,
) -> Response:
    """The events in the order in which resile learnt of them, as they are stored."""
    view = known(request, incident_id)
    part = view.timeline[after : after + limit]
    end = after + len(part)
    following = end if part and end < view.version else None
    return as_json(TimelinePage(incident_id=incident_id, version=view.version, events=part, next=following))


@router.post(
    "/{incident_id:path}/commands", summary="Carry an incident through",
    responses=answers(IncidentOut, also=(404, 409)),
)  # fmt: skip
def command(
    request: Request,
    incident_id: str,
    body: Annotated[AnyCommand, Body()],
    if_match: Annotated[str | None, Header(max_length=50, description='The version decided upon: `"7"`.')] = None,
) -> Response:
    """Acknowledge, identify, mitigate, restore, close, reopen, note, correct and so on; gives the incident after it.

    With `If-Match` it is refused where somebody else changed the incident since that version.
    """
    known(request, incident_id)
    view = incidents.command_incident(
        resile_of(request),
        incident_id,
        body.to_command(),
        by=request.state.identity.by,
        at=body.at,
        expected_version=version_of(if_match),
    )
    return shown(view)


@router.get("/{incident_id:path}", summary="Show one incident", responses=answers(IncidentOut, also=(404,)))
def show(request: Request, incident_id: str) -> Response:
    """What holds now, its phases, and its timeline; the version is in `ETag`."""
    return shown(known(request, incident_id))


def version_of(if_match: str | None) -> int | None:
    """The version in an If-Match header; None for any.

    Raises:
        ConfigError: it is no version.
    """
    if if_match is None or if_match.strip() == "*":
        return None
    match = re.fullmatch(r'(?:W/)?"?(\d{1,9})"?', if_match.strip())
    if match is None:
        raise ConfigError(f"If-Match {if_match!r} is no version; send back the ETag that the incident came with")
    return int(match[1])


def known(request: Request, incident_id: str) -> IncidentView:
    """The incident.

    Raises:
        HTTPException: 404, there is none of that id.
    """
    view = incidents.show_incident(resile_of(request), incident_id)
    if view is None:
        raise HTTPException(404, f"incident {incident_id[:200]!r} is not known; /api/v1/incidents lists the ids")
    return view


def shown(view: IncidentView, *, status_code: int = 200) -> Response:
    """An incident as an answer; its version is in `ETag`."""
    answer = as_json(incident_out(view), status_code=status_code)
    answer.headers["etag"] = f'"{view.version}"'
    return answer
