"""Small histories as facts, for tests of measures."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import ibis

from resile.analytics.facts import FACTS_SCHEMA, facts_table
from resile.analytics.query import Query, Window

START = datetime(2024, 1, 1, tzinfo=UTC)  # a Monday
QUARTER = Window(START, datetime(2024, 4, 1, tzinfo=UTC))


def at(*, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0) -> datetime:
    """So long after START."""
    return START + timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)


def incident(name: str, detected: datetime | None, lasted_s: float | None = None, **others: Any) -> dict[str, Any]:
    """A row of facts: open without `lasted_s`."""
    row: dict[str, Any] = dict.fromkeys(FACTS_SCHEMA.names)
    restored = None if lasted_s is None or detected is None else detected + timedelta(seconds=lasted_s)
    row |= {
        "incident_id": name,
        "title": name,
        "status": "open" if restored is None else "restored",
        "is_contradictory": False,
        "n_reopened": 0,
        "n_events": 2,
        "declared_at": detected,
        "detected": detected,
        "restored": restored,
        "labels": [],
    }
    return row | others


def lasting(*seconds: float, first: datetime = START, **others: Any) -> list[dict[str, Any]]:
    """Restored incidents that lasted so long, an hour apart."""
    return [
        incident(f"{first.isoformat()}-{n}", first + timedelta(hours=n), lasted, **others)
        for n, lasted in enumerate(seconds)
    ]


def facts(rows: Iterable[dict[str, Any]]) -> ibis.Table:
    """The rows as the table that every measure takes."""
    return ibis.memtable(facts_table(rows))


def asking(window: Window = QUARTER, **others: Any) -> Query:
    """A query over the first quarter."""
    return Query(window=window, **others)
