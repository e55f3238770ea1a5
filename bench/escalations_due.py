"""Ten thousand escalations due in the same minute: how long until the last page is handed to its channel.

    python bench/escalations_due.py [--escalations 10000] [--no-postgresql] [--profile]

Each incident was paged five minutes ago, and the page was handed over; nobody answered, so that the second step of the
policy is due. Engines are processes of their own, as `resile up` runs one, with a channel that answers at once. On
PostgreSQL one engine, then three. Beside it, in the same run: a queue table by hand, see bench/paging_peers.py. What
others promise instead: GoAlert gives up a message ten seconds after its sender died, and so loses it; Alertmanager
knows no escalations, and writes what it sent every 15 minutes.
"""

import argparse
import cProfile
import multiprocessing
import pstats
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from paging_peers import postgresql_queue, sqlite_queue
from resile.app.growing import Growing
from resile.app.links import Links
from resile.app.paging_engine import Outside, engine_of
from resile.app.settings import Settings
from resile.app.system_clock import SystemClock
from resile.app.wiring import Resile, open_resile
from resile.model.lifecycle import Declare
from resile.model.message import MessageState
from resile.model.policy import Throttle
from resile.model.severity import Severity
from resile.model.time import MINUTE
from resile.ports.catalog import Writing
from resile.ports.channel import ChannelKind, Handed, Outgoing
from resile.ports.paging_store import Changes
from resile.stores.catalog import SqlCatalogStore
from resile.stores.opening import open_engine
from resile.testing.postgresql import postgresql_server

CHANNEL = "webhook"
N_PEOPLE = 200
N_PER_COMMIT = 500
AFTER = 5 * MINUTE
_GIVES_UP_AFTER_S = 600.0
# Nothing is bundled: each page is to be handed over by itself, which is the most work.
THROTTLES = {"": Throttle(most=1_000_000)}


class Fast:
    """A channel that takes everything at once.

    Attributes:
        handed: of each page, when.
    """

    kind = ChannelKind(name=CHANNEL, title="Fast", address_words="anything")

    def __init__(self) -> None:
        self.handed: dict[str, float] = {}
        self.n_sent = 0

    def address(self, text: str) -> str:
        """As it is."""
        return text

    def shown(self, address: str) -> str:
        """As it is."""
        return address

    def send(self, outgoing: Outgoing, *, timeout_s: float) -> Handed:
        """Note it."""
        del timeout_s
        self.handed[outgoing.id] = time.monotonic()
        self.n_sent += 1
        return Handed(ref=outgoing.id)

    def receipts(self, *_: Any, **__: Any) -> list[Any]:
        """None."""
        return []

    def check(self, *, timeout_s: float) -> None:
        """All is well."""


class _Earlier:
    """A clock of some minutes ago."""

    def now(self) -> Any:
        return SystemClock().now() - AFTER - timedelta(seconds=1)


def write_catalog(data: Path, url: str | None, n_people: int) -> None:
    """So many people, and a policy for each: first one of them, after five minutes the next."""
    people = [
        Writing(
            kind="person",
            name=f"p{n}",
            body={"contacts": [{"name": "hook", "channel": CHANNEL, "address": f"https://hooks.example.org/{n}"}]},
            expected=0,
        )
        for n in range(n_people)
    ]
    policies = [
        Writing(
            kind="policy",
            name=f"team-{n}",
            body={
                "steps": [{"page": [f"person/p{n}"]}, {"page": [f"person/p{(n + 1) % n_people}"], "after": "5m"}],
                "repeat": 0,
            },
            expected=0,
        )
        for n in range(n_people)
    ]
    database = open_engine(data, url)
    try:
        SqlCatalogStore(database).write([*people, *policies], at=SystemClock().now(), by="bench")
    finally:
        database.close()


def declare(resile: Resile, n_incidents: int) -> None:
    """So many incidents for which the first page was handed over five minutes ago."""
    now = resile.clock.now()
    policies = list(resile.catalog.policies().values())
    directory = resile.pager._look(now)  # noqa: SLF001 - once for all of them
    for first in range(0, n_incidents, N_PER_COMMIT):
        changes = Changes()
        for n in range(first, min(first + N_PER_COMMIT, n_incidents)):
            growing = Growing(f"INC-{n + 1}", [], now=now, by="bench")
            growing.carry_out(
                Declare(title=f"Checkout of shop {n} is slow", severity=Severity.SEV2, services=(f"shop-{n}",))
            )
            changes += resile.pager.begin_by(
                growing, None, policies[n % len(policies)], because="measured", directory=directory
            )
            changes += Changes(appends=growing.appends())
        resile.paging.commit(changes)
        sent = [
            replace(one, version=2, state=MessageState.HANDED, handed_at=now, ref=one.id) for one in changes.messages
        ]
        resile.paging.commit(Changes(messages=tuple(sent)))


