"""From the facts to arrays: which group each counted incident belongs to, when it started, how long it took."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import ibis
import numpy as np
import pyarrow as pa
from ibis import Table
from msgspec import Struct

from resile.analytics.ordered import Bools, Ints
from resile.analytics.periods import period_of_days
from resile.analytics.query import PERIODS, Every, Query, Window
from resile.analytics.selection import EXCLUSIONS, counted, dimension, narrowed, other_services, per_service, selected
from resile.model.time import to_us

Key = dict[str, str | None]
DAY_US = 86_400_000_000
NO_INSTANT = int(np.iinfo(np.int64).min)


class Observations(Struct, frozen=True):
    """Counted incidents as columns, in no particular order.

    Attributes:
        groups: number of the group in `keys` that each belongs to; a group may be without incidents.
        started_us: microseconds since 1970, UTC.
        durations_us: up to the horizon for open ones; never negative.
        instants_us: the instants asked for, by name; NO_INSTANT where unknown.
    """

    keys: list[Key]
    groups: Ints
    started_us: Ints
    durations_us: Ints
    is_open: Bools
    instants_us: dict[str, Ints] = {}

    @property
    def n(self) -> int:
        """How many there are."""
        return len(self.started_us)


class Observed(Struct, frozen=True):
    """What the query finds.

    Attributes:
        once: every incident once, in the group of its first service where grouped by service.
        in_groups: by the query's dimensions; an incident with two services is in two groups.
        window: the query's, up to the present instant at most.
    """

    once: Observations
    in_groups: Observations
    excluded: dict[str, int]
    window: Window

    @property
    def counts_twice(self) -> bool:
        """Some incident is in more than one group."""
        return self.in_groups is not self.once


def observe(
    facts: Table,
    query: Query,
    known_until: datetime | None = None,
    *,
    needs: Sequence[str] = (),
    by_first_service: bool = False,
) -> Observed:
    """Fetch the query's incidents, grouped by its dimensions.

    Args:
        facts: in the columns of analytics/facts.py.
        known_until: the present instant; a window that ends later is looked at up to here.
        needs: instants to be fetched too, by name.
        by_first_service: an incident with several services counts with the first of them only.
    """
    window = observable(query.window, known_until)
    facts = narrowed(facts, query, needs)
    table = selected(facts, query, known_until=known_until)
    excluded, n_shared = _census(table)
    once = _fetch(counted(table), query, facts, window, needs)
    if "service" not in query.by or not n_shared or by_first_service:
        return Observed(once, once, excluded, window)
    if any(condition.dimension == "service" for condition in query.where):
        in_groups = _fetch(per_service(counted(table), query), query, per_service(facts, query), window, needs)
    else:
        in_groups = _together(once, _fetch(other_services(counted(table)), query, other_services(facts), window, needs))
    return Observed(once, in_groups, excluded, window)


def _together(one: Observations, other: Observations) -> Observations:
    """All of both, under one list of keys."""
    # The incidents with several services may all be excluded; keys of nothing lack the periods.
    if not other.n:
        return one
    places: dict[tuple[str | None, ...], int] = {}
    of_one, of_other = (
        np.array([places.setdefault(tuple(key.values()), len(places)) for key in part.keys], dtype=np.int32)
        for part in (one, other)
    )
    names = tuple(one.keys[0])
    return Observations(
        [dict(zip(names, values, strict=True)) for values in places],
        np.concatenate((of_one[one.groups], of_other[other.groups])),
        np.concatenate((one.started_us, other.started_us)),
        np.concatenate((one.durations_us, other.durations_us)),
        np.concatenate((one.is_open, other.is_open)),
        {name: np.concatenate((column, other.instants_us[name])) for name, column in one.instants_us.items()},
    )


def observable(window: Window, known_until: datetime | None) -> Window:
    """The part of the window that has passed; all of it where none has, as there is nothing in it to be cut off."""
    if known_until is None or not window.start < known_until < window.end:
        return window
    return Window(window.start, known_until)


def count_excluded(table: Table) -> dict[str, int]:
    """How many of the selected incidents do not count, by reason; every reason is named."""
    return _census(table)[0]


def _census(table: Table) -> tuple[dict[str, int], int]:
    """The numbers of excluded incidents by reason; and how many have several services."""
    by_reason = table.group_by("excluded_because")
    rows = by_reason.aggregate(n=table.count(), n_shared=table.other_services.count()).to_pyarrow().to_pylist()
    found = {row["excluded_because"]: row["n"] for row in rows}
    return {reason: found.get(reason, 0) for reason in EXCLUSIONS}, sum(row["n_shared"] for row in rows)


def _columns(table: Table, query: Query) -> dict[str, Any]:
    """The dimensions of the query that are no periods."""
    names = [name for name in query.by if name not in PERIODS]
    return {f"d{place}": dimension(table, name) for place, name in enumerate(names)}


def _fetch(table: Table, query: Query, facts: Table, window: Window, needs: Sequence[str]) -> Observations:
    """Fetch a table of counted incidents; `facts` is any table, cheap to read, with at least all its values.

    The combinations of values are numbered first and joined, so that only numbers come over, not text.
    """
    columns = _columns(table, query)
    names = ["started_at", "ended_at", *needs]
    keys: list[Key] = [{}]
    if columns:
        values = facts.select(**_columns(facts, query)).distinct().to_pyarrow()
        rows = zip(*(column.to_pylist() for column in values.columns), strict=True)
        dimensions = [name for name in query.by if name not in PERIODS]
        keys = [dict(zip(dimensions, row, strict=True)) for row in rows] or keys
        numbers = pa.array(np.arange(values.num_rows, dtype=np.int32))
        numbered = ibis.memtable(values.append_column("number", numbers))
        table = table.select(*names, **columns)
        table = table.join(numbered, [table[name].identical_to(numbered[name]) for name in columns])
        names.append("number")
    fetched = table.select(*names).to_pyarrow()
    groups = fetched["number"].to_numpy() if columns else np.zeros(fetched.num_rows, dtype=np.int32)
    started_us = _microseconds(fetched["started_at"], 0)
    is_open = fetched["ended_at"].is_null().to_numpy()
    durations_us = _microseconds(fetched["ended_at"], to_us(window.end)) - started_us
    instants_us = {name: _microseconds(fetched[name], NO_INSTANT) for name in needs}
    keys, groups = _split_by_periods(keys, groups, started_us, query)
    return Observations(keys, groups, started_us, durations_us, is_open, instants_us)


def _microseconds(column: pa.ChunkedArray, for_null: int) -> Ints:
    numbers: Ints = column.cast(pa.int64()).fill_null(for_null).to_numpy()
    return numbers


def _split_by_periods(keys: list[Key], groups: Ints, started_us: Ints, query: Query) -> tuple[list[Key], Ints]:
    """Divide the groups further by each period asked for, and bring the keys into the query's order."""
    periods = [name for name in query.by if name in PERIODS]
    if not periods or not len(started_us):
        return keys, groups
    days = started_us // DAY_US
    first_day, last_day = int(days.min()), int(days.max())
    days -= first_day
    for name in periods:
        starts, of_day = period_of_days(first_day, last_day, Every(name))
        dates = [start.date().isoformat() for start in starts]
        combined = groups * np.int64(len(starts)) + of_day[days]
        occurring = np.flatnonzero(np.bincount(combined, minlength=len(keys) * len(starts)))
        place = np.zeros(len(keys) * len(starts), dtype=np.int32)
        place[occurring] = np.arange(len(occurring), dtype=np.int32)
        groups = place[combined]
        keys = [{**keys[code // len(dates)], name: dates[code % len(dates)]} for code in occurring.tolist()]
    return [{name: key[name] for name in query.by} for key in keys], groups
