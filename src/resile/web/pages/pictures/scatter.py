"""Every incident as a dot over time, and the median of each period with its interval."""

from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import pairwise

import numpy as np
from msgspec import Struct

from resile.analytics.dot_columns import DotColumns
from resile.analytics.query import Every, Window, next_period
from resile.analytics.results import IncidentDot, PeriodStatistics, Trend
from resile.analytics.sentences import typical_s
from resile.analytics.words import counted, duration, factor
from resile.model.time import format_instant
from resile.web.pages.pictures.crowd import MOST_OPEN, log_places, paths
from resile.web.pages.pictures.scales import LogScale, Mark, TimeScale, log_scale, xy
from resile.web.pages.rendering import path_part

# The picture takes the room that its sheet has. Lines and areas are drawn in these units and stretched; dots and words
# stand at a share of the width and height, so that they keep their shape.
WIDTH, HEIGHT = 1000.0, 500.0
# Above this, dots are drawn as paths, and a script finds the incident under the pointer.
MOST_LINKED = 2_000
_LABEL_WIDTH = 265.0
_SEVERITIES = frozenset(("SEV1", "SEV2", "SEV3", "SEV4", "SEV5"))


class Dot(Struct, frozen=True):
    """One incident that can be opened from the picture; `x` and `y` are shares, as `12.5%`."""

    x: str
    y: str
    kind: str
    is_open: bool
    href: str
    title: str


class Column(Struct, frozen=True):
    """A period's strip of the picture; leads to its incidents."""

    x: str
    width: str
    href: str
    title: str


class Scatter(Struct, frozen=True, kw_only=True):
    """The picture in coordinates: paths in units of `width` and `height`, dots and words as shares of them.

    Attributes:
        paths: per kind of dot (severity), its dots as one path of zero-length strokes; empty where `dots` are linked.
        opens: where open incidents stand that are not linked.
        line: stretches of the median without a period that has none.
        last: the newest median and its height, to be written beside the axis.
    """

    width: float
    height: float
    y_marks: list[Mark]
    x_marks: list[Mark]
    dots: list[Dot]
    paths: list[tuple[str, str]]
    opens: list[tuple[str, str]]
    columns: list[Column]
    band: list[str]
    line: list[str]
    medians: list[tuple[str, str]]
    changes: list[Mark]
    last: tuple[str, str] | None
    low_s: float
    high_s: float
    from_s: float
    to_s: float


def scatter(
    dots: Sequence[IncidentDot] | DotColumns, trend: Trend, window: Window, between: Callable[[str, str], str]
) -> Scatter:
    """Lay out the picture; `between` gives the address of the incidents of a stretch of time.

    Dots given one by one are drawn as links; columns are drawn as paths.
    """
    y = log_scale(durations_of(dots), HEIGHT, 0.0)
    x = TimeScale(window.start, window.end, 0.0, WIDTH)
    placed = [(_middle(period, trend.every, window), period) for period in trend.periods]
    medians = [(at, median) for at, period in placed if (median := typical_s(period)) is not None]
    last = None
    if medians:
        _, median = medians[-1]
        last = (down(y(median)), duration(median))
    linked = [] if isinstance(dots, DotColumns) else [_dot(dot, x, y) for dot in dots]
    crowd, opens = _crowd(dots, x, y) if isinstance(dots, DotColumns) else ([], [])
    return Scatter(
        width=WIDTH, height=HEIGHT,
        low_s=y.low_s, high_s=y.high_s, from_s=window.start.timestamp(), to_s=window.end.timestamp(),
        y_marks=y.marks(at_most=6),
        x_marks=x.marks(),
        dots=linked,
        paths=crowd,
        opens=opens,
        columns=[_column(period, trend.every, window, x, between) for period in trend.periods],
        band=_bands(placed, x, y),
        line=_lines(placed, x, y),
        medians=[(across(x(at)), down(y(median))) for at, median in medians],
        changes=_changes(trend, x),
        last=last,
    )  # fmt: skip


def durations_of(dots: Sequence[IncidentDot] | DotColumns) -> list[float]:
    """What an axis must hold: all durations, or of columns the shortest and the longest."""
    if not isinstance(dots, DotColumns):
        return [dot.duration_s for dot in dots]
    return [float(dots.duration_s.min()), float(dots.duration_s.max())] if dots.n else []


def _changes(trend: Trend, x: TimeScale) -> list[Mark]:
    """Where the level changed; written only where there is room, for the page lists all of them below."""
    marks: list[Mark] = []
    for one in trend.change_points:
        at = x(one.at)
        is_crowded = any(mark.label and abs(mark.at - at) < _LABEL_WIDTH for mark in marks)
        marks.append(Mark(at, "" if is_crowded else f"{factor(one.ratio)} from here"))
    return marks


