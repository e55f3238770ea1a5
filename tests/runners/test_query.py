"""Questions are asked until what is expected has held for long enough, and change nothing, whatever they say."""

import sqlite3
import threading
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs

import pyarrow as pa
import pytest

from resile.channels.http_client import HttpClient
from resile.channels.outward import Outward
from resile.model.errors import DeliveryError
from resile.model.playbook import Comparison, Expectation
from resile.model.room_event import StepOutcome
from resile.ports.runner import StepRefusedError, Work
from resile.runners.databases import OwnFacts, Postgres, SqliteFile, check_it_asks
from resile.runners.filling import in_promql, in_sql
from resile.runners.prometheus import Prometheus
from resile.runners.query import Answer, Asked, QueryRunner
from resile.testing.loopback_http import LoopbackHttp, Reply, Request

LESS = Expectation(Comparison.LESS, 0.005)
HOSTILE = 'x"} or vector(1) #'


def work(body: str, language: str = "promql", inputs: Mapping[str, str] | None = None, **more: object) -> Work:
    return Work(language=language, body=body, inputs=inputs or {}, **{"timeout_s": 5.0, **more})  # type: ignore[arg-type]


class Scripted:
    """Answers what it is told, the last again and again."""

    def __init__(self, *values: float | None) -> None:
        self.values = list(values)
        self.n_asked = 0

    def ask(self, work: Work, *, timeout_s: float, stop: threading.Event) -> Answer:  # noqa: ARG002 - the protocol's
        value = self.values.pop(0) if len(self.values) > 1 else self.values[0]
        self.n_asked += 1
        if value is None:
            raise DeliveryError("it is away")
        return Answer(values=[value], text=f"{value:g}")


def runner(asked: Asked) -> QueryRunner:
    return QueryRunner({"shop": asked}, every_s=0.02)


def test_a_value_that_is_as_expected_passes_at_once() -> None:
    ran = runner(Scripted(0.001)).run(work("x", expect=LESS), threading.Event())

    assert (ran.outcome, ran.value, ran.head) == (StepOutcome.DONE, 0.001, b"0.001")


def test_it_must_hold_without_a_break() -> None:
    asked = Scripted(0.001, 0.001, 0.9, None, 0.001)
    expect = Expectation(Comparison.LESS, 0.005, timedelta(seconds=0.1))

    ran = runner(asked).run(work("x", expect=expect, timeout_s=10.0), threading.Event())

    assert ran.outcome is StepOutcome.DONE
    assert ran.lasted_s >= 0.16
    assert asked.n_asked > 6


def test_what_never_holds_ends_as_soon_as_it_cannot_any_more() -> None:
    expect = Expectation(Comparison.LESS, 0.005, timedelta(seconds=0.3))

    ran = runner(Scripted(0.9)).run(work("x", expect=expect, timeout_s=0.5), threading.Event())

    assert (ran.outcome, ran.value) == (StepOutcome.TIMED_OUT, 0.9)
    assert ran.lasted_s < 0.5


@pytest.mark.parametrize("value", [0.9, float("nan"), None])
def test_what_is_no_number_or_too_much_does_not_pass(value: float | None) -> None:
    ran = runner(Scripted(value)).run(work("x", expect=LESS, timeout_s=0.1), threading.Event())

    assert ran.outcome is StepOutcome.FAILED


def test_a_question_without_an_answer_has_failed_though_nothing_is_expected() -> None:
    ran = runner(Scripted(None)).run(work("x"), threading.Event())

    assert (ran.outcome, ran.because) == (StepOutcome.FAILED, "it is away")


class Empty:
    """Answers, and finds nothing, or nothing that is a number."""

    def __init__(self, *values: float) -> None:
        self.values = values

    def ask(self, work: Work, *, timeout_s: float, stop: threading.Event) -> Answer:  # noqa: ARG002 - the protocol's
        return Answer(values=self.values, text="no series")


@pytest.mark.parametrize("values", [(), (float("nan"),)])
def test_what_finds_no_value_verifies_nothing(values: tuple[float, ...]) -> None:
    asked = runner(Empty(*values))

    looked = asked.run(work("x"), threading.Event())
    verified = asked.run(work("x", wants_value=True), threading.Event())

    assert looked.outcome is StepOutcome.DONE
    assert (verified.outcome, verified.because) == (StepOutcome.FAILED, "it found no value")


@pytest.mark.parametrize(
    ("expect", "values", "told"),
    [
        (Expectation(Comparison.EQUAL, 1), (1, 1, 7), 7),
        (Expectation(Comparison.OTHER, 1), (0, 1, 0), 1),
        (LESS, (0.001, float("nan")), None),
        (LESS, (0.001, 0.9), 0.9),
    ],
)
def test_the_value_that_is_told_is_one_that_keeps_it_from_passing(
    expect: Expectation, values: tuple[float, ...], told: float | None
) -> None:
    assert runner(Empty(*values)).run(work("x", expect=expect), threading.Event()).value == told


