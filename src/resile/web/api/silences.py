"""Silences: alerts that page nobody for a while."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from msgspec import Struct
from pydantic import Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from resile.app.silences import MAX_LISTED, SilenceRow
from resile.model.document import length_of
from resile.model.matcher import MAX_MATCHERS
from resile.model.silence import LONGEST, MAX_REASON
from resile.model.time import MINUTE
from resile.web.api.asking import resile_of
from resile.web.api.commands import At, Body, Words
from resile.web.api.reports import as_json
from resile.web.api.schema import answers

router = APIRouter(prefix="/silences", tags=["paging"])

_Match = Annotated[str, Field(min_length=1, max_length=2_000, examples=["service=payments", "host=~db-.*"])]
_Instant = Annotated[At, Field(description="RFC 3339 with an offset.")]


class Listed(Struct, frozen=True):
    """Silences, in the order in which they were made; with those that are over, the newest first."""

    silences: list[SilenceRow]


class SilenceBody(Body):
    """Mute alerts that are as all of `match` say, for a length of time, or again and again."""

    match: Annotated[tuple[_Match, ...], Field(min_length=1, max_length=MAX_MATCHERS)]
    because: Annotated[str, Field(min_length=1, max_length=MAX_REASON)]
    lasts: Annotated[str, Field(max_length=20, examples=["2h"])] | None = None
    starts_at: _Instant | None = None
    ends_at: _Instant | None = None
    every: Annotated[str, Field(max_length=60, examples=["sat 02:00-04:00"])] | None = None
    zone: Words | None = None


@router.get("", summary="List silences", responses=answers(Listed))
def silences(
    request: Request,
    *,
    over: Annotated[bool, Query(description="Also those that are over.")] = False,
    limit: Annotated[int, Query(ge=1, le=MAX_LISTED)] = 200,
) -> Response:
    """Those that hold or will."""
    return as_json(Listed(resile_of(request).alerting.silences.listed(over=over, limit=limit)))


@router.post("", status_code=201, summary="Silence alerts", responses=answers(SilenceRow, status=201, also=(409,)))
def silence(request: Request, body: SilenceBody) -> Response:
    """What pages already goes on; whoever asks why is told who silenced it, and because what."""
    lasts = None if body.lasts is None else length_of(body.lasts, "silence: lasts", least=MINUTE, most=LONGEST)
    made = resile_of(request).alerting.silences.add(
        request.state.identity,
        body.match,
        because=body.because,
        lasts=lasts,
        starts_at=body.starts_at,
        ends_at=body.ends_at,
        every=body.every,
        zone=body.zone,
    )
    return as_json(made, status_code=201)


@router.get("/{silence_id}", summary="One silence", responses=answers(SilenceRow, also=(404,)))
def one(request: Request, silence_id: str) -> Response:
    """Over or not."""
    return as_json(_known(request, silence_id))


@router.delete("/{silence_id}", summary="End a silence", responses=answers(SilenceRow, also=(404, 409)))
def end(request: Request, silence_id: str) -> Response:
    """It mutes nothing any more; what it muted and still fires is decided upon anew."""
    if _known(request, silence_id).is_over:
        raise HTTPException(409, f"silence {silence_id[:40]!r} is over already; /api/v1/silences lists those that hold")
    return as_json(resile_of(request).alerting.silences.end(request.state.identity, silence_id))


def _known(request: Request, silence_id: str) -> SilenceRow:
    found = resile_of(request).alerting.silences.one(silence_id)
    if found is None:
        raise HTTPException(404, f"silence {silence_id[:40]!r} is not known; /api/v1/silences lists them")
    return found
