"""The five DORA metrics over a million deployments, a million changes and 100,000 incidents.

Beside it, on the same data in the same run: plain SQL on DuckDB for the part of it that SQL can say in a page. That is
lead time, frequency and window attribution; no intervals, no stages, no evidence by later deployments.

    .venv/bin/python bench/delivery_speed.py [--deployments 1000000] [--runs 5]
"""

import argparse
import gc
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from resile.analytics.delivery import dora_report
from resile.analytics.delivery_facts import CHANGES_SCHEMA, DEPLOYMENTS_SCHEMA
from resile.analytics.delivery_failures import failure_links
from resile.analytics.delivery_query import DeliveryQuery
from resile.analytics.facts import FACTS_SCHEMA
from resile.analytics.query import Window
from resile.model.time import to_us

N_SERVICES = 200
FIRST = datetime(2024, 1, 1, tzinfo=UTC)
YEAR = Window(FIRST, FIRST + timedelta(days=365))
_US = 1_000_000
_YEAR_US = 365 * 86_400 * _US
_INSTANT = pa.timestamp("us", tz="UTC")

SQL = """
with shipped as (
  select deployment_id, service, environment, deployed_at,
         deployed_at - lag(deployed_at) over (partition by service, environment order by deployed_at) as gap
  from d where environment = 'production' and deployed_at is not null
), lead as (
  select service, environment, median(s) as lead_s, quantile_cont(s, 0.9) as lead_p90_s, count(*) as n_changes
  from (select service, environment, epoch_us(deployed_at) - epoch_us(committed_at) as s
        from c where environment = 'production' and deployed_at is not null) group by all
), failed as (
  select shipped.service, shipped.environment, shipped.deployment_id,
         max(epoch_us(restored)) - min(epoch_us(detected)) as took
  from (select * from i where exclusion is null) as i
  asof join shipped on i.service = shipped.service and i.detected >= shipped.deployed_at
  where i.detected - shipped.deployed_at <= interval 24 hours group by all
), fails as (
  select service, environment, count(*) as failed, median(took) as recovery from failed group by all
)
select * from (
  select service, environment, count(*) as n, count(distinct deployed_at::date) as days_with, median(epoch_us(gap))
  from shipped group by all
) left join lead using (service, environment) left join fails using (service, environment) order by service
"""


