"""A real Prometheus and a real Alertmanager on ports of their own, and the service that they watch."""

import socket
import subprocess
import textwrap
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from resile.testing.loopback_http import LoopbackHttp, Reply, Request
from tests.conftest import find_program

# A machine that does much else besides takes its time.
SOON_S = 30.0
_LOOK_EVERY_S = 0.05
_NEVER = threading.Event()


def wait_until(holds: Callable[[], bool], what: str, *, within_s: float = SOON_S) -> None:
    """Block until it holds; the test fails where it does not come to."""
    until = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < until, f"not within {within_s:.0f} s: {what}"
        _NEVER.wait(_LOOK_EVERY_S)


class Watched(LoopbackHttp):
    """A service with metrics.

    Attributes:
        is_broken: whether it answers 500.
    """

    def __init__(self) -> None:
        super().__init__()
        self.is_broken = False

    def answer(self, request: Request) -> Reply:
        """One metric, or nothing of use."""
        del request
        if self.is_broken:
            return Reply(status=500)
        return Reply(body=b"shop_orders_total 1\n", headers={"content-type": "text/plain; version=0.0.4"})


def pasted(said: str) -> str:
    """What `resile door add` prints to be entered at the sender: the indented lines under `In prometheus.yml, ...:`."""
    lines = said.split("\n")
    first = next(n for n, line in enumerate(lines) if line.startswith("In ")) + 2
    last = next(n for n, line in enumerate(lines[first:], first) if not line.strip())
    return textwrap.dedent("\n".join(lines[first:last])) + "\n"


@contextmanager
def prometheus(folder: Path, watched: str, alerting: str) -> Iterator[str]:
    """Prometheus, which looks at a service each second and tells of it as `alerting` says; its address.

    Args:
        watched: the service's address.
        alerting: the block of prometheus.yml of that name.
    """
    folder.mkdir(parents=True)
    host = watched.removeprefix("http://")
    (folder / "rules.yml").write_text(
        "groups:\n- name: shop\n  rules:\n  - alert: ShopDown\n    expr: up == 0\n    for: 1s\n"
        "    labels: {severity: critical, service: shop}\n    annotations: {summary: Shop is down}\n"
    )
    (folder / "prometheus.yml").write_text(
        "global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}\n"
        "rule_files: [rules.yml]\n"
        f"scrape_configs:\n- job_name: shop\n  static_configs: [{{targets: ['{host}']}}]\n{alerting}"
    )
    with _running(
        find_program("prometheus", "prometheus"),
        folder,
        lambda port: [
            f"--config.file={folder}/prometheus.yml",
            f"--storage.tsdb.path={folder}/series",
            f"--web.listen-address=127.0.0.1:{port}",
        ],
    ) as address:
        yield address


@contextmanager
def alertmanager(folder: Path, receivers: str) -> Iterator[str]:
    """Alertmanager, which hands everything to the receiver `resile`; its address.

    Args:
        receivers: the block of alertmanager.yml of that name.
    """
    folder.mkdir(parents=True)
    (folder / "alertmanager.yml").write_text(
        "route: {receiver: resile, group_by: [alertname], group_wait: 1s, group_interval: 1s, repeat_interval: 1m}\n"
        f"{receivers}"
    )
    with _running(
        find_program("prometheus-alertmanager", "prometheus-alertmanager"),
        folder,
        lambda port: [
            f"--config.file={folder}/alertmanager.yml",
            f"--storage.path={folder}/kept",
            f"--web.listen-address=127.0.0.1:{port}",
            "--cluster.listen-address=",
        ],
    ) as address:
        yield address


@contextmanager
def _running(program: str, folder: Path, arguments: Callable[[int], list[str]]) -> Iterator[str]:
    """Started, ready, and ended with the context."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([program, *arguments(port)], cwd=folder, stdout=log, stderr=log)
        try:
            wait_until(lambda: process.poll() is not None or _is_ready(address), f"{program} is ready")
            assert process.poll() is None, (folder / "log").read_text()
            yield address
        finally:
            process.kill()
            process.wait()


def _is_ready(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/-/ready", timeout=5) as answer:  # noqa: S310 - of this machine
            return bool(answer.status == 200)
    except OSError:
        return False


def free_port() -> int:
    """One that nobody listens on at this moment."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
