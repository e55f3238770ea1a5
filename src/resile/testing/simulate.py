"""Simulate paging: `python -m resile.testing.simulate --seeds 0:10000 [--store postgresql] [--json]`.

Each seed is one world: the product's own code on a simulated clock, with deaths at every commit and every send, clocks
that are set, and providers that refuse, hang, lose, and answer twice or late. The same seed gives the same world.
"""

import argparse
import contextlib
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from msgspec import Struct
from msgspec.structs import asdict

from resile.model.errors import ConfigError
from resile.testing.alert_invariants import alert_violations
from resile.testing.paging_invariants import duplicates_of, violations
from resile.testing.simulated_paging import SimulatedPaging
from resile.testing.simulated_record import Stores

STORES = ("sqlite", "memory", "postgresql")
# Of these a world has between one and so many engines; SQLite has one.
_MOST_ENGINES = 3


class Outcome(Struct, frozen=True, kw_only=True):
    """What came of one seed; `n_broken_off`: messages that were being sent as their process died, or stood still."""

    seed: int
    violations: tuple[str, ...]
    n_pages: int
    n_incidents: int
    n_crashes: int
    n_broken_off: int
    n_duplicates: int
    n_unreachable: int
    n_alerts: int


class Found(Struct, kw_only=True):
    """What came of all."""

    seeds: int = 0
    violations: list[str] = []
    pages: int = 0
    incidents: int = 0
    crashes: int = 0
    duplicates: int = 0
    unreachable: int = 0
    alerts: int = 0

    def add(self, outcome: Outcome, *, replay: str) -> None:
        """Count one more; a violation says how to see it again."""
        self.seeds += 1
        self.violations += [f"seed {outcome.seed}: {fault}; replay: {replay}" for fault in outcome.violations]
        self.pages += outcome.n_pages
        self.incidents += outcome.n_incidents
        self.crashes += outcome.n_crashes
        self.duplicates += outcome.n_duplicates
        self.unreachable += outcome.n_unreachable
        self.alerts += outcome.n_alerts


def run_seed(seed: int, stores: Stores, *, n_engines: int) -> Outcome:
    """One world, from beginning to end."""
    world = SimulatedPaging(stores, seed=seed, n_engines=n_engines)
    record = world.run()
    found = violations(world) + alert_violations(world)
    return Outcome(
        seed=seed,
        violations=tuple(found),
        n_pages=len(record.accepted),
        n_incidents=len(record.declared),
        n_crashes=len(record.crashes),
        n_broken_off=len(record.broken_off),
        n_duplicates=duplicates_of(record),
        n_unreachable=world.n_unreachable(),
        n_alerts=sum(world.alerts.counted.values()),
    )


def engines_of(seed: int, store: str) -> int:
    """How many engines a seed's world has."""
    return 1 if store == "sqlite" else 1 + seed % _MOST_ENGINES


class Places:
    """Makes stores for one seed after the other.

    Args:
        folder: for databases.
        url: of a PostgreSQL server; its database is emptied for each seed.
    """

    def __init__(self, store: str, folder: Path, url: str | None = None) -> None:
        self._store = store
        self._folder = folder
        self._url = url
        self._n = 0

    @contextlib.contextmanager
    def fresh(self) -> Iterator[Stores]:
        """Empty stores for one world."""
        if self._store == "memory":
            yield _in_memory()
            return
        from resile.stores.catalog import SqlCatalogStore  # noqa: PLC0415 - drivers load only when needed
        from resile.stores.opening import open_engine  # noqa: PLC0415
        from resile.stores.paging import SqlPagingStore  # noqa: PLC0415
        from resile.stores.silences import SqlSilenceBook  # noqa: PLC0415
        from resile.stores.timelines import SqlTimelineStore  # noqa: PLC0415

        database = open_engine(self._emptied(), self._url)
        try:
            timelines = SqlTimelineStore(database)
            yield Stores(
                paging=SqlPagingStore(database, timelines),
                timelines=timelines,
                catalog=SqlCatalogStore(database),
                silences=SqlSilenceBook(database),
            )
        finally:
            database.close()

    def _emptied(self) -> Path:
        """A folder with a migrated, empty database; migrated once, then copied."""
        if self._url is not None:
            _empty_postgresql(self._url)
            return self._folder
        model = self._folder / "model"
        if not model.exists():
            from resile.stores.opening import open_engine  # noqa: PLC0415 - as above

            open_engine(model, None).close()
        self._n += 1
        fresh = self._folder / f"world-{self._n}"
        shutil.rmtree(self._folder / f"world-{self._n - 1}", ignore_errors=True)
        shutil.copytree(model, fresh)
        return fresh


