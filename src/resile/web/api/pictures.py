"""Pictures of an incident: handed in as a file, listed, and fetched under the address of its page."""

from typing import Annotated

from fastapi import APIRouter, File, Request, UploadFile
from msgspec import Struct
from starlette.responses import Response

from resile.app.incident_pictures import pictures_at
from resile.ports.picture_book import KnownPicture
from resile.web.api.asking import resile_of
from resile.web.api.incidents import known
from resile.web.api.reports import as_json
from resile.web.api.schema import answers

router = APIRouter(prefix="/incidents", tags=["incidents"])


class PictureOut(Struct, frozen=True, kw_only=True):
    """A picture that an incident has.

    Attributes:
        markdown: what shows it in a note.
        url: where it is.
    """

    id: str
    media_type: str
    width: int
    height: int
    n_bytes: int
    added_by: str
    markdown: str
    url: str


class PictureList(Struct, frozen=True):
    """The pictures of an incident, the oldest first."""

    pictures: list[PictureOut]


@router.post(
    "/{incident_id:path}/pictures", status_code=201, summary="Add a picture",
    responses=answers(PictureOut, status=201, also=(404, 409, 413)),
)  # fmt: skip
def add(
    request: Request,
    incident_id: str,
    file: Annotated[UploadFile, File(description="PNG, JPEG, GIF or WebP, at most 5,000,000 bytes.")],
) -> Response:
    """Keep a picture; its pixels are written anew, so that places, cameras and comments in it are gone."""
    known(request, incident_id)
    pictures = resile_of(request).room.pictures
    added = pictures.add(incident_id, file.file.read(), by=request.state.identity.by)
    return as_json(_out(added), status_code=201)


@router.get(
    "/{incident_id:path}/pictures", summary="List an incident's pictures",
    responses=answers(PictureList, also=(404,)),
)  # fmt: skip
def of_incident(request: Request, incident_id: str) -> Response:
    """All that may be shown, the oldest first."""
    known(request, incident_id)
    return as_json(PictureList(pictures=[_out(one) for one in resile_of(request).room.pictures.of(incident_id)]))


def _out(picture: KnownPicture) -> PictureOut:
    return PictureOut(
        id=picture.id,
        media_type=picture.media_type,
        width=picture.width,
        height=picture.height,
        n_bytes=picture.n_bytes,
        added_by=picture.added_by,
        markdown=f"![](picture:{picture.id})",
        url=f"{pictures_at(picture.incident_id)}{picture.id}",
    )
