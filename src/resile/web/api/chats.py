"""The channel of an incident in a chat program."""

from fastapi import APIRouter, Request
from msgspec import Struct
from starlette.exceptions import HTTPException
from starlette.responses import Response

from resile.app.chat_wanted import want_room
from resile.web.api.asking import resile_of
from resile.web.api.reports import as_json
from resile.web.api.schema import answers

router = APIRouter(tags=["incidents"])


class ChatWanted(Struct, frozen=True):
    """What comes of it, in one sentence."""

    incident_id: str
    said: str


@router.post(
    "/incidents/{incident_id:path}/chat",
    status_code=202,
    summary="Have a channel made for an incident",
    responses=answers(ChatWanted, status=202, also=(404,)),
)
def open_chat(request: Request, incident_id: str) -> Response:
    """A channel at Slack or in Teams, whatever the settings say of its like; one that was archived is made anew."""
    resile = resile_of(request)
    if not resile.timelines.read(incident_id):
        raise HTTPException(404, f"incident {incident_id[:200]!r} is not known; /api/v1/incidents lists the ids")
    said = want_room(resile, incident_id, by=request.state.identity.by)
    return as_json(ChatWanted(incident_id, said), status_code=202)
