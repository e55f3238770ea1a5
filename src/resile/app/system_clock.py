"""The only place that reads the machine's clock, and waits by it."""

import time
from datetime import UTC, datetime


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The present instant, aware UTC."""
        return datetime.now(UTC)  # noqa: TID251 - the one place

    def sleep(self, length_s: float) -> None:
        """Return once so many seconds have passed."""
        time.sleep(max(0.0, length_s))  # noqa: TID251 - the one place
