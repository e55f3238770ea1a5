"""Several engines on one database, as several nodes are: nothing is claimed twice, lost, or written in part."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import Engine, event, text

from resile.model.errors import ConflictError
from resile.model.message import MessageState
from resile.ports.paging_store import Changes, Counted, DeclaredFor, PagingStore, TimerKind
from resile.stores.engine import Database
from resile.stores.opening import open_engine, open_paging
from resile.stores.paging import SqlPagingStore
from resile.stores.paging_writing import write
from resile.stores.timelines import SqlTimelineStore
from resile.testing.paging_model import START, alert, at, changes, decision, escalation, message, timer
from resile.testing.timeline_model import append_of
from tests.stores.processes import said_before_kill

N_NODES = 3
PATIENCE_S = 60

Place = tuple[Path, str | None]


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path, fresh_data: Callable[[Path], Path]) -> Place:
    if request.param == "sqlite":
        return fresh_data(tmp_path / "data"), None
    return tmp_path / "data", request.getfixturevalue("fresh_postgresql_url")


@pytest.fixture
def nodes(place: Place) -> Iterator[list[PagingStore]]:
    opened = [open_paging(*place) for _ in range(N_NODES)]
    yield [paging for paging, _ in opened]
    for _, timelines in opened:
        timelines.close()


def at_once(nodes: list[PagingStore], act: Callable[[PagingStore, int], object]) -> list[object]:
    """What comes of it on each node; all begin together."""
    begin = threading.Barrier(len(nodes))

    def run(node: PagingStore, number: int) -> object:
        begin.wait(PATIENCE_S)
        return act(node, number)

    with ThreadPoolExecutor(len(nodes)) as pool:
        return [one.result(PATIENCE_S) for one in [pool.submit(run, node, n) for n, node in enumerate(nodes)]]


def test_messages_are_claimed_by_one_node_each(nodes: list[PagingStore]) -> None:
    nodes[0].commit(changes(*(message(f"m{n:03d}", n % 7, is_first=n % 5 == 0) for n in range(600))))

    def claim_all(node: PagingStore, number: int) -> list[str]:
        claimed = []
        while some := node.claim_messages(now=at(9), until=at(20), by=str(number), limit=25):
            assert {one.lease_by for one in some} == {str(number)}
            claimed += [one.id for one in some]
        return claimed

    told = at_once(nodes, claim_all)

    # Where several take at once, one of them may find the rest in the hands of others and go home early.
    late = claim_all(nodes[0], 0)
    assert Counter(name for names in [*told, late] for name in names) == {f"m{n:03d}": 1 for n in range(600)}


def test_timers_are_claimed_by_one_node_each(nodes: list[PagingStore]) -> None:
    nodes[0].commit(changes(*(timer(f"t{n:03d}", n % 7) for n in range(600))))

    def claim_all(node: PagingStore, number: int) -> list[str]:
        claimed = []
        while some := node.claim_timers(now=at(9), until=at(20), by=str(number), limit=25):
            claimed += [one.subject for one in some]
        return claimed

    told = at_once(nodes, claim_all)

    late = claim_all(nodes[0], 0)
    assert Counter(name for names in [*told, late] for name in names) == {f"t{n:03d}": 1 for n in range(600)}


@pytest.mark.parametrize("stood", [0, 1])
def test_of_several_at_one_version_one_wins(nodes: list[PagingStore], stood: int) -> None:
    for round_no in range(10):
        name = f"a{round_no}"
        if stood:
            nodes[0].commit(changes(escalation(name), alert(name)))

        def write(node: PagingStore, number: int, name: str = name) -> int | None:
            mine = changes(
                escalation(name, 1 + stood, by=str(number)), alert(name, 1 + stood), timer(f"{name}{number}")
            )
            try:
                node.commit(mine)
            except ConflictError:
                return None
            return number

        winners = [number for number in at_once(nodes, write) if number is not None]

        assert len(winners) == 1
        assert nodes[0].escalations([name])[name].by == str(winners[0])
        left = [one.subject for one in nodes[0].timers(TimerKind.ESCALATION) if one.subject.startswith(name)]
        assert left == [f"{name}{winners[0]}"]


def test_of_several_that_declare_for_one_group_one_wins(place: Place) -> None:
    opened = [open_paging(*place) for _ in range(N_NODES)]
    paging, timelines = [one for one, _ in opened], opened[0][1]
    for round_no in range(10):
        since = timelines.last_seq()

        def declare(node: PagingStore, number: int, round_no: int = round_no, since: int = since) -> str | None:
            name = f"{round_no}-{number}"
            declared = DeclaredFor(since=since, group_keys=(f"group {round_no}",))
            mine = alert(name, incident_id=name, group_key=f"group {round_no}")
            try:
                node.commit(changes(mine, appends=(append_of(name, 1),), declared_for=(declared,)))
            except ConflictError:
                return None
            return name

        (winner,) = [name for name in at_once(paging, declare) if name is not None]

        key = f"group {round_no}"
        assert [one.incident_id for one in paging[0].alerts_in_groups([key])[key]] == [winner]
        assert timelines.n_incidents() == round_no + 1
    for _, its in opened:
        its.close()


def test_message_that_several_decide_to_send_is_one_and_no_conflict(nodes: list[PagingStore]) -> None:
    for round_no in range(10):
        pages = [message(f"m{round_no}-{n}") for n in range(20)]

        at_once(nodes, lambda node, number, pages=pages: node.commit(changes(*pages[:: 1 - 2 * (number % 2)])))

        assert nodes[0].messages([one.id for one in pages]) == {one.id: one for one in pages}


def test_message_that_somebody_is_adding_at_this_moment_is_left_as_it_is(place: Place) -> None:
    database = open_engine(*place)
    theirs, mine = message("m", title="theirs"), message("m", title="mine")
    paging = SqlPagingStore(database, SqlTimelineStore(database))

    with ThreadPoolExecutor(1) as pool:
        with database.writing() as connection:
            write(connection, changes(theirs), is_sqlite=database.is_sqlite)
            late = pool.submit(paging.commit, changes(mine, escalation("a")))
            wait_until_somebody_waits(database)
        late.result(PATIENCE_S)

    assert paging.messages(["m"]) == {"m": theirs}
    assert set(paging.escalations(["a"])) == {"a"}
    database.close()


def wait_until_somebody_waits(database: Database) -> None:
    """For a row of PostgreSQL; on SQLite it is waited for before anything is looked at."""
    waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    for _ in range(0 if database.is_sqlite else 3_000):
        with database.reading() as connection:
            if connection.execute(waiting).scalar():
                return
        threading.Event().wait(0.01)
    assert database.is_sqlite, "nobody came"


def test_claims_and_commits_that_meet_leave_no_message_in_two_hands(nodes: list[PagingStore]) -> None:
    nodes[0].commit(changes(*(message(f"m{n:02d}") for n in range(60))))

    def cancel_or_claim(node: PagingStore, number: int) -> list[str]:
        if number:
            return [one.id for _ in range(6) for one in node.claim_messages(now=at(1), until=at(9), by="me", limit=7)]
        cancelled = []
        for one in node.messages([f"m{n:02d}" for n in range(60)]).values():
            try:
                node.commit(changes(message(one.id, version=2, state=MessageState.CANCELLED)))
            except ConflictError:
                continue
            cancelled.append(one.id)
        return cancelled

    told = at_once(nodes, cancel_or_claim)

    names = Counter(name for names in told for name in names)
    assert set(names.values()) == {1}


def test_commits_of_the_same_in_any_order_do_not_wait_for_each_other_for_ever(nodes: list[PagingStore]) -> None:
    names = [f"n{n:02d}" for n in range(30)]
    nodes[0].commit(changes(*map(escalation, names), *map(message, names), *map(alert, names), *map(timer, names[:15])))

    def write(node: PagingStore, number: int) -> int:
        chance, n_written = np.random.default_rng(number), 0
        while n_written < 10:
            mixed = [str(name) for name in chance.permutation(names)[:20]]
            stood = node.escalations(mixed)
            told = tuple(Counted(alert_id=name, n_more=1, told_at=START) for name in mixed)
            try:
                node.commit(
                    changes(
                        *(escalation(name, stood[name].version + 1) for name in mixed[:3]),
                        *(
                            timer(name, n or None)
                            for name, n in zip(mixed, chance.integers(3, size=20).tolist(), strict=True)
                        ),
                        *(message(f"{name}-{n_written}") for name in mixed),
                        counted=told,
                    )
                )
            except ConflictError:
                continue
            n_written += 1
        return n_written

    assert at_once(nodes, write) == [10] * N_NODES

    assert sum(one.n_told - 1 for one in nodes[0].alerts(names).values()) == N_NODES * 10 * 20
    assert sum(one.version - 1 for one in nodes[0].escalations(names).values()) == N_NODES * 10 * 3


def test_commit_that_postgresql_sent_away_is_a_conflict(tmp_path: Path, fresh_postgresql_url: str) -> None:
    database = open_engine(tmp_path, fresh_postgresql_url)
    paging = SqlPagingStore(database, SqlTimelineStore(database))
    # Says of each new message what PostgreSQL says to one of two who wait for each other.
    refuse = "BEGIN RAISE EXCEPTION 'deadlock detected' USING ERRCODE = '40P01'; END"
    with database.writing() as connection:
        connection.execute(text(f"CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $${refuse}$$"))
        connection.execute(
            text("CREATE TRIGGER refuse BEFORE INSERT ON messages FOR EACH ROW EXECUTE FUNCTION refuse()")
        )

    with pytest.raises(ConflictError, match="read and decide again"):
        paging.commit(changes(escalation("a"), message("m")))

    assert paging.escalations(["a"]) == {}
    database.close()


def test_what_is_let_go_meanwhile_is_let_go_once(nodes: list[PagingStore]) -> None:
    nodes[0].commit(changes(*(message(f"m{n:03d}", state=MessageState.HANDED) for n in range(200))))

    def let_go(node: PagingStore, number: int) -> int:
        return sum(node.let_go(at(1), limit=20) for _ in range(10))

    n_gone = sum(int(str(one)) for one in at_once(nodes, let_go))

    assert n_gone + nodes[0].let_go(at(1)) == 200


def test_dying_before_the_end_of_a_commit_leaves_nothing(place: Place) -> None:
    said = said_before_kill(1, "page_half", str(place[0]), place[1] or "")

    paging, timelines = open_paging(*place)
    assert said == ["written"]
    assert paging.escalations(["a"]) == paging.messages(["m"]) == paging.alerts(["x"]) == {}
    assert paging.timers(TimerKind.ESCALATION) == paging.decisions("x") == timelines.read("a") == []
    paging.commit(changes(escalation("a"), message("m"), appends=(append_of("a", 1),)))
    timelines.close()


def test_what_was_acknowledged_is_there_after_a_kill(place: Place) -> None:
    n_said = int(said_before_kill(20, "page_for_ever", str(place[0]), place[1] or "")[-1])

    paging, timelines = open_paging(*place)
    names = [f"i{n}" for n in range(1, n_said + 1)]
    assert set(paging.escalations(names)) == set(names)
    assert [one.state for one in paging.messages_of(names)] == [MessageState.HANDED] * n_said
    # One more may have been committed, or half of it claimed, and not yet acknowledged.
    more = [one.subject for one in paging.timers(TimerKind.ESCALATION) if one.subject not in names]
    assert more in ([], [f"i{n_said + 1}"])
    assert {len(timelines.read(name)) for name in names + more} == {2}
    assert set(paging.escalations(more)) == set(more) == {one.incident_id for one in paging.messages_of(more)}
    timelines.close()


@contextmanager
def counted_statements() -> Iterator[list[str]]:
    """Every statement that goes to any database meanwhile."""
    told: list[str] = []

    def tell(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        told.append(statement)

    event.listen(Engine, "before_cursor_execute", tell)
    try:
        yield told
    finally:
        event.remove(Engine, "before_cursor_execute", tell)


def test_storm_takes_few_statements(place: Place) -> None:
    database = open_engine(*place)
    paging = SqlPagingStore(database, SqlTimelineStore(database))
    incidents = [f"i{n}" for n in range(200)]
    first = changes(
        *map(escalation, incidents),
        *(message(f"m{n}", incident_id=f"i{n % 200}") for n in range(600)),
        *(alert(f"x{n}") for n in range(1_000)),
        *map(decision, incidents),
        *map(timer, incidents),
        appends=tuple(append_of(name, 1, 2) for name in incidents),
    )
    then = Changes(
        escalations=tuple(escalation(name, 2) for name in incidents),
        counted=tuple(Counted(alert_id=f"x{n}", n_more=1, told_at=at(1)) for n in range(1_000)),
        timers=tuple(timer(name, None) for name in incidents),
        appends=tuple(append_of(name, 3) for name in incidents),
    )

    with counted_statements() as told:
        paging.commit(first)
        n_first = len(told)
        paging.commit(then)
        n_then = len(told) - n_first
        paging.claim_messages(now=at(1), until=at(2), by="me", limit=200)

    assert (n_first < 40, n_then < 30, len(told) - n_first - n_then < 8) == (True, True, True)
    database.close()
