"""The journal of what arrived at doors, for admins."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from resile.app.journal import MAX_LINES, JournalLines, lines_of
from resile.ports.journal import Verdict
from resile.web.api.asking import resile_of
from resile.web.api.reports import as_json
from resile.web.api.schema import answers

router = APIRouter(tags=["deliveries"])


@router.get("/journal", summary="What arrived at the doors", responses=answers(JournalLines))
def journal(
    request: Request,
    door: Annotated[str | None, Query(max_length=200, description="Only what arrived at this door.")] = None,
    verdict: Annotated[Verdict | None, Query(description="Only what ended so.")] = None,
    before: Annotated[int | None, Query(ge=0, le=2**63 - 1, description="Only what arrived before this seq.")] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_LINES)] = 100,
) -> Response:
    """Deliveries, the newest first, without their bodies; needs the scope admin."""
    found = lines_of(
        resile_of(request), request.state.identity, door=door, verdict=verdict, before_seq=before, limit=limit
    )
    return as_json(found)
