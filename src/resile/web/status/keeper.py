"""The thread that follows what was published and makes of it what is served."""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from time import monotonic

import structlog

from resile.app.public_page import PublicPage
from resile.model.errors import StoreError
from resile.response.public_status import PublicStatus
from resile.web.status.app import Board
from resile.web.status.site import SiteMaker

LOOK_EVERY_S = 1.0
# For so long nobody need know that the store cannot be read.
SAY_AFTER = timedelta(minutes=1)
_log = structlog.get_logger()


class Keeper:
    """Keeps the board true.

    Args:
        now: the clock's.
        elapsed_s: a clock that only runs forward, in seconds.
    """

    def __init__(
        self,
        page: PublicPage,
        maker: SiteMaker,
        board: Board,
        *,
        now: Callable[[], datetime],
        elapsed_s: Callable[[], float] = monotonic,
    ) -> None:
        self._page = page
        self._maker = maker
        self._board = board
        self._now = now
        self._elapsed_s = elapsed_s
        self._shown: tuple[PublicStatus, datetime | None] | None = None
        self._read_at = now()
        self._read_s = elapsed_s()
        self._is_away = False
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="status page", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._is_over.set()
        self._thread.join(timeout=10)

    def look(self) -> None:
        """Look once, and have the board show what is so."""
        try:
            status = self._page.look()
            self._show(status, None)
            self._read_at, self._read_s, self._is_away = self._now(), self._elapsed_s(), False
        except Exception as error:  # noqa: BLE001 - whatever fails here, what was true last is shown on, and says so
            if not self._is_away:
                reason = str(error) if isinstance(error, StoreError) else repr(error)
                _log.warning("status page cannot follow", error=reason, exc_info=not isinstance(error, StoreError))
            self._is_away = True
            self._say_so()

    def _say_so(self) -> None:
        since_s = self._elapsed_s() - self._read_s
        if self._shown is not None and since_s >= SAY_AFTER.total_seconds():
            self._show(self._shown[0], self._read_at)

    def _show(self, status: PublicStatus, stale_since: datetime | None) -> None:
        shown = self._shown
        if shown is not None and shown[0] is status and shown[1] == stale_since:
            return
        self._board.site = self._maker.site(status, stale_since=stale_since)
        self._shown = status, stale_since

    def _run(self) -> None:
        while not self._is_over.is_set():
            self.look()
            if self._is_away:
                self._is_over.wait(LOOK_EVERY_S)
                continue
            try:
                self._page.wait(LOOK_EVERY_S)
            except StoreError:
                self._is_over.wait(LOOK_EVERY_S)
