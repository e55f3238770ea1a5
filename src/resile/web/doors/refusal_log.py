"""The log of the doors: refusals of one kind are said a few times a minute, however many there are."""

import asyncio

import structlog
from starlette.types import Scope

from resile.app.few_lines import EVERY_S, FewLines
from resile.web.access_log import log_answer

_REFUSED_FROM = 400
_log = structlog.get_logger()


class RefusalLog:
    """Of one event loop. While the disk is full, or a stranger tries secrets, the log does not grow with each try."""

    def __init__(self) -> None:
        self._lines = FewLines()
        self._saying: asyncio.TimerHandle | None = None

    def answered(self, scope: Scope, status: int, duration_s: float, *, by: str | None, kind: str) -> None:
        """One line for an answer. `kind`: at what kind of door; empty: at none."""
        if status < _REFUSED_FROM or self._may_say("request answered", kind, str(status)):
            log_answer(scope, status, duration_s, by=by)

    def failed(self, event: str, *, kind: str, error: Exception, path: str, is_ours: bool = False) -> None:
        """One line for what went wrong here; a fault of ours with its traceback."""
        if not self._may_say(event, kind, type(error).__name__):
            return
        if is_ours:
            _log.error(event, path=path, error=type(error).__name__, exc_info=error)
        else:
            _log.error(event, path=path, error=str(error))

    def close(self) -> None:
        """Say what was left out and not said yet."""
        if self._saying is not None:
            self._saying.cancel()
        self._say_left_out()

    def _may_say(self, *kind: str) -> bool:
        is_said = self._lines.may_say(*kind)
        if not is_said and self._saying is None:
            self._saying = asyncio.get_running_loop().call_later(EVERY_S, self._say_left_out)
        return is_said

    def _say_left_out(self) -> None:
        self._saying = None
        for (said, kind, how), n in self._lines.left_out().items():
            _log.warning("lines left out", said=said, door=kind, how=how, n=n)
