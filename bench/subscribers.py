"""How long it takes to tell subscribers by e-mail: the real server, and a real SMTP server on this machine.

    python bench/subscribers.py [--n 5000] [--thinks-ms 0] [--goal-s 120]

`--thinks-ms` is how long the SMTP server takes over each message, as one that is farther away does. Meanwhile a page of
the server is asked for again and again, which shows whether it kept answering.
"""

import argparse
import os
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from resile.app.access import LOCAL
from resile.app.incidents import declare, show_incident
from resile.app.settings import load_settings
from resile.app.wiring import Resile, open_resile
from resile.model.event import PageMoved
from resile.model.lifecycle import Declare
from resile.model.severity import Severity
from resile.ports.subscriber_book import Subscriber
from resile.stores.engine import connect_sqlite
from resile.stores.subscribers import SqlSubscriberBook
from resile.testing.loopback_smtp import LoopbackSmtp
from resile.testing.two_people import reaching_settings
from webhook_load import started


def prepared(data: Path, mail: LoopbackSmtp, n: int) -> None:
    """A data folder with so many subscribers."""
    (data / "resile.toml").write_text(reaching_settings(mail.port))
    with open_resile(load_settings(data=data)) as resile:
        database = connect_sqlite(data)
        book = SqlSubscriberBook(database)
        for number in range(n):
            one = Subscriber(
                id=f"s{number:06}",
                channel="email",
                address=f"a{number}@example.net",
                confirmed_at=resile.clock.now(),
            )
            book.confirm(one)
        database.close()


@contextmanager
def serving(data: Path) -> Iterator[str]:
    """The server, and where it listens."""
    with (data / "log").open("ab") as log:
        server, (host, port) = started({**os.environ, "RESILE_DATA": str(data), "RESILE_PORT": "0"}, log)
        try:
            yield f"http://{host}:{port}"
        finally:
            server.terminate()
            server.wait(timeout=60)


def published(resile: Resile) -> str:
    """An incident with an update for customers."""
    command = Declare(title="Checkout fails", severity=Severity.SEV1, services=("checkout",))
    incident_id = declare(resile, command, by="user:ann").incident.id
    resile.communication.updates.say(LOCAL, incident_id, "customers")
    return incident_id


def outcome(resile: Resile, incident_id: str) -> str:
    """What the timeline says of the telling; empty: not yet."""
    view = show_incident(resile, incident_id)
    told = [] if view is None else [one.because for one in view.timeline if isinstance(one, PageMoved)]
    return told[-1] if told else ""


def slowest_answer_s(address: str) -> float:
    """How long a page takes while others are told."""
    began = time.perf_counter()
    with urllib.request.urlopen(f"{address}/now", timeout=30) as answer:  # noqa: S310 - our own server
        answer.read()
    return time.perf_counter() - began


def main() -> int:
    """Tell them; 1: not all were told once, or it took too long."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=5_000)
    parser.add_argument("--thinks-ms", type=float, default=0.0)
    parser.add_argument("--goal-s", type=float, default=120.0)
    options = parser.parse_args()
    with ExitStack() as stack:
        data = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="resile-bench-", dir="/var/tmp")))
        mail = stack.enter_context(LoopbackSmtp())
        mail.thinks_s = options.thinks_ms / 1_000
        prepared(data, mail, options.n)
        address = stack.enter_context(serving(data))
        resile = stack.enter_context(open_resile(load_settings(data=data)))
        began = time.perf_counter()
        incident_id = published(resile)
        slowest = 0.0
        while not (said := outcome(resile, incident_id)):
            slowest = max(slowest, slowest_answer_s(address))
            time.sleep(0.25)
        took = time.perf_counter() - began
    times = Counter(one.recipient for one in mail.taken)
    print(f"{said}; {took:.1f} s, {len(mail.taken) / took:.0f} messages/s, {mail.n_dialogues:,} connections")
    print(f"slowest page of the server meanwhile: {slowest:.2f} s")
    return 0 if set(times.values()) == {1} and len(times) == options.n and took <= options.goal_s else 1


if __name__ == "__main__":
    sys.exit(main())
