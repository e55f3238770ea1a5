"""How long an incident's page takes with 2,000 events on its timeline, beside the same page with 20.

    python bench/room_page.py [--events 2000] [--times 50]

Starts the real program over timelines of notes, tasks, pages and evidence, and asks for each page so often: anew each
time (an event is told by REST before, so that nothing made earlier can be given again), as it was, for what changes on
it alone, and from its first line on. From the first byte sent to the last byte of the page.
"""

import argparse
import json
import os
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

from resile.app.growing import Growing
from resile.app.incidents import declare
from resile.app.settings import Settings
from resile.app.wiring import Resile, open_resile
from resile.model.event import Noted, Paged, PageMoved, Source
from resile.model.lifecycle import Declare
from resile.model.room_event import EvidenceAdded, EvidenceKind, TaskAdded
from resile.model.severity import Severity
from webhook_load import Address, started

N_FEW = 20


def fill(resile: Resile, n: int) -> str:
    """An incident with so many events, as a long night leaves them: mostly notes in Markdown, and pages."""
    declared = Declare(title=f"Checkout fails, {n} events", severity=Severity.SEV2, services=("checkout",))
    incident_id = declare(resile, declared, by="user:ann").incident.id
    growing = Growing(incident_id, resile.timelines.read(incident_id), now=resile.clock.now(), by="user:ann")
    for number in range(n - len(growing.timeline)):
        message_id = f"{number // 5}"
        match number % 5:
            case 0:
                growing.tell(Paged, message_id=message_id, person="ann", contact="mobile", channel="sms")
            case 1:
                growing.tell(PageMoved, message_id=message_id, state="handed", channel="sms")
            case 2 if number % 20 == 2:  # a room holds 500 tasks, and as many pieces of evidence
                growing.tell(TaskAdded, source=Source.HUMAN, text=f"look at node {number}", owner="bob")
            case 3 if number % 20 == 3:
                lines = "\n".join(f"14:02:{second:02} ERROR pool: timeout" for second in range(8))
                shown = {"evidence": EvidenceKind.LOG, "title": f"log of node {number}", "text": lines}
                growing.tell(EvidenceAdded, source=Source.HUMAN, **shown)
            case _:
                text = f"Node {number}: **{number % 97} %** of requests fail.\n\n- pool of `payments-db` is full"
                growing.tell(Noted, source=Source.HUMAN, text=text)
    resile.timelines.append(growing.appends())
    return incident_id


def fetch(address: Address, path: str) -> int:
    """The size of the page, once its last byte is there."""
    with urllib.request.urlopen(f"http://{address[0]}:{address[1]}{path}") as answer:
        return len(answer.read())


def note(address: Address, incident_id: str, text: str) -> None:
    """Tell the server of something new."""
    request = urllib.request.Request(
        f"http://{address[0]}:{address[1]}/api/v1/incidents/{incident_id}/commands",
        json.dumps({"command": "note", "text": text}).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request) as answer:  # noqa: S310 - an address that resile printed
        answer.read()


def measured(address: Address, path: str, times: int, before: Callable[[int], None] | None) -> str:
    """Median, p99 and longest of so many requests, in words."""
    took, size = [], 0
    for number in range(times + 1):
        if before is not None:
            before(number)
        began = time.perf_counter()
        size = fetch(address, path)
        took.append(time.perf_counter() - began)
    # The first time, templates and figures are made.
    warm = sorted(took[1:])
    p99 = warm[min(len(warm) - 1, round(0.99 * len(warm)))]
    return (
        f"median {1e3 * warm[len(warm) // 2]:6.1f} ms, p99 {1e3 * p99:6.1f} ms, first {1e3 * took[0]:6.1f} ms, "
        f"{size / 1e3:6.0f} kB, n = {len(warm)}"
    )


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=2_000)
    parser.add_argument("--times", type=int, default=50)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="resile-bench-", dir="/var/tmp") as folder:
        with open_resile(Settings(data=Path(folder))) as resile:
            rooms = {n: fill(resile, n) for n in (N_FEW, options.events)}
        server, address = started({**os.environ, "RESILE_DATA": folder, "RESILE_PORT": "0"})
        try:
            for n, incident_id in rooms.items():
                path = f"/incidents/{incident_id}"

                def tell(number: int, incident_id: str = incident_id) -> None:
                    note(address, incident_id, f"news {number}")

                for what, asked, before in (
                    ("made anew", path, tell),
                    ("as it was", path, None),
                    ("live parts", f"{path}?part=live", tell),
                    ("first lines", f"{path}?from=0", tell),
                ):
                    print(f"room_page: {n:5,} events, {what:11} {measured(address, asked, options.times, before)}")
        finally:
            server.terminate()
            server.wait(timeout=60)


if __name__ == "__main__":
    main()
