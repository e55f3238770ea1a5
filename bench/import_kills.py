"""kill -9 in the middle of an import, at random: the same command again must give the state of an undisturbed run.

    python bench/import_kills.py [--kills 50] [--rows 20000] [--data FOLDER]

Each kill has a folder of its own: import, kill once a random share of it is written, import again, compare every
timeline and every fact.
"""

import argparse
import csv
import hashlib
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from resile.app.settings import load_settings
from resile.app.wiring import open_resile
from resile.model.event import encode_event

LEARNT = re.compile(rb'"recorded_at":"[^"]*"')


def write_table(folder: Path, n_rows: int) -> None:
    """Write invented incidents and their mapping."""
    (folder / "map.yaml").write_text("id: ref\ndetected: began\nrestored: ended\nservice: system\n")
    start = datetime(2024, 1, 1, tzinfo=UTC)
    with (folder / "table.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["ref", "began", "ended", "system"])
        for n in range(n_rows):
            began = start + timedelta(minutes=n)
            writer.writerow([n, began.isoformat(), (began + timedelta(minutes=n % 90)).isoformat(), f"s{n % 7}"])


def import_it(folder: Path, data: Path, *, kill_at_bytes: int | None = None) -> bool:
    """Run the command; kill it once its database holds so many bytes.

    Returns:
        Whether it was killed before it was over.
    """
    program = Path(sys.executable).with_name("resile")
    words = [
        program,
        "--data",
        data,
        "import",
        "table",
        folder / "table.csv",
        "--mapping",
        folder / "map.yaml",
        "--json",
    ]
    with subprocess.Popen([str(word) for word in words], stdout=subprocess.DEVNULL) as process:
        while kill_at_bytes is not None and process.poll() is None:
            if bytes_in(data) >= kill_at_bytes:
                os.kill(process.pid, signal.SIGKILL)
                return True
            time.sleep(0.001)
    assert process.returncode == 0, f"the import ended with {process.returncode}"
    return False


def bytes_in(data: Path) -> int:
    """What the database's files hold at present; some of them come and go."""
    with suppress(FileNotFoundError):
        return sum(path.stat().st_size for path in data.glob("resile.db*"))
    return 0


def state_of(data: Path) -> tuple[str, int]:
    """A digest of every timeline (but for when resile learnt of it) and fact; and how many incidents there are."""
    digest = hashlib.sha256()
    with open_resile(load_settings(data=data)) as resile:
        n_incidents = 0
        for name, timeline in resile.timelines.incidents_changed(0, resile.timelines.last_seq()):
            n_incidents += 1
            digest.update(name.encode())
            for event in timeline:
                digest.update(LEARNT.sub(b"", encode_event(event)))
        resile.facts.refresh()
        with resile.facts.table() as facts:
            table = facts.drop("last_recorded_at").order_by("incident_id").to_pyarrow()
            digest.update(repr(table.to_pylist()).encode())
    return digest.hexdigest(), n_incidents


def main() -> None:
    """Kill, import again, compare; as often as asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--data", type=Path)
    options = parser.parse_args()
    rng = np.random.default_rng(7)
    with tempfile.TemporaryDirectory(dir=options.data) as name:
        folder = Path(name)
        write_table(folder, options.rows)
        assert not import_it(folder, folder / "undisturbed")
        whole = bytes_in(folder / "undisturbed")
        wanted, n_incidents = state_of(folder / "undisturbed")
        assert n_incidents == options.rows
        n_killed, n_tried, cut = 0, 0, []
        while n_killed < options.kills and n_tried < 3 * options.kills:
            n_tried += 1
            data = folder / f"disturbed-{n_tried}"
            if not import_it(folder, data, kill_at_bytes=int(rng.uniform(0.01, 1.3) * whole)):
                continue
            n_killed += 1
            with open_resile(load_settings(data=data)) as resile:
                cut.append(resile.timelines.n_incidents())
            import_it(folder, data)
            assert state_of(data)[0] == wanted, f"kill {n_killed} left another state in {data}"
    print(
        f"import_kills: {n_killed} kills, each time the state of an undisturbed run of {options.rows:,} rows; "
        f"incidents stored when killed, times that: "
        + ", ".join(f"{count:,}: {n}" for count, n in sorted(Counter(cut).items()))
    )


if __name__ == "__main__":
    main()