def main() -> int:
    """Write the data, measure both, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--deployments", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=5)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        paths = write(asked.deployments, Path(folder))
        connection = ibis.duckdb.connect(threads=2)
        deployments, changes, incidents = (connection.read_parquet(path, table_name=path.stem) for path in paths)
        query = DeliveryQuery(window=YEAR)
        now = YEAR.end + timedelta(days=7)
        print(
            f"{asked.deployments:,} deployments, as many changes, a tenth as many incidents, {N_SERVICES} services",
            flush=True,
        )
        print(
            f"load of the machine {os.getloadavg()[0]:.1f}; medians of {asked.runs} warm runs, wall and processor time"
        )
        ours = warm(lambda: dora_report(deployments, changes, incidents, query, known_until=now), asked.runs)
        tell("five metrics, stages, intervals, evidence", *ours)
        tell("plain SQL: less, see above", *warm(lambda: connection.con.sql(SQL).fetchall(), asked.runs))
        service = DeliveryQuery(window=Window(YEAR.end - timedelta(days=7), YEAR.end), services=("service-100",))
        tell("why deployments of one service failed", *warm(lambda: failure_links(deployments, incidents, service), 3))
    return 0


def tell(what: str, wall_s: float, processor_s: float) -> None:
    """Print one line."""
    print(f"  {what:45} {wall_s:7.3f} s  {processor_s:7.3f} s")


def warm(call: Callable[[], Any], runs: int) -> tuple[float, float]:
    """Median wall and processor time after one call that does not count."""
    call()
    gc.collect()
    gc.freeze()
    walls, processors = [], []
    for _ in range(runs):
        wall, processor = time.perf_counter(), time.process_time()
        call()
        walls.append(time.perf_counter() - wall)
        processors.append(time.process_time() - processor)
    return statistics.median(walls), statistics.median(processors)


def write(n: int, folder: Path) -> list[Path]:
    """Deployments, a change for each, a tenth as many incidents, over a year, as Parquet in no order of services."""
    rng = np.random.default_rng(1)
    tables = {"d": simulated_deployments(n, rng)}
    tables["c"] = simulated_changes(tables["d"], rng)
    tables["i"] = simulated_incidents(n // 10, rng)
    paths = []
    for name, table in tables.items():
        paths.append(folder / f"{name}.parquet")
        # As stores/facts_segments.py writes them.
        pq.write_table(table, paths[-1], compression="lz4", row_group_size=100_000)
    return paths


def simulated_deployments(n: int, rng: np.random.Generator) -> pa.Table:
    """Busy services and quiet ones; three in ten are patches."""
    service = services(n, rng)
    at = np.sort(rng.integers(0, _YEAR_US, n)) + to_us(FIRST)
    is_patch = rng.random(n) < 0.3
    minor, patch = np.zeros(N_SERVICES, dtype=np.int64), np.zeros(N_SERVICES, dtype=np.int64)
    versions = []
    for of, patches in zip(service.tolist(), is_patch.tolist(), strict=True):
        minor[of], patch[of] = (minor[of], patch[of] + 1) if patches else (minor[of] + 1, 0)
        versions.append(f"v1.{minor[of]}.{patch[of]}")
    shas = rng.bytes(20 * n).hex()
    return filled(
        DEPLOYMENTS_SCHEMA,
        n,
        deployment_id=pa.array([f"github:{number:09d}" for number in rng.permutation(n)]),
        service=named(service),
        environment=pa.array(["production"] * n),
        version=pa.array(versions),
        repo=pa.array([f"github.com/acme/service-{of:03d}" for of in service.tolist()]),
        sha=pa.array([shas[40 * place : 40 * place + 40] for place in range(n)]),
        origin=pa.array(["github"] * n),
        status=pa.array(["succeeded"] * n),
        deployed_at=pa.array(at).cast(_INSTANT),
        n_changes=pa.array(np.ones(n, dtype=np.int64)),
    )


def simulated_changes(deployments: pa.Table, rng: np.random.Generator) -> pa.Table:
    """A change for each deployment, with a pull request whose instants lie anywhere between."""
    n = deployments.num_rows
    deployed = deployments["deployed_at"].cast(pa.int64()).to_numpy()
    lead = (rng.lognormal(11, 1, n) * _US).astype(np.int64)
    shares = np.sort(rng.random((4, n)), axis=0)
    opened, review, approved, merged = (
        pa.array(deployed - lead + (share * lead).astype(np.int64)).cast(_INSTANT) for share in shares
    )
    return filled(
        CHANGES_SCHEMA,
        n,
        deployment_id=deployments["deployment_id"],
        service=deployments["service"],
        environment=deployments["environment"],
        deployed_at=deployments["deployed_at"],
        repo=deployments["repo"],
        sha=deployments["sha"],
        committed_at=pa.array(deployed - lead).cast(_INSTANT),
        opened_at=opened,
        first_review_at=review,
        approved_at=approved,
        merged_at=merged,
    )


def simulated_incidents(n: int, rng: np.random.Generator) -> pa.Table:
    """Incidents at any time, an hour long or so."""
    detected = rng.integers(0, _YEAR_US, n) + to_us(FIRST)
    lasted = (rng.lognormal(8, 1, n) * _US).astype(np.int64)
    return filled(
        FACTS_SCHEMA,
        n,
        incident_id=pa.array([f"pagerduty:{number:07d}" for number in range(n)]),
        title=pa.array(["latency above its objective"] * n),
        service=named(services(n, rng)),
        status=pa.array(["restored"] * n),
        is_contradictory=pa.array(np.zeros(n, dtype=np.bool_)),
        n_reopened=pa.array(np.zeros(n, dtype=np.int32)),
        n_events=pa.array(np.full(n, 3, dtype=np.int32)),
        detected=pa.array(detected).cast(_INSTANT),
        restored=pa.array(detected + lasted).cast(_INSTANT),
    )


def services(n: int, rng: np.random.Generator) -> Any:
    """Which service each belongs to (n,)."""
    return (rng.random(n) ** 2 * N_SERVICES).astype(np.int64)


def named(service: Any) -> pa.Array:
    """Their names."""
    return pa.array([f"service-{of:03d}" for of in service.tolist()])


def filled(schema: pa.Schema, n: int, **columns: Any) -> pa.Table:
    """A table with these columns, null in the others."""
    return pa.table({field.name: columns.get(field.name, pa.nulls(n, field.type)) for field in schema}, schema=schema)


if __name__ == "__main__":
    sys.exit(main())
