"""kill -9 of the server while it pages, a few times; bench/real_kills.py does it a hundred times."""

import re
import subprocess
import sys
from pathlib import Path

BENCH = Path(__file__).parents[2] / "bench/real_kills.py"


def test_server_killed_while_it_pages_loses_no_alert_and_no_page_and_says_what_may_be_a_repeat() -> None:
    # A message whose sender died is on its way for as long as the lease holds; waiting for that is left to the bench.
    command = [sys.executable, str(BENCH), "--kills", "4", "--settle-s", "3"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    found = re.search(r"(\d+) kills, (\d+) alerts answered, (\d+) incidents, (\d+) pages", done.stdout)
    assert found is not None, done.stdout
    n_kills, n_answered, n_incidents, n_pages = map(int, found.groups())
    assert n_kills == 4
    assert 0 < n_answered <= n_incidents
    assert n_pages == 2 * n_incidents
    assert "0 of them unexplained, 0 lost" in done.stdout
