"""How fast the server takes deliveries, each on the disk before it is answered, beside a plain segment file.

    python bench/journal_throughput.py [--seconds 10] [--senders 16]

The load comes from this machine too, over HTTP, signed as GitHub signs. `through resile up` counts answers 2xx of the
real program; its processor time is told too, for it does not depend on what else the machine does. `journal` and
`segment file` are the adapter alone and, in the same run, the least that is durable: the same bodies appended to a
file, those that came meanwhile under one fsync.
"""

import argparse
import asyncio
import hashlib
import hmac
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from concurrent.futures import Future
from datetime import UTC, datetime
from pathlib import Path

from resile.ports.journal import Delivery
from resile.stores.journal import open_journal_file

SIZES = (2_000, 150_000)
N_WINDOW = 64
WANTED = {2_000: "at least 2,000 bodies/s, p99 at most 100 ms", 150_000: "at least 60 MB/s, p99 at most 100 ms"}
PROGRAM = Path(sys.executable).with_name("resile")


def body_of(size: int) -> bytes:
    """A push of so many bytes, as GitHub writes them."""
    commit = {
        "id": "0" * 40,
        "message": "Mend the checkout of carts with more than a hundred lines",
        "timestamp": "2024-05-01T10:00:00Z",
        "author": {"name": "Ann Example", "email": "ann@example.org", "username": "ann"},
        "added": [],
        "modified": ["src/shop/checkout.py", "tests/test_checkout.py"],
    }
    push = {
        "ref": "refs/heads/topic",
        "repository": {"full_name": "acme/shop", "html_url": "https://github.com/acme/shop"},
    }
    commits: list[object] = []
    while len(json.dumps({**push, "commits": commits})) < size - 400:
        commits.append(commit)
    text = json.dumps({**push, "commits": commits})
    return text.encode() + b" " * (size - len(text))


