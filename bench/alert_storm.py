"""Fifty thousand alerts of two hundred kinds within a minute: which incidents, which pages, and how long it takes.

    python bench/alert_storm.py [--alerts 50000] [--seconds 60]

Half of them come as Prometheus sends them, all that fire in one body, the other half one by one. Which incidents are
right is worked out here by itself: what names a service goes to one incident for each service, what names none to one
for each name of an alert. Beside it, in the same run: the same bodies read and counted by fingerprint in sqlite3, a
commit for each body that reached the disk; no HTTP, no decision, no page. What others promise instead: Alertmanager
keeps alerts in memory, and writes its notification log every 15 minutes.
"""

import argparse
import hashlib
import json
import sqlite3
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

from alert_load import (
    Sent,
    Sink,
    Watched,
    add_door,
    alert,
    await_all,
    environment_of,
    quantiles_of,
    send_paced,
    serving,
)
from page_latency import write_catalog

N_SERVICES, N_NAMES, N_INSTANCES = 10, 2, 5
N_WITHOUT = 20
N_SINGLE_SENDERS, N_LIST_SENDERS = 8, 2
_WORKED_OFF_WITHIN_S = 600.0
_PAGES_REST_S = 5.0


def kinds() -> list[dict[str, Any]]:
    """Two hundred alerts: a hundred of ten services, a hundred of none."""
    of_services = [
        alert(
            f"Slow{name}",
            service=f"shop-{service}",
            instance=f"10.0.{service}.{instance}",
            title=f"Shop {service} is slow",
        )
        for service in range(N_SERVICES)
        for name in range(N_NAMES)
        for instance in range(N_INSTANCES)
    ]
    of_none = [
        alert(f"Disk{name}", service="", instance=f"10.1.{name}.{instance}", title=f"Disk {name} fills")
        for name in range(N_WITHOUT)
        for instance in range(N_INSTANCES)
    ]
    for one in of_none:
        del one["labels"]["service"]
    return of_services + of_none


def incident_of(labels: dict[str, str]) -> tuple[str, str]:
    """By what an alert is told from those of other incidents."""
    return ("service", labels["service"]) if "service" in labels else ("name", labels["alertname"])


def body_of(alerts: list[dict[str, Any]], number: int) -> bytes:
    """They fire; as Prometheus does, with an end that moves on with each telling."""
    ends = time.time() + 240
    ends_at = f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(ends))}.{number % 1_000_000:06d}Z"
    return json.dumps([{**one, "endsAt": ends_at} for one in alerts]).encode()


def n_told(data: Path) -> int:
    """How often all alerts were told, as the store has it."""
    with sqlite3.connect(f"file:{data / 'resile.db'}?mode=ro", uri=True) as connection:
        found: int = connection.execute(
            "SELECT coalesce(sum(json_extract(body, '$.n_told')), 0) FROM alerts"
        ).fetchone()[0]
    connection.close()
    return found


def check(data: Path, alerts: list[dict[str, Any]], n_alerts: int) -> None:
    """What stands in the store against what is right."""
    connection = sqlite3.connect(f"file:{data / 'resile.db'}?mode=ro", uri=True)
    known = [json.loads(body) for (body,) in connection.execute("SELECT body FROM alerts")]
    n_incidents = connection.execute("SELECT count(*) FROM timelines").fetchone()[0]
    connection.close()
    right: dict[tuple[str, str], set[str]] = {}
    for one in known:
        right.setdefault(incident_of(one["alert"]["labels"]), set()).add(str(one.get("incident_id")))
    expected = {incident_of(one["labels"]) for one in alerts}
    is_right = right.keys() == expected and all(len(its) == 1 for its in right.values())
    n_each = Counter(one["n_told"] for one in known)
    print(
        f"  {len(known)} alerts known of {len(alerts)}; {n_incidents} incidents of {len(expected)} that are right: "
        f"{'each alert is in its own' if is_right else f'WRONG: {right}'}"
    )
    total = sum(one["n_told"] for one in known)
    print(f"  told {total:,} of {n_alerts:,} times; each {min(n_each)} to {max(n_each)} times")


