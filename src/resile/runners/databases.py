"""Databases that questions in SQL are put to, and that no question can change."""

import re
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from decimal import Decimal
from itertools import islice
from threading import Event, Timer
from time import monotonic
from typing import Any, TypeGuard
from urllib.parse import quote

from msgspec.structs import replace

from resile.model.errors import DeliveryError
from resile.ports.runner import StepRefusedError, Work
from resile.runners.filling import in_sql
from resile.runners.query import MAX_ROWS, Answer, as_table

LANGUAGES = ("query", "sql")
# SQLite asks so often whether to go on, in steps of its machine.
_STEPS = 10_000
_MEMORY = "256MB"
# Of one value in SQLite.
_MAX_VALUE = 10_000_000
_NO_TEXT = re.compile(r"[\x00\ud800-\udfff]")
# No file, no network, no extension, no variable of this program; and none of that can be changed.
_LOCKED = "SET enable_external_access = false; SET python_enable_replacements = false; SET lock_configuration = true"
_ALLOWED = frozenset({sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE})


class SqliteFile:
    """A file of SQLite, opened to be read alone."""

    def __init__(self, path: str) -> None:
        self._path = path

    def ask(self, work: Work, *, timeout_s: float, stop: Event) -> Answer:
        """Ask once.

        Raises:
            DeliveryError: the file cannot be read, the question is wrong, or takes too long.
            StepRefusedError: it is no SQL, or an input cannot stand in it.
        """
        query, bound = question_of(work, lambda name: f":{name}")
        ends_at = monotonic() + timeout_s
        try:
            connection = sqlite3.connect(f"file:{quote(self._path)}?mode=ro", uri=True, timeout=timeout_s)
        except sqlite3.Error as error:
            raise DeliveryError(f"the database cannot be opened: {error}") from None
        try:
            connection.set_authorizer(_may_read)
            connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MAX_VALUE)
            connection.set_progress_handler(lambda: stop.is_set() or monotonic() > ends_at, _STEPS)
            cursor = connection.execute(query, bound)
            return answer_of([column[0] for column in cursor.description or ()], cursor.fetchmany(MAX_ROWS + 1))
        except (sqlite3.Error, sqlite3.Warning) as error:
            raise DeliveryError(f"the database answered: {error}") from None
        finally:
            connection.close()


def _may_read(action: int, _one: str | None, _two: str | None, _database: str | None, _view: str | None) -> int:
    return sqlite3.SQLITE_OK if action in _ALLOWED else sqlite3.SQLITE_DENY


class Postgres:
    """A database of PostgreSQL, in a transaction that may only read."""

    def __init__(self, url: str) -> None:
        # As libpq writes it; SQLAlchemy names the driver too.
        scheme, _, rest = url.partition("://")
        self._url = f"{scheme.partition('+')[0]}://{rest}"

    def ask(self, work: Work, *, timeout_s: float, stop: Event) -> Answer:
        """Ask once.

        Raises:
            DeliveryError: it cannot be reached, the question is wrong, or takes too long.
            StepRefusedError: it is no SQL, or an input cannot stand in it.
        """
        del stop  # it ends by its own time
        try:
            import psycopg  # noqa: PLC0415 - an extra
            from psycopg.conninfo import conninfo_to_dict  # noqa: PLC0415 - as above
        except ImportError:
            raise StepRefusedError("PostgreSQL needs its driver; install resile[postgres]") from None
        check_it_asks(work.body)
        # To its driver a % begins a placeholder, unless there are two.
        doubled = replace(work, body=work.body.replace("%", "%%"))
        query, bound = question_of(doubled, lambda name: f"%({name})s")
        try:
            conninfo_to_dict(self._url)
        except psycopg.Error:
            # Without its words: of an address that it cannot read, they hold a piece.
            raise DeliveryError("the database's address cannot be read; write %-signs in passwords as %25") from None
        options = f"-c default_transaction_read_only=on -c statement_timeout={max(int(timeout_s * 1000), 1)}"
        try:
            with psycopg.connect(self._url, options=options, connect_timeout=max(int(timeout_s), 2)) as connection:
                connection.read_only = True
                # Row by row, so that a table without end does not come here whole; by the protocol in which one
                # statement is one statement, so that none can follow that writes.
                cursor = connection.cursor()
                told = cursor.stream(query.encode(), bound, binary=True)
                with closing(told):  # type: ignore[type-var]  # it is a generator
                    rows = list(islice(told, MAX_ROWS + 1))
                return answer_of([column.name for column in cursor.description or ()], rows)
        except psycopg.Error as error:
            said = str(error).strip().split("\n")[0]
            raise DeliveryError(f"the database answered: {said[:300]}") from None


