"""What there is at all: the history's extent, the values by which it can be asked, and its incidents as dots."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import ibis
from ibis import Table

from resile.analytics.query import PERIODS, Condition, Query, Window
from resile.analytics.results import IncidentDot
from resile.analytics.selection import counted, dimension, meets, selected
from resile.model.errors import ConfigError
from resile.model.incident import InstantName
from resile.model.time import DAY, MICROSECOND

QUIET_UNTIL_FINISHED = timedelta(days=90)


def extent(facts: Table, where: Sequence[Condition] = ()) -> tuple[datetime | None, datetime | None, int]:
    """The first and the last instant known of the incidents that meet the conditions, and their number."""
    for condition in where:
        facts = facts.filter(meets(facts, condition))
    names = ["declared_at", *(name.value for name in InstantName)]
    firsts = {f"first_{name}": facts[name].min() for name in names}
    lasts = {f"last_{name}": facts[name].max() for name in names}
    row = _row(facts.aggregate(n=facts.count(), **firsts, **lasts))
    first = min((row[name] for name in firsts if row[name] is not None), default=None)
    last = max((row[name] for name in lasts if row[name] is not None), default=None)
    return first, last, row["n"]


def whole_window(first: datetime | None, last: datetime | None, *, now: datetime) -> Window:
    """The window that holds the whole history; the last 90 days where there is none."""
    if first is None or last is None:
        return Window(_midnight(now - QUIET_UNTIL_FINISHED), now)
    is_finished = last < now - QUIET_UNTIL_FINISHED
    end = _midnight(last) + DAY if is_finished else now
    return Window(_midnight(first), max(end, _midnight(first) + MICROSECOND))


def _midnight(at: datetime) -> datetime:
    return at.replace(hour=0, minute=0, second=0, microsecond=0)


def dots(facts: Table, query: Query, limit: int, *, known_until: datetime) -> tuple[list[IncidentDot], int]:
    """The counted incidents by start, and their number.

    Above `limit` they are thinned evenly by length, so that the shortest and the longest stay.
    """
    table = counted(selected(facts, query, known_until=known_until))
    n = int(_row(table.aggregate(n=table.count()))["n"])
    if n > limit:
        rank = ibis.row_number().over(order_by=[table.duration_us, table.incident_id])
        step = max(limit - 1, 1)
        # Keep the rows at which rank · step / (n − 1) passes a whole number: the first, the last, and evenly between.
        table = table.mutate(rank=rank)
        table = table.filter((table.rank * step) % (n - 1) < step)
    table = table.order_by("started_at", "incident_id").select(
        "incident_id", "title", "started_at", "duration_us", "is_open", "severity", "service"
    )
    rows: list[dict[str, Any]] = table.to_pyarrow().to_pylist()
    return [IncidentDot(duration_s=row.pop("duration_us") / 1e6, **row) for row in rows], n


def dimension_values(facts: Table, name: str) -> list[tuple[str | None, int]]:
    """A dimension's values with their numbers of incidents, most frequent first, then by name.

    Raises:
        ConfigError: periods are no values of incidents but of a clock.
    """
    if name in PERIODS:
        raise ConfigError(f"{name!r} is a period, not a property of incidents; choose it with --every or --by")
    values = facts.select(value=dimension(facts, name))
    if name == "service":
        others = facts.filter(facts.other_services.notnull())
        values = ibis.union(values, others.select(value=others.other_services.unnest()))
    numbers = values.group_by("value").aggregate(n=values.count())
    numbers = numbers.order_by(numbers.n.desc(), numbers.value.asc(nulls_first=False))
    return [(row["value"], row["n"]) for row in numbers.to_pyarrow().to_pylist()]


def label_names(facts: Table) -> list[str]:
    """The names of all labels, sorted."""
    labelled = facts.filter(facts.labels.notnull())
    names = labelled.select(name=labelled.labels.keys().unnest()).distinct().order_by("name")
    return [row["name"] for row in names.to_pyarrow().to_pylist()]


def _row(table: Table) -> dict[str, Any]:
    row: dict[str, Any] = table.to_pyarrow().to_pylist()[0]
    return row
