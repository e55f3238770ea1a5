"""How fast a CSV is imported, and how much memory that takes, beside a naive loader of the same file.

    python bench/import_speed.py [--rows 100000 1000000] [--data FOLDER]

The peer is what one would write by hand: csv.reader, datetime.strptime, json, sqlite3 with one transaction and no check
of any row. Each run is a process of its own, so that its peak memory is its own. With RESILE_REAL_DATA set, also
ServiceNow's log.
"""

import argparse
import csv
import json
import os
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

MAPPING = """
timezone: America/Denver
id: ref
title: summary
detected: {column: started, format: "%m/%d/%Y %H:%M"}
restored: {column: fixed, format: "%m/%d/%Y %H:%M"}
service: system
team: {column: owner, default: unknown}
severity: {column: priority, values: {"1": SEV1, "2": SEV2, "3": SEV3, "4": SEV4}}
labels: [cause, purpose]
planned: {column: kind, equals: [maintenance, upgrade]}
noise: {column: resolution, matches: "^duplicate"}
"""
COLUMNS = [
    "ref",
    "summary",
    "started",
    "fixed",
    "system",
    "owner",
    "priority",
    "cause",
    "purpose",
    "kind",
    "resolution",
]


def write_table(path: Path, n_rows: int) -> None:
    """Write invented failures, about 120 bytes each."""
    rng = np.random.default_rng(20_240_101)
    first = datetime(2015, 1, 1, tzinfo=UTC)
    starts = np.sort(rng.integers(0, 9 * 365 * 24 * 60, n_rows))
    lasted = np.exp(rng.normal(4, 1.5, n_rows)).astype(int) + 1
    picks = rng.integers(0, 1 << 30, (n_rows, 6))
    systems = [f"system-{n:02d}" for n in range(40)]
    causes = ["disk", "network", "software", "human", "power", "unknown"]
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for n in range(n_rows):
            began = first + timedelta(minutes=int(starts[n]))
            ended = began + timedelta(minutes=int(lasted[n]))
            pick = picks[n]
            writer.writerow(
                [
                    f"F-{n:07d}",
                    f"{systems[pick[0] % 40]} failed on node {pick[1] % 4096}",
                    f"{began:%m/%d/%Y %H:%M}",
                    f"{ended:%m/%d/%Y %H:%M}",
                    systems[pick[0] % 40],
                    f"team-{pick[2] % 12}" if pick[2] % 7 else "",
                    pick[3] % 4 + 1,
                    causes[pick[4] % 6],
                    ("compute", "login", "graphics")[pick[5] % 3],
                    "maintenance" if pick[5] % 50 == 0 else "failure",
                    "duplicate of another" if pick[4] % 90 == 0 else "repaired",
                ]
            )


def naive(path: Path, folder: Path) -> None:
    """The peer: no checks, no zones, no second run; a row of JSON per incident."""
    base = sqlite3.connect(folder / "naive.db")
    base.execute("CREATE TABLE incidents (id TEXT PRIMARY KEY, body TEXT)")
    with path.open(newline="") as file:
        rows = csv.reader(file)
        header = next(rows)

        def bodies() -> object:
            for row in rows:
                incident = dict(zip(header, row, strict=True))
                for column in ("started", "fixed"):
                    at = datetime.strptime(incident[column], "%m/%d/%Y %H:%M").replace(tzinfo=UTC)
                    incident[column] = at.isoformat()
                yield incident["ref"], json.dumps(incident)

        base.executemany("INSERT INTO incidents VALUES (?, ?)", bodies())
    base.commit()
    base.close()


def own(path: Path, folder: Path, kind: str) -> None:
    """`resile import` of the file."""
    from resile.cli.main import app  # noqa: PLC0415 - the peer must not pay for it

    options = ["--mapping", str(folder / "table.yaml")] if kind == "table" else []
    (folder / "table.yaml").write_text(MAPPING)
    app(["--data", str(folder / "data"), "import", kind, str(path), *options, "--json"], standalone_mode=False)


def in_process(loader: str, path: Path, folder: Path) -> tuple[float, float]:
    """Run a loader in a process of its own.

    Returns:
        Seconds; peak memory in MiB.
    """
    command = [sys.executable, __file__, "--loader", loader, "--table", str(path), "--data", str(folder)]
    ran = subprocess.run(command, check=True, capture_output=True, text=True)
    seconds, peak_mib = json.loads(ran.stdout.splitlines()[-1])
    return seconds, peak_mib


def measured(loader: str, path: Path, folder: Path) -> None:
    """Run one loader here, and print its seconds and peak memory."""
    began = time.perf_counter()
    if loader == "naive":
        naive(path, folder)
    else:
        own(path, folder, loader)
    lasted = time.perf_counter() - began
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps([lasted, peak_mib]))


def main() -> None:
    """Measure every size, and print the ratio to the peer."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--loader", choices=["naive", "table", "servicenow"])
    parser.add_argument("--table", type=Path)
    options = parser.parse_args()
    if options.loader:
        measured(options.loader, options.table, options.data)
        return
    for n_rows in options.rows:
        with tempfile.TemporaryDirectory(dir=options.data) as name:
            folder = Path(name)
            table = folder / "failures.csv"
            write_table(table, n_rows)
            peer_s, peer_mib = in_process("naive", table, folder)
            first_s, first_mib = in_process("table", table, folder)
            again_s, _ = in_process("table", table, folder)
            print(
                f"import_speed: {n_rows:,} rows ({table.stat().st_size >> 20} MiB): resile {first_s:.1f} s, "
                f"{n_rows / first_s:,.0f} rows/s, peak {first_mib:.0f} MiB; again, unchanged {again_s:.1f} s; "
                f"naive loader {peer_s:.1f} s, peak {peer_mib:.0f} MiB; ratio {first_s / peer_s:.2f}"
            )
    if real := os.environ.get("RESILE_REAL_DATA"):
        log = Path(real) / "servicenow" / "incident_event_log.zip"
        with tempfile.TemporaryDirectory(dir=options.data) as name:
            seconds, peak_mib = in_process("servicenow", log, Path(name))
        print(f"import_speed: ServiceNow's log, 141,712 events: {seconds:.1f} s, peak {peak_mib:.0f} MiB")


if __name__ == "__main__":
    main()