def measure(folder: Path, alerts: list[dict[str, Any]], n_alerts: int, seconds: float) -> None:
    """The storm, at a server."""
    data = folder / "data"
    data.mkdir()
    environment = environment_of(data)
    n_single = n_alerts // 2
    n_lists = (n_alerts - n_single) // len(alerts)
    n_alerts = n_single + n_lists * len(alerts)
    sent: list[Sent] = []

    with Sink() as sink, (folder / "log").open("wb") as log:
        write_catalog(data, sink.address)
        add_door(environment)
        with serving(environment, log) as (pid, address), Watched(pid) as watched:

            def send(n_bodies: int, n_senders: int, kind: str) -> None:
                def body(number: int) -> bytes:
                    return body_of(alerts if kind == "list" else [alerts[number % len(alerts)]], number)

                rate = n_bodies / seconds
                sent.extend(send_paced(address, "/doors/prometheus", body, n_bodies, per_s=rate, n_senders=n_senders))

            senders = [
                threading.Thread(target=send, args=(n_single, N_SINGLE_SENDERS, "single")),
                threading.Thread(target=send, args=(n_lists, N_LIST_SENDERS, "list")),
            ]
            began = time.monotonic()
            for sender in senders:
                sender.start()
            for sender in senders:
                sender.join()
            sent_s = time.monotonic() - began
            is_done = await_all(lambda: n_told(data) >= n_alerts, within_s=_WORKED_OFF_WITHIN_S)
            done_s = time.monotonic() - began
            time.sleep(_PAGES_REST_S)
        refused = [one for one in sent if not 200 <= one.status < 300]
        print(
            f"resile: {n_alerts:,} alerts in {len(sent):,} bodies, {len(refused)} refused, sent in {sent_s:.1f} s; "
            f"{'all' if is_done else 'NOT all'} worked off after {done_s:.1f} s, {done_s - sent_s:.1f} s after the last"
        )
        print(f"  answered after {quantiles_of([one.answered - one.began for one in sent])}")
        check(data, alerts, n_alerts)
        print(f"  {sink.n_pages} pages, e.g. {'; '.join(sorted(set(sink.titles))[:4])}")
        print(f"  server: {watched.told()}", flush=True)


def measure_peer(path: Path, alerts: list[dict[str, Any]], n_alerts: int) -> None:
    """Counted by hand."""
    n_single = n_alerts // 2
    bodies = [body_of([alerts[n % len(alerts)]], n) for n in range(n_single)]
    bodies += [body_of(alerts, n) for n in range((n_alerts - n_single) // len(alerts))]
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE alerts (id TEXT PRIMARY KEY, n_told INTEGER, body TEXT)")
    upsert = (
        "INSERT INTO alerts VALUES (?, 1, ?) ON CONFLICT (id) DO UPDATE SET n_told = n_told + 1, body = excluded.body"
    )
    began = time.perf_counter()
    for body in bodies:
        connection.execute("BEGIN IMMEDIATE")
        for one in json.loads(body):
            name = hashlib.sha256(json.dumps(sorted(one["labels"].items())).encode()).hexdigest()
            connection.execute(upsert, (name, json.dumps(one)))
        connection.execute("COMMIT")
    took_s = time.perf_counter() - began
    connection.close()
    print(f"sqlite3 by hand: {n_alerts:,} alerts in {len(bodies):,} bodies, counted in {took_s:.1f} s")


def main() -> None:
    """Measure, then the peer."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--alerts", type=int, default=50_000)
    parser.add_argument("--seconds", type=float, default=60)
    asked = parser.parse_args()
    alerts = kinds()
    with tempfile.TemporaryDirectory(prefix="resile-bench-") as name:
        measure(Path(name), alerts, asked.alerts, asked.seconds)
        measure_peer(Path(name) / "peer.db", alerts, asked.alerts)


if __name__ == "__main__":
    main()
