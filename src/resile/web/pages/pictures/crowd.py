"""Very many dots as a few paths: what falls on the same place is drawn once, so a picture stays light at any number."""

import numpy as np
from numpy.typing import NDArray

from resile.web.pages.pictures.scales import LogScale, xy

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# More places than this make a page heavy; they are then told apart less finely, which nobody can see in such a crowd.
_MOST_PLACES = 24_000
_GRIDS = (2.0, 1.0, 0.5)
# Open incidents are few; were they not, their signs would cover everything.
MOST_OPEN = 1_000
_GOLDEN = 0.6180339887498949


def log_places(scale: LogScale, seconds: Floats) -> Floats:
    """The coordinates of many durations; what lies outside stands on the edge."""
    inside = np.clip(seconds, scale.low_s, scale.high_s)
    share = np.log(inside / scale.low_s) / np.log(scale.high_s / scale.low_s)
    return np.asarray(scale.begin + share * (scale.end - scale.begin), dtype=np.float64)


def spread_places(n: int, begin: float, end: float) -> Floats:
    """Coordinates for so many dots side by side, evenly scattered and always the same."""
    return np.asarray(begin + (np.arange(n) * _GOLDEN % 1.0) * (end - begin), dtype=np.float64)


def paths(x: Floats, y: Floats, kinds: Ints) -> list[tuple[str, str]]:
    """Per kind of dot, the worst last so that it lies on top: its places as one path of zero-length strokes."""
    found: dict[int, list[tuple[float, float]]] = {}
    for grid in _GRIDS:
        found = _places(x, y, kinds, grid)
        if sum(len(places) for places in found.values()) <= _MOST_PLACES:
            break
    return [(f"sev{kind}", _path(found[kind])) for kind in sorted(found, reverse=True)]


def _places(x: Floats, y: Floats, kinds: Ints, grid: float) -> dict[int, list[tuple[float, float]]]:
    columns, rows = np.rint(x * grid).astype(np.int64), np.rint(y * grid).astype(np.int64)
    places: dict[int, list[tuple[float, float]]] = {}
    for kind in np.unique(kinds):
        of_kind = kinds == kind
        # One number per place is told apart faster than a pair.
        numbers = np.unique(columns[of_kind] * 100_000 + rows[of_kind])
        placed = zip((numbers // 100_000 / grid).tolist(), (numbers % 100_000 / grid).tolist(), strict=True)
        places[int(kind)] = list(placed)
    return places


def _path(places: list[tuple[float, float]]) -> str:
    return "".join(f"M{px:g} {py:g}h0" for px, py in places)


def triangle(x: float, y: float) -> str:
    """The sign of an open incident: upward, for its end is not known yet."""
    return f"M{xy(x - 4)} {xy(y + 3)}l4-7 4 7z"


def triangles(x: Floats, y: Floats) -> str:
    """The signs of open incidents."""
    shown = zip(x[:MOST_OPEN].tolist(), y[:MOST_OPEN].tolist(), strict=True)
    return "".join(triangle(px, py) for px, py in shown)
