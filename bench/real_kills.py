"""kill -9 of the server while it pages, at random: no alert that was answered and no page may be lost.

    python bench/real_kills.py [--kills 100] [--settle-s 180]

One data folder for all kills. Two senders tell the Prometheus door of alerts, each of them an incident of its own, and
tell whatever was not answered 2xx again. Each incident pages one person by e-mail and one by webhook, at an SMTP server
and a receiver that outlive every kill. Some kills come while the server starts. After the last one it runs until
nothing is on its way, or `--settle-s` passed. Then every alert that was answered must have its incident, and every page
must have reached its receiver, or be on its way still; what arrived again must say that it may be a repeat.
"""

import argparse
import itertools
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from contextlib import ExitStack
from http.client import HTTPException
from pathlib import Path
from typing import IO

import numpy as np
from msgspec import Struct

from resile.app.settings import load_settings
from resile.app.wiring import Resile, open_resile
from resile.model.message import MessageState
from resile.testing.loopback_http import Reply, Request
from resile.testing.loopback_smtp import LoopbackSmtp
from resile.testing.two_people import reaching_settings, two_people
from resile.testing.webhook_sink import WebhookSink
from webhook_load import PROGRAM, Address, started

N_SENDERS = 2
# Of each sender, between two alerts.
REST_S = 0.2
# The longest time between the start, or that it is ready, and the kill.
STARTING_S, RUNNING_S = 1.5, 2.0
# So many of the kills come while the server starts.
STARTING_SHARE = 0.2
# The receiver of webhooks thinks for at most so long, so that many a kill comes while something is being sent.
THINKS_S = 0.3
ENDS_AT = "2100-01-01T00:00:00Z"
WAITS = frozenset({MessageState.QUEUED, MessageState.SENDING, MessageState.BUNDLED})
POLICY = """\
kind: policy
name: default
steps:
- page: [person/ann, person/bob]
repeat: 0
last: 1h
"""
UNTHROTTLED = """\
throttle = {most = 10_000, within_s = 60}
[channels.webhook]
throttle = {most = 10_000, within_s = 60}
"""


class Senders:
    """Tell of alerts, several a second, and of each again until it is answered.

    Attributes:
        url: the door, for as long as the server runs; None: there is nobody to tell.
        answered: numbers of the alerts that were answered 2xx.
    """

    def __init__(self, secret: str) -> None:
        self.url: str | None = None
        self.answered: list[int] = []
        self._secret = secret
        self._numbers = itertools.count(1)
        self._is_over = threading.Event()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(N_SENDERS)]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End, once everything that was begun was answered."""
        self._is_over.set()
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        while not self._is_over.wait(REST_S):
            number = next(self._numbers)
            while not self._told(number):
                time.sleep(REST_S)
            self.answered.append(number)

    def _told(self, number: int) -> bool:
        url = self.url
        if url is None:
            return False
        alert = {"labels": {"alertname": name_of(number), "severity": "critical"}, "endsAt": ENDS_AT}
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self._secret}"}
        knock = urllib.request.Request(url, json.dumps([alert]).encode(), headers)  # noqa: S310 - our own server
        try:
            with urllib.request.urlopen(knock, timeout=10) as answer:  # noqa: S310 - as above
                return bool(answer.status // 100 == 2)
        except (OSError, HTTPException):  # killed before the answer, or within it
            return False


def name_of(number: int) -> str:
    """The alert's name; unlike all others, so that none joins another one's incident."""
    return f"Fault{number}"


class Arrivals(Struct, frozen=True):
    """What arrived: per message's id, of each time whether it said that it may be a repeat, in their order."""

    repeats: dict[str, list[bool]]

    @property
    def n_again(self) -> int:
        """Those that were there already."""
        return sum(len(told) - 1 for told in self.repeats.values())

    def unexplained(self) -> list[str]:
        """Ids of messages that came again without a word."""
        return [name for name, told in self.repeats.items() if not all(told[1:])]


def arrivals_of(mail: LoopbackSmtp, hook: WebhookSink) -> Arrivals:
    """What arrived at both."""
    found: dict[str, list[bool]] = {}
    for request in list(hook.requests):
        told = request.json()
        found.setdefault(told["id"], []).append(told["is_repeat"])
    for taken in list(mail.taken):
        message = taken.message
        name = str(message["Message-ID"]).strip("<>").rpartition("@")[0]
        found.setdefault(name, []).append("may be a repeat" in str(message["Subject"]))
    return Arrivals(found)


class Found(Struct, frozen=True, kw_only=True):
    """What came of it all."""

    n_kills: int
    n_answered: int
    n_incidents: int
    n_pages: int
    n_on_their_way: int
    n_again: int
    lost: list[str]
    unexplained: list[str]

    def __str__(self) -> str:
        return (
            f"real_kills: {self.n_kills} kills, {self.n_answered} alerts answered, {self.n_incidents} incidents, "
            f"{self.n_pages} pages, {self.n_on_their_way} on their way, {self.n_again} duplicates, "
            f"{len(self.unexplained)} of them unexplained, {len(self.lost)} lost"
        )


