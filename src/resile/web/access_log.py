"""One line of log for each answer: a constant event and its fields; no query, for it may hold what people look for."""

import asyncio
import sys
import time
from collections.abc import Callable
from contextlib import suppress

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# What follows is a signed token: whoever reads it in a log could answer in its holder's place, or read
# their calendar.
_SECRET_BELOW = ("/answer/", "/act/", "/feeds/", "/subscriptions/confirm/", "/subscriptions/leave/")


def loggable(path: str) -> str:
    """A path without the secrets that stand in it."""
    # Wherever it stands: before it may come what a proxy left there, or one slash too many.
    found = [path.index(folder) + len(folder) for folder in _SECRET_BELOW if folder in path]
    return f"{path[: min(found)]}…" if found else path


class GatheredLines:
    """Writes lines to standard error, those of one turn of the event loop at once.

    Each write gives the interpreter to another thread, and may wait to get it back: while much arrives that is most of
    what a line costs.
    """

    def __init__(self) -> None:
        self._lines: list[str] = []

    def info(self, line: str) -> None:
        """Write a line, soon."""
        self._lines.append(line)
        if len(self._lines) > 1:
            return
        try:
            asyncio.get_running_loop().call_soon(self._write)
        except RuntimeError:  # no loop runs in this thread
            self._write()

    def _write(self) -> None:
        lines, self._lines = self._lines, []
        # Where nobody can read the log any more, answers are still given.
        with suppress(OSError):
            sys.stderr.write("".join(f"{line}\n" for line in lines))
            sys.stderr.flush()


_log = structlog.wrap_logger(GatheredLines(), cache_logger_on_first_use=False)


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
            log_answer(scope, status, self._elapsed_s() - began_s, by=getattr(identity, "by", None))


def log_answer(scope: Scope, status: int, duration_s: float, *, by: str | None) -> None:
    """Log one answer; `by` is who asked, as far as it is known."""
    client = scope.get("client")
    _log.info(
        "request answered",
        method=scope["method"],
        path=loggable(scope["path"]),
        status=status,
        duration_s=round(duration_s, 4),
        by=by,
        address=client[0] if client else None,
    )
