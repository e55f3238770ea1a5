"""The database under all stores: SQLite in the data folder, or PostgreSQL; one writer at a time on SQLite."""

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, func, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import QueuePool

from resile.model.errors import ConfigError, StoreError
from resile.model.time import utc
from resile.stores.failures import told_as_store_error, told_of_file

DATABASE_NAME = "resile.db"
BUSY_S = 10.0
_N_CONNECTIONS = 8
_N_MORE_CONNECTIONS = 56
_WAIT_FOR_CONNECTION_S = 30.0
# A server whose machine or network is gone says nothing more; the system would wait for it for a quarter of an hour,
# and all that pages with it. One that is merely busy is not meant: its machine answers for it.
_NOTICES_SILENCE: dict[str, Any] = {
    "keepalives_idle": 5,
    "keepalives_interval": 3,
    "keepalives_count": 3,
    "tcp_user_timeout": int(BUSY_S * 1_000),
}


class Database:
    """An open database. Instances may be used from several threads.

    Attributes:
        name: as error messages call it.
        is_sqlite: whether it is SQLite; else it is PostgreSQL.
        is_read_only: nothing can be written; known at opening, on SQLite only.
    """

    def __init__(self, engine: Engine, name: str, *, busy_s: float = BUSY_S, is_read_only: bool = False) -> None:
        self.name = name
        self.is_sqlite = engine.dialect.name == "sqlite"
        self.is_read_only = is_read_only
        self._engine = engine
        self._writers = engine.execution_options(begins="BEGIN IMMEDIATE")
        self._busy_s = busy_s
        self._turn = threading.Lock()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection that sees one state of the database, as long as the context lasts on SQLite.

        Raises:
            StoreError: the database failed.
        """
        with told_as_store_error(self.name), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A connection in a transaction, durable once the context is left; rolled back on any exception.

        Raises:
            StoreError: the database failed, or somebody else wrote for longer than 10 s.
        """
        with told_as_store_error(self.name), self._my_turn(), self._writers.connect() as connection, connection.begin():
            yield connection

    def now(self) -> datetime | None:
        """What the clock of the database's machine shows; None of SQLite, which goes by this machine's.

        Raises:
            StoreError: the database failed.
        """
        if self.is_sqlite:
            return None
        with self.reading() as connection:
            shown: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
        return utc(shown)

    @contextmanager
    def _my_turn(self) -> Iterator[None]:
        """Threads queue here; left to SQLite's own lock they would poll, and the unlucky one would starve."""
        if not self.is_sqlite:
            yield
            return
        if not self._turn.acquire(timeout=self._busy_s):
            raise StoreError(f"{self.name} is being written by another thread for over {self._busy_s:g} s; try again")
        try:
            yield
        finally:
            self._turn.release()

    def close(self) -> None:
        """Let go of all connections."""
        self._engine.dispose()


def connect_sqlite(data: Path, *, busy_s: float = BUSY_S) -> Database:
    """Open the SQLite database of a data folder, making both where they are missing; not migrated.

    `busy_s` is how long to wait for somebody else who writes.

    Raises:
        StoreError: the folder cannot be made or read.
    """
    path = (data / DATABASE_NAME).absolute()
    name = f"database {path}"
    is_read_only = _is_read_only(path)
    if not is_read_only:
        _make(path)
    mode = _read_only_mode(path) if is_read_only else "rw"

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(
            f"{path.as_uri()}?{mode if '=' in mode else f'mode={mode}'}",
            uri=True,
            timeout=busy_s,
            isolation_level=None,
            check_same_thread=False,
        )
        _configure(connection, is_read_only=is_read_only)
        return connection

    engine = create_engine(
        "sqlite://",
        creator=connect,
        poolclass=QueuePool,
        pool_size=_N_CONNECTIONS,
        max_overflow=_N_MORE_CONNECTIONS,
        pool_timeout=_WAIT_FOR_CONNECTION_S,
    )
    event.listen(engine, "begin", _begin)
    return Database(engine, name, busy_s=busy_s, is_read_only=is_read_only)


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("begins", "BEGIN"))


def _configure(connection: sqlite3.Connection, *, is_read_only: bool) -> None:
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA cache_size = -65536")
    if is_read_only:
        connection.execute("SELECT count(*) FROM sqlite_master")
        return
    connection.execute("PRAGMA journal_mode = WAL")
    # FULL: what was committed has reached the disk, also when the power goes.
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA wal_autocheckpoint = 4000")
    connection.execute("PRAGMA journal_size_limit = 67108864")


def _is_read_only(path: Path) -> bool:
    """Whether the database exists and either it or its folder cannot be written by this process."""
    return path.exists() and not (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK))


def _read_only_mode(path: Path) -> str:
    """How SQLite can read it: with nothing in the log, nobody who writes is at work, and no log need be made."""
    log = path.with_name(path.name + "-wal")
    return "mode=ro" if log.exists() and log.stat().st_size else "mode=ro&immutable=1"


def _make(path: Path) -> None:
    try:
        if not path.parent.is_dir():
            path.parent.mkdir(parents=True, mode=0o700)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise told_of_file(f"data folder {path.parent} cannot be used", error) from error


def connect_postgresql(database_url: str) -> Database:
    """Reach a PostgreSQL database; not migrated.

    Raises:
        ConfigError: the URL is none of PostgreSQL, or its driver is not installed.
    """
    try:
        url = make_url(database_url)
    except ArgumentError:
        raise ConfigError("database_url is no URL; write it as postgresql://USER:PASSWORD@HOST:5432/DATABASE") from None
    if url.get_backend_name() not in {"postgresql", "postgres"}:
        raise ConfigError(
            f"database_url names {url.get_backend_name()!r}; only postgresql:// is known, leave it out for SQLite"
        )
    options: dict[str, Any] = {"connect_timeout": int(BUSY_S), "application_name": "resile", **_NOTICES_SILENCE}
    try:
        engine = create_engine(
            url.set(drivername="postgresql+psycopg"),
            connect_args={**options, **url.query},
            pool_pre_ping=True,
            pool_size=_N_CONNECTIONS,
            max_overflow=_N_MORE_CONNECTIONS,
            pool_timeout=_WAIT_FOR_CONNECTION_S,
        )
    except ModuleNotFoundError:
        raise ConfigError("database_url needs the PostgreSQL driver; install resile[postgres]") from None
    event.listen(engine, "connect", _insist_on_durability)
    return Database(engine, f"database {url.set(drivername='postgresql').render_as_string(hide_password=True)}")


def _insist_on_durability(connection: Any, _record: object) -> None:
    """A server may be set to acknowledge before it has written; not to us. Stricter settings are left alone."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
        )
    connection.commit()
