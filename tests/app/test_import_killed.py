"""kill -9 in the middle of an import: the same command run again gives the state of an undisturbed run."""

import csv
import os
import re
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from resile.app.settings import load_settings
from resile.app.wiring import open_resile
from resile.model.event import encode_event

_LEARNT = re.compile(rb'"recorded_at":"[^"]*"')
N_ROWS = 16_000
MAPPING = "id: ref\ndetected: began\nrestored: ended\nservice: system\n"


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("killed")
    (folder / "map.yaml").write_text(MAPPING)
    start = datetime(2024, 1, 1, tzinfo=UTC)
    with (folder / "table.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["ref", "began", "ended", "system"])
        for n in range(N_ROWS):
            began = start + timedelta(minutes=n)
            writer.writerow([n, began.isoformat(), (began + timedelta(minutes=n % 90)).isoformat(), f"s{n % 7}"])
    return folder / "table.csv"


def start_import(table: Path, data: Path) -> subprocess.Popen[bytes]:
    program = Path(sys.executable).with_name("resile")
    command = [program, "--data", data, "import", "table", table, "--mapping", table.with_name("map.yaml"), "--json"]
    return subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)


def bytes_in(database: Path) -> int:
    """What the database's files hold at present; some of them come and go."""
    with suppress(FileNotFoundError):
        return sum(path.stat().st_size for path in database.parent.glob(f"{database.name}*"))
    return 0


def kill_when(process: subprocess.Popen[bytes], database: Path, n_bytes: int) -> bool:
    """Kill the process as soon as it has written so much; False if it was over before."""
    while process.poll() is None:
        if bytes_in(database) >= n_bytes:
            os.kill(process.pid, signal.SIGKILL)
            process.communicate()
            return True
        # Often enough, and without taking from the process what it needs to get anywhere.
        threading.Event().wait(0.002)
    process.communicate()
    return False


def state(data: Path) -> list[tuple[str, list[bytes]]]:
    """Every timeline without what differs from run to run: when resile learnt of it."""
    with open_resile(load_settings(data=data)) as resile:
        stamped = list(resile.timelines.incidents_changed(0, resile.timelines.last_seq()))
        with resile.facts.table() as facts:
            assert facts.count().to_pyarrow().as_py() == len(stamped)
    return [(name, [_LEARNT.sub(b"", encode_event(event)) for event in timeline]) for name, timeline in stamped]


def test_an_import_that_was_killed_five_times_ends_as_an_undisturbed_one(table: Path, tmp_path: Path) -> None:
    undisturbed = tmp_path / "undisturbed"
    whole_run = start_import(table, undisturbed)
    whole_run.communicate()
    assert whole_run.returncode == 0
    rng = np.random.default_rng(1)
    whole = bytes_in(undisturbed / "resile.db")
    disturbed = tmp_path / "disturbed"

    n_killed = 0
    for share in sorted(rng.uniform(0.02, 0.95, 5)):
        n_killed += kill_when(start_import(table, disturbed), disturbed / "resile.db", int(whole * share))
    last = start_import(table, disturbed)
    told, _ = last.communicate()

    assert last.returncode == 0
    assert n_killed >= 3, "the kills came too late to prove anything"
    assert f'"n_incidents":{N_ROWS}'.encode() in told
    assert state(disturbed) == state(undisturbed)