def looked_at(resile: Resile, answered: list[int], arrived: Arrivals, *, n_kills: int) -> Found:
    """Whether everything is there that must be."""
    incidents = {known.alert.labels["alertname"]: known.incident_id for known in resile.paging.alerts_firing()}
    lost = [f"alert {name}" for name in map(name_of, answered) if not incidents.get(name)]
    its = sorted({name for name in incidents.values() if name})
    pages = resile.paging.messages_of(its)
    paged = {page.incident_id for page in pages}
    lost += [f"the pages of incident {name}" for name in its if name not in paged]
    on_their_way = [page for page in pages if page.id not in arrived.repeats and page.state in WAITS]
    lost += [
        f"page {page.id} of {page.incident_id} by {page.channel}: {page.state} {page.error or ''}"
        for page in pages
        if page.id not in arrived.repeats and page.state not in WAITS
    ]
    return Found(
        n_kills=n_kills,
        n_answered=len(answered),
        n_incidents=len(its),
        n_pages=len(pages),
        n_on_their_way=len(on_their_way),
        n_again=arrived.n_again,
        lost=lost,
        unexplained=arrived.unexplained(),
    )


def settle(resile: Resile, within_s: float) -> None:
    """Wait until nothing waits any more, at most so long."""
    until = time.monotonic() + within_s
    while resile.journal.waiting(limit=1) or resile.paging.next_message_at() is not None:
        if time.monotonic() > until:
            return
        time.sleep(0.2)


def killed(log: IO[bytes], senders: Senders, environment: dict[str, str], *, n_kills: int, seed: int) -> None:
    """Start the server and kill it, so often."""
    rng = np.random.default_rng(seed)
    began = time.monotonic()
    for number in range(1, n_kills + 1):
        if rng.random() < STARTING_SHARE:
            server = subprocess.Popen([PROGRAM, "up"], env=environment, stdout=subprocess.DEVNULL, stderr=log)
            time.sleep(float(rng.uniform(0, STARTING_S)))
        else:
            server, address = started(environment, log)
            senders.url = door_at(address)
            time.sleep(float(rng.uniform(0.05, RUNNING_S)))
        os.kill(server.pid, signal.SIGKILL)
        server.wait()
        if server.stdout is not None:
            server.stdout.close()
        if number % 10 == 0:
            print(f"  {number} kills, {len(senders.answered):,} answered, {time.monotonic() - began:.0f} s", flush=True)


class SlowSink(WebhookSink):
    """A receiver of webhooks that takes its time."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._rng = np.random.default_rng(seed)

    def answer(self, request: Request) -> Reply:
        """204, after a while."""
        time.sleep(float(self._rng.uniform(0, THINKS_S)))
        return super().answer(request)


def prepared(folder: Path, environment: dict[str, str], mail: LoopbackSmtp, hook: WebhookSink) -> Senders:
    """A data folder with people, a policy and a door; who will knock there."""
    (folder / "resile.toml").write_text(reaching_settings(mail.port) + UNTHROTTLED)
    catalog = folder / "catalog"
    catalog.mkdir()
    (catalog / "people.yaml").write_text(two_people(hook.address) + POLICY)

    def run(*arguments: str) -> str:
        return subprocess.run([PROGRAM, *arguments], env=environment, capture_output=True, text=True, check=True).stdout

    run("apply", str(catalog), "--yes")
    return Senders(json.loads(run("door", "add", "prometheus", "--json"))["secret"])


def main() -> int:
    """Kill as often as asked, then look; 1: something was lost, or came again without a word."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--settle-s", type=float, default=180.0, help="how long to wait for what is on its way")
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="resile-bench-", dir="/var/tmp")))
        mail, hook = stack.enter_context(LoopbackSmtp()), stack.enter_context(SlowSink(options.seed))
        environment = {**os.environ, "RESILE_DATA": str(folder), "RESILE_PORT": "0"}
        senders = prepared(folder, environment, mail, hook)
        senders.start()
        log = stack.enter_context((folder / "log").open("ab"))
        killed(log, senders, environment, n_kills=options.kills, seed=options.seed)
        server, address = started(environment, log)
        senders.url = door_at(address)
        senders.stop()
        try:
            with open_resile(load_settings(data=folder)) as resile:
                settle(resile, options.settle_s)
                found = looked_at(resile, senders.answered, arrivals_of(mail, hook), n_kills=options.kills)
        finally:
            server.terminate()
            server.wait(timeout=60)
    print(found)
    for sentence in (*found.lost[:20], *(f"message {name} came again without a word" for name in found.unexplained)):
        print(f"  {sentence}")
    return 1 if found.lost or found.unexplained else 0


def door_at(address: Address) -> str:
    """Where Prometheus posts alerts."""
    return f"http://{address[0]}:{address[1]}/doors/prometheus/api/v2/alerts"


if __name__ == "__main__":
    sys.exit(main())
