"""Feeds of duties to which calendar programs subscribe: listed, made and revoked."""

from typing import Annotated

from fastapi import APIRouter, Path, Request
from msgspec import Struct
from pydantic import Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from resile.app.feeds import FeedSeen
from resile.model.errors import ConfigError
from resile.ports.feed_book import FeedOf
from resile.web.api.asking import resile_of
from resile.web.api.commands import Body, Words
from resile.web.api.reports import as_json
from resile.web.api.schema import answers

router = APIRouter(tags=["on call"])
_Name = Annotated[str, Path(max_length=64, description="Of the person or schedule.")]


class FeedsSeen(Struct, frozen=True):
    """The feeds whose address whoever asks may know: of schedules, and of themselves."""

    feeds: list[FeedSeen]


class FeedRevoked(Struct, frozen=True):
    """The person or schedule whose feed nobody reads any more."""

    revoked: str


class FeedBody(Body):
    """Whose duties are to be told."""

    of: Annotated[FeedOf, Field(description="One's own need the right to read, a schedule's the right to write.")]
    name: Words


@router.get("/feeds", summary="Calendars to subscribe to", responses=answers(FeedsSeen))
def feeds(request: Request) -> Response:
    """Those of schedules, and of the person who asks; of everybody for an admin."""
    return as_json(FeedsSeen(resile_of(request).feeds.seen_by(request.state.identity)))


@router.post(
    "/feeds", status_code=201, summary="Make a calendar to subscribe to",
    responses=answers(FeedSeen, status=201, also=(409,)),
)  # fmt: skip
def make(request: Request, body: FeedBody) -> Response:
    """Make one, or tell the one that there is."""
    return as_json(resile_of(request).feeds.make(request.state.identity, body.of, body.name), status_code=201)


@router.delete("/feeds/{of}/{name}", summary="Revoke a calendar", responses=answers(FeedRevoked, also=(404,)))
def revoke(request: Request, of: FeedOf, name: _Name) -> Response:
    """Let nobody read it any more; the next has another address."""
    try:
        resile_of(request).feeds.revoke(request.state.identity, of, name)
    except ConfigError as error:
        raise HTTPException(404, str(error)) from None
    return as_json(FeedRevoked(name))