class Segment:
    """A plain file: length, body, length, body; one fsync for all that came while the last one ran."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
        self._queue: deque[tuple[bytes, Future[bool]]] = deque()
        self._turn = threading.Condition()
        self._is_closed = False
        self._writer = threading.Thread(target=self._write_all)
        self._writer.start()

    def submit(self, delivery: Delivery) -> "Future[bool]":
        """Append; done once it is on the disk."""
        done: Future[bool] = Future()
        head = json.dumps([delivery.door, delivery.id, delivery.headers]).encode()
        record = b"".join((len(head).to_bytes(4), len(delivery.body).to_bytes(4), head, delivery.body))
        with self._turn:
            self._queue.append((record, done))
            self._turn.notify()
        return done

    def _write_all(self) -> None:
        while True:
            with self._turn:
                self._turn.wait_for(lambda: self._queue or self._is_closed)
                group = list(self._queue)
                self._queue.clear()
            if not group:
                return
            for n in range(0, len(group), 512):
                os.writev(self._file, [record for record, _ in group[n : n + 512]])
            os.fsync(self._file)
            for _, done in group:
                done.set_result(True)

    def close(self) -> None:
        """Write the rest and close."""
        with self._turn:
            self._is_closed = True
            self._turn.notify()
        self._writer.join()
        os.close(self._file)


def measure_alone(journal: object, size: int, seconds: float) -> tuple[float, list[float]]:
    """Bodies a second with 64 under way, and how long each took."""
    room = threading.Semaphore(N_WINDOW)
    took: list[float] = []
    body = body_of(size)
    now = datetime.now(UTC)
    began = time.perf_counter()
    number = 0
    while time.perf_counter() - began < seconds:
        room.acquire()
        sent = time.perf_counter()
        done = journal.submit(Delivery(door="github", id=f"{number:032x}", received_at=now, body=body))  # type: ignore[attr-defined]
        done.add_done_callback(lambda _, sent=sent: (took.append(time.perf_counter() - sent), room.release()))
        number += 1
    for _ in range(N_WINDOW):
        room.acquire()
    return number / (time.perf_counter() - began), took


async def sender(
    address: tuple[str, int], secret: str, body: bytes, *, name: str, until: float, took: list[float]
) -> None:
    """One connection that sends a delivery as soon as the last was answered."""
    reader, writer = await asyncio.open_connection(*address)
    signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    number = 0
    while time.perf_counter() < until:
        head = (
            f"POST /doors/github HTTP/1.1\r\nhost: {address[0]}:{address[1]}\r\ncontent-type: application/json\r\n"
            f"user-agent: GitHub-Hookshot/bench\r\nx-github-event: push\r\nx-github-delivery: {name}-{number:032d}\r\n"
            f"x-hub-signature-256: sha256={signature}\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        sent = time.perf_counter()
        writer.write(head.encode() + body)
        answer = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", answer)
        assert length is not None, answer
        await reader.readexactly(int(length[1]))
        assert answer.startswith(b"HTTP/1.1 202"), answer
        took.append(time.perf_counter() - sent)
        number += 1
    writer.close()


async def load(
    address: tuple[str, int], secret: str, size: int, senders: int, seconds: float
) -> tuple[float, list[float]]:
    """Bodies a second over so many connections, and how long each took."""
    body = body_of(size)
    took: list[float] = []
    began = time.perf_counter()
    names = [f"{size}-{began:.6f}-{n}" for n in range(senders)]
    await asyncio.gather(
        *(sender(address, secret, body, name=name, until=began + seconds, took=took) for name in names)
    )
    return len(took) / (time.perf_counter() - began), took


def processor_s(pid: int) -> float:
    """Seconds of processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def told(what: str, size: int, rate: float, took: list[float]) -> str:
    """One line of figures."""
    took = sorted(took)
    p50, p99 = (1e3 * took[int(len(took) * share)] for share in (0.5, 0.99))
    return (
        f"  {what:24} {rate:8,.0f} bodies/s  {rate * size / 1e6:7.1f} MB/s  p50 {p50:6.1f} ms  p99 {p99:6.1f} ms  "
        f"longest {1e3 * took[-1]:6.1f} ms"
    )


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--senders", type=int, default=16)
    options = parser.parse_args()
    for size in SIZES:
        print(f"{size:,} bytes a body (wanted: {WANTED[size]}), {options.senders} connections")
        with tempfile.TemporaryDirectory(prefix="resile-bench-", dir="/var/tmp") as folder:
            data = Path(folder)
            environment = {**os.environ, "RESILE_DATA": str(data / "data"), "RESILE_PORT": "0"}
            added = subprocess.run(
                [PROGRAM, "door", "add", "github", "--json"],
                env=environment,
                capture_output=True,
                text=True,
                check=True,
            )
            secret = json.loads(added.stdout)["secret"]
            with (data / "log").open("wb") as log:
                server = subprocess.Popen(
                    [PROGRAM, "up"], env=environment, stdout=subprocess.PIPE, stderr=log, text=True
                )
            try:
                assert server.stdout is not None
                found = re.search(r"http://([\d.]+):(\d+)/", server.stdout.readline())
                assert found is not None
                address = found[1], int(found[2])
                asyncio.run(load(address, secret, size, options.senders, 1.0))
                before_s = processor_s(server.pid)
                rate, took = asyncio.run(load(address, secret, size, options.senders, options.seconds))
                each_ms = 1e3 * (processor_s(server.pid) - before_s) / len(took)
            finally:
                server.terminate()
                server.wait(timeout=60)
            print(told("through resile up", size, rate, took) + f"  {each_ms:.2f} ms of processor a body")
            journal = open_journal_file(data / "journal.sqlite3")
            alone, took = measure_alone(journal, size, options.seconds / 2)
            journal.close()
            print(told("journal", size, alone, took))
            segment = Segment(data / "segment")
            least, took = measure_alone(segment, size, options.seconds / 2)
            segment.close()
            print(told("segment file", size, least, took))
            print(f"  the segment file takes {least / alone:.2f} times as many as the journal")


if __name__ == "__main__":
    main()
