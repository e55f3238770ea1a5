"""`/feeds/TOKEN.ics`: what calendar programs subscribe to. The address is the right: no session, no cookie, no form."""

import structlog
from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from resile.app.wiring import Resile
from resile.model.errors import AccessError
from resile.web.doors.strangers import Strangers, network_of
from resile.web.errors import problem
from resile.web.readings import Readings

_log = structlog.get_logger()


def feeds_router(strangers: Strangers, readings: Readings) -> APIRouter:
    """The addresses of feeds.

    Args:
        strangers: who was refused how often.
    """
    router = APIRouter(include_in_schema=False)

    @router.api_route("/feeds/{token}.ics", methods=["GET", "HEAD"])
    async def read(request: Request, token: str) -> Response:
        resile: Resile = request.app.state.resile
        network = network_of(request.client.host if request.client else None)
        wait_s = strangers.wait_s(network)
        if wait_s is not None:
            return _too_often(wait_s)
        try:
            feed = await run_in_threadpool(resile.feeds.opened, token)
        except AccessError as error:
            strangers.refuse(network)
            _log.warning("feed refused", address=network)
            return problem(404, str(error))
        wait_s = readings.wait_s(feed.id)
        if wait_s is not None:
            return _too_often(wait_s)
        written = await run_in_threadpool(resile.feeds.written, feed)
        # Weak: the time of writing within it is another one each time.
        headers = {"etag": f'W/"{written.tag}"', "cache-control": "private, max-age=300", "x-robots-tag": "noindex"}
        if _is_known(request.headers.get("if-none-match", ""), written.tag):
            return Response(status_code=304, headers=headers)
        headers["content-disposition"] = 'inline; filename="on-call.ics"'
        return Response(written.body, media_type="text/calendar", headers=headers)

    return router


def _is_known(said: str, tag: str) -> bool:
    tags = {one.strip().removeprefix("W/") for one in said.split(",")}
    return f'"{tag}"' in tags or "*" in tags


def _too_often(wait_s: int) -> Response:
    answer = problem(429, f"this calendar is read too often; read it again in {wait_s} s")
    answer.headers["retry-after"] = str(wait_s)
    return answer
