"""How fast the public status page answers, alone and while the rest of resile is under load.

    python bench/status_page.py [--seconds 10] [--readers 16]

Starts the real program with its status page on a simulated year, twenty components and sixty published incidents.
Readers ask over keep-alive connections for the page, its JSON and its feed, each again as soon as it was answered.
Meanwhile a process of its own opens the heaviest pages of the main server, four at a time.
Goal: at least 2,000 answers a second, and 99 of 100 within 50 ms.
"""

import argparse
import multiprocessing
import os
import subprocess
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np

from resile.app.access import LOCAL
from resile.app.growing import Growing
from resile.app.import_history import import_history
from resile.app.incidents import declare
from resile.app.settings import Settings
from resile.app.wiring import Resile, open_resile
from resile.model.catalog import Kind
from resile.model.event import Updated
from resile.model.lifecycle import Declare
from resile.ports.source import Place, Taken
from resile.testing.history import simulated_year
from webhook_load import PROGRAM, Address, Answered, processor_s, run_load

N_COMPONENTS, N_INCIDENTS = 20, 60
HEAVY = ("/restore", "/incidents", "/delivery", "/services", "/compare")
N_HEAVY = 4
PATHS = ("/", "/", "/", "/history", "/api/v2/summary.json", "/history.atom")


def fill(resile: Resile) -> None:
    """A year of incidents, and what was published of some."""
    now = resile.clock.now()
    drafts = simulated_year(now, np.random.default_rng(5), n=2_000)
    readings = (Taken(draft, Place("simulated year", row)) for row, draft in enumerate(drafts, start=1))
    import_history(readings, timelines=resile.timelines, facts=resile.facts, clock=resile.clock)
    components = {
        (Kind.COMPONENT, f"part-{n}"): ({"title": f"Part {n}", "group": f"Group {n % 4}"}, "")
        for n in range(N_COMPONENTS)
    }
    resile.catalog.apply(LOCAL, resile.catalog.changes_to(components))
    said = ("investigating", "Some requests fail."), ("identified", "We know why."), ("resolved", "It is over.")
    for number in range(N_INCIDENTS):
        its = declare(resile, Declare(title=f"Trouble {number}"), by="bench").incident.id
        for minutes, (status, text) in enumerate(said):
            at = now - timedelta(days=number, minutes=120 - 30 * minutes)
            growing = Growing(its, resile.timelines.read(its), now=at, by="bench")
            named = {f"part-{number % N_COMPONENTS}": "partial_outage"} if status != "resolved" else {}
            growing.tell(
                Updated, text=text, status=status, title=f"Trouble {number}", audience="customers", components=named
            )
            resile.timelines.append(growing.appends())


@contextmanager
def serving(folder: str) -> Iterator[tuple[Address, Address, int]]:
    """Both addresses of the program, and the process of the status page."""
    environment = {
        **os.environ, "RESILE_DATA": folder, "RESILE_PORT": "0", "RESILE_STATUS__PORT": "0", "PYTHONUNBUFFERED": "1"
    }  # fmt: skip
    server = subprocess.Popen(
        [PROGRAM, "up"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        assert server.stdout is not None
        main, status = (address_in(server.stdout.readline()) for _ in range(2))
        child = int(Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()[0])
        yield main, status, child
    finally:
        server.terminate()
        server.wait(timeout=60)


def address_in(line: str) -> Address:
    """The host and port that a line names."""
    host, port = line.rpartition("http://")[2].strip().rstrip("/").split(":")
    return host, int(port)


def open_heavy_pages(main: Address, is_over: Any, n: Any) -> None:
    """Open them again and again, several at a time."""

    def one(first: int) -> None:
        for path in cycle(HEAVY[first:] + HEAVY[:first]):
            if is_over.is_set():
                return
            with urllib.request.urlopen(f"http://{main[0]}:{main[1]}{path}", timeout=60) as answer:
                answer.read()
            with n.get_lock():
                n.value += 1

    threads = [threading.Thread(target=one, args=(n % len(HEAVY),)) for n in range(N_HEAVY)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def ask(status: Address, seconds: float, readers: int) -> Answered:
    """Read the status page for so long."""
    requests = [request_of(status, path) for path in PATHS]
    numbers = iter(range(1 << 40))
    turns = cycle(requests)
    end = time.perf_counter() + seconds
    return run_load(
        status, lambda: (next(numbers), [next(turns)]), n_senders=readers, until=lambda: time.perf_counter() > end
    )


def request_of(address: Address, path: str) -> bytes:
    """A request as a browser sends it."""
    return (
        f"GET {path} HTTP/1.1\r\nHost: {address[0]}:{address[1]}\r\nAccept: text/html,*/*;q=0.8\r\n"
        "Accept-Encoding: gzip, deflate, br\r\nAccept-Language: en\r\nUser-Agent: bench\r\n\r\n"
    ).encode()


def tell(what: str, found: Answered, used_s: float) -> None:
    """One line."""
    took = np.array(found.took_s)
    middle, late, last = (1e3 * float(one) for one in np.quantile(took, [0.5, 0.99, 1]))
    page, load = 100 * used_s / found.seconds, 100 * found.processor_s / found.seconds
    print(
        f"status_page: {what:22} {len(took) / found.seconds:7,.0f} answers/s; median {middle:5.1f} ms, "
        f"p99 {late:5.1f} ms, longest {last:6.1f} ms; {len(found.other)} other; its process used {page:3.0f} % "
        f"of a core, the load {load:3.0f} %"
    )


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--readers", type=int, default=16)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="resile-bench-", dir="/var/tmp") as folder:
        with open_resile(Settings(data=Path(folder))) as resile:
            fill(resile)
        with serving(folder) as (main_address, status, child):
            ask(status, 1, options.readers)
            before = processor_s(child)
            tell("alone", ask(status, options.seconds, options.readers), processor_s(child) - before)
            is_over, n = multiprocessing.Event(), multiprocessing.Value("i", 0)
            heavy = multiprocessing.Process(target=open_heavy_pages, args=(main_address, is_over, n))
            heavy.start()
            while n.value < N_HEAVY:
                time.sleep(0.1)
            before, n_before = processor_s(child), n.value
            found = ask(status, options.seconds, options.readers)
            tell("with the rest busy", found, processor_s(child) - before)
            print(f"status_page: meanwhile the main server gave {(n.value - n_before) / found.seconds:.1f} pages/s")
            is_over.set()
            heavy.join()


if __name__ == "__main__":
    main()
