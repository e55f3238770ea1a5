"""How fast the server takes deliveries, each on the disk before it is answered, beside a plain segment file.

    python bench/journal_throughput.py [--seconds 10] [--senders N]

The load comes from this machine too, over HTTP, signed as GitHub signs; each connection sends its next delivery once
the last was answered. `through resile up` counts answers 2xx of the real program; processor time is told too, for it
depends least on what else the machine does; then the same once more while somebody opens pages. `journal` and
`segment file` are, with as many deliveries under way and in turns, the adapter alone and the least that is durable: the
same bodies appended to a file, those that came meanwhile under one fsync.
"""

import argparse
import json
import os
import statistics
import tempfile
import threading
import time
import urllib.request
from collections import deque
from concurrent.futures import Future
from datetime import UTC, datetime
from pathlib import Path
from typing import Self
from uuid import uuid4

from resile.ports.journal import Delivery
from resile.stores.journal import open_journal_file
from webhook_load import Address, Answered, head_of, make_door, processor_s, run_load, started

# By the size of a body, how many are under way at once. With as many large ones as small ones each would wait longer
# than is wanted at the very rate that is wanted.
N_UNDER_WAY = {2_000: 64, 150_000: 16}
WANTED = {2_000: "at least 2,000 bodies/s, p99 at most 100 ms", 150_000: "at least 60 MB/s, p99 at most 100 ms"}
PAGE_EVERY_S = 0.5
N_TURNS = 5


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


def measure_alone(journal: object, size: int, n_under_way: int, seconds: float) -> tuple[float, list[float]]:
    """Bodies a second with so many under way, and how long each took."""
    room = threading.Semaphore(n_under_way)
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
    for _ in range(n_under_way):
        room.acquire()
    return number / (time.perf_counter() - began), took


class Deliveries:
    """The same body again and again, each time as another delivery."""

    def __init__(self, address: Address, secret: str, body: bytes) -> None:
        self._head = head_of(address, secret, body, event="push")
        self._body = body
        self._n = 0

    def following(self) -> tuple[int, list[bytes]]:
        """The next one."""
        self._n += 1
        return self._n, [b"%b%b\r\n\r\n" % (self._head, str(uuid4()).encode()), self._body]


class Pages:
    """Somebody who opens the first page again and again meanwhile; how long each time took."""

    def __init__(self, address: Address) -> None:
        self.took_s: list[float] = []
        self._address = address
        self._is_ending = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_ending.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._is_ending.wait(PAGE_EVERY_S):
            began = time.perf_counter()
            with urllib.request.urlopen(f"http://{self._address[0]}:{self._address[1]}/") as answer:
                answer.read()
            self.took_s.append(time.perf_counter() - began)


def through_the_server(data: Path, size: int, senders: int, seconds: float) -> str:
    """One line of figures of the real program."""
    environment = {**os.environ, "RESILE_DATA": str(data / "data"), "RESILE_PORT": "0"}
    secret = make_door(environment)
    with (data / "log").open("wb") as log:
        server, address = started(environment, log)
        try:
            deliveries = Deliveries(address, secret, body_of(size))

            def load(for_s: float) -> Answered:
                until = time.perf_counter() + for_s
                return run_load(
                    address, deliveries.following, n_senders=senders, until=lambda: time.perf_counter() > until
                )

            load(1.0)
            before_s = processor_s(server.pid)
            came = load(seconds)
            used_s = processor_s(server.pid) - before_s
            with Pages(address) as pages:
                beside = load(seconds / 2)
        finally:
            server.terminate()
            server.wait(timeout=60)
    assert not came.other + beside.other, (came.other + beside.other)[:3]
    n = len(came.numbers)
    looks = sorted(pages.took_s)
    return (
        told("through resile up", size, n / came.seconds, came.took_s)
        + f"\n  processor time a body: server {1e3 * used_s / n:.3f} ms, load {1e3 * came.processor_s / n:.3f} ms\n"
        + told("beside pages", size, len(beside.numbers) / beside.seconds, beside.took_s)
        + f"\n  the first page meanwhile: median {1e3 * statistics.median(looks):.0f} ms, "
        f"longest {1e3 * looks[-1]:.0f} ms, n = {len(looks)}"
    )


def told(what: str, size: int, rate: float, took: list[float]) -> str:
    """One line of figures."""
    took = sorted(took)
    p50, p99 = (1e3 * took[int(len(took) * share)] for share in (0.5, 0.99))
    return (
        f"  {what:24} {rate:8,.0f} bodies/s  {rate * size / 1e6:7.1f} MB/s  p50 {p50:6.1f} ms  p99 {p99:6.1f} ms  "
        f"longest {1e3 * took[-1]:6.1f} ms"
    )


def beside_a_segment_file(data: Path, size: int, n_under_way: int, seconds: float) -> None:
    """Print how fast the journal alone is, and the segment file: in turns, so that both have the same machine."""
    found: dict[str, list[tuple[float, list[float]]]] = {"journal": [], "segment file": []}
    for turn in range(N_TURNS):
        journal = open_journal_file(data / f"journal-{turn}.sqlite3")
        found["journal"].append(measure_alone(journal, size, n_under_way, seconds / N_TURNS))
        journal.close()
        segment = Segment(data / f"segment-{turn}")
        found["segment file"].append(measure_alone(segment, size, n_under_way, seconds / N_TURNS))
        segment.close()
    rates = {what: statistics.median(rate for rate, _ in turns) for what, turns in found.items()}
    for what, turns in found.items():
        print(told(what, size, rates[what], [each for _, took in turns for each in took]))
    ratio = rates["segment file"] / rates["journal"]
    print(f"  the segment file takes {ratio:.2f} times as many as the journal, medians of {N_TURNS} turns")


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--senders", type=int)
    options = parser.parse_args()
    for size, usual in N_UNDER_WAY.items():
        n_under_way = options.senders or usual
        print(f"{size:,} bytes a body (wanted: {WANTED[size]}), {n_under_way} connections")
        with tempfile.TemporaryDirectory(prefix="resile-bench-", dir="/var/tmp") as folder:
            data = Path(folder)
            print(through_the_server(data, size, n_under_way, options.seconds))
            beside_a_segment_file(data, size, n_under_way, options.seconds)


if __name__ == "__main__":
    main()
