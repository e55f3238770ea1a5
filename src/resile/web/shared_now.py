"""How everything stands, worked out once for all who look at the same moment."""

import threading
from datetime import datetime, timedelta

from resile.app.now import Now, now_of
from resile.app.wiring import Resile

# Nothing happened on any timeline: then only the outbox and the clock have moved.
_HOLDS = timedelta(seconds=2)
_ZERO = timedelta(0)


class SharedNow:
    """Everybody who watches asks again whenever something happens, all at once."""

    def __init__(self, resile: Resile) -> None:
        self._resile = resile
        self._lock = threading.Lock()
        self._known: tuple[int, datetime, Now] | None = None

    def look(self) -> Now:
        """How it stands, with all that any timeline tells by now."""
        with self._lock:
            seq, now = self._resile.timelines.last_seq(), self._resile.clock.now()
            if self._known is not None:
                known_seq, known_at, known = self._known
                if known_seq == seq and _ZERO <= now - known_at < _HOLDS:
                    return known
            found = now_of(self._resile)
            self._known = (seq, now, found)
            return found