def _in_memory() -> Stores:
    from resile.testing.memory_catalog import MemoryCatalogStore  # noqa: PLC0415 - one of several
    from resile.testing.memory_paging import MemoryPagingStore  # noqa: PLC0415
    from resile.testing.memory_silences import MemorySilenceBook  # noqa: PLC0415
    from resile.testing.memory_store import MemoryTimelineStore  # noqa: PLC0415

    timelines = MemoryTimelineStore()
    return Stores(
        paging=MemoryPagingStore(timelines),
        timelines=timelines,
        catalog=MemoryCatalogStore(),
        silences=MemorySilenceBook(),
    )


def _empty_postgresql(url: str) -> None:
    from sqlalchemy import text  # noqa: PLC0415 - drivers load only when needed

    from resile.stores.opening import open_engine  # noqa: PLC0415
    from resile.stores.tables import metadata  # noqa: PLC0415

    database = open_engine(Path(tempfile.gettempdir()), url)
    try:
        names = ", ".join(table.name for table in metadata.sorted_tables)
        with database.writing() as connection:
            connection.execute(text(f"TRUNCATE {names} RESTART IDENTITY CASCADE"))
    finally:
        database.close()


def run(seeds: Sequence[int], store: str, *, url: str | None = None, n_processes: int = 1) -> Iterator[Outcome]:
    """One outcome after the other, as they come."""
    if n_processes == 1 or store == "postgresql":
        yield from _run_part(seeds, store, url)
        return
    parts = [seeds[place : place + 50] for place in range(0, len(seeds), 50)]
    with get_context("spawn").Pool(n_processes) as pool:
        for outcomes in pool.imap(partial(_run_listed, store=store), parts):
            yield from outcomes


def _run_listed(seeds: Sequence[int], *, store: str) -> list[Outcome]:
    return list(_run_part(seeds, store, None))


def _run_part(seeds: Sequence[int], store: str, url: str | None) -> Iterator[Outcome]:
    # In memory where there is a file system there: these databases are of no use afterwards.
    shared = Path("/dev/shm")  # noqa: S108 - a folder of our own within it
    with tempfile.TemporaryDirectory(dir=shared if shared.is_dir() else None) as folder:
        places = Places(store, Path(folder), url)
        for seed in seeds:
            with places.fresh() as stores:
                yield run_seed(seed, stores, n_engines=engines_of(seed, store))


def seeds_of(said: str) -> range:
    """`0:100` are a hundred; `7` is one.

    Raises:
        ConfigError: it is written otherwise.
    """
    first, _, last = said.partition(":")
    if not first.isdigit() or (last and not last.isdigit()):
        raise ConfigError(f"seeds {said!r} are not understood; write 0:100, or 7 for one")
    return range(int(first), int(last) if last else int(first) + 1)


def main(given: Sequence[str] | None = None) -> int:
    """Run from the command line; 1 where something did not hold."""
    parser = argparse.ArgumentParser(prog="python -m resile.testing.simulate", description=__doc__)
    parser.add_argument("--seeds", default="0:100", help="first:last, the last not included")
    parser.add_argument("--store", choices=STORES, default="sqlite")
    parser.add_argument("--database-url", help="of PostgreSQL; one of its own is started where none is given")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args(given)
    try:
        seeds = seeds_of(asked.seeds)
    except ConfigError as error:
        parser.error(str(error))
    found = Found()
    with contextlib.ExitStack() as opened:
        url = asked.database_url
        if asked.store == "postgresql" and url is None:
            from resile.testing.postgresql import postgresql_server  # noqa: PLC0415 - one of several

            url = opened.enter_context(postgresql_server()).new_database()
        for outcome in run(seeds, asked.store, url=url, n_processes=asked.processes):
            replay = f"python -m resile.testing.simulate --seeds {outcome.seed} --store {asked.store}"
            found.add(outcome, replay=replay)
            if not asked.json and found.seeds % 100 == 0 and sys.stderr.isatty():
                sys.stderr.write(f"\r{found.seeds} of {len(seeds)} seeds")
    _say(found, as_json=asked.json)
    return 1 if found.violations else 0


def _say(found: Found, *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps(asdict(found)) + "\n")
        return
    for fault in found.violations:
        sys.stdout.write(f"{fault}\n")
    sys.stdout.write(
        f"{found.seeds:,} seeds, {found.alerts:,} alerts told, {found.incidents:,} incidents, {found.pages:,} pages, "
        f"{found.crashes:,} crashes, {found.duplicates:,} duplicates, {found.unreachable:,} times nobody reachable: "
        f"{len(found.violations):,} violations\n"
    )


if __name__ == "__main__":
    sys.exit(main())
