"""Time to restore by severity × service × week with all fields, over 1 and 10 million incidents.

Beside it, on the same data in the same run: a loop over rows that knows nothing but the mean per week of resolution,
and the same groups in plain SQL on PostgreSQL, without the intervals, which SQL does not have.

    .venv/bin/python bench/analytics_speed.py [--sizes 1000000 10000000] [--runs 5] [--without-postgresql]
"""

import argparse
import gc
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from resile.analytics.facts import FACTS_SCHEMA
from resile.analytics.query import Query, Window
from resile.analytics.restore import restore_report
from resile.analytics.results import to_json
from resile.stores.facts import FACTS_SHAPE
from resile.testing.postgresql import postgresql_server
from resile.testing.simulated_facts import FIRST, simulated_fact_batches

N_WEEKS = 52
YEAR = Window(FIRST, FIRST + timedelta(weeks=N_WEEKS))
BY = ("severity", "service", "week")
_US_PER_YEAR = N_WEEKS * 7 * 86_400 * 1_000_000

# The figures of a group that SQL can give; no interval of the mean, none of the median, no Kaplan-Meier.
SQL = """
select severity, service, date_trunc('week', detected), count(restored), count(*) - count(restored),
       avg(s), stddev_samp(s), min(s), max(s), percentile_cont(array[0.5, 0.75, 0.9, 0.95]) within group (order by s)
from (select *, extract(epoch from restored - detected)::float8 as s from facts where exclusion is null) as f
where detected >= %s and detected < %s group by 1, 2, 3
"""


