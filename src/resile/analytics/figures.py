"""All figures of all groups at once, as columns; and as one value per group."""

from collections.abc import Sequence
from itertools import starmap
from typing import Any, TypeVar

import numpy as np
from msgspec import Struct

from resile.analytics import kaplan_meier, mean_interval, median_interval
from resile.analytics.ordered import Bools, Floats, Ints, Ordered, quantiles_s, sums
from resile.analytics.results import GroupStatistics
from resile.analytics.threads import meanwhile

T = TypeVar("T", bound=Struct)

N_FOR_MEAN = 50
NOTE_FEW_FOR_MEAN = "fewer than 50 restored: the mean and its interval hang on the longest ones"
NOTE_NO_MEDIAN_INTERVAL = "fewer than 6 restored: too few for an interval of the median"
NOTE_NO_MEAN_INTERVAL = "fewer than 5 restored: too few for an interval of the mean"
NOTE_OPEN_ENDED_MEAN = "the mean has no upper or no lower bound: too few of its durations differ"
NOTE_OPEN = "some are still open: Kaplan–Meier's median and its interval count them as lasting at least so long"
NOTE_NEVER_REACHED = "so many are still open that the median over all is not reached yet"

FIGURES = (
    "mean_s",
    "mean_low_s",
    "mean_high_s",
    "median_s",
    "median_low_s",
    "median_high_s",
    "km_median_s",
    "p75_s",
    "p90_s",
    "p95_s",
    "stdev_s",
    "min_s",
    "max_s",
)


class Figures(Struct, frozen=True, kw_only=True):
    """One number per group in each column; NaN where undefined. The fields are those of GroupStatistics."""

    n_restored: Ints
    n_open: Ints
    mean_s: Floats
    mean_low_s: Floats
    mean_high_s: Floats
    median_s: Floats
    median_low_s: Floats
    median_high_s: Floats
    km_median_s: Floats
    p75_s: Floats
    p90_s: Floats
    p95_s: Floats
    stdev_s: Floats
    min_s: Floats
    max_s: Floats

    def worst_first(self) -> Ints:
        """The groups by typical duration, longest first; never reached counts as longest, none at all comes last."""
        never = (self.n_open > 0) & np.isnan(self.km_median_s)
        typical = np.where(self.n_open > 0, self.km_median_s, self.median_s)
        typical = np.where(never, np.inf, typical)
        typical = np.where(np.isnan(typical), -1.0, typical)
        return np.lexsort((np.arange(len(typical)), -(self.n_restored + self.n_open), -typical))


def figures(ordered: Ordered) -> Figures:
    """Every figure of every group."""
    restored = ordered.restored()
    us, edges, n = restored.durations_us, restored.edges, restored.sizes
    n_open = ordered.sizes - n
    # In microseconds, which are whole: the mean of equal durations is then exactly theirs, and their deviation 0.
    with np.errstate(invalid="ignore", divide="ignore"):
        mean_us = sums(us, edges) / n
        squares = sums(us, edges, mean_us)
        stdev_s = np.where(n > 1, np.sqrt(squares / (n - 1)), np.nan) / 1e6
        deviation_us = np.sqrt(squares / n)
    # Begun first, so that two of us can work on the intervals of the means until the end.
    with_open = meanwhile(lambda: _kaplan_meier(ordered, n_open > 0))
    mean_low_us, mean_high_us = mean_interval.mean_intervals(us, edges, mean_us, deviation_us)
    median_low_s, median_high_s = median_interval.median_intervals_s(us, edges)
    km_median_s, km_low_s, km_high_s = with_open()
    return Figures(
        n_restored=n,
        n_open=n_open,
        mean_s=mean_us / 1e6,
        mean_low_s=mean_low_us / 1e6,
        mean_high_s=mean_high_us / 1e6,
        median_s=quantiles_s(us, edges, 0.5),
        median_low_s=np.where(n_open > 0, km_low_s, median_low_s),
        median_high_s=np.where(n_open > 0, km_high_s, median_high_s),
        km_median_s=km_median_s,
        p75_s=quantiles_s(us, edges, 0.75),
        p90_s=quantiles_s(us, edges, 0.90),
        p95_s=quantiles_s(us, edges, 0.95),
        stdev_s=stdev_s,
        min_s=quantiles_s(us, edges, 0),
        max_s=quantiles_s(us, edges, 1),
    )


def _kaplan_meier(ordered: Ordered, has_open: Bools) -> tuple[Floats, Floats, Floats]:
    """Median and interval of the groups in which some are open; NaN for the others."""
    found = tuple(np.full(ordered.n_groups, np.nan) for _ in range(3))
    if has_open.any():
        for column, medians in zip(found, kaplan_meier.medians(ordered.only(has_open)), strict=True):
            column[has_open] = medians
    middle, low, high = found
    return middle, low, high


def as_values(kind: type[T], table: Figures, rows: Ints, extra: dict[str, Sequence[Any]]) -> list[T]:
    """One value of `kind` per row, in that order: the figures by field name, null for NaN, and the extra fields."""
    columns: dict[str, Sequence[Any]] = {
        "n_restored": table.n_restored[rows].tolist(),
        "n_open": table.n_open[rows].tolist(),
    }
    for name in FIGURES:
        figure = getattr(table, name)[rows]
        column = figure.tolist()
        for place in np.flatnonzero(np.isnan(figure)).tolist():
            column[place] = None
        columns[name] = column
    columns |= extra
    # By position: naming each field of each value would take three times as long.
    return list(starmap(kind, zip(*(columns[field] for field in kind.__struct_fields__), strict=True)))


def group_statistics(
    table: Figures, rows: Ints, keys: Sequence[dict[str, str | None]], note: Sequence[str] = ()
) -> list[GroupStatistics]:
    """Statistics of these groups, in this order, under these keys; `note` is added to each."""
    return as_values(GroupStatistics, table, rows, {"key": keys, "notes": _notes(table, rows, note)})


def _notes(table: Figures, rows: Ints, note: Sequence[str]) -> list[list[str]]:
    """Sentences on how far to trust each group's figures."""
    n, n_open = table.n_restored[rows], table.n_open[rows]
    no_bound = np.isnan(table.mean_low_s[rows]) | np.isnan(table.mean_high_s[rows])
    tests = {
        NOTE_FEW_FOR_MEAN: (n > 0) & (n < N_FOR_MEAN),
        NOTE_NO_MEAN_INTERVAL: (n > 0) & (n < mean_interval.N_LEAST),
        NOTE_OPEN_ENDED_MEAN: (n >= mean_interval.N_LEAST) & no_bound,
        NOTE_NO_MEDIAN_INTERVAL: (n > 0) & (n < median_interval.N_LEAST) & (n_open == 0),
        NOTE_OPEN: n_open > 0,
        NOTE_NEVER_REACHED: (n_open > 0) & np.isnan(table.km_median_s[rows]),
    }
    # Groups share few combinations; each is put into words once.
    kinds = sum((test.astype(np.int64) << place for place, test in enumerate(tests.values())), np.zeros_like(n))
    worded = {
        kind: [*(sentence for place, sentence in enumerate(tests) if kind >> place & 1), *note]
        for kind in np.unique(kinds).tolist()
    }
    return [worded[kind] for kind in kinds.tolist()]
