"""Every incident as a dot over time, and the median of each period with its interval."""

from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import pairwise

from msgspec import Struct

from resile.analytics.query import Every, Window, next_period
from resile.analytics.results import IncidentDot, PeriodStatistics, Trend
from resile.analytics.sentences import typical_s
from resile.analytics.words import counted, duration, factor
from resile.model.time import format_instant
from resile.web.pages.pictures.scales import LogScale, Mark, TimeScale, log_scale, xy
from resile.web.pages.rendering import path_part

WIDTH, HEIGHT = 820, 350
_LEFT, _RIGHT, _TOP, _BOTTOM = 52.0, 764.0, 14.0, 316.0
# Above this, dots are drawn as one path per severity, and a script finds the incident under the pointer.
MOST_LINKED = 2_000
_SEVERITIES = frozenset(("SEV1", "SEV2", "SEV3", "SEV4", "SEV5"))


class Dot(Struct, frozen=True):
    """One incident that can be opened from the picture."""

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
    """The picture in coordinates.

    Attributes:
        paths: per kind of dot (severity), its dots as one path of zero-length strokes; empty where `dots` are linked.
        line: stretches of the median without a period that has none.
        last: the newest median, to be written at its height beside the axis.
    """

    width: int
    height: int
    left: float
    right: float
    bottom: float
    top: float
    y_marks: list[Mark]
    x_marks: list[Mark]
    dots: list[Dot]
    paths: list[tuple[str, str]]
    open_path: str
    columns: list[Column]
    band: list[str]
    line: list[str]
    medians: list[tuple[str, str]]
    changes: list[Mark]
    last: tuple[str, str, str] | None
    is_small: bool
    low_s: float
    high_s: float
    from_s: float
    to_s: float


def scatter(dots: Sequence[IncidentDot], trend: Trend, window: Window, between: Callable[[str, str], str]) -> Scatter:
    """Lay out the picture; `between` gives the address of the incidents of a stretch of time."""
    y = log_scale((dot.duration_s for dot in dots), _BOTTOM, _TOP)
    x = TimeScale(window.start, window.end, _LEFT, _RIGHT)
    placed = [(_middle(period, trend.every, window), period) for period in trend.periods]
    medians = [(at, median) for at, period in placed if (median := typical_s(period)) is not None]
    is_small = len(dots) <= MOST_LINKED
    last = None
    if medians:
        _, median = medians[-1]
        last = (xy(_RIGHT + 8), xy(y(median) + 4), duration(median))
    return Scatter(
        width=WIDTH, height=HEIGHT, left=_LEFT, right=_RIGHT, bottom=_BOTTOM, top=_TOP,
        y_marks=y.marks(at_most=6),
        x_marks=x.marks(),
        dots=[_dot(dot, x, y) for dot in dots] if is_small else [],
        paths=[] if is_small else _paths(dots, x, y),
        open_path="" if is_small else "".join(triangle(x(d.started_at), y(d.duration_s)) for d in dots if d.is_open),
        columns=[_column(period, trend.every, window, x, between) for period in trend.periods],
        band=_bands(placed, x, y),
        line=_lines(placed, x, y),
        medians=[(xy(x(at)), xy(y(median))) for at, median in medians],
        changes=[Mark(x(one.at), f"{factor(one.ratio)} from here") for one in trend.change_points],
        last=last,
        is_small=is_small,
        low_s=y.low_s, high_s=y.high_s, from_s=window.start.timestamp(), to_s=window.end.timestamp(),
    )  # fmt: skip


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
        xy(x(dot.started_at)), xy(y(dot.duration_s)), kind_of(dot.severity), dot.is_open,
        f"/incidents/{path_part(dot.incident_id)}", f"{said}\n{dot.title}",
    )  # fmt: skip


def _paths(dots: Sequence[IncidentDot], x: TimeScale, y: LogScale) -> list[tuple[str, str]]:
    """Dots of one kind as one path; those that fall on the same half pixel are drawn once."""
    places: dict[str, dict[str, None]] = {}
    for dot in dots:
        if not dot.is_open:
            at = f"{_half(x(dot.started_at))} {_half(y(dot.duration_s))}"
            places.setdefault(kind_of(dot.severity), {})[at] = None
    return [(kind, "".join(f"M{at}h0" for at in places[kind])) for kind in sorted(places, reverse=True)]


def _half(value: float) -> str:
    return xy(round(value * 2) / 2)


def triangle(x: float, y: float) -> str:
    """The sign of an open incident: upward, for its end is not known yet."""
    return f"M{xy(x - 4)} {xy(y + 3)}l4-7 4 7z"


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
