"""Every counted incident as columns, for pictures of so many that no reader looks at each by itself."""

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from resile.analytics.grouping import Population


class DotColumns(Struct, frozen=True):
    """Incidents in no particular order.

    Attributes:
        started_us: microseconds since 1970, UTC.
        duration_s: of open ones, so far.
        severity: 1 to 5; 0 where there is none.
    """

    started_us: NDArray[np.int64]
    duration_s: NDArray[np.float64]
    is_open: NDArray[np.bool_]
    severity: NDArray[np.int64]

    @property
    def n(self) -> int:
        """How many there are."""
        return len(self.started_us)


def dot_columns(found: Population) -> DotColumns:
    """The counted incidents of what was fetched, by severity too."""
    severity = found.texts["severity"]
    levels = np.array([int(value[-1]) if value else 0 for value in severity.values], dtype=np.int64)
    once = found.everyone
    return DotColumns(once.started_us, once.durations_us / 1e6, once.is_open, levels[severity.codes])
