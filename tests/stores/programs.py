"""Programs that tests start in a process of their own: `python -m tests.stores.programs NAME ARGUMENTS`."""

# ruff: noqa: T201 - what they have to say, they print

import importlib
import os
import resource
import signal
import sys
from pathlib import Path

from msgspec.structs import replace

from resile.model.errors import ConflictError, StoreError
from resile.model.event import Event
from resile.ports.timeline_store import Append
from resile.stores.facts_manifest import Segment, nothing, write_manifest
from resile.stores.opening import (
    open_deliveries,
    open_delivery_facts,
    open_engine,
    open_facts,
    open_paging,
    open_timelines,
)
from resile.stores.paging_writing import write
from resile.stores.timelines import SqlTimelineStore
from resile.testing.delivery_model import brought, commit, deployed, pulled, reviewed
from resile.testing.paging_model import START, alert, at, changes, decision, escalation, handed, message, timer
from resile.testing.timeline_model import append_of, note

NOBODY = 65534


def append_for_ever(data: str, url: str) -> None:
    """One timeline after the other; says so once it is acknowledged. Ended by whoever started it."""
    store = open_timelines(Path(data), url or None)
    n = store.n_incidents()
    while True:
        n += 1
        store.append([append_of(f"i{n}", 1, 3, taken=("table", f"i{n}", b"1")), append_of(f"j{n}", 1)])
        print(n, flush=True)


def refresh_for_ever(data: str, url: str) -> None:
    """Append some, also to old timelines, and bring the facts up to date; for ever."""
    store = open_timelines(Path(data), url or None)
    facts = open_facts(Path(data), store)
    n = store.n_incidents()
    while True:
        n += 1
        old = f"i{1 + n * 7 % n}"
        timeline = store.read(old)
        store.append([Append(old, len(timeline), (note(len(timeline) + 1),)), append_of(f"i{n}x", 1, 2)])
        print(n, facts.refresh(), flush=True)


def deliver_for_ever(data: str, url: str) -> None:
    """Deploy, note what was shipped, bring the facts up to date, and tell of an old pull request; for ever."""
    store = open_deliveries(Path(data), url or None)
    facts = open_delivery_facts(Path(data), store)
    n = len(store.deployments_of("search", "production"))
    while True:
        n += 1
        store.add_commits([commit(f"{n}a"), commit(f"{n}b", reverts=(f"{n - 1}a",))])
        store.record([deployed(f"{n}", n), pulled(f"{n}", f"{n}a"), reviewed(f"{1 + n // 2}", n)])
        store.set_shipped([brought(f"{n}", f"{n}a", f"{n}b")])
        print(n, facts.refresh(), flush=True)


def page_for_ever(data: str, url: str) -> None:
    """Commit paging with its timeline, claim and hand over; says so once it is acknowledged, for ever."""
    store, _ = open_paging(Path(data), url or None)
    n = 0
    while True:
        n += 1
        page = message(f"m{n}", incident_id=f"i{n}")
        store.commit(changes(escalation(f"i{n}"), page, timer(f"i{n}", 60), appends=(append_of(f"i{n}", 1, 2),)))
        store.commit(changes(*map(handed, store.claim_messages(now=START, until=at(1), by="me", limit=9))))
        print(n, flush=True)


def page_half(data: str, url: str) -> None:
    """Write everything that a commit writes but its end; says so, and waits for its own end."""
    database = open_engine(Path(data), url or None)
    page = changes(escalation("a"), message("m"), timer("t"), alert("x"), decision("x"), appends=(append_of("a", 1),))
    with database.writing() as connection:
        SqlTimelineStore(database).append_on(connection, page.appends)
        write(connection, page, is_sqlite=database.is_sqlite)
        print("written", flush=True)
        signal.pause()


def append_to_one(data: str, name: str, n_events: str) -> None:
    """Add events to the one timeline that another process adds to as well."""
    store = open_timelines(Path(data), None)
    for n in range(int(n_events)):
        while not _is_added(store.read("a"), store, f"{name}/{n}"):
            pass
    store.close()


def _is_added(timeline: list[Event], store, text: str) -> bool:
    try:
        store.append([Append("a", len(timeline), (note(len(timeline) + 1, text),))])
    except ConflictError:
        return False
    return True


def read_without_rights(data: str, steps: str) -> None:
    """As a user who may only read: what works, and what is said of the rest."""
    # Loaded while it may be: nobody may not be allowed to read where Python is installed.
    for name in ("pandas", "resile.stores.facts"):
        importlib.import_module(name)
    if os.getuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    _say(Path(data), steps)


def write_with_limit(data: str, steps: str, n_bytes: str) -> None:
    """With files limited in size, as a full disk would."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(n_bytes), int(n_bytes)))
    _say(Path(data), steps)


def replace_manifest_with_limit(folder: str, n_bytes: str) -> None:
    """A larger manifest than files may be."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(n_bytes), int(n_bytes)))
    segments = tuple(Segment(path=f"{folder}/{n:08d}.parquet", n_rows=1, n_bytes=1) for n in range(50))
    try:
        write_manifest(Path(folder), replace(nothing(1), segments=segments))
    except OSError as error:
        print(error)


def _say(data: Path, steps: str) -> None:
    try:
        store = open_timelines(data, None)
        if "read" in steps:
            print("read", len(store.follow(0)), store.n_incidents())
        if "facts" in steps:
            facts = open_facts(data, store)
            print("refreshed", facts.refresh())
            with facts.table() as table:
                print("facts", table.count().to_pyarrow().as_py())
            facts.close()
        if "append" in steps:
            print("appended", store.append([append_of(f"new{n}", 1, 3) for n in range(6_000)]))
    except StoreError as error:
        print("StoreError", error)


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
