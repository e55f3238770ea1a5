"""Calendars on the pages of on-call duty: feeds are made and revoked, files are brought in.

Feeds stand below /settings, where people who may otherwise only read keep what is their own; the use case looks whose
they are, and who may make a schedule's.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, File, Form, Request, UploadFile
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel

from resile.app.wiring import Resile
from resile.model.errors import AccessError, ConfigError, ConflictError
from resile.ports.feed_book import FeedOf
from resile.web.pages.oncall import show_all, show_schedule
from resile.web.pages.rendering import path_part
from resile.web.security import check_form

router = APIRouter(include_in_schema=False, dependencies=[Depends(check_form)])


class _Feed(BaseModel):
    of: FeedOf
    name: str = ""


@router.post("/settings/feeds/make")
def make(request: Request, form: Annotated[_Feed, Form()]) -> Response:
    """A calendar that may be subscribed to."""
    return _carry_out(request, form, makes=True)


@router.post("/settings/feeds/revoke")
def revoke(request: Request, form: Annotated[_Feed, Form()]) -> Response:
    """Nobody reads it any more."""
    return _carry_out(request, form, makes=False)


def _carry_out(request: Request, form: _Feed, *, makes: bool) -> Response:
    resile: Resile = request.app.state.resile
    is_schedule = form.of is FeedOf.SCHEDULE
    try:
        if makes:
            resile.feeds.make(request.state.identity, form.of, form.name)
        else:
            resile.feeds.revoke(request.state.identity, form.of, form.name)
    except (ConfigError, ConflictError, AccessError) as error:
        status_code = 403 if isinstance(error, AccessError) else 409
        if is_schedule:
            return show_schedule(request, form.name, problem=str(error), status_code=status_code)
        return show_all(request, problem=str(error), status_code=status_code)
    path = f"/oncall/{path_part(form.name)}" if is_schedule else "/oncall"
    return RedirectResponse(f"{path}#feed", status_code=303)


@router.post("/do/oncall/{name}/import")
def bring_in(
    request: Request,
    name: str,
    file: Annotated[UploadFile, File()],
    prunes: Annotated[str, Form()] = "",
    tries: Annotated[str, Form()] = "",
) -> Response:
    """The events of a calendar's file as overrides; or, where it is only tried, what would change."""
    resile: Resile = request.app.state.resile
    try:
        reading = resile.calendars.read(
            request.state.identity, name, file.file.read(), prunes=bool(prunes), tries=bool(tries)
        )
    except (ConfigError, ConflictError) as error:
        return show_schedule(request, name, problem=str(error), status_code=409)
    return show_schedule(request, name, reading=reading, is_tried=bool(tries))
