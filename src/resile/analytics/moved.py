"""What moved the mean between two windows, by itself: without the tests of a whole comparison."""

from datetime import datetime

import numpy as np
from ibis import Table
from msgspec import Struct
from msgspec.structs import replace

from resile.analytics.attribution import attribute, class_times, usual_dimensions
from resile.analytics.grouping import Key, population
from resile.analytics.phase_columns import BOUNDS
from resile.analytics.query import PERIODS, Query, Window
from resile.analytics.results import Attribution


class Moved(Struct, frozen=True):
    """Two windows and the change of the mean between them; None where one of them holds no restored incident."""

    before: Window
    after: Window
    attribution: Attribution | None


def moved(facts: Table, query: Query, before: Window, after: Window, *, known_until: datetime | None = None) -> Moved:
    """Split the change of the mean from one window to the other by the query's dimensions.

    The query's own window plays no part. Without dimensions it is split by severity and service.
    """
    by = usual_dimensions(query.by)
    first, second = (replace(query, window=window, by=by) for window in (before, after))
    return Moved(before, after, attribution_between(facts, first, second, known_until=known_until))


def attribution_between(
    facts: Table, before: Query, after: Query, *, known_until: datetime | None = None
) -> Attribution | None:
    """Split the change of the mean from one question's incidents to the other's.

    By the first one's dimensions that are no periods; without any, all are one class.
    """
    by = tuple(name for name in before.by if name not in PERIODS)
    sides = [
        population(facts, replace(query, by=by), known_until, needs=BOUNDS, by_first_service=True).grouped(by).once
        for query in (before, after)
    ]
    # Facts of nothing have no values by which to tell classes.
    if not any(side.n for side in sides):
        return None
    places: dict[tuple[str | None, ...], int] = {}
    classes = [
        np.array([places.setdefault(tuple(key.values()), len(places)) for key in side.keys], dtype=np.int64)
        for side in sides
    ]
    first, second = (class_times(side, of, len(places), before.clock) for side, of in zip(sides, classes, strict=True))
    keys: list[Key] = [dict(zip(by, values, strict=True)) for values in places]
    return attribute(first, second, keys, by)