def run_engine(number: int, settings: Settings, begins: Any, ends: Any, told: Any, *, profiles: bool) -> None:
    """One engine in a process of its own."""
    channel = Fast()
    with open_resile(settings) as resile:
        links = Links("https://resile.example.org", lambda: b"0" * 32)
        engine = engine_of(resile, Outside(channels={CHANNEL: channel}, links=links, throttles=THROTTLES))
        told.put((number, "ready", None))
        begins.wait()
        began_processor = time.process_time()
        with _profiled(profiles):
            engine.start()
            while not ends.wait(0.05):
                told.put((number, "sent", channel.n_sent))
            engine.stop()
        told.put((number, "over", (channel.handed, time.process_time() - began_processor)))


class _profiled:  # noqa: N801 - used as a statement
    """All threads that begin within, if asked for."""

    def __init__(self, asked: bool) -> None:
        self._asked = asked
        self._profiles: list[cProfile.Profile] = []

    def __enter__(self) -> None:
        if self._asked:
            run = threading.Thread.run

            def profiled(thread: threading.Thread) -> None:
                profile = cProfile.Profile()
                self._profiles.append(profile)
                profile.runcall(run, thread)

            threading.Thread.run = profiled  # type: ignore[method-assign]

    def __exit__(self, *_: object) -> None:
        if self._asked:
            stats = pstats.Stats(*self._profiles)
            stats.sort_stats("tottime").print_stats(45)


def measure(data: Path, url: str | None, n_incidents: int, n_engines: int, *, profiles: bool) -> None:
    """One database, so many engines."""
    data.mkdir(parents=True, exist_ok=True)
    settings = Settings(data=data, database_url=url)
    with open_resile(settings, clock=_Earlier()) as resile:
        write_catalog(data, url, N_PEOPLE)
        declare(resile, n_incidents)
    processes = multiprocessing.get_context("spawn")
    begins, ends, told = processes.Event(), processes.Event(), processes.Queue()
    engines = [
        processes.Process(target=run_engine, args=(number, settings, begins, ends, told), kwargs={"profiles": profiles})
        for number in range(n_engines)
    ]
    for engine in engines:
        engine.start()
    for _ in engines:
        told.get()
    began = time.monotonic()
    begins.set()
    handed, processor_s = _collected(told, ends, n_incidents, n_engines)
    for engine in engines:
        engine.join()
    times_s = sorted(at - began for at in handed)
    where = "PostgreSQL" if url else "SQLite"
    if not times_s:
        print(f"  {where}: no page was handed over", flush=True)
        return
    last_s = times_s[-1]
    print(
        f"  {where}, {n_engines} engine{'s' if n_engines > 1 else ''}: {len(times_s):,} of {n_incidents:,} pages, "
        f"first after {times_s[0]:.2f} s, half after {times_s[len(times_s) // 2]:.1f} s, last after {last_s:.1f} s; "
        f"{len(times_s) / last_s:,.0f} pages/s; {1e3 * processor_s / len(times_s):.2f} ms of processor time each",
        flush=True,
    )


def _collected(told: Any, ends: Any, n_incidents: int, n_engines: int) -> tuple[list[float], float]:
    """When each page was handed over first, by all engines; and their processor time."""
    until = time.monotonic() + _GIVES_UP_AFTER_S
    n_sent: dict[int, int] = {}
    handed: dict[str, float] = {}
    n_repeats, n_over, processor_s = 0, 0, 0.0
    while n_over < n_engines:
        number, what, value = told.get()
        if what == "sent":
            n_sent[number] = value
            if sum(n_sent.values()) >= n_incidents or time.monotonic() > until:
                ends.set()
        else:
            its, took_s = value
            n_repeats += len(handed.keys() & its.keys())
            handed |= its
            processor_s += took_s
            n_over += 1
    if n_repeats:
        print(f"  {n_repeats} pages were handed over by two engines")
    return list(handed.values()), processor_s


def peer(what: str, measured: Callable[[], float], n_pages: int) -> None:
    """One line."""
    took_s = measured()
    print(f"  {what}: last after {took_s:.1f} s; {n_pages / took_s:,.0f} pages/s", flush=True)


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--escalations", type=int, default=10_000)
    parser.add_argument("--no-postgresql", action="store_true", help="on SQLite alone")
    parser.add_argument("--no-sqlite", action="store_true", help="on PostgreSQL alone")
    parser.add_argument("--profile", action="store_true", help="say where the engines spend their time")
    asked = parser.parse_args()
    n = asked.escalations
    print(f"{n:,} escalations due at once, {N_PEOPLE} people")
    with tempfile.TemporaryDirectory(prefix="resile-bench-") as name:
        folder = Path(name)
        if not asked.no_sqlite:
            measure(folder / "sqlite", None, n, 1, profiles=asked.profile)
            peer("a queue table in SQLite by hand", lambda: sqlite_queue(folder / "peer.db", n), n)
        if asked.no_postgresql:
            return
        with postgresql_server(is_durable=True) as server:
            for n_engines in (1, 3):
                url = server.new_database()
                measure(folder / f"postgresql-{n_engines}", url, n, n_engines, profiles=asked.profile)
            for n_senders in (1, 32):
                url = server.new_database().replace("+psycopg", "")
                peer(
                    f"a queue table in PostgreSQL by hand, {n_senders} connections",
                    lambda url=url, n_senders=n_senders: postgresql_queue(url, n, n_senders=n_senders),  # type: ignore[misc]
                    n,
                )


if __name__ == "__main__":
    main()
