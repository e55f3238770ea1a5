"""A metric month by month, small enough to stand under its figure."""

from collections.abc import Callable, Sequence
from datetime import datetime

from msgspec import Struct

from resile.analytics.words import UNDEFINED
from resile.web.pages.pictures.scales import log_scale, xy

WIDTH, HEIGHT = 200.0, 36.0
_INSET = 4.0


class Spark(Struct, frozen=True, kw_only=True):
    """The picture in coordinates of WIDTH and HEIGHT, and what it shows in words."""

    lines: list[str]
    dots: list[tuple[str, str, str]]
    label: str
    span: str
    width: float = WIDTH
    height: float = HEIGHT


def spark(
    months: Sequence[tuple[datetime, float | None]],
    say: Callable[[float | None], str],
    *,
    name: str,
    is_duration: bool,
    every: str = "month",
) -> Spark | None:
    """Lay out the picture; a period without a value is a gap. None where fewer than two have one.

    Args:
        is_duration: on a logarithmic axis; else from 0 on a linear one.
    """
    known = [value for _, value in months if value is not None]
    if len(known) < 2:  # noqa: PLR2004 - one dot says no more than the figure
        return None
    y = _durations(known) if is_duration else _amounts(known)
    step = (WIDTH - 2 * _INSET) / max(len(months) - 1, 1)
    placed = [
        None if value is None else (_INSET + i * step, y(value), at, value) for i, (at, value) in enumerate(months)
    ]
    dots = [(xy(one[0]), xy(one[1]), f"{_period(one[2], every)}: {say(one[3])}") for one in placed if one is not None]
    told = "; ".join(
        f"{_period(at, every)} {say(value) if value is not None else UNDEFINED}" for at, value in months[-12:]
    )
    said = f"{name}, each {every}, the newest last: {told}"
    return Spark(lines=_lines(placed), dots=dots, span=_span(known, say), label=said)


def _span(known: Sequence[float], say: Callable[[float | None], str]) -> str:
    """The least and the greatest value: the picture has no axis of its own."""
    low, high = say(min(known)), say(max(known))
    return low if low == high else f"{low} to {high}"


def _period(at: datetime, every: str) -> str:
    return f"{at:%b %Y}" if every in {"month", "quarter"} else f"{at:%Y-%m-%d}"


def _durations(known: Sequence[float]) -> Callable[[float], float]:
    return log_scale(known, HEIGHT - _INSET, _INSET)


def _amounts(known: Sequence[float]) -> Callable[[float], float]:
    greatest = max(known) or 1.0
    return lambda value: HEIGHT - _INSET - value / greatest * (HEIGHT - 2 * _INSET)


def _lines(placed: Sequence[tuple[float, float, datetime, float] | None]) -> list[str]:
    """Stretches of neighbouring periods that have a value; a gap stays a gap."""
    runs: list[list[str]] = [[]]
    for one in placed:
        if one is not None:
            runs[-1].append(f"{xy(one[0])} {xy(one[1])}")
        elif runs[-1]:
            runs.append([])
    return ["M" + "L".join(run) for run in runs if len(run) > 1]