def _crowd(dots: DotColumns, x: TimeScale, y: LogScale) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    start, end = x.start.timestamp(), x.end_at.timestamp()
    share = np.clip((dots.started_us / 1e6 - start) / (end - start), 0.0, 1.0)
    px, py = x.begin + share * (x.end - x.begin), log_places(y, dots.duration_s)
    is_over = ~dots.is_open
    opens = zip(px[dots.is_open][:MOST_OPEN].tolist(), py[dots.is_open][:MOST_OPEN].tolist(), strict=True)
    return paths(px[is_over], py[is_over], dots.severity[is_over]), [(across(ox), down(oy)) for ox, oy in opens]


def across(px: float) -> str:
    """A place from left to right as a share of the width."""
    return f"{px / WIDTH * 100:.2f}%"


def down(py: float) -> str:
    """A place from top to bottom as a share of the height."""
    return f"{py / HEIGHT * 100:.2f}%"


def _middle(period: PeriodStatistics, every: str, window: Window) -> datetime:
    """Where a period's median stands: in the middle of the part that lies inside the window."""
    start = max(period.start, window.start)
    end = min(next_period(period.start, Every(every)), window.end)
    return start + (end - start) / 2


def kind_of(severity: str | None) -> str:
    """The class of a dot, by which the style sheet gives it its colour."""
    return severity.lower() if severity in _SEVERITIES else "sev0"


def _dot(dot: IncidentDot, x: TimeScale, y: LogScale) -> Dot:
    told = [
        dot.incident_id,
        dot.severity,
        dot.service,
        duration(dot.duration_s) + (" so far, open" if dot.is_open else ""),
    ]
    said = " · ".join(part for part in told if part)
    return Dot(
        across(x(dot.started_at)), down(y(dot.duration_s)), kind_of(dot.severity), dot.is_open,
        f"/incidents/{path_part(dot.incident_id)}", f"{said}\n{dot.title}",
    )  # fmt: skip


def _column(
    period: PeriodStatistics, every: str, window: Window, x: TimeScale, between: Callable[[str, str], str]
) -> Column:
    start, end = max(period.start, window.start), min(next_period(period.start, Every(every)), window.end)
    told = f"{every} from {period.start:%Y-%m-%d}: {counted(period.n_restored, 'incident')}"
    if (median := typical_s(period)) is not None:
        told += f", median {duration(median)}"
    return Column(
        xy(x(start)), xy(max(x(end) - x(start), 0)), between(format_instant(start), format_instant(end)), told
    )


def _runs(
    placed: Sequence[tuple[datetime, PeriodStatistics]], is_known: Callable[[PeriodStatistics], bool]
) -> list[list[tuple[datetime, PeriodStatistics]]]:
    """Stretches of neighbouring periods of which something is known; a gap stays a gap."""
    runs: list[list[tuple[datetime, PeriodStatistics]]] = [[]]
    for at, period in placed:
        if is_known(period):
            runs[-1].append((at, period))
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if run]


def _lines(placed: Sequence[tuple[datetime, PeriodStatistics]], x: TimeScale, y: LogScale) -> list[str]:
    runs = _runs(placed, lambda period: typical_s(period) is not None)
    return [_polyline([(x(at), y(typical_s(p) or 0)) for at, p in run]) for run in runs if len(run) > 1]


def _bands(placed: Sequence[tuple[datetime, PeriodStatistics]], x: TimeScale, y: LogScale) -> list[str]:
    bands = []
    for run in _runs(placed, lambda p: p.median_low_s is not None and p.median_high_s is not None):
        high = [(x(at), y(p.median_high_s or 0)) for at, p in run]
        low = [(x(at), y(p.median_low_s or 0)) for at, p in run]
        if len(run) == 1:  # A lone interval has no area: it becomes a bar.
            (at, top), (_, bottom) = high[0], low[0]
            high, low = [(at - 5, top), (at + 5, top)], [(at - 5, bottom), (at + 5, bottom)]
        bands.append(_polyline([*high, *reversed(low)]) + "z")
    return bands


def _polyline(points: Sequence[tuple[float, float]]) -> str:
    first, *others = points
    return f"M{xy(first[0])} {xy(first[1])}" + "".join(f"L{xy(px)} {xy(py)}" for px, py in others)


def gaps(periods: Sequence[PeriodStatistics]) -> int:
    """How many periods between the first and the last that hold something hold nothing."""
    filled = [i for i, period in enumerate(periods) if period.n_restored]
    return sum(later - earlier - 1 for earlier, later in pairwise(filled))
