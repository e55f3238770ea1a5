"""kill -9 of the server while steps run, a few times; bench/step_kills.py does it fifty times."""

import re
import subprocess
import sys
from pathlib import Path

BENCH = Path(__file__).parents[2] / "bench/step_kills.py"


def test_server_killed_while_steps_run_runs_none_twice_and_every_run_has_an_end() -> None:
    command = [sys.executable, str(BENCH), "--kills", "3", "--settle-s", "0"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=400, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    found = re.search(r"3 kills, (\d+) taps answered, (\d+) runs: .*; 0 wrong", done.stdout)
    assert found is not None, done.stdout
    n_answered, n_runs = map(int, found.groups())
    assert 0 < n_answered <= n_runs
