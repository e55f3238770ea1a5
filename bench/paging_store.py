"""How fast paging is kept: commits of one message, and claims of what is due at once, beside plain sqlite3.

    python bench/paging_store.py [--messages 10000] [--commits 300] [--no-postgresql]

Every commit and claim counted here has reached the disk. A commit holds one message, as whoever hands it over writes
it; or what a step of one incident writes: an event, the escalation, three pages and a timer. Claims are of messages
that are all due at once, with as many that are over beside them. The peer, in the same run: sqlite3 by hand, one row
with the same bytes and one index a commit, durable as ours, with no check of any version.
"""

import argparse
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from resile.model.message import Message, MessageState
from resile.ports.paging_store import Changes, PagingStore
from resile.stores.opening import open_paging
from resile.stores.paging_rules import body_of
from resile.testing.paging_model import at, changes, escalation, handed, message, timer
from resile.testing.postgresql import postgresql_server
from resile.testing.timeline_model import append_of

N_AT_ONCE = 200
N_PER_COMMIT = 1_000


def timed(work: Callable[[], object]) -> float:
    """Seconds that it took."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def told(what: str, times_s: list[float], n_each: int = 1) -> None:
    """One line of a measurement that was repeated."""
    rate = n_each * len(times_s) / sum(times_s)
    p99_ms = 1e3 * statistics.quantiles(times_s, n=100, method="inclusive")[98]
    median_ms = 1e3 * statistics.median(times_s)
    print(f"  {what}: {rate:,.0f}/s; each {median_ms:.2f} ms, p99 {p99_ms:.2f} ms (n = {len(times_s)})")


def page(name: str, n: int, **fields: object) -> Message:
    """A page as long as they are."""
    text = "Checkout is slow for some: p95 of 2.4 s since 09:30. " * 6
    return message(name, n % 60, address=f"+{n % 50:06d}", text=text, is_first=n % 10 == 0, **fields)


def step_of(n: int) -> Changes:
    """What the beginning of paging one incident writes."""
    pages = [page(f"step-{n}-{no}", n, incident_id=f"i{n}") for no in range(3)]
    return changes(escalation(f"i{n}"), *pages, timer(f"i{n}", 60), appends=(append_of(f"i{n}", 1),))


def fill(store: PagingStore, n_messages: int) -> None:
    """So many that are over and so many that are due."""
    for first in range(0, n_messages, N_PER_COMMIT):
        numbers = range(first, min(first + N_PER_COMMIT, n_messages))
        store.commit(changes(*(page(f"over-{n}", n, state=MessageState.DELIVERED, handed_at=at(1)) for n in numbers)))
        store.commit(changes(*(page(f"due-{n}", n) for n in numbers), *(timer(f"due-{n}", n % 60) for n in numbers)))


def claim_all(claim: Callable[[], int], n_expected: int) -> list[float]:
    """Seconds of each claim, until all are claimed."""
    times_s, n_claimed = [], 0
    while n_claimed < n_expected:
        began = time.perf_counter()
        n_claimed += claim()
        times_s.append(time.perf_counter() - began)
    return times_s


def measure(data: Path, url: str | None, n_messages: int, n_commits: int) -> None:
    """One database."""
    store, timelines = open_paging(data, url)
    print(f"\n{'PostgreSQL' if url else 'SQLite'}")
    fill(store, n_messages)

    def claimed_messages() -> int:
        return len(store.claim_messages(now=at(90), until=at(99), by="me", limit=N_AT_ONCE))

    def claimed_timers() -> int:
        return len(store.claim_timers(now=at(90), until=at(99), by="me", limit=N_AT_ONCE))

    at_once = f"{n_messages:,} in batches of {N_AT_ONCE}"
    told(f"claim messages, {at_once}", claim_all(claimed_messages, n_messages), N_AT_ONCE)
    told(f"claim timers, {at_once}", claim_all(claimed_timers, n_messages), N_AT_ONCE)
    sending = list(store.messages([f"due-{n}" for n in range(n_commits)]).values())
    told("commit one message", [timed(lambda one=one: store.commit(changes(handed(one)))) for one in sending])
    told("commit one step", [timed(lambda one=one: store.commit(one)) for one in map(step_of, range(n_commits))])
    told("next message", [timed(store.next_message_at) for _ in range(n_commits)])
    timelines.close()


def measure_peer(path: Path, n_commits: int) -> None:
    """The same bytes by hand."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE messages (id TEXT PRIMARY KEY, due_at INTEGER, body TEXT)")
    connection.execute("CREATE INDEX by_due_at ON messages (due_at)")
    rows = [(f"due-{n}", n, body_of(page(f"due-{n}", n))) for n in range(n_commits)]
    insert = "INSERT INTO messages VALUES (?, ?, ?)"
    print("\nsqlite3 by hand")
    told("commit one row", [timed(lambda row=row: connection.execute(insert, row)) for row in rows])
    connection.close()


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--commits", type=int, default=300)
    parser.add_argument("--no-postgresql", action="store_true", help="on SQLite alone")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="resile-bench-") as folder:
        measure(Path(folder) / "sqlite", None, asked.messages, asked.commits)
        measure_peer(Path(folder) / "peer.db", asked.commits)
        if not asked.no_postgresql:
            with postgresql_server(is_durable=True) as server:
                measure(Path(folder) / "postgresql", server.new_database(), asked.messages, asked.commits)


if __name__ == "__main__":
    main()
