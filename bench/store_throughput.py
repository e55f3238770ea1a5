"""How fast timelines are stored and their facts derived, beside plain sqlite3 with the same bytes.

    python bench/store_throughput.py [--incidents 25000 1000000] [--postgresql]

Every append counted here has reached the disk. The peers, in the same run: for appends, sqlite3's executemany of the
same JSON into one table with one index, durable as ours, with no check of any version; for deriving facts, sqlite3 and
json.loads over the same events, which is the least that anybody must do who wants to know what is in them.
"""

import argparse
import contextlib
import json
import resource
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from resile.model.event import Declared, Detected, Event, Restored, SeverityChanged, Source, encode_event
from resile.model.severity import Severity
from resile.ports.timeline_store import Append, TimelineStore
from resile.stores.opening import open_facts, open_timelines
from resile.testing.postgresql import postgresql_server

START = datetime(2020, 1, 1, tzinfo=UTC)
N_PER_BATCH = 5_000
N_SINGLE = 300
N_RUNS = 5
SERVICES = [f"service-{n:02d}" for n in range(30)]


def timeline(number: int) -> tuple[Event, ...]:
    """Three events, as an import makes them."""
    at = START + timedelta(seconds=137 * number)
    by, source = "import:table", Source.REPORTED
    return (
        Declared(
            id="00001",
            at=at,
            recorded_at=START,
            by=by,
            source=source,
            title=f"Checkout is slow for some, case {number}",
            severity=list(Severity)[number % 4],
            services=(SERVICES[number * 7 % 30],),
            team="payments",
            labels={"cause": "deploy", "region": "eu"},
            origin="table",
            ref=f"INC{number:07d}",
        ),
        Detected(id="00002", at=at, recorded_at=START, by=by, source=source),
        Restored(id="00003", at=at + timedelta(seconds=60 + number % 9_973), recorded_at=START, by=by, source=source),
    )


def batches(n_incidents: int) -> Iterator[list[Append]]:
    """All timelines, in the portions in which an import appends them."""
    for first in range(0, n_incidents, N_PER_BATCH):
        yield [
            Append(f"table:INC{n:07d}", 0, timeline(n), ("table", f"INC{n:07d}", b"0123456789abcdef"))
            for n in range(first, min(first + N_PER_BATCH, n_incidents))
        ]


def timed(work: Callable[[], object]) -> float:
    """Seconds that it took."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def append_all(store: TimelineStore, n_incidents: int) -> float:
    """Seconds within the store; making the events is not counted."""
    return sum(timed(lambda batch=batch: store.append(batch)) for batch in batches(n_incidents))


def peer_append_all(path: Path, n_incidents: int) -> float:
    """The same bytes by hand."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    columns = "incident_id TEXT, version INTEGER, body TEXT, UNIQUE (incident_id, version)"
    connection.execute(f"CREATE TABLE events ({columns})")
    spent_s = 0.0
    for batch in batches(n_incidents):
        began = time.perf_counter()
        rows = [(a.incident_id, n, encode_event(event).decode()) for a in batch for n, event in enumerate(a.events, 1)]
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("INSERT INTO events VALUES (?, ?, ?)", rows)
        connection.execute("COMMIT")
        spent_s += time.perf_counter() - began
    connection.close()
    return spent_s


def peer_read_all(path: Path) -> float:
    """Every event of the peer's table, parsed."""

    def read() -> None:
        with contextlib.closing(sqlite3.connect(path)) as connection:
            for (body,) in connection.execute("SELECT body FROM events ORDER BY incident_id, version"):
                json.loads(body)

    return timed(read)


def change(store: TimelineStore, incident_id: str) -> Append:
    """One more event, as a responder's command makes it."""
    version = len(store.read(incident_id))
    at = START + timedelta(days=4_000)
    event = SeverityChanged(
        id=f"{version + 1:05d}", at=at, recorded_at=at, by="user:ann", source=Source.HUMAN, severity=Severity.SEV1
    )
    return Append(incident_id, version, (event,))


def single_appends(store: TimelineStore) -> float:
    """Durable transitions of one event each, per second."""
    appends = [change(store, f"table:INC{n:07d}") for n in range(N_SINGLE)]
    return N_SINGLE / sum(timed(lambda one=one: store.append([one])) for one in appends)


def measure(data: Path, url: str | None, n_incidents: int) -> None:
    """One database, one size."""
    name = "PostgreSQL" if url else "SQLite"
    store = open_timelines(data, url)
    append_s = append_all(store, n_incidents)
    print(f"\n{name}, {n_incidents:,} incidents of 3 events, n = 1")
    print(f"  append in batches of {N_PER_BATCH:,}: {append_s:.2f} s, {3 * n_incidents / append_s:,.0f} events/s")
    rates = [single_appends(store) for _ in range(N_RUNS)]
    print(f"  append one event durably: {statistics.median(rates):,.0f} /s (n = {N_RUNS} × {N_SINGLE})")

    facts = open_facts(data, store)
    first_s = timed(facts.refresh)
    nothing_s = statistics.median(timed(facts.refresh) for _ in range(101))
    one_s = statistics.median(_change_and_refresh(store, facts.refresh, n) for n in range(21))
    rebuild_s = timed(facts.rebuild)
    each_us = 1e6 * rebuild_s / n_incidents
    print(f"  facts: first refresh {first_s:.2f} s, rebuild {rebuild_s:.2f} s ({each_us:.1f} µs each)")
    print(f"  facts: refresh with one change {1e3 * one_s:.1f} ms (n = 21)")
    print(f"  facts: refresh with nothing new {1e6 * nothing_s:.0f} µs (n = 101)")

    peer = data / "peer.db"
    append_ratio = append_s / (peer_append_s := peer_append_all(peer, n_incidents))
    read_ratio = rebuild_s / (peer_read_s := peer_read_all(peer))
    print(f"  peer: sqlite3 executemany {peer_append_s:.2f} s; ours takes {append_ratio:.2f} times as long")
    print(f"  peer: sqlite3 + json.loads {peer_read_s:.2f} s; our rebuild takes {read_ratio:.2f} times as long")
    print(f"  largest resident set: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024:,} MiB")
    facts.close()
    store.close()


def _change_and_refresh(store: TimelineStore, refresh: Callable[[], int], number: int) -> float:
    store.append([change(store, f"table:INC{number:07d}")])
    return timed(refresh)


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--incidents", type=int, nargs="+", default=[25_000])
    parser.add_argument("--postgresql", action="store_true", help="on PostgreSQL too")
    asked = parser.parse_args()
    for n_incidents in asked.incidents:
        with tempfile.TemporaryDirectory(prefix="resile-bench-") as folder:
            measure(Path(folder) / "sqlite", None, n_incidents)
            if asked.postgresql:
                with postgresql_server(is_durable=True) as server:
                    measure(Path(folder) / "postgresql", server.new_database(), n_incidents)


if __name__ == "__main__":
    main()
