"""A clock that does not run backwards: where the machine's is set back, time goes on at its pace until that catches up.

Timers are rows with instants. On a clock that was set back an hour, a page that is due in five minutes would wait for
sixty-five.
"""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

from resile.ports.clock import Clock

# What two readings may differ by without the clock having been set.
_TOLERANCE = timedelta(seconds=1)


class SteadyClock:
    """The clock of a process that keeps time for others. May be read from several threads.

    Args:
        clock: the machine's.
        elapsed_s: seconds on a clock that nobody sets.
    """

    def __init__(self, clock: Clock, elapsed_s: Callable[[], float]) -> None:
        self._clock = clock
        self._elapsed_s = elapsed_s
        self._guard = threading.Lock()
        self._last = clock.now()
        self._last_elapsed_s = elapsed_s()

    def now(self) -> datetime:
        """The present instant, aware UTC; never before one that was given already."""
        with self._guard:
            elapsed_s = self._elapsed_s()
            steady = self._last + timedelta(seconds=elapsed_s - self._last_elapsed_s)
            told = self._clock.now()
            self._last = max(steady, self._last) if told < steady - _TOLERANCE else max(told, self._last)
            self._last_elapsed_s = elapsed_s
            return self._last
