"""The stream of what happens, for pages and programs."""

from typing import Annotated

from fastapi import APIRouter, Header, Query, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response, StreamingResponse

from resile.model.errors import ConfigError
from resile.web.api.schema import answers
from resile.web.live import LONGEST_S, MAX_WATCHERS, Live, Told

router = APIRouter(tags=["paging"])

_MAX_SEQ = 2**62
_AGAIN_AFTER_S = 10


@router.get(
    "/stream",
    summary="What happens, as it happens",
    response_class=Response,
    responses={
        **answers(Told),
        200: {"description": "Server-sent events, each with one `Told`.", "content": {"text/event-stream": {}}},
    },
)
async def stream(
    request: Request,
    after: Annotated[int | None, Query(ge=0, le=_MAX_SEQ, description="Also what came after this event's id.")] = None,
    lasts: Annotated[int, Query(ge=0, le=LONGEST_S, description="End after so many seconds without news.")] = LONGEST_S,
    last_event_id: Annotated[str | None, Header(max_length=30, description="As browsers send it.")] = None,
) -> Response:
    """Every event that any timeline gets; its id is its place in the store.

    It begins with an event `start`; after a quarter of a minute without news it says `beat`. A stream ends after ten
    minutes at the latest; come again with the last id, as browsers do by themselves.
    """
    live: Live = request.app.state.live
    if live.is_full:
        raise HTTPException(
            503,
            f"{MAX_WATCHERS} streams are open, the most at once; ask for /api/v1/now instead",
            headers={"retry-after": str(_AGAIN_AFTER_S)},
        )
    seen = after if last_event_id is None else _seq(last_event_id)
    return StreamingResponse(
        live.stream(seen, lasts_s=lasts),
        media_type="text/event-stream",
        # A proxy that gathers an answer before it passes it on would gather this one for ever.
        headers={"cache-control": "no-store", "x-accel-buffering": "no"},
    )


def _seq(said: str) -> int:
    if not (said.isascii() and said.isdecimal()) or int(said) > _MAX_SEQ:
        raise ConfigError(f"Last-Event-ID {said!r} is no id of an event; send back one that the stream gave")
    return int(said)