def check_it_asks(body: str) -> None:
    """Refuse what is no question: a transaction that may only read still lets some users start programs (COPY).

    Raises:
        StepRefusedError: it is none.
    """
    first = _FIRST_WORD.match(body)
    # To PostgreSQL a comment ends where all comments in it have ended: what begins there would be another statement.
    if first is None or first[1].upper() not in _QUESTIONS or _COMMENT_IN_COMMENT.search(body):
        raise StepRefusedError(
            f"a database is only asked; begin with one of {', '.join(_QUESTIONS)}, without comments in comments"
        )


_QUESTIONS = ("SELECT", "WITH", "VALUES", "TABLE", "SHOW", "EXPLAIN")
_FIRST_WORD = re.compile(r"(?:\s|\(|--[^\n]*\n|/\*.*?\*/)*+([A-Za-z]+)", re.DOTALL)
_COMMENT_IN_COMMENT = re.compile(r"/\*(?:(?!\*/).)*/\*", re.DOTALL)


class OwnFacts:
    """What resile knows of incidents, as the table `incidents`, in a database that holds nothing else.

    Args:
        facts: the table as it is now.
    """

    def __init__(self, facts: Callable[[], Any]) -> None:
        self._facts = facts

    def ask(self, work: Work, *, timeout_s: float, stop: Event) -> Answer:
        """Ask once.

        Raises:
            DeliveryError: the question is wrong, or takes too long.
            StepRefusedError: it is no SQL, or an input cannot stand in it.
        """
        import duckdb  # noqa: PLC0415 - takes a while to load

        del stop  # it ends by its own time
        query, bound = question_of(work, lambda name: f"${name}")
        # Nothing is written beside the memory: it would be in the folder that resile was started in.
        connection = duckdb.connect(config={"memory_limit": _MEMORY, "threads": 1, "temp_directory": ""})
        late = Timer(timeout_s, connection.interrupt)
        try:
            connection.register("incidents", self._facts())
            connection.execute(_LOCKED)
            late.start()
            cursor = connection.execute(query, bound)
            names = [column[0] for column in cursor.description or ()]
            return answer_of(names, cursor.fetchmany(MAX_ROWS + 1))
        except duckdb.Error as error:
            raise DeliveryError(f"resile's facts: {str(error).splitlines()[0][:300]}") from None
        finally:
            late.cancel()
            connection.close()


def question_of(work: Work, placeholder: Callable[[str], str]) -> tuple[str, dict[str, str]]:
    """The question in SQL and what is bound to it.

    Raises:
        StepRefusedError: it is no SQL, or an input cannot stand in it.
    """
    if work.language not in LANGUAGES:
        raise StepRefusedError(f"a database is not asked in {work.language[:40]!r}; write ```sql")
    for name, value in work.inputs.items():
        if _NO_TEXT.search(value):
            raise StepRefusedError(f"input {name!r} holds a sign that no database takes; it is not asked")
    return in_sql(work.body.strip().rstrip(";"), work.inputs, placeholder)


def answer_of(names: Sequence[str], rows: Sequence[Sequence[object]]) -> Answer:
    """The rows as a table; their value is the first number in the first row."""
    if not rows:
        return Answer(values=[], text="no rows")
    numbers = [float(cell) for cell in rows[0] if is_number(cell)]
    text = as_table(names, rows[:MAX_ROWS], n_more=len(rows) > MAX_ROWS)
    return Answer(values=numbers[:1], text=text)


def is_number(cell: object) -> TypeGuard[int | float | Decimal]:
    """Whether a cell can be held against a number."""
    return isinstance(cell, int | float | Decimal) and not isinstance(cell, bool)
