"""Every counted incident as columns, for pictures of so many that no reader looks at each by itself."""

from datetime import datetime
from typing import Any

import numpy as np
from ibis import Table
from msgspec import Struct
from numpy.typing import NDArray

from resile.analytics.query import Query
from resile.analytics.selection import counted, selected


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


def dot_columns(facts: Table, query: Query, *, known_until: datetime) -> DotColumns:
    """The query's counted incidents."""
    table = counted(selected(facts, query, known_until=known_until))
    columns = table.select(
        started_at=table.started_at,
        duration_us=table.duration_us,
        is_open=table.is_open,
        severity=table.severity.right(1).try_cast("int64").fill_null(0),
    ).to_pyarrow()

    def column(name: str) -> NDArray[Any]:
        values: NDArray[Any] = columns[name].to_numpy()
        return values

    return DotColumns(
        columns["started_at"].cast("int64").to_numpy(),
        column("duration_us") / 1e6,
        column("is_open").astype(bool),
        column("severity"),
    )
