"""Which incidents a question is about, which of them count, and how long each took: pure Ibis, no figures yet."""

from collections.abc import Iterable
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any

import ibis
from ibis import Table
from msgspec import Struct

from resile.analytics.query import PERIODS, Condition, Query
from resile.model.incident import InstantName

EXCLUSIONS = ("planned", "drill", "noise", "test", "merged", "contradictory", "without_start", "without_end")


def selected(facts: Table, query: Query, *, known_until: datetime | None = None) -> Table:
    """The query's incidents, excluded ones too, with what this clock says of them.

    Five columns are added: `started_at`, `ended_at`, `duration_us`, `is_open` and `excluded_because` (null: counts).

    Belonging to the window is decided by the start of the clock; by `declared_at` where the start is not known. What
    ended after the window is open at its end, and its duration stops there, so that the report of a closed window does
    not change by the mere passing of time. Reasons of exclusion, the first that holds: the incident's own (planned,
    drill, noise, test, merged); `without_start`; `contradictory` (this clock ends before it starts); `without_end`
    (something later than this clock's end is known, such as the closing, but not the end itself: it is over, nobody
    knows since when).

    Args:
        facts: in the columns of analytics/facts.py.
        known_until: the present instant; a window that ends later is looked at up to here.
    """
    marks = marked(facts, query, known_until)
    horizon = marks.horizon
    table = facts.mutate(
        started_at=marks.started_at,
        ended_at=marks.is_open.ifelse(ibis.null(), facts[query.clock.end.value]),
        is_open=marks.is_open,
        excluded_because=marks.excluded_because,
    )
    table = table.filter(*marks.belongs)
    stopped = table.is_open.ifelse(horizon, table.ended_at)
    elapsed_us = stopped.delta(table.started_at, unit="microsecond")
    return table.mutate(duration_us=(stopped >= table.started_at).ifelse(elapsed_us, ibis.null()))


class Marks(Struct, frozen=True):
    """What a question says of each incident, as expressions over the facts; `selected` says what they mean.

    Attributes:
        ended_at: of those that count; null while open.
        belongs: predicates that hold together for the incidents that the question is about.
        horizon: up to where the incidents are looked at.
    """

    started_at: Any
    ended_at: Any
    is_open: Any
    excluded_because: Any
    belongs: list[Any]
    horizon: Any


def marked(facts: Table, query: Query, known_until: datetime | None) -> Marks:
    """The expressions of `selected`, for whoever asks for few columns: one plain selection is compiled soonest."""
    end = query.window.end if known_until is None else min(query.window.end, known_until)
    first, horizon = ibis.literal(query.window.start), ibis.literal(end)
    start, stop = facts[query.clock.start.value], facts[query.clock.end.value]
    is_before = (stop < start).fill_null(False)  # noqa: FBT003 - Ibis takes a value
    is_over = stop.notnull() | _any(facts[name].notnull() for name in _later_than(query.clock.end))
    is_open = start.notnull() & ~is_before & (~is_over | (stop > horizon).fill_null(False))  # noqa: FBT003
    belongs_at = ibis.coalesce(start, facts.declared_at)
    return Marks(
        started_at=start,
        # The shortest that is right for those that count: the engine works through it once for each incident.
        ended_at=(stop <= horizon).ifelse(stop, ibis.null()),
        is_open=is_open,
        excluded_because=ibis.cases(
            (facts.exclusion.notnull(), facts.exclusion),
            (start.isnull(), "without_start"),
            (is_before, "contradictory"),
            (is_over & stop.isnull(), "without_end"),
        ),
        belongs=[
            belongs_at >= first,
            belongs_at < horizon,
            *(meets(facts, condition, start) for condition in query.where),
        ],
        horizon=horizon,
    )


def counted(table: Table) -> Table:
    """The selected incidents that count."""
    return table.filter(table.excluded_because.isnull())


def meets(table: Table, condition: Condition, started_at: Any = None) -> Any:
    """Whether each incident has one of the condition's values; the empty string stands for having none."""
    wanted = [value for value in condition.values if value]
    column = dimension(table, condition.dimension, started_at)
    tests = [column.isin(wanted)] if wanted else []
    if condition.dimension == "service":
        tests += [table.other_services.contains(value) for value in wanted]
    if "" in condition.values:
        tests.append(column.isnull())
    return _any(test.fill_null(False) for test in tests)  # noqa: FBT003


def dimension(table: Table, name: str, started_at: Any = None) -> Any:
    """A dimension's value per incident as text, null where it has none.

    `day`, `week`, `month` and `quarter` are the date at which the period of `started_at` begins, e.g. `2024-01-01`;
    they need to be told what that is.
    """
    if name in PERIODS:
        return started_at.truncate(PERIODS[name]).strftime("%Y-%m-%d")
    if name.startswith("label:"):
        return table.labels.get(name.removeprefix("label:")).nullif("")
    return table[name]


def _any(tests: Iterable[Any]) -> Any:
    return reduce(or_, tests, ibis.literal(False))  # noqa: FBT003


def _later_than(instant: InstantName) -> list[str]:
    names = list(InstantName)
    return [name.value for name in names[names.index(instant) + 1 :]]
