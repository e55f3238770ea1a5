"""One line of log for each answer: a constant event and its fields; no query, for it may hold what people look for."""

import time
from collections.abc import Callable

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_log = structlog.get_logger("resile.access")


class AccessLog:
    """Logs every answer.

    Args:
        elapsed_s: a clock that only runs forward, in seconds.
    """

    def __init__(self, app: ASGIApp, elapsed_s: Callable[[], float] = time.perf_counter) -> None:
        self._app = app
        self._elapsed_s = elapsed_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and log how it was answered."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began_s = self._elapsed_s()
        status = 500

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watch)
        finally:
            identity = scope.get("state", {}).get("identity")
            client = scope.get("client")
            _log.info(
                "request answered",
                method=scope["method"],
                path=scope["path"],
                status=status,
                duration_s=round(self._elapsed_s() - began_s, 4),
                by=getattr(identity, "by", None),
                address=client[0] if client else None,
            )