def test_it_stops_when_somebody_says_so() -> None:
    stop = threading.Event()
    threading.Timer(0.1, stop.set).start()
    expect = Expectation(Comparison.LESS, 0.005, timedelta(seconds=3))

    assert runner(Scripted(0.001)).run(work("x", expect=expect), stop).outcome is StepOutcome.STOPPED


def test_nobody_is_asked_whom_the_settings_do_not_name() -> None:
    with pytest.raises(StepRefusedError, match="allow shop to be asked"):
        runner(Scripted(1.0)).run(work("x", attributes={"source": "other"}), threading.Event())


def vector(*values: float) -> Reply:
    result = [{"metric": {"__name__": "up", "pod": str(n)}, "value": [0, str(value)]} for n, value in enumerate(values)]
    return Reply(body={"status": "success", "data": {"resultType": "vector", "result": result}})


@pytest.fixture
def prometheus() -> Iterator[tuple[LoopbackHttp, Prometheus]]:
    with LoopbackHttp(lambda _: vector(0.001, 0.9)) as running:
        client = HttpClient(Outward())
        yield running, Prometheus(client, running.address, token="token-of-a-reader")  # noqa: S106


def query_of(request: Request) -> str:
    return parse_qs(request.body.decode())["query"][0]


def test_every_series_must_be_as_expected(prometheus: tuple[LoopbackHttp, Prometheus]) -> None:
    server, asked = prometheus

    ran = runner(asked).run(work('up{pod="$pod"}', inputs={"pod": HOSTILE}, expect=LESS), threading.Event())

    assert (ran.outcome, ran.value) == (StepOutcome.FAILED, 0.9)
    [request, *_] = server.requests
    assert query_of(request) == 'up{pod="x\\"} or vector(1) #"}'
    assert request.headers["authorization"] == "Bearer token-of-a-reader"
    assert 'up{pod="1"}' in ran.head.decode()


@pytest.mark.parametrize(
    "reply",
    [
        Reply(status=400, body={"status": "error", "error": "parse error"}),
        Reply(body=b"no json"),
        Reply(body={"status": "success", "data": {"resultType": "vector", "result": [{"metric": {}}]}}),
        Reply(body=[1]),
        Reply(body={"status": "success", "data": {"resultType": "vector", "result": []}}),
        Reply(body=b"x" * 100_000),
    ],
)
def test_an_answer_that_is_none_fails_with_a_sentence(
    prometheus: tuple[LoopbackHttp, Prometheus], reply: Reply
) -> None:
    server, asked = prometheus
    server.fails += [reply] * 50

    ran = runner(asked).run(work("up", expect=LESS, timeout_s=0.1), threading.Event())

    assert ran.outcome is StepOutcome.FAILED
    assert ran.because


def test_inputs_stand_only_between_quotation_marks_in_promql() -> None:
    with pytest.raises(StepRefusedError, match="between quotation marks"):
        in_promql("rate(up[$window])", {"window": "5m"})
    assert in_promql("a{x=~'$x'}", {"x": "a.b'|.*"}) == r"a{x=~'a\\.b\x27\\|\\.\\*'}"


def test_marks_in_comments_of_promql_begin_no_text() -> None:
    value = '"} or vector(1) #'

    query = in_promql("# use ` with $care, don't\nup{pod=\"$pod\"} # ` isn't", {"pod": value})

    assert query == '\nup{pod="\\"} or vector(1) #"} '


def test_a_quotation_mark_is_escaped_only_where_it_would_end_the_text() -> None:
    # Prometheus takes \" within '' for an error.
    assert in_promql("a{x='$x'}", {"x": 'say "hi" \\'}) == "a{x='say \"hi\" \\\\'}"


def test_inputs_of_sql_are_bound_and_never_stand_in_texts() -> None:
    query, bound = in_sql("SELECT 1 WHERE x = $a AND y = ${a}", {"a": "'; DROP TABLE x"}, lambda name: f":{name}")

    assert (query, bound) == ("SELECT 1 WHERE x = :a AND y = :a", {"a": "'; DROP TABLE x"})
    assert in_sql("-- of $a\nSELECT 1", {"a": "\nDROP"}, lambda name: f":{name}") == ("-- of $a\nSELECT 1", {})
    with pytest.raises(StepRefusedError, match="without them"):
        in_sql("SELECT '$a'", {"a": "x"}, lambda name: f":{name}")


def ask(asked: Asked, body: str, **inputs: str) -> Answer:
    return asked.ask(work(body, "sql", inputs), timeout_s=5.0, stop=threading.Event())


WRITES = [
    "DELETE FROM orders",
    "DROP TABLE orders",
    "INSERT INTO orders VALUES (9, 'x')",
    "CREATE TABLE y (a int)",
    "SELECT 1; DELETE FROM orders",
    "COMMIT; DELETE FROM orders",
]


@pytest.fixture
def sqlite(tmp_path: Path) -> Path:
    file = tmp_path / "shop.db"
    connection = sqlite3.connect(file)
    connection.executescript("CREATE TABLE orders (n int, who text); INSERT INTO orders VALUES (7, 'it''s'), (8, 'x')")
    connection.close()
    return file


