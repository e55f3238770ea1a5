"""Who is on call, and overrides."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Body, Query, Request
from msgspec import Struct
from pydantic import Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from resile.app.documents.duty_calendar import MAX_WEEKS
from resile.app.documents.duty_calendar import duty_calendar as written
from resile.app.oncall import LOOKED_AHEAD, Calendar, Standing
from resile.model.errors import ConfigError
from resile.model.schedule import Override
from resile.model.time import parse_instant
from resile.web.api.asking import resile_of
from resile.web.api.commands import At, Words
from resile.web.api.commands import Body as Said
from resile.web.api.reports import as_json
from resile.web.api.schema import answers

router = APIRouter(tags=["on call"])


class Standings(Struct, frozen=True):
    """How every schedule stands."""

    schedules: list[Standing]


class Entered(Struct, frozen=True):
    """The overrides that were entered."""

    overrides: list[Override]


class Removed(Struct, frozen=True):
    """The override that holds no longer."""

    removed: str


_Instant = Annotated[At, Field(description="RFC 3339 with an offset.")]


class OverrideBody(Said):
    """Put somebody on duty, or nobody, from one instant to another."""

    change: Literal["override"]
    person: Words | None
    starts_at: _Instant
    ends_at: _Instant
    because: Annotated[str, Field(max_length=200)] = ""


class TakeBody(Said):
    """Put a person on duty from now until the present one's duty ends."""

    change: Literal["take"]
    person: Words
    because: Annotated[str, Field(max_length=200)] = ""


class SwapBody(Said):
    """Let the two who are on duty at two instants exchange their duties."""

    change: Literal["swap"]
    first_at: _Instant
    second_at: _Instant
    because: Annotated[str, Field(max_length=200)] = ""


@router.get("/oncall", summary="Who is on call", responses=answers(Standings))
def on_call(
    request: Request,
    at: Annotated[str | None, Query(max_length=40, description="At another instant, ISO 8601.")] = None,
) -> Response:
    """Who holds each schedule, who is next, and the gaps of the next fourteen days."""
    instant = None if at is None else parse_instant(at)
    return as_json(Standings(resile_of(request).oncall.standings(instant)))


@router.get(
    "/oncall.ics",
    summary="Duties as a calendar",
    response_class=Response,
    responses={**answers(Standings), 200: {"description": "An iCalendar file.", "content": {"text/calendar": {}}}},
)
def duty_calendar(
    request: Request,
    schedule: Annotated[str | None, Query(max_length=64, description="Only of this schedule.")] = None,
    person: Annotated[str | None, Query(max_length=64, description="Only of this person.")] = None,
    weeks: Annotated[int, Query(ge=1, le=MAX_WEEKS, description="How far ahead.")] = 12,
) -> Response:
    """Duties for calendars (RFC 5545); read again, a calendar changes and removes what changed."""
    resile = resile_of(request)
    body = written(resile.oncall, now=resile.clock.now(), schedule=schedule, person=person, weeks=weeks)
    return Response(body, media_type="text/calendar")


@router.get("/oncall/{schedule}", summary="A schedule over time", responses=answers(Calendar, also=(404,)))
def calendar(
    request: Request,
    schedule: str,
    starts: Annotated[str | None, Query(alias="from", max_length=40, description="ISO 8601; else now.")] = None,
    ends: Annotated[str | None, Query(alias="to", max_length=40, description="Else fourteen days later.")] = None,
) -> Response:
    """Duty by duty, with gaps, overrides and the shifts that the local clock leaves out."""
    resile = resile_of(request)
    _known(request, schedule)
    starts_at: datetime = resile.clock.now() if starts is None else parse_instant(starts)
    ends_at = starts_at + LOOKED_AHEAD if ends is None else parse_instant(ends)
    return as_json(resile.oncall.calendar(schedule, starts_at, ends_at))


@router.post(
    "/oncall/{schedule}/overrides", status_code=201, summary="Override a schedule",
    responses=answers(Entered, status=201, also=(404, 409)),
)  # fmt: skip
def override(
    request: Request, schedule: str, body: Annotated[OverrideBody | TakeBody | SwapBody, Body(discriminator="change")]
) -> Response:
    """Enter an override, take the present duty, or swap two."""
    resile, by = resile_of(request), request.state.identity
    _known(request, schedule)
    if isinstance(body, TakeBody):
        entered = resile.oncall.take(by, schedule, body.person, body.because)
    elif isinstance(body, SwapBody):
        entered = resile.oncall.swap(by, schedule, body.first_at, body.second_at, body.because)
    else:
        times = {"starts_at": body.starts_at, "ends_at": body.ends_at}
        entered = resile.oncall.override(by, schedule, body.person, because=body.because, **times)
    return as_json(Entered(entered), status_code=201)


@router.delete("/oncall/overrides/{override_id}", summary="Remove an override", responses=answers(Removed, also=(404,)))
def remove(request: Request, override_id: str) -> Response:
    """Let an override hold no longer; it is kept with who removed it."""
    try:
        resile_of(request).oncall.remove(request.state.identity, override_id)
    except ConfigError as error:
        raise HTTPException(404, str(error)) from None
    return as_json(Removed(override_id))


def _known(request: Request, schedule: str) -> None:
    if schedule not in resile_of(request).catalog.schedules():
        raise HTTPException(404, f"schedule {schedule[:64]!r} is not known; /api/v1/oncall lists them")
