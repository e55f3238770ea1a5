"""A server that pages, where its pages go, and alerts sent to it at a steady pace; for benchmarks of paging."""

import http.client
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Self

from msgspec import Struct

from resile.testing.loopback_http import LoopbackHttp, Reply, Request
from webhook_load import PROGRAM, processor_s, started

_NAME = re.compile(rb"alert-(\d+)\b")
_LISTS_A_SECOND = 1.0


class Sink(LoopbackHttp):
    """Takes pages by webhook.

    Attributes:
        arrived: by number of the alert, when its first page arrived (monotonic).
        n_pages: how many arrived in all.
        titles: of the first thousand.
    """

    def __init__(self) -> None:
        super().__init__()
        self.arrived: dict[int, float] = {}
        self.n_pages = 0
        self.last_at = 0.0
        self.titles: list[str] = []
        self._guard = threading.Lock()

    def take(self, request: Request) -> Reply:
        """Note when it came."""
        now = time.monotonic()
        found = _NAME.search(request.body)
        with self._guard:
            self.n_pages += 1
            self.last_at = now
            if found is not None:
                self.arrived.setdefault(int(found[1]), now)
            if len(self.titles) < 1_000:
                self.titles.append(str(json.loads(request.body).get("title", "")))
        return Reply(status=204, body=b"")


class Sent(Struct, frozen=True, kw_only=True):
    """A body that was sent.

    Attributes:
        began, answered: monotonic, s.
        late_s: how much later than planned it was sent.
    """

    number: int
    began: float
    answered: float
    status: int
    late_s: float


def send_paced(
    address: tuple[str, int], path: str, body_of: Callable[[int], bytes], n_bodies: int, *, per_s: float, n_senders: int
) -> list[Sent]:
    """Send that many bodies, each at its time, by several connections that are kept."""
    sent: list[Sent] = []
    numbers = iter(range(n_bodies))
    guard = threading.Lock()
    start = time.monotonic() + 0.1

    def send() -> None:
        connection = http.client.HTTPConnection(*address, timeout=30)
        while True:
            with guard:
                number = next(numbers, None)
            if number is None:
                break
            body, at = body_of(number), start + number / per_s
            time.sleep(max(0.0, at - time.monotonic()))
            began = time.monotonic()
            connection.request("POST", path, body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            answer.read()
            sent.append(
                Sent(number=number, began=began, answered=time.monotonic(), status=answer.status, late_s=began - at)
            )
        connection.close()

    senders = [threading.Thread(target=send) for _ in range(n_senders)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    return sent


class Watched:
    """A process that is looked at once a second.

    Attributes:
        looks: monotonic s, its processor time in s, its resident set in MiB.
    """

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self.looks: list[tuple[float, float, float]] = []
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._look()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()
        self._look()

    def _run(self) -> None:
        while not self._is_over.wait(_LISTS_A_SECOND):
            self._look()

    def _look(self) -> None:
        self.looks.append((time.monotonic(), processor_s(self._pid), resident_mib(self._pid)))

    def told(self, parts: int = 3) -> str:
        """Cores and memory, of the whole and of its parts one after another."""
        (first_at, first_s, _), (last_at, last_s, _) = self.looks[0], self.looks[-1]
        cores, memories = [], []
        for part in range(parts):
            some = self.looks[part * (len(self.looks) - 1) // parts : (part + 1) * (len(self.looks) - 1) // parts + 1]
            took = max(some[-1][0] - some[0][0], 1e-9)
            cores.append(f"{(some[-1][1] - some[0][1]) / took:.2f}")
            memories.append(f"{some[-1][2]:.0f}")
        mean = (last_s - first_s) / max(last_at - first_at, 1e-9)
        most = max(memory for _, _, memory in self.looks)
        return (
            f"{mean:.2f} cores ({', '.join(cores)} in its parts), resident {memories[0]}, then "
            f"{', '.join(memories[1:])} MiB, most {most:.0f} MiB"
        )


def resident_mib(pid: int) -> float:
    """Its resident set."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def quantiles_of(times_s: Sequence[float]) -> str:
    """Median, p99 and longest."""
    ordered = sorted(times_s)
    p99 = ordered[min(len(ordered) - 1, int(0.99 * len(ordered)))]
    return (
        f"median {ordered[len(ordered) // 2] * 1e3:.0f} ms, p99 {p99 * 1e3:.0f} ms, longest {ordered[-1] * 1e3:.0f} ms"
    )


def environment_of(data: Path) -> dict[str, str]:
    """Of a server on this data folder that may page to this machine."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    return {
        **kept,
        "HOME": str(data.parent),
        "RESILE_DATA": str(data),
        "RESILE_PORT": "0",
        "RESILE_ALLOWED_ADDRESSES": '["127.0.0.1"]',
    }


def add_door(environment: dict[str, str]) -> None:
    """A prometheus door that trusts this machine."""
    command = [PROGRAM, "door", "add", "prometheus", "--no-secret"]
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)


@contextmanager
def serving(environment: dict[str, str], log: IO[bytes]) -> Iterator[tuple[int, tuple[str, int]]]:
    """`resile up`: its process id and where it listens."""
    process, address = started(environment, log)
    try:
        yield process.pid, address
    finally:
        process.terminate()
        process.wait()


@contextmanager
def peer_serving(folder: Path, sink: str) -> Iterator[tuple[int, tuple[str, int]]]:
    """The peer of bench/paging_peers.py: its process id and where it listens."""
    command = [sys.executable, "-c", "import paging_peers; paging_peers.serve()", str(folder / "peer.db"), sink]
    process = subprocess.Popen(command, cwd=Path(__file__).parent, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process.pid, ("127.0.0.1", int(process.stdout.readline()))
    finally:
        process.terminate()
        process.wait()


def await_all(is_done: Callable[[], bool], *, within_s: float) -> bool:
    """Whether it came to be in time."""
    until = time.monotonic() + within_s
    while not is_done():
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


def alert(name: str, *, service: str, instance: str, title: str) -> dict[str, Any]:
    """As Prometheus sends it."""
    return {
        "labels": {"alertname": name, "service": service, "instance": instance, "severity": "critical"},
        "annotations": {
            "summary": title,
            "description": "p95 of 2.4 s since 09:30; the budget burns 14 times too fast",
        },
        "startsAt": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus.example.org/graph?g0.expr=latency&g0.tab=1",
    }