def test_a_file_of_sqlite_is_read(sqlite: Path) -> None:
    found = ask(SqliteFile(str(sqlite)), "SELECT who, n FROM orders WHERE who = $who;", who="it's")

    assert (found.values, found.text) == ([7.0], "who   n\nit's  7")
    assert ask(SqliteFile(str(sqlite)), "SELECT n FROM orders WHERE who = $who", who="nobody").values == []


@pytest.mark.parametrize("body", [*WRITES, "ATTACH '/tmp/other.db' AS other", "PRAGMA journal_mode = off", "no sql"])
def test_a_file_of_sqlite_is_not_changed(sqlite: Path, body: str) -> None:
    with pytest.raises(DeliveryError):
        ask(SqliteFile(str(sqlite)), body)
    assert ask(SqliteFile(str(sqlite)), "SELECT count(*) FROM orders").values == [2.0]


def test_a_question_that_takes_too_long_ends(sqlite: Path) -> None:
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"

    with pytest.raises(DeliveryError, match="interrupted"):
        SqliteFile(str(sqlite)).ask(work(endless, "sql"), timeout_s=0.1, stop=threading.Event())


def test_postgresql_is_read_and_not_changed(postgresql_url: str) -> None:
    import psycopg  # noqa: PLC0415 - beside its use

    asked = Postgres(postgresql_url)
    with psycopg.connect("postgresql://" + postgresql_url.partition("://")[2]) as connection:
        connection.execute("CREATE TABLE orders (n int, who text)")
        connection.execute("INSERT INTO orders VALUES (7, 'it''s')")

    found = ask(asked, "SELECT n, who FROM orders WHERE who = $who AND who LIKE '%t%'", who="it's")

    assert found.values == [7.0]
    deletes = "WITH gone AS (DELETE FROM orders RETURNING 1) SELECT count(*) FROM gone"
    frees = "SELECT set_config('transaction_read_only', 'off', false)"
    for body in (*WRITES, "SET TRANSACTION READ WRITE; DELETE FROM orders", deletes, frees, "SELECT pg_sleep(9)"):
        with pytest.raises((DeliveryError, StepRefusedError)):
            asked.ask(work(body, "sql"), timeout_s=0.5, stop=threading.Event())
    assert ask(asked, "SELECT count(*) FROM orders").values == [1.0]
    # Of a table without end, what is shown comes here.
    assert len(ask(asked, "SELECT generate_series(1, 30000000)").text.splitlines()) == 52


@pytest.mark.parametrize(
    "body",
    [
        "COPY (SELECT 1) TO PROGRAM 'touch pwned'",
        "-- SELECT\nCOPY x TO STDOUT",
        "/* /* */ SELECT */ COPY (SELECT 1) TO PROGRAM 'touch pwned'",
        "DO 'BEGIN END'",
        "CALL x()",
        "",
    ],
)
def test_what_is_no_question_is_not_put_to_postgresql(body: str) -> None:
    with pytest.raises(StepRefusedError, match="only asked"):
        ask(Postgres("postgresql://127.0.0.1:1/x"), body)


@pytest.mark.parametrize("body", ["select 1", "-- of x\n(SELECT 1)", "/* a */ WITH a AS (SELECT 1) TABLE a", "SHOW x"])
def test_questions_are(body: str) -> None:
    check_it_asks(body)


def test_own_facts_write_no_file(facts: OwnFacts) -> None:
    assert ask(facts, "SELECT current_setting('temp_directory')").text == "current_setting('temp_directory')\n"


@pytest.fixture
def facts() -> OwnFacts:
    return OwnFacts(lambda: pa.table({"incident_id": ["INC-1", "INC-2"], "service": ["checkout", "basket"]}))


def test_own_facts_are_asked_and_nothing_else(facts: OwnFacts) -> None:
    found = ask(facts, "SELECT count(*) FROM incidents WHERE service = $service", service="checkout")

    assert found.values == [1.0]


@pytest.mark.parametrize(
    "body",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        "COPY incidents TO '/tmp/run-stolen.csv'",
        "INSTALL httpfs",
        "ATTACH '/tmp/x.duckdb'",
        "SET enable_external_access = true",
        "SELECT * FROM work",
        "SELECT * FROM read_text('/etc/hostname')",
    ],
)
def test_own_facts_lead_nowhere_else(facts: OwnFacts, body: str) -> None:
    with pytest.raises(DeliveryError):
        ask(facts, body)


@pytest.mark.parametrize("asked", [SqliteFile("/nowhere/x.db"), Postgres("postgresql://127.0.0.1:1/x")])
def test_a_database_that_is_away_fails_with_a_sentence(asked: Asked) -> None:
    with pytest.raises(DeliveryError, match="database"):
        ask(asked, "SELECT 1")


def test_an_address_that_cannot_be_read_is_not_told_in_pieces() -> None:
    with pytest.raises(DeliveryError, match="cannot be read") as raised:
        ask(Postgres("postgresql://reader:pa%zzword@db/shop"), "SELECT 1")

    assert "zzword" not in str(raised.value)
