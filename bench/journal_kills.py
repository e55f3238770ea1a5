"""kill -9 of the server under webhook load, at random: what was answered 2xx must be in the store exactly once.

    python bench/journal_kills.py [--kills 50]

One data folder for all kills. Eight connections send signed deployments, each of them a deployment of its own; the
server is killed some time after it said that it is ready, and started again. After the last kill everything that was
answered is looked for in the store, and the journal must hold nothing that waits or failed.
"""

import argparse
import asyncio
import hashlib
import hmac
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import numpy as np

from resile.app.settings import load_settings
from resile.app.wiring import open_resile
from resile.ports.journal import Verdict

PROGRAM = Path(sys.executable).with_name("resile")
N_SENDERS = 8
LAST_S = 120.0


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


async def sender(address: tuple[str, int], secret: str, numbers: list[int], answered: list[int]) -> None:
    """Send one delivery after another, until the server is gone."""
    with suppress(OSError, asyncio.IncompleteReadError):
        reader, writer = await asyncio.open_connection(*address)
        while True:
            number = numbers[0]
            numbers[0] += 1
            body = body_of(number)
            signed = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
            head = (
                f"POST /doors/github HTTP/1.1\r\nhost: {address[0]}\r\ncontent-type: application/json\r\n"
                f"x-github-event: deployment_status\r\nx-github-delivery: d{number}\r\n"
                f"x-hub-signature-256: sha256={signed}\r\ncontent-length: {len(body)}\r\n\r\n"
            )
            writer.write(head.encode() + body)
            answer = await reader.readuntil(b"\r\n\r\n")
            assert answer.startswith(b"HTTP/1.1 202"), answer
            answered.append(number)
            length = re.search(rb"content-length: (\d+)", answer)
            assert length is not None
            await reader.readexactly(int(length[1]))


async def under_load(
    server: subprocess.Popen[str], address: tuple[str, int], secret: str, numbers: list[int], *, kill_after_s: float
) -> list[int]:
    """Numbers of the deliveries that were answered 2xx before the kill."""
    answered: list[int] = []
    senders = [asyncio.create_task(sender(address, secret, numbers, answered)) for _ in range(N_SENDERS)]
    await asyncio.sleep(kill_after_s)
    os.kill(server.pid, signal.SIGKILL)
    await asyncio.gather(*senders)
    return answered


def started(environment: dict[str, str]) -> tuple[subprocess.Popen[str], tuple[str, int]]:
    """The server, and where it listens."""
    server = subprocess.Popen(
        [PROGRAM, "up"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert server.stdout is not None
    found = re.search(r"http://([\d.]+):(\d+)/", server.stdout.readline())
    assert found is not None
    return server, (found[1], int(found[2]))


def main() -> None:
    """Kill as often as asked, then look."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50)
    options = parser.parse_args()
    rng = np.random.default_rng(7)
    with tempfile.TemporaryDirectory(prefix="resile-bench-", dir="/var/tmp") as folder:
        environment = {**os.environ, "RESILE_DATA": folder, "RESILE_PORT": "0"}
        added = subprocess.run(
            [PROGRAM, "door", "add", "github", "--json"], env=environment, capture_output=True, text=True, check=True
        )
        secret = json.loads(added.stdout)["secret"]
        numbers, answered = [1], []
        for _ in range(options.kills):
            server, address = started(environment)
            seconds = float(rng.uniform(0.05, 1.5))
            answered += asyncio.run(under_load(server, address, secret, numbers, kill_after_s=seconds))
            server.wait()
        server, _ = started(environment)
        check(Path(folder), answered)
        server.terminate()
        server.wait(timeout=60)
    print(
        f"journal_kills: {options.kills} kills; {len(answered):,} of {numbers[0] - 1:,} deliveries were answered 2xx, "
        "each of them is in the store exactly once"
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
