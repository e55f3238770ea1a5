"""A whole room as a file."""

from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from resile.app.incident_pictures import pictures_at
from resile.app.incidents import IncidentView
from resile.app.room_export import json_lines, markdown
from resile.app.room_out import RoomOut
from resile.web.api.asking import resile_of
from resile.web.api.incidents import known
from resile.web.api.schema import answers

router = APIRouter(prefix="/incidents/{incident_id:path}", tags=["incidents"])

_FILE = {"schema": {"type": "string"}}
_ANSWERS = {
    **answers(RoomOut, also=(404,)),
    200: {"description": "The file.", "content": {"text/markdown": _FILE, "application/jsonl": _FILE}},
}


class ExportFormat(StrEnum):
    """To read, or to work with."""

    MARKDOWN = "markdown"
    JSONL = "jsonl"


@router.get("/export", summary="A whole room as a file", responses=_ANSWERS)
def export(
    request: Request,
    incident_id: str,
    *,
    format_: Annotated[
        ExportFormat, Query(alias="format", description="To read, or a header and one event a line as it is stored.")
    ] = ExportFormat.MARKDOWN,
) -> Response:
    """Instants, phases, roles, tasks, notes, evidence, runs, updates and timeline; pictures as addresses."""
    return room_file(request, known(request, incident_id), format_)


def room_file(request: Request, view: IncidentView, format_: ExportFormat) -> Response:
    """A room as an answer that a browser saves."""
    resile = resile_of(request)
    pictures = resile.room.pictures.of(view.incident.id)
    if format_ is ExportFormat.JSONL:
        content = b"".join(json_lines(view, pictures, now=resile.clock.now()))
        answer = Response(content, media_type="application/jsonl")
    else:
        shown = {one.id for one in pictures}
        address = (resile.settings.base_url or "").rstrip("/") + pictures_at(view.incident.id)
        text = markdown(view, picture_at=lambda one: f"{address}{one}" if one in shown else None)
        answer = Response(text, media_type="text/markdown")
    ending = "jsonl" if format_ is ExportFormat.JSONL else "md"
    name = "".join(sign if sign.isascii() and (sign.isalnum() or sign in "-._") else "_" for sign in view.incident.id)
    answer.headers["content-disposition"] = f'attachment; filename="{name[:100]}.{ending}"'
    return answer
