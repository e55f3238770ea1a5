"""Small pictures made of characters: ranges and lines on a logarithmic axis, shares as bars."""

import math
from collections.abc import Iterable, Sequence

from msgspec import Struct

BLOCKS = "▁▂▃▄▅▆▇█"
NOTHING = "·"
MEDIAN, INTERVAL, TRACK, P90 = "●", "━", "─", "┃"
# Durations below a second are drawn at a second: a logarithm needs a floor.
FLOOR_S = 1.0


class LogAxis(Struct, frozen=True):
    """Columns 0 to width − 1 for seconds between low and high, by their logarithm."""

    low_s: float
    high_s: float
    width: int

    def column(self, seconds: float) -> int:
        """The column of so many seconds; what lies outside is drawn at the border."""
        low, high, at = (math.log(max(value, FLOOR_S)) for value in (self.low_s, self.high_s, seconds))
        if high <= low:
            return 0
        return round((min(max(at, low), high) - low) / (high - low) * (self.width - 1))


def log_axis(values: Iterable[float | None], width: int) -> LogAxis | None:
    """The axis that holds all these seconds; None where there are none, or no width to draw them."""
    known = [value for value in values if value is not None]
    if not known or width <= 0:
        return None
    return LogAxis(max(min(known), FLOOR_S), max(*known, FLOOR_S), width)


def range_bar(
    axis: LogAxis, median_s: float | None, low_s: float | None, high_s: float | None, p90_s: float | None
) -> str:
    """A median in its interval, and P90, on the axis: `──━━●━━────┃──`."""
    cells = [TRACK] * axis.width
    if low_s is not None and high_s is not None:
        begin, end = axis.column(low_s), axis.column(high_s)
        cells[begin : end + 1] = [INTERVAL] * (end + 1 - begin)
    if p90_s is not None:
        cells[axis.column(p90_s)] = P90
    if median_s is not None:
        cells[axis.column(median_s)] = MEDIAN
    return "".join(cells)


def sparkline(values: Sequence[float | None]) -> str:
    """One block per value, by its logarithm; a middle dot where there is none, so that gaps stay gaps."""
    axis = log_axis(values, len(BLOCKS))
    if axis is None:
        return NOTHING * len(values)
    if axis.high_s == axis.low_s:
        return "".join(NOTHING if value is None else BLOCKS[len(BLOCKS) // 2] for value in values)
    return "".join(NOTHING if value is None else BLOCKS[axis.column(value)] for value in values)


def count_line(counts: Sequence[float | None]) -> str:
    """One block per count, from 0: twice as many are twice as high; a middle dot where there is none."""
    greatest = max((count for count in counts if count), default=0)
    return "".join(BLOCKS[math.ceil(count / greatest * len(BLOCKS)) - 1] if count else NOTHING for count in counts)


def share_bar(share: float, width: int) -> str:
    """A bar of that share of the width, in eighths; the least visible amount is drawn."""
    eighths = round(min(max(share, 0.0), 1.0) * width * 8)
    if share > 0:
        eighths = max(eighths, 1)
    full, rest = divmod(eighths, 8)
    return "█" * full + (" ▏▎▍▌▋▊▉"[rest] if rest else "")


def signed_bar(value: float, greatest: float, half_width: int) -> str:
    """A bar to the right of the middle for more, to the left for less; `greatest` fills a half."""
    cells = 0 if greatest <= 0 else max(1, round(abs(value) / greatest * half_width)) if value else 0
    left = ("█" * cells).rjust(half_width) if value < 0 else " " * half_width
    right = ("█" * cells).ljust(half_width) if value > 0 else " " * half_width
    return f"{left}│{right}"
