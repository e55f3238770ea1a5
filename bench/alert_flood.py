"""A million alerts with as many label values at one door: what is kept, what it takes, and whether others are paged.

    python bench/alert_flood.py [--alerts 1000000] [--ends-s 300]

All of one service, in bodies of 2,000, as fast as they are answered; all hold until the same moment, so that those that
were kept expire together. Meanwhile, at another door, something breaks twice a second: it must page at once, while the
flood arrives, is worked off and expires. Beside it, in the same run: the same pages before the flood.
"""

import argparse
import http.client
import json
import sqlite3
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import Self

from alert_load import Sink, Watched, add_door, alert, await_all, environment_of, quantiles_of, serving
from page_latency import write_catalog
from webhook_load import PROGRAM

_IN_A_BODY = 2_000
_APART_S = 0.5
_ALONE_S = 20.0
_WITHIN_S = 1_800.0
_LAST_ARRIVES_S = 20.0


class Probes:
    """What breaks at the other door."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.sent: dict[int, float] = {}

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()

    def _run(self) -> None:
        number = 0
        while not self._is_over.wait(_APART_S):
            one = alert(f"alert-{number}", service=f"probe-{number}", instance="x", title=f"alert-{number} broke")
            connection = http.client.HTTPConnection(*self._address, timeout=60)
            self.sent[number] = time.monotonic()
            connection.request(
                "POST", "/doors/prometheus/other", json.dumps([one]), {"Content-Type": "application/json"}
            )
            connection.getresponse().read()
            connection.close()
            number += 1

    def told(self, sink: Sink, since: float, until: float) -> str:
        """How quickly those that broke between two instants paged."""
        some = {n: at for n, at in self.sent.items() if since <= at < until}
        took = [sink.arrived[n] - at for n, at in some.items() if n in sink.arrived]
        return f"{len(took)} of {len(some)} paged, {quantiles_of(took)}" if took else f"0 of {len(some)} paged"


def n_firing(data: Path) -> int:
    """How many of the flood fire."""
    with sqlite3.connect(f"file:{data / 'resile.db'}?mode=ro", uri=True) as connection:
        is_of_flood = "state != 'resolved' AND json_extract(body, '$.alert.door') = 'prometheus'"
        query = f"SELECT count(*) FROM alerts WHERE {is_of_flood}"  # noqa: S608 - a constant
        found: int = connection.execute(query).fetchone()[0]
    connection.close()
    return found


def n_waiting(data: Path) -> int:
    """How many bodies were taken and not yet looked at."""
    with sqlite3.connect(f"file:{data / 'journal.sqlite3'}?mode=ro", uri=True) as connection:
        found: int = connection.execute("SELECT count(*) FROM entries WHERE verdict = 'waiting'").fetchone()[0]
    connection.close()
    return found


def flood(address: tuple[str, int], n_alerts: int, ends_at: float) -> int:
    """Send it; how many bodies were not answered 200."""
    connection = http.client.HTTPConnection(*address, timeout=120)
    ends, n_refused = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(ends_at)), 0
    for first in range(0, n_alerts, _IN_A_BODY):
        labels = [
            {"alertname": "Errors", "service": "shop", "severity": "critical", "request": f"r{number}"}
            for number in range(first, first + _IN_A_BODY)
        ]
        body = json.dumps([{"labels": one, "endsAt": ends} for one in labels])
        connection.request("POST", "/doors/prometheus", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        n_refused += answer.status != http.client.OK
    connection.close()
    return n_refused


def measure(folder: Path, n_alerts: int, ends_s: float) -> None:
    """The flood, at a server."""
    data = folder / "data"
    data.mkdir()
    environment = environment_of(data)
    with Sink() as sink, (folder / "log").open("wb") as log:
        write_catalog(data, sink.address)
        add_door(environment)
        command = [PROGRAM, "door", "add", "prometheus", "--name", "other", "--no-secret"]
        subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
        with serving(environment, log) as (pid, address), Watched(pid) as watched, Probes(address) as probes:
            time.sleep(_ALONE_S)
            began, ends_at = time.monotonic(), time.time() + ends_s
            n_refused = flood(address, n_alerts, ends_at)
            sent = time.monotonic()
            is_worked_off = await_all(lambda: n_waiting(data) == 0, within_s=_WITHIN_S)
            worked_off = time.monotonic()
            n_kept = n_firing(data)
            time.sleep(max(0.0, ends_at - time.time()))
            ended = time.monotonic()
            is_over = await_all(lambda: n_firing(data) == 0, within_s=_WITHIN_S)
            over = time.monotonic()
            time.sleep(_LAST_ARRIVES_S)
        print(
            f"resile: {n_alerts:,} alerts, {n_refused} bodies refused, sent in {sent - began:.1f} s; "
            f"{'all' if is_worked_off else 'NOT all'} worked off {worked_off - sent:.1f} s after the last, "
            f"{n_kept:,} fire"
        )
        print(f"  {'all' if is_over else 'NOT all'} over {over - ended:.1f} s after their end")
        print(f"  server: {watched.told()}")
        print(f"  others, before the flood: {probes.told(sink, 0.0, began)}")
        print(f"  others, while it arrives and is worked off: {probes.told(sink, began, worked_off)}")
        print(f"  others, while it expires: {probes.told(sink, ended, over)}")
        n_lost = len(set(probes.sent) - set(sink.arrived))
        print(f"  {n_lost} of {len(probes.sent)} others lost", flush=True)


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--alerts", type=int, default=1_000_000)
    parser.add_argument("--ends-s", type=float, default=300)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="resile-bench-") as name:
        measure(Path(name), asked.alerts, asked.ends_s)


if __name__ == "__main__":
    main()
