"""How long incidents last, on one logarithmic axis: how many of each length, and every incident as a dot below."""

from collections import Counter
from collections.abc import Sequence

from msgspec import Struct

from resile.analytics.chart_parts import spread
from resile.analytics.results import GroupStatistics, IncidentDot
from resile.analytics.sentences import typical_s
from resile.analytics.words import duration
from resile.web.pages.pictures.scales import LogScale, Mark, log_scale, xy
from resile.web.pages.pictures.scatter import MOST_LINKED, kind_of, triangle
from resile.web.pages.rendering import path_part

WIDTH, HEIGHT = 620, 230
_LEFT, _RIGHT, _TOP, _BARS, _STRIP, _BOTTOM = 8.0, 612.0, 40.0, 122.0, 132.0, 204.0
_N_BINS = 44


class Bar(Struct, frozen=True):
    """The incidents of about one length."""

    x: str
    y: str
    width: str
    height: str
    title: str


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
    levels: list[tuple[str, str, str, str]]


def distribution(dots: Sequence[IncidentDot], overall: GroupStatistics) -> Distribution:
    """Lay out the picture."""
    x = log_scale((dot.duration_s for dot in dots), _LEFT, _RIGHT)
    step = (_RIGHT - _LEFT) / _N_BINS
    bins = Counter(min(int((x(dot.duration_s) - _LEFT) / step), _N_BINS - 1) for dot in dots)
    tallest = max(bins.values(), default=1)
    bars = [
        Bar(
            xy(_LEFT + i * step + 0.5), xy(_BARS - n / tallest * (_BARS - _TOP)), xy(step - 1),
            xy(n / tallest * (_BARS - _TOP)),
            f"{n} of about {duration(_length(x.low_s, x.high_s, (i + 0.5) / _N_BINS))}",
        )
        for i, n in sorted(bins.items())
    ]  # fmt: skip
    room = _BOTTOM - _STRIP - 12
    placed = [(x(dot.duration_s), _BOTTOM - 6 - spread(dot.incident_id) * room, dot) for dot in dots]
    is_small = len(dots) <= MOST_LINKED
    kinds: dict[str, dict[str, None]] = {}
    for px, py, dot in placed:
        if not dot.is_open:
            kinds.setdefault(kind_of(dot.severity), {})[f"M{xy(round(px))} {xy(round(py))}h0"] = None
    low, high = overall.median_low_s, overall.median_high_s
    return Distribution(
        width=WIDTH, height=HEIGHT, top=_TOP, bars_bottom=_BARS, bottom=_BOTTOM, left=_LEFT, right=_RIGHT,
        x_marks=x.marks(),
        bars=bars,
        dots=[_linked(px, py, dot) for px, py, dot in placed if not dot.is_open] if is_small else [],
        paths=[] if is_small else [(kind, "".join(kinds[kind])) for kind in sorted(kinds, reverse=True)],
        open_path="".join(triangle(px, py) for px, py, dot in placed if dot.is_open),
        band=None if low is None or high is None else (xy(x(low)), xy(max(x(high) - x(low), 1))),
        levels=_levels(overall, x),
    )  # fmt: skip


def _length(low_s: float, high_s: float, share: float) -> float:
    return float(low_s * (high_s / low_s) ** share)


def _linked(px: float, py: float, dot: IncidentDot) -> tuple[str, str, str, str, str]:
    href = f"/incidents/{path_part(dot.incident_id)}"
    return xy(px), xy(py), kind_of(dot.severity), href, f"{dot.incident_id} · {duration(dot.duration_s)}"


def _levels(overall: GroupStatistics, x: LogScale) -> list[tuple[str, str, str, str]]:
    """Median, mean and P90 as (x, y of the words, words, kind); the words one below the other, so that none collide."""
    named = (("median", typical_s(overall)), ("mean", overall.mean_s), ("P90", overall.p90_s))
    known = [(name, value) for name, value in named if value is not None]
    return [
        (xy(x(value)), xy(10 + 13 * row), f"{name} {duration(value)}", name.lower())
        for row, (name, value) in enumerate(known)
    ]
