"""A clock that stands still until it is told otherwise."""

from datetime import datetime, timedelta

from resile.model.errors import ConfigError
from resile.model.time import utc


class SimulatedClock:
    """The Clock of tests and simulations: time moves only by advance()."""

    def __init__(self, now: datetime) -> None:
        self._now = utc(now)

    def now(self) -> datetime:
        """The present instant, aware UTC."""
        return self._now

    def advance(self, by: timedelta) -> datetime:
        """Let time pass; give back the new present.

        Raises:
            ConfigError: `by` is negative; clocks do not run backwards.
        """
        if by < timedelta(0):
            raise ConfigError(f"a clock cannot be advanced by {by}; make another one that starts earlier")
        self._now += by
        return self._now

    def sleep(self, length_s: float) -> None:
        """Let so many seconds pass at once."""
        self.advance(timedelta(seconds=length_s))
