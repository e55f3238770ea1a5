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
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from msgspec import Struct

from killing import Callers, Ground, posted
from resile.app.settings import load_settings
from resile.app.wiring import Resile, open_resile
from resile.model.message import MessageState
from resile.testing.loopback_http import Reply, Request
from resile.testing.loopback_smtp import LoopbackSmtp
from resile.testing.two_people import reaching_settings, two_people
from resile.testing.webhook_sink import WebhookSink
from webhook_load import PROGRAM, Address

N_SENDERS = 2
# Of each sender, between two alerts.
REST_S = 0.2
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
        answered: numbers of the alerts that were answered 2xx.
    """

    def __init__(self, secret: str) -> None:
        self.callers = Callers(self._tell, n=N_SENDERS, rest_s=REST_S)
        self.answered: list[int] = []
        self._headers = {"Authorization": f"Bearer {secret}"}
        self._numbers = itertools.count(1)

    def _tell(self) -> None:
        number = next(self._numbers)
        while not self._is_told(number):
            time.sleep(REST_S)
        self.answered.append(number)

    def _is_told(self, number: int) -> bool:
        url = self.callers.url
        alert = {"labels": {"alertname": name_of(number), "severity": "critical"}, "endsAt": ENDS_AT}
        answer = None if url is None else posted(url, [alert], self._headers)
        return answer is not None and answer[0] // 100 == 2


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
        ground = Ground(stack)
        mail, hook = stack.enter_context(LoopbackSmtp()), stack.enter_context(SlowSink(options.seed))
        senders = prepared(ground.folder, ground.environment, mail, hook)

        def ready(address: Address) -> None:
            senders.callers.url = door_at(address)

        senders.callers.start()
        ground.kill_at_random(
            options.kills, seed=options.seed, ready=ready, least_s=0.05, n_answered=lambda: len(senders.answered)
        )
        with ground.spared() as address:
            ready(address)
            senders.callers.stop()
            with open_resile(load_settings(data=ground.folder)) as resile:
                settle(resile, options.settle_s)
                found = looked_at(resile, senders.answered, arrivals_of(mail, hook), n_kills=options.kills)
    print(found)
    for sentence in (*found.lost[:20], *(f"message {name} came again without a word" for name in found.unexplained)):
        print(f"  {sentence}")
    return 1 if found.lost or found.unexplained else 0


def door_at(address: Address) -> str:
    """Where Prometheus posts alerts."""
    return f"http://{address[0]}:{address[1]}/doors/prometheus/api/v2/alerts"


if __name__ == "__main__":
    sys.exit(main())
