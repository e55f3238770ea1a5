"""The pictures of an incident, for those who may read it; whatever their bytes say, a browser runs nothing of them."""

from typing import Annotated

from fastapi import APIRouter, Header, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from resile.app.wiring import Resile

router = APIRouter(include_in_schema=False)

_NOTHING_RUNS = "default-src 'none'; sandbox; frame-ancestors 'none'"


@router.get("/incidents/{incident_id:path}/pictures/{picture_id}")
def picture(
    request: Request, incident_id: str, picture_id: str, if_none_match: Annotated[str | None, Header()] = None
) -> Response:
    """The picture; it never changes, but it may be withdrawn: a browser asks each time whether it may show it."""
    resile: Resile = request.app.state.resile
    found = resile.room.pictures.show(incident_id, picture_id)
    if found is None:
        raise HTTPException(
            404, f"incident {incident_id[:200]} has no picture {picture_id[:40]!r}, or it was withdrawn"
        )
    headers = {
        "etag": f'"{found.known.id}"',
        "content-security-policy": _NOTHING_RUNS,
        "x-content-type-options": "nosniff",
        "content-disposition": "inline",
    }
    if if_none_match == headers["etag"]:
        return Response(status_code=304, headers=headers)
    return Response(found.content, media_type=found.known.media_type, headers=headers)
