"""kill -9 of the server under webhook load, at random: what was answered 2xx must be in the store exactly once.

    python bench/journal_kills.py [--kills 50]

One data folder for all kills. Eight connections send signed deployments, each of them a deployment of its own; the
server is killed some time after it said that it is ready, and started again. After the last kill everything that was
answered is looked for in the store, and the journal must hold nothing that waits or failed.
"""

import argparse
import itertools
import json
import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np

from resile.app.settings import load_settings
from resile.app.wiring import open_resile
from resile.ports.journal import Verdict
from webhook_load import Address, Answered, head_of, make_door, run_load, started

N_SENDERS = 8
# The longest time between the first delivery and the kill.
LOAD_S = 1.5
LAST_S = 300.0


def body_of(number: int) -> bytes:
    """A deployment that succeeded, as GitHub tells of it."""
    at = "2024-05-01T10:00:00Z"
    status = {"id": number, "state": "success", "environment": "production", "created_at": at, "updated_at": at}
    deployment = {
        "id": number,
        "sha": f"{number:040x}",
        "ref": "main",
        "environment": "production",
        "created_at": at,
        "updated_at": at,
        "url": f"https://api.github.com/repos/acme/shop/deployments/{number}",
    }
    repository = {"full_name": "acme/shop", "html_url": "https://github.com/acme/shop"}
    return json.dumps({"deployment_status": status, "deployment": deployment, "repository": repository}).encode()


def request_of(address: Address, secret: str, number: int) -> list[bytes]:
    """The delivery of that number, as it goes over the wire."""
    body = body_of(number)
    return [head_of(address, secret, body, event="deployment_status") + b"d%d\r\n\r\n" % number, body]


def under_load(
    server: subprocess.Popen[str], address: Address, secret: str, numbers: Iterator[int], *, kill_after_s: float
) -> list[int]:
    """Numbers of the deliveries that were answered 2xx before the kill."""

    def following() -> tuple[int, list[bytes]]:
        number = next(numbers)
        return number, request_of(address, secret, number)

    kill = threading.Timer(kill_after_s, os.kill, (server.pid, signal.SIGKILL))
    kill.start()
    # Every connection ends with the server; what was answered before is read to the last byte.
    came = Answered()
    with suppress(ConnectionError):  # killed before anybody was connected
        came = run_load(address, following, n_senders=N_SENDERS, until=lambda: False)
    kill.join()
    server.wait()
    assert not came.other, came.other[:3]
    return came.numbers


def main() -> None:
    """Kill as often as asked, then look."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50)
    options = parser.parse_args()
    rng = np.random.default_rng(7)
    with tempfile.TemporaryDirectory(prefix="resile-bench-", dir="/var/tmp") as folder:
        environment = {**os.environ, "RESILE_DATA": folder, "RESILE_PORT": "0"}
        secret = make_door(environment)
        numbers = itertools.count(1)
        answered: list[int] = []
        began = time.monotonic()
        for number in range(1, options.kills + 1):
            server, address = started(environment)
            seconds = float(rng.uniform(0.05, LOAD_S))
            answered += under_load(server, address, secret, numbers, kill_after_s=seconds)
            if number % 10 == 0:
                print(f"  {number} kills, {len(answered):,} answered, {time.monotonic() - began:.0f} s", flush=True)
        server, _ = started(environment)
        try:
            check(Path(folder), answered)
        finally:
            server.terminate()
            server.wait(timeout=60)
    print(
        f"journal_kills: {options.kills} kills; {len(answered):,} of {next(numbers) - 1:,} deliveries were answered "
        "2xx, each of them is in the store exactly once"
    )


def check(data: Path, answered: list[int]) -> None:
    """Whether each is there once, after what waits was processed."""
    until = time.monotonic() + LAST_S
    with open_resile(load_settings(data=data)) as resile:
        while resile.journal.waiting(limit=1):
            assert time.monotonic() < until, "deliveries still wait"
            time.sleep(0.2)
        assert resile.journal.entries(verdict=Verdict.FAILED) == []
        found = [one.sha for one in resile.deliveries.deployments_of("shop", "production")]
        assert len(found) == len(set(found)), "a deployment is there twice"
        lost = {f"{number:040x}" for number in answered} - set(found)
        assert not lost, f"{len(lost)} deliveries were answered and are not there"


if __name__ == "__main__":
    main()
