"""Whatever is asked of them in whatever order, the store in memory and the one in SQLite give the same answers."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from resile.model.alert import AlertState
from resile.model.errors import ConflictError
from resile.model.escalation import EscalationState
from resile.model.message import MessageClass, MessageState
from resile.ports.paging_store import Changes, Counted, PagingStore, Timer, TimerKind
from resile.ports.timeline_store import TimelineStore
from resile.stores.engine import Database
from resile.stores.opening import open_engine
from resile.stores.paging import SqlPagingStore
from resile.stores.tables import metadata
from resile.stores.timelines import SqlTimelineStore
from resile.testing.memory_paging import MemoryPagingStore
from resile.testing.memory_store import MemoryTimelineStore
from resile.testing.paging_model import alert, at, changes, decision, escalation, message
from resile.testing.timeline_model import append_of

NAMES = ["a", "b", "é"]
name = st.sampled_from(NAMES)
minute = st.integers(0, 6)
# How far from the right version; mostly not at all.
off = st.sampled_from([0] * 12 + [-1, 1])
maybe = st.one_of(st.none(), name)

ESCALATION = st.tuples(st.just("escalation"), name, off, st.sampled_from(EscalationState), minute)
MESSAGE = st.tuples(
    st.just("message"),
    st.sampled_from("klmnopq"),
    off,
    st.fixed_dictionaries(
        {
            "state": st.sampled_from([MessageState.QUEUED] * 6 + list(MessageState)),
            "message_class": st.sampled_from([MessageClass.PAGE] * 3 + list(MessageClass)),
            "incident_id": maybe,
            "person": maybe,
            "ref": maybe,
            "bundled_into": st.one_of(st.none(), st.sampled_from("kl")),
            "address": name,
            "is_first": st.booleans(),
            "due": minute,
            "queued_at": minute.map(at),
            "handed_at": st.one_of(st.none(), minute.map(at)),
        }
    ),
)
ALERT = st.tuples(
    st.just("alert"),
    st.sampled_from("xyz"),
    off,
    minute,
    st.fixed_dictionaries(
        {
            "state": st.sampled_from(AlertState),
            "incident_id": maybe,
            "group_key": maybe,
            "first_at": minute.map(at),
            "title": st.sampled_from(["Disk İ full", "disk ß", "\0", "100%_"]),
            "service": maybe,
        }
    ),
)
TIMER = st.tuples(
    st.just("timer"),
    st.sampled_from([TimerKind.ESCALATION, TimerKind.ALERT]),
    name,
    st.one_of(st.none(), minute),
    st.sampled_from([None, None, "me", "you"]),
)
DECISION = st.tuples(st.just("decision"), st.sampled_from("xyz"), minute)
COUNTED = st.tuples(
    st.just("counted"), st.sampled_from("wxyz"), st.integers(1, 3), minute, st.one_of(st.none(), minute)
)
APPEND = st.tuples(st.just("append"), name, off)
PARTS = st.lists(st.one_of(ESCALATION, MESSAGE, MESSAGE, ALERT, TIMER, TIMER, DECISION, COUNTED, APPEND), max_size=6)
CLAIM = st.tuples(
    st.sampled_from(["claim_timers", "claim_messages"]), minute, st.integers(0, 3), st.sampled_from(["me", "you"])
)
STEPS = st.lists(st.one_of(PARTS, PARTS, CLAIM, st.tuples(st.just("let_go"), minute, st.integers(1, 4))), max_size=14)

Both = tuple[PagingStore, TimelineStore]


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory, fresh_data: Callable[[Path], Path]) -> Iterator[Database]:
    opened = open_engine(fresh_data(tmp_path_factory.mktemp("alike")), None)
    yield opened
    opened.close()


@given(steps=STEPS)
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_memory_and_sqlite_are_alike(database: Database, steps: list[Any]) -> None:
    with database.writing() as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(delete(table))
    timelines = SqlTimelineStore(database)
    both: list[Both] = [(SqlPagingStore(database, timelines), timelines)]
    in_memory = MemoryTimelineStore()
    both.append((MemoryPagingStore(in_memory), in_memory))

    for step in steps:
        first, second = [done(one, step) for one in both]
        assert first == second
    assert seen(*both[0]) == seen(*both[1])


def done(both: Both, step: Any) -> object:
    """What comes of a step."""
    paging, _ = both
    if isinstance(step, list):
        try:
            return paging.commit(meant(both, step))
        except ConflictError:
            return "conflict"
    kind, minutes, limit, *by = step
    if kind == "let_go":
        return paging.let_go(at(minutes), limit=limit)
    claim = getattr(paging, kind)
    return claim(now=at(minutes), until=at(minutes + 2), by=by[0], limit=limit)


def meant(both: Both, parts: list[Any]) -> Changes:
    """The changes that are wished for, at the versions that follow, or those off from them."""
    paging, timelines = both
    told: list[Any] = []
    versions: dict[tuple[str, str], int] = {}

    def version(kind: str, known: Any, name: str, off: int) -> int:
        stood = versions.get((kind, name), known[name].version if name in known else 0)
        versions[kind, name] = stood + 1
        return stood + 1 + off

    appends, counted = [], []
    for kind, *fields in parts:
        match kind, *fields:
            case "escalation", name, off, state, started:
                number = version(kind, paging.escalations([name]), name, off)
                told.append(escalation(name, number, state, started_at=at(started)))
            case "message", name, off, given:
                told.append(message(name, version=version(kind, paging.messages([name]), name, off), **given))
            case "alert", name, off, decided, given:
                told.append(alert(name, version(kind, paging.alerts([name]), name, off), decided, **given))
            case "timer", of, subject, due, by:
                told.append(Timer(kind=of, subject=subject, due_at=None if due is None else at(due), lease_by=by))
            case "decision", name, minutes:
                told.append(decision(name, minutes, reason=str(len(told))))
            case "counted", name, n_more, minutes, expires:
                until = None if expires is None else at(expires)
                counted.append(
                    Counted(alert_id=name, n_more=n_more, told_at=at(minutes), expires_at=until, holds_until=until)
                )
            case "append", name, off:
                first = versions.get((kind, name), len(timelines.read(name))) + 1
                versions[kind, name] = first
                appends.append(append_of(name, max(first + off, 1)))
    return changes(*told, appends=tuple(appends), counted=tuple(counted))


def seen(paging: PagingStore, timelines: TimelineStore) -> list[object]:
    """Everything that can be read."""
    ids = list("klmnopqwxyz")
    return [
        timelines.read_many(NAMES),
        [paging.timers(kind) for kind in TimerKind],
        (paging.next_timer_at(), paging.next_message_at()),
        paging.escalations(NAMES),
        (paging.open_escalations(), paging.open_escalations(limit=1)),
        (paging.messages(ids), paging.messages_of(NAMES), paging.messages_of(NAMES[:1])),
        [paging.run_out(now=at(minutes), limit=2) for minutes in range(9)],
        [paging.bundled_into(one) for one in "kl"],
        [(paging.message_by_ref("sms", one), paging.newest_pages_to("sms", one, limit=3)) for one in NAMES],
        (paging.recent_messages(), paging.recent_messages(limit=2, before=at(4))),
        paging.recent_messages(message_class=MessageClass.PAGE, person="a"),
        paging.sent_since([("sms", one) for one in NAMES], at(3)),
        [paging.counts(since=at(minutes)) for minutes in (0, 4)],
        (
            paging.alerts(ids),
            paging.alerts_of(NAMES),
            paging.alerts_firing(),
            paging.alerts_in_groups(["a", "b"]),
            (paging.firing_counts(), paging.firing_outcomes()),
        ),
        [paging.recent_alerts(text=words) for words in ("", "DISK", "i̇", "ss", "%", "_", "A", "É", "\0", "alert")],
        (paging.recent_alerts(outcome="declared", limit=2), paging.recent_alerts(before=at(3))),
        [paging.decisions(one, limit=3) for one in "xyz"],
    ]
