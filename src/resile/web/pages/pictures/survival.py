"""The share of incidents not restored yet, by the time since their clock started."""

from msgspec import Struct

from resile.analytics.results import Survival
from resile.analytics.survival_report import READ_AT, ROUNDING
from resile.analytics.words import duration, percent
from resile.web.pages.pictures.scales import Mark, log_scale, xy

WIDTH, HEIGHT = 620, 230
_LEFT, _RIGHT, _TOP, _BOTTOM = 46.0, 612.0, 14.0, 204.0
# A curve of more points looks the same.
_MOST_POINTS = 600


class SurvivalPicture(Struct, frozen=True, kw_only=True):
    """The curve in coordinates; `reads` are (x, y, words) of the times by which half and nine of ten are restored."""

    width: int
    height: int
    left: float
    right: float
    top: float
    bottom: float
    x_marks: list[Mark]
    y_marks: list[Mark]
    line: str
    band: str
    reads: list[tuple[str, str, str]]


def survival_picture(survival: Survival) -> SurvivalPicture:
    """Lay out the picture."""
    points = survival.points
    if len(points) > _MOST_POINTS:
        step = len(points) / _MOST_POINTS
        points = [points[int(i * step)] for i in range(_MOST_POINTS)] + points[-1:]
    x = log_scale((point.after_s for point in points if point.after_s > 0), _LEFT, _RIGHT)
    steps = [(x(point.after_s), _y(point.share), _y(point.low), _y(point.high)) for point in points]
    line = [f"M{xy(_LEFT)} {xy(_y(1))}"] + [f"H{xy(px)}V{xy(share)}" for px, share, _, _ in steps]
    upper = [f"M{xy(_LEFT)} {xy(_y(1))}"] + [f"H{xy(px)}V{xy(high)}" for px, _, _, high in steps]
    corners = [(_LEFT, _y(1.0)), *((px, low) for px, _, low, _ in steps)]
    # Back along the lower border, from right to left: down to the level of each step, then left to where it begins.
    back = [f"V{xy(level)}H{xy(px)}" for px, level in reversed(corners)]
    reads = []
    for share, words in zip(READ_AT, ("half", "nine in ten"), strict=True):
        reached = next((point for point in survival.points if point.share <= share + ROUNDING), None)
        if reached is not None:
            reads.append((xy(x(reached.after_s)), xy(_y(share)), f"{words} within {duration(reached.after_s)}"))
    return SurvivalPicture(
        width=WIDTH, height=HEIGHT, left=_LEFT, right=_RIGHT, top=_TOP, bottom=_BOTTOM,
        x_marks=x.marks(at_most=6),
        y_marks=[Mark(_y(share), percent(share)) for share in (0.0, 0.25, 0.5, 0.75, 1.0)],
        line="".join(line),
        band="".join([*upper, *back, "z"]) if steps else "",
        reads=reads,
    )  # fmt: skip


def _y(share: float) -> float:
    return _BOTTOM - share * (_BOTTOM - _TOP)