def main() -> int:
    """Measure each size in a process of its own, so that the largest resident set is its own too."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000_000, 10_000_000])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--without-postgresql", action="store_true")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.measure:
        print(json.dumps(measure(asked.measure, asked.runs)))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        for n in asked.sizes:
            report(n, Path(folder) / f"{n}.parquet", asked.runs, with_postgresql=not asked.without_postgresql)
    return 0


def report(n: int, path: Path, runs: int, *, with_postgresql: bool) -> None:
    """Measure all that there is for one size and print it."""
    write(n, path)
    command = [sys.executable, __file__, "--measure", str(path), "--runs", str(runs)]
    ours = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    print(
        f"\n{n:,} incidents, {ours['n_groups']:,} groups, {ours['n_restored']:,} restored; medians of {runs} warm runs"
    )
    print(f"  whole report (groups, overall, trend)   {ours['report_s']:8.3f} s   cold {ours['cold_s']:.3f} s")
    print(f"  as JSON, {ours['json_mb']:6.1f} MB                     {ours['json_s']:8.3f} s")
    print(f"  largest resident set                    {ours['peak_gib']:8.2f} GiB")
    loop_s = loop(path)
    print(f"  Python loop over rows, mean per week    {loop_s:8.3f} s   {loop_s / ours['report_s']:.1f} times as long")
    if with_postgresql:
        sql_s, n_groups = on_postgresql(path, runs)
        assert n_groups == ours["n_groups_once"], (n_groups, ours["n_groups_once"])
        print(
            f"  the same groups in SQL on PostgreSQL    {sql_s:8.3f} s   {sql_s / ours['report_s']:.1f} times as long"
        )
    path.unlink()


def write(n: int, path: Path) -> None:
    """Simulated facts as Parquet, all folded into the first 52 weeks."""
    with pq.ParquetWriter(path, FACTS_SCHEMA, **FACTS_SHAPE.parquet_of("facts")) as writer:
        for batch in simulated_fact_batches(n, np.random.default_rng(1)):
            writer.write_batch(folded(batch))


def folded(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Move every incident back by whole years of 52 weeks, so that durations and weekdays stay."""
    detected = batch["detected"].cast(pa.int64()).to_numpy()
    first_us = round(FIRST.timestamp()) * 1_000_000
    shift = pa.array((detected - first_us) // _US_PER_YEAR * _US_PER_YEAR)
    columns = [
        pc.subtract(column.cast(pa.int64()), shift).cast(field.type) if pa.types.is_timestamp(field.type) else column
        for field, column in zip(batch.schema, batch.columns, strict=True)
    ]
    return pa.RecordBatch.from_arrays(columns, schema=batch.schema)


def measure(path: Path, runs: int) -> dict[str, Any]:
    """Times of the whole report, in this process."""
    connection = ibis.duckdb.connect(threads=2)
    facts = connection.read_parquet(path)
    query = Query(window=YEAR, by=BY)
    cold_s, _ = timed(lambda: restore_report(facts, query))
    # As the server does once it is warm.
    gc.collect()
    gc.freeze()
    times = []
    for _ in range(runs):
        seconds, found = timed(lambda: restore_report(facts, query))
        times.append(seconds)
    json_s, written = timed(lambda: to_json(found))
    once = facts.filter(
        facts.exclusion.isnull(),
        facts.detected >= ibis.literal(YEAR.start),
        facts.detected < ibis.literal(YEAR.end),
    ).mutate(week=facts.detected.truncate("W"))
    return {
        "cold_s": cold_s,
        "report_s": statistics.median(times),
        "json_s": json_s,
        "json_mb": len(written) / 1e6,
        "n_groups": len(found.groups),
        "n_groups_once": once.select(*BY).distinct().count().to_pyarrow().as_py(),
        "n_restored": found.overall.n_restored,
        "peak_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2,
    }


def timed(call: Callable[[], Any]) -> tuple[float, Any]:
    """How long it takes, and what it gives."""
    started = time.perf_counter()
    found = call()
    return time.perf_counter() - started, found


def loop(path: Path) -> float:
    """What a program does that keeps incidents as objects: mean(resolved - created), by week of resolution.

    Reading the rows from their store is not counted. The rows come in pieces, so that ten million of them fit.
    """
    total_s, seconds, counts = 0.0, defaultdict[datetime, float](float), defaultdict[datetime, int](int)
    for rows in pieces(path):
        started = time.perf_counter()
        for row in rows:
            resolved = row["restored"]
            if row["exclusion"] is not None or resolved is None or not YEAR.start <= resolved < YEAR.end:
                continue
            monday = resolved.date() - timedelta(days=resolved.weekday())
            week = datetime(monday.year, monday.month, monday.day, tzinfo=UTC)
            seconds[week] += (resolved - row["detected"]).total_seconds()
            counts[week] += 1
        total_s += time.perf_counter() - started
    assert all(seconds[week] / counts[week] > 0 for week in counts)
    return total_s


def pieces(path: Path) -> Iterator[list[dict[str, Any]]]:
    """The rows as Python objects, 100,000 at a time."""
    names = ["exclusion", "detected", "restored", "severity", "service"]
    for batch in pq.ParquetFile(path).iter_batches(100_000, columns=names):
        yield batch.to_pylist()


def on_postgresql(path: Path, runs: int) -> tuple[float, int]:
    """The median time of the groups in SQL, warm, and how many there are; loading is not counted."""
    import psycopg  # noqa: PLC0415 - an extra, needed here only

    with postgresql_server() as server:
        url = server.new_database().replace("postgresql+psycopg://", "postgresql://")
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(
                "create table facts"
                " (exclusion text, detected timestamptz, restored timestamptz, severity text, service text)"
            )
            with connection.cursor().copy("copy facts from stdin") as copy:
                for rows in pieces(path):
                    for row in rows:
                        copy.write_row(tuple(row.values()))
            connection.execute("vacuum analyze facts")
            connection.execute("set timezone = 'UTC'")
            connection.execute("set work_mem = '512MB'")
            window = (YEAR.start, YEAR.end)
            taken = [timed(lambda: connection.execute(SQL, window).fetchall()) for _ in range(min(runs, 3) + 1)]
    return statistics.median(seconds for seconds, _ in taken[1:]), len(taken[-1][1])


if __name__ == "__main__":
    sys.exit(main())
