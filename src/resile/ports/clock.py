"""The clock, as a thing to be handed in."""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """The present instant, aware UTC."""
        ...


class SleepingClock(Clock, Protocol):
    """Tells the time, and lets it pass."""

    def sleep(self, length_s: float) -> None:
        """Return once so many seconds have passed."""
        ...
