"""The threads that follow what was published, make of it what is served, and say when that grows old."""

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
        # Of the two threads either may have something to show.
        self._showing = threading.Lock()
        self._threads = [
            threading.Thread(target=run, name=f"status page: {name}", daemon=True)
            for name, run in (("follow", self._follow), ("age", self._watch_age))
        ]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End."""
        self._is_over.set()
        for thread in self._threads:
            thread.join(timeout=10)

    def look(self) -> None:
        """Look once, and have the board show what is so."""
        # What is read is no younger than this.
        at, at_s = self._now(), self._elapsed_s()
        try:
            status = self._page.look()
            with self._showing:
                self._show(status, None)
                self._read_at, self._read_s, self._is_away = at, at_s, False
        except Exception as error:  # noqa: BLE001 - whatever fails here, what was true last is shown on, and says so
            self._fails(error)
            self.say_age()

    def say_age(self) -> None:
        """Have the board say since when nothing new is known, once that is long enough."""
        try:
            with self._showing:
                if self._shown is not None and self._elapsed_s() - self._read_s >= SAY_AFTER.total_seconds():
                    self._show(self._shown[0], self._read_at)
        except Exception as error:  # noqa: BLE001 - as above; there is another try in a second
            self._fails(error)

    def _fails(self, error: Exception) -> None:
        if not self._is_away:
            reason = str(error) if isinstance(error, StoreError) else repr(error)
            _log.warning("status page cannot follow", error=reason, exc_info=not isinstance(error, StoreError))
        self._is_away = True

    def _show(self, status: PublicStatus, stale_since: datetime | None) -> None:
        shown = self._shown
        if shown is not None and shown[0] is status and shown[1] == stale_since:
            return
        self._board.site = self._maker.site(status, stale_since=stale_since)
        self._shown = status, stale_since

    def _follow(self) -> None:
        while not self._is_over.is_set():
            self.look()
            if self._is_away:
                self._is_over.wait(LOOK_EVERY_S)
                continue
            try:
                self._page.wait(LOOK_EVERY_S)
            except Exception as error:  # noqa: BLE001 - the next look finds it too, and a thread that ends looks no more
                self._fails(error)
                self._is_over.wait(LOOK_EVERY_S)

    def _watch_age(self) -> None:
        """A store that neither answers nor fails keeps the thread that reads waiting: that must not hide the age."""
        while not self._is_over.wait(LOOK_EVERY_S):
            self.say_age()
