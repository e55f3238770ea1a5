"""What would fail at night, as `resile doctor` says it."""

import threading

from fastapi import APIRouter, Request
from starlette.responses import Response

from resile.app.doctor import Examination, examined
from resile.web.api.asking import resile_of
from resile.web.api.reports import as_json
from resile.web.api.schema import answers

router = APIRouter(tags=["paging"])
# One at a time: each asks every provider whether it lets us in.
_turn = threading.Lock()


@router.get("/doctor", summary="What would fail at night", responses=answers(Examination))
def doctor(request: Request) -> Response:
    """What would fail, the worst first; takes some seconds, for every channel is tried."""
    resile = resile_of(request)
    with _turn:
        found = examined(resile, channels=request.app.state.channels or None)
        return as_json(Examination(examined_at=resile.clock.now(), findings=found))
