"""How long incidents last, on one logarithmic axis: how many of each length, and every incident as a dot below."""

from collections.abc import Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from resile.analytics.chart_parts import spread
from resile.analytics.dot_columns import DotColumns
from resile.analytics.label_rows import label_places
from resile.analytics.results import GroupStatistics, IncidentDot
from resile.analytics.sentences import typical_s
from resile.analytics.words import duration
from resile.web.pages.pictures.crowd import log_places, paths, spread_places, triangle, triangles
from resile.web.pages.pictures.scales import LogScale, Mark, log_scale, xy
from resile.web.pages.pictures.scatter import durations_of, kind_of
from resile.web.pages.rendering import path_part

WIDTH, HEIGHT = 620, 230
_LEFT, _RIGHT, _TOP, _BARS, _STRIP, _BOTTOM = 8.0, 612.0, 40.0, 122.0, 132.0, 204.0
_MARGIN = 6.0
_N_BINS = 44
# Of the words beside a line: their distance from it, the width of a bold letter of 12 units, the height of a row.
_GAP, _LETTER, _ROW = 4.0, 7.2, 13.0


class Bar(Struct, frozen=True):
    """The incidents of about one length."""

    x: str
    y: str
    width: str
    height: str
    title: str


class Level(Struct, frozen=True, kw_only=True):
    """An upright line with its words; `y` is the words' base, and the line begins beside them."""

    x: str
    words_x: str
    y: float
    words: str
    kind: str
    anchor: str


class Distribution(Struct, frozen=True, kw_only=True):
    """The picture in coordinates; `dots` are (x, y, kind, href, title), linked as long as there are few."""

    width: int
    height: int
    top: float
    bars_bottom: float
    bottom: float
    left: float
    right: float
    x_marks: list[Mark]
    bars: list[Bar]
    dots: list[tuple[str, str, str, str, str]]
    paths: list[tuple[str, str]]
    open_path: str
    band: tuple[str, str] | None
    levels: list[Level]


def distribution(dots: Sequence[IncidentDot] | DotColumns, overall: GroupStatistics) -> Distribution:
    """Lay out the picture; dots given one by one are drawn as links, columns as paths."""
    durations_s = np.array([dot.duration_s for dot in dots]) if not isinstance(dots, DotColumns) else dots.duration_s
    x = log_scale(durations_of(dots), _LEFT, _RIGHT)
    across = log_places(x, durations_s)
    linked: list[tuple[str, str, str, str, str]] = []
    crowd: list[tuple[str, str]] = []
    if isinstance(dots, DotColumns):
        down = spread_places(dots.n, _STRIP + _MARGIN, _BOTTOM - _MARGIN)
        is_over = ~dots.is_open
        # To the pixel: the strip is dense where it matters.
        crowd = paths(np.rint(across[is_over]), np.rint(down[is_over]), dots.severity[is_over])
        open_path = triangles(across[dots.is_open], down[dots.is_open])
    else:
        room = _BOTTOM - _STRIP - 2 * _MARGIN
        placed = [(x(dot.duration_s), _BOTTOM - _MARGIN - spread(dot.incident_id) * room, dot) for dot in dots]
        linked = [_linked(px, py, dot) for px, py, dot in placed if not dot.is_open]
        open_path = "".join(triangle(px, py) for px, py, dot in placed if dot.is_open)
    low, high = overall.median_low_s, overall.median_high_s
    return Distribution(
        width=WIDTH, height=HEIGHT, top=_TOP, bars_bottom=_BARS, bottom=_BOTTOM, left=_LEFT, right=_RIGHT,
        x_marks=x.marks(),
        bars=_bars(across, x),
        dots=linked,
        paths=crowd,
        open_path=open_path,
        band=None if low is None or high is None else (xy(x(low)), xy(max(x(high) - x(low), 1))),
        levels=_levels(overall, x),
    )  # fmt: skip


def _bars(across: NDArray[np.float64], x: LogScale) -> list[Bar]:
    step = (_RIGHT - _LEFT) / _N_BINS
    bins = np.bincount(np.clip(((across - _LEFT) / step).astype(int), 0, _N_BINS - 1), minlength=_N_BINS)
    tallest = int(bins.max()) if across.size else 1
    heights = [int(n) / tallest * (_BARS - _TOP) for n in bins]
    return [
        Bar(
            xy(_LEFT + i * step + 0.5), xy(_BARS - heights[i]), xy(step - 1), xy(heights[i]),
            f"{n} of about {duration(_length(x.low_s, x.high_s, (i + 0.5) / _N_BINS))}",
        )
        for i, n in enumerate(bins.tolist())
        if n
    ]  # fmt: skip


def _length(low_s: float, high_s: float, share: float) -> float:
    return float(low_s * (high_s / low_s) ** share)


def _linked(px: float, py: float, dot: IncidentDot) -> tuple[str, str, str, str, str]:
    href = f"/incidents/{path_part(dot.incident_id)}"
    return xy(px), xy(py), kind_of(dot.severity), href, f"{dot.incident_id} · {duration(dot.duration_s)}"


def _levels(overall: GroupStatistics, x: LogScale) -> list[Level]:
    """Median, mean and P90, their words where no other line crosses them."""
    named = (("median", typical_s(overall)), ("mean", overall.mean_s), ("P90", overall.p90_s))
    known = [(name, x(value), f"{name} {duration(value)}") for name, value in named if value is not None]
    places = label_places(
        [at for _, at, _ in known], [_GAP + _LETTER * len(words) for _, _, words in known], float(WIDTH)
    )
    return [
        Level(
            x=xy(at),
            words_x=xy(at - _GAP if place.is_left else at + _GAP),
            y=10.0 + _ROW * place.row,
            words=words,
            kind=name.lower(),
            anchor="end" if place.is_left else "start",
        )
        for (name, at, words), place in zip(known, places, strict=True)
    ]
