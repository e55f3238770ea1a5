"""`/feeds/TOKEN.ics`: what calendar programs subscribe to. The address is the right: no session, no cookie, no form."""

from collections import OrderedDict
from collections.abc import Callable

import structlog
from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from resile.app.wiring import Resile
from resile.model.errors import AccessError
from resile.web.doors.strangers import Strangers, network_of
from resile.web.errors import problem

# So many readings of one feed at once, and so many seconds for each after that: programs read every few minutes.
BURST = 20
EVERY_S = 10.0
_MAX_KNOWN = 10_000
_log = structlog.get_logger()


class Readings:
    """How often each feed was read lately.

    Args:
        elapsed_s: a clock that only runs forward, in seconds.
    """

    def __init__(self, elapsed_s: Callable[[], float]) -> None:
        self._elapsed_s = elapsed_s
        self._free_at: OrderedDict[str, float] = OrderedDict()

    def wait_s(self, feed_id: str) -> int | None:
        """Count one; after how many seconds to come again, None: now will do."""
        now = self._elapsed_s()
        free_at = max(self._free_at.get(feed_id, now), now) + EVERY_S
        if free_at > now + BURST * EVERY_S:
            return int(EVERY_S)
        self._free_at[feed_id] = free_at
        self._free_at.move_to_end(feed_id)
        if len(self._free_at) > _MAX_KNOWN:
            self._free_at.popitem(last=False)
        return None


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
