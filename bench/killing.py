"""What the benchmarks have in common that kill the server again and again: starting it, killing it, asking it."""

import json
import os
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from http.client import HTTPException
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

import numpy as np

from webhook_load import PROGRAM, Address, started

# The longest time between the start, or that it is ready, and the kill.
STARTING_S, RUNNING_S = 1.5, 2.0
# So many of the kills come while the server starts.
STARTING_SHARE = 0.2
ENDS_WITHIN_S = 60.0
ANSWERS_WITHIN_S = 10.0


class Ground:
    """A data folder for all kills, the environment of a server on it, and the file that keeps what servers log.

    Attributes:
        folder: gone afterwards; on a disk, as kills are to be survived there.
    """

    def __init__(self, stack: ExitStack) -> None:
        self.folder = Path(stack.enter_context(TemporaryDirectory(prefix="resile-bench-", dir="/var/tmp")))
        self.environment = {**os.environ, "RESILE_DATA": str(self.folder), "RESILE_PORT": "0"}
        self._log: IO[bytes] = stack.enter_context((self.folder / "log").open("ab"))

    @contextmanager
    def killed(self) -> Iterator[Address]:
        """A server that is ready; killed afterwards."""
        server, address = started(self.environment, self._log)
        try:
            yield address
        finally:
            _kill(server)

    @contextmanager
    def spared(self) -> Iterator[Address]:
        """The last server, which ends in good order."""
        server, address = started(self.environment, self._log)
        try:
            yield address
        finally:
            server.terminate()
            server.wait(timeout=ENDS_WITHIN_S)
            _close(server)

    def kill_starting(self, after_s: float) -> None:
        """Kill a server so long after its start."""
        server = subprocess.Popen(
            [PROGRAM, "up"], env=self.environment, stdout=subprocess.DEVNULL, stderr=self._log, text=True
        )
        time.sleep(after_s)
        _kill(server)

    def kill_at_random(
        self,
        n_kills: int,
        *,
        seed: int,
        ready: Callable[[Address], None],
        least_s: float,
        n_answered: Callable[[], int],
    ) -> None:
        """Start the server and kill it, so often; some kills come while it starts, but not the first.

        Args:
            ready: told where each server listens.
            least_s: how long one that is ready lives at least.
            n_answered: for whoever watches.
        """
        rng = np.random.default_rng(seed)
        began = time.monotonic()
        for number in range(1, n_kills + 1):
            if number > 1 and rng.random() < STARTING_SHARE:
                self.kill_starting(float(rng.uniform(0, STARTING_S)))
            else:
                with self.killed() as address:
                    ready(address)
                    time.sleep(float(rng.uniform(least_s, RUNNING_S)))
            if number % 10 == 0:
                seconds = time.monotonic() - began
                print(f"  {number} kills, {n_answered():,} answered, {seconds:.0f} s", flush=True)


def _kill(server: "subprocess.Popen[str]") -> None:
    os.kill(server.pid, signal.SIGKILL)
    server.wait()
    _close(server)


def _close(server: "subprocess.Popen[str]") -> None:
    if server.stdout is not None:
        server.stdout.close()


class Callers:
    """Threads that ask for something several times a second, whether a server is there or not.

    Attributes:
        url: where to ask, for as long as a server runs; None: there is nobody to ask.

    Args:
        once: one turn; it goes on until it was answered.
        rest_s: between two turns of one thread.
    """

    def __init__(self, once: Callable[[], None], *, n: int, rest_s: float) -> None:
        self.url: str | None = None
        self._once = once
        self._rest_s = rest_s
        self._is_over = threading.Event()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(n)]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End, once everything that was begun was answered."""
        self._is_over.set()
        for thread in self._threads:
            thread.join()

    def rest(self) -> bool:
        """Wait before asking again; whether it is over."""
        return self._is_over.wait(self._rest_s) if self.url is None else bool(time.sleep(self._rest_s))

    def _run(self) -> None:
        while not self._is_over.wait(self._rest_s):
            self._once()


def posted(url: str, body: object, headers: Mapping[str, str] | None = None) -> tuple[int, bytes] | None:
    """Status and body of the answer; None: the server was killed before it answered, or within that."""
    told = {"Content-Type": "application/json", **(headers or {})}
    asked = urllib.request.Request(url, json.dumps(body).encode(), told)  # noqa: S310 - our own server
    try:
        with urllib.request.urlopen(asked, timeout=ANSWERS_WITHIN_S) as answer:  # noqa: S310 - as above
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, b""
    except (OSError, HTTPException):
        return None
