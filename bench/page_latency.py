"""From an alert to the page at its receiver, while a thousand incidents are open and a hundred more begin each second.

    python bench/page_latency.py [--seconds 600] [--per-second 100] [--open 1000] [--lasts S] [--peer-seconds 30]

A whole `resile up` on SQLite. Each alert comes in a body of its own to the prometheus door, by several connections, and
makes an incident whose first step pages by a webhook on this machine; as nobody tells it again, it expires after five
minutes, so that from then on as many incidents are restored as begin. Beside it, in the same run: a server that does
nothing but write the body to SQLite, durably, and hand it on. Whoever sends, and whoever takes the pages, share the
machine. What others promise instead: Alertmanager, as it is set at first, gathers a new group's alerts for 30 s
(group_wait) before it sends.
"""

import argparse
import json
import tempfile
import time
from functools import partial
from pathlib import Path

from msgspec.structs import replace

from alert_load import (
    Sent,
    Sink,
    Watched,
    add_door,
    alert,
    await_all,
    environment_of,
    peer_serving,
    quantiles_of,
    send_paced,
    serving,
)
from resile.app.growing import Growing
from resile.app.settings import Settings
from resile.app.system_clock import SystemClock
from resile.app.wiring import open_resile
from resile.model.lifecycle import Declare
from resile.model.message import MessageState
from resile.model.severity import Severity
from resile.ports.catalog import Writing
from resile.ports.paging_store import Changes
from resile.stores.catalog import SqlCatalogStore
from resile.stores.opening import open_engine

N_PEOPLE = 30
N_SENDERS = 8
_COMES_WITHIN_S = 60.0


def write_catalog(data: Path, sink: str, *, last: str = "2h") -> None:
    """People with a webhook each, and the default policy, whose second round begins long after the measurement."""
    people = [
        Writing(
            kind="person",
            name=f"p{n}",
            body={"contacts": [{"name": "hook", "channel": "webhook", "address": f"{sink}/p{n}"}]},
            expected=0,
        )
        for n in range(N_PEOPLE)
    ]
    policy = {"steps": [{"page": ["person/p0"]}], "last": last}
    database = open_engine(data, None)
    try:
        written = [*people, Writing(kind="policy", name="default", body=policy, expected=0)]
        SqlCatalogStore(database).write(written, at=SystemClock().now(), by="bench")
    finally:
        database.close()


def open_incidents(data: Path, n_incidents: int) -> None:
    """So many incidents for which somebody was paged; every second one is acknowledged."""
    with open_resile(Settings(data=data)) as resile:
        now, changes = resile.clock.now(), Changes()
        policy = resile.catalog.policies()["default"]
        for n in range(n_incidents):
            growing = Growing(f"OPEN-{n}", [], now=now, by="bench")
            growing.carry_out(Declare(title=f"Open before {n}", severity=Severity.SEV2, services=(f"old-{n}",)))
            changes += resile.pager.begin_by(growing, None, policy, because="measured")
            changes += Changes(appends=growing.appends())
        resile.paging.commit(changes)
        handed = [replace(one, version=2, state=MessageState.HANDED, handed_at=now) for one in changes.messages]
        resile.paging.commit(Changes(messages=tuple(handed)))
        for n in range(0, n_incidents, 2):
            resile.pager.acknowledge(f"OPEN-{n}", who="p0", by="user:p0")


def body_of(number: int, *, lasts_s: float | None = None) -> bytes:
    """An alert that was never seen before, of a service of its own; its sender says that it ends after so long."""
    told = alert(
        f"Slow{number}", service=f"shop-{number}", instance=f"10.0.0.{number % 250}", title=f"alert-{number} is slow"
    )
    if lasts_s is not None:
        told["endsAt"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + lasts_s))
    return json.dumps([told]).encode()


def tell(what: str, sent: list[Sent], sink: Sink, watched: Watched, n_alerts: int) -> None:
    """What came of a load."""
    refused = [one for one in sent if not 200 <= one.status < 300]
    arrived = [one for one in sent if one.number in sink.arrived]
    print(
        f"{what}: {n_alerts:,} alerts, {len(refused)} refused, {len(arrived):,} paged, "
        f"{n_alerts - len(arrived)} lost; {sink.n_pages:,} pages in all"
    )
    print(f"  answered after {quantiles_of([one.answered - one.began for one in sent])}")
    if arrived:
        whole = [sink.arrived[one.number] - one.began for one in arrived]
        print(f"  page from the alert's being sent: {quantiles_of(whole)}")
        since = [max(0.0, sink.arrived[one.number] - one.answered) for one in arrived]
        print(f"  page from the alert's being answered: {quantiles_of(since)}")
        third = max(1, len(arrived) // 3)
        by_number = sorted(arrived, key=lambda one: one.number)
        last = [sink.arrived[one.number] - one.began for one in by_number[-third:]]
        print(f"  the last third from being sent: {quantiles_of(last)}")
    print(f"  sent later than planned: {quantiles_of([one.late_s for one in sent])}")
    print(f"  server: {watched.told()}", flush=True)


def main() -> None:
    """Measure, then the peer."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--per-second", type=float, default=100)
    parser.add_argument("--open", type=int, default=1_000, help="incidents that are open before")
    parser.add_argument(
        "--lasts", type=float, help="seconds after which an alert expires; else the door's five minutes"
    )
    parser.add_argument("--peer-seconds", type=float, default=30)
    parser.add_argument("--data", type=Path, help="an empty folder in place of a temporary one; it stays")
    parser.add_argument("--log", type=Path, help="where the server's log goes")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="resile-bench-") as name:
        folder = Path(name)
        data = asked.data or folder / "data"
        data.mkdir(exist_ok=True)
        environment = environment_of(data)
        n_alerts = int(asked.seconds * asked.per_second)
        with Sink() as sink, (asked.log or folder / "log").open("wb") as log:
            write_catalog(data, sink.address)
            open_incidents(data, asked.open)
            add_door(environment)
            with serving(environment, log) as (pid, address), Watched(pid) as watched:
                sent = send_paced(
                    address,
                    "/doors/prometheus",
                    partial(body_of, lasts_s=asked.lasts),
                    n_alerts,
                    per_s=asked.per_second,
                    n_senders=N_SENDERS,
                )
                await_all(lambda: len(sink.arrived) >= n_alerts, within_s=_COMES_WITHIN_S)
            tell(f"resile, {asked.open:,} incidents open before", sent, sink, watched, n_alerts)
        n_alerts = int(asked.peer_seconds * asked.per_second)
        with Sink() as sink, peer_serving(folder, sink.address) as (pid, address), Watched(pid) as watched:
            sent = send_paced(address, "/", body_of, n_alerts, per_s=asked.per_second, n_senders=N_SENDERS)
            await_all(lambda: len(sink.arrived) >= n_alerts, within_s=_COMES_WITHIN_S)
            tell("a pipe by hand", sent, sink, watched, n_alerts)


if __name__ == "__main__":
    main()
