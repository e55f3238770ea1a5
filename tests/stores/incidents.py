"""Incidents in a store, and what the projection must say of them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from resile.analytics.facts import FACTS_SCHEMA, facts_of, facts_table
from resile.model.event import Declared, Detected, Event, Restored, SeverityChanged, Source
from resile.model.incident import fold
from resile.model.severity import Severity
from resile.ports.facts_store import FactsStore
from resile.ports.timeline_store import Append, TimelineStore

START = datetime(2024, 1, 1, tzinfo=UTC)


def declared(n: int, **more: Any) -> list[Event]:
    """A timeline of three events."""
    at = START + timedelta(minutes=n)
    common: dict[str, Any] = {"recorded_at": at, "by": "import:x", "source": Source.REPORTED}
    return [
        Declared(
            id="00001", at=at, title=f"incident {n}", services=("checkout", "search")[: 1 + n % 2], **more, **common
        ),
        Detected(id="00002", at=at, **common),
        Restored(id="00003", at=at + timedelta(hours=n), **common),
    ]


def changed(n_before: int, severity: Severity = Severity.SEV1) -> Event:
    at = START + timedelta(days=9, seconds=n_before)
    return SeverityChanged(
        id=f"{n_before + 1:05d}", at=at, recorded_at=at, by="user:ann", source=Source.HUMAN, severity=severity
    )


def fill(store: TimelineStore, n: int, *, start: int = 0) -> None:
    store.append([Append(f"x:{k:06d}", 0, tuple(declared(k))) for k in range(start, start + n)])


def facts_from_timelines(store: TimelineStore) -> list[dict[str, Any]]:
    """What the projection must hold, by the shortest way."""
    rows = [
        facts_of(fold(name, events), max(event.recorded_at for event in events))
        for name, events in store.incidents_changed(0, store.last_seq())
    ]
    found: list[dict[str, Any]] = facts_table(rows).to_pylist()
    return found


def rows_of(facts: FactsStore) -> list[dict[str, Any]]:
    with facts.table() as table:
        told = table.to_pyarrow()
    assert told.column_names == FACTS_SCHEMA.names
    # DuckDB does not say of its columns that they are never null.
    same = pa.schema([field.with_nullable(nullable=True) for field in FACTS_SCHEMA])
    rows: list[dict[str, Any]] = told.cast(same).to_pylist()
    return sorted(rows, key=lambda row: row["incident_id"])
