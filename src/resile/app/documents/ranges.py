"""Where durations stand on a table's logarithmic axis, as shares of its width."""

import math

from resile.analytics.chart_parts import FLOOR_S
from resile.app.documents.content import Range


def range_on(
    domain: tuple[float, float], median_s: float | None, low_s: float | None, high_s: float | None, p90_s: float | None
) -> Range | None:
    """A median in its interval, and P90, on the axis over `domain`; None where there is nothing to draw."""
    if median_s is None and p90_s is None:
        return None
    has_interval = low_s is not None and high_s is not None
    return Range(
        median=_share(median_s, domain),
        low=_share(low_s, domain) if has_interval else None,
        high=_share(high_s, domain) if has_interval else None,
        p90=_share(p90_s, domain),
    )


def _share(seconds: float | None, domain: tuple[float, float]) -> float | None:
    if seconds is None:
        return None
    low, high, at = (math.log(max(value, FLOOR_S)) for value in (*domain, seconds))
    return round(min(max((at - low) / (high - low), 0.0), 1.0), 4)
