"""The file under the journal: SQLite with one writing thread; whoever writes at the same moment shares one fsync."""

import os
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import closing, suppress
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from resile.model.errors import StoreError
from resile.stores.durable_files import sync_folder
from resile.stores.failures import told_as_store_error, told_of_file

JOURNAL_NAME = "journal.sqlite3"
BUSY_S = 10.0
VERSION = 2
# One transaction takes at most so much, so that nobody waits long for those who came at the same time.
MAX_GROUP = 1_000
MAX_GROUP_BYTES = 16_000_000
# What may wait for the disk at once; beyond it the sender is told to come again.
MAX_PENDING = 20_000
MAX_PENDING_BYTES = 256_000_000
# The log is written back beside the appends once it holds so much; beyond the second size they wait for it.
_WRITE_BACK_BYTES = 16_000_000
_WAIT_FOR_BACK_BYTES = 512_000_000
_SCHEMA = """
CREATE TABLE entries (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    door TEXT NOT NULL,
    id TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    headers TEXT NOT NULL,
    n_bytes INTEGER NOT NULL,
    verdict TEXT NOT NULL DEFAULT 'waiting',
    reason TEXT NOT NULL DEFAULT '',
    UNIQUE (door, id)
);
CREATE INDEX entries_waiting ON entries (seq, door) WHERE verdict = 'waiting';
CREATE INDEX entries_kept ON entries (verdict, door, seq) WHERE verdict IN ('unmapped', 'failed');
-- Apart, so that noting a verdict does not write the body anew.
CREATE TABLE bodies (seq INTEGER PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE doors (
    name TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    options TEXT NOT NULL,
    made_at INTEGER NOT NULL,
    salt BLOB,
    secret_digest BLOB,
    sealed BLOB
);
CREATE TABLE counts (
    door TEXT PRIMARY KEY,
    n_received INTEGER NOT NULL DEFAULT 0,
    n_refused INTEGER NOT NULL DEFAULT 0,
    last_at INTEGER
);
"""

# What the first version lacks.
_SINCE_1 = "ALTER TABLE doors ADD COLUMN sealed BLOB"

_T = TypeVar("_T")


# Writes several items that came one after another; gives what became of each.
WriteMany = Callable[[sqlite3.Connection, Sequence[Any]], Sequence[Any]]


class _Work(NamedTuple):
    do: WriteMany
    item: Any
    n_bytes: int
    done: "Future[Any]"


class JournalFile:
    """An open journal file. Nothing is made on disk before the first write; without the file, reads find nothing.

    Instances may be used from several threads; other processes may read and write the same file.
    """

    def __init__(self, path: Path, *, busy_s: float = BUSY_S) -> None:
        self.path = path.absolute()
        self.name = f"journal {self.path}"
        self._busy_s = busy_s
        self._turn = threading.Condition()
        self._queue: deque[_Work] = deque()
        self._n_pending_bytes = 0
        self._is_closed = False
        self._writer: threading.Thread | None = None
        self._writes_back = threading.Event()
        self._reading = threading.Lock()
        self._reader: sqlite3.Connection | None = None

    def submit(self, do: WriteMany, item: Any, *, n_bytes: int = 0) -> "Future[Any]":
        """Have something written; the future is done once it is durable, or failed with a StoreError.

        Items for the same `do` that wait one after another are given to it at once.

        Raises:
            StoreError: too much waits for the disk already, or the journal is closed.
        """
        done: Future[Any] = Future()
        with self._turn:
            if self._is_closed:
                raise StoreError(f"{self.name} is closed; open it again")
            if len(self._queue) >= MAX_PENDING or self._n_pending_bytes + n_bytes > MAX_PENDING_BYTES:
                raise StoreError(f"{self.name}: the disk does not keep up with what arrives; send it again in a while")
            self._queue.append(_Work(do, item, n_bytes, done))
            self._n_pending_bytes += n_bytes
            if self._writer is None:
                self._writer = threading.Thread(target=self._write_all, name="journal", daemon=True)
                self._writer.start()
            self._turn.notify()
        return done

    def write(self, do: Callable[[sqlite3.Connection], _T]) -> _T:
        """Write and wait until it is durable.

        Raises:
            StoreError: it could not be written.
        """
        written: _T = self.submit(lambda connection, _: [do(connection)], None).result()
        return written

    def read(self, query: str, parameters: tuple[Any, ...] = ()) -> list[Any]:
        """All rows of a query; none where there is no file yet.

        Raises:
            StoreError: the file cannot be read.
        """
        with self._reading, told_as_store_error(self.name):
            if self._reader is None:
                self._reader = self._open_to_read() if self.path.exists() else None
            if self._reader is None:
                return []
            try:
                return self._reader.execute(query, parameters).fetchall()
            except sqlite3.Error:
                # Opened anew the next time: the file may have been put back or mended meanwhile.
                self._reader.close()
                self._reader = None
                raise

    def n_pending(self) -> int:
        """How many wait for the disk at this moment."""
        return len(self._queue)

    def close(self) -> None:
        """Write what waits, then let go of the file."""
        with self._turn:
            self._is_closed = True
            writer = self._writer
            self._turn.notify()
        if writer is not None:
            writer.join()
        with self._reading:
            if self._reader is not None:
                self._reader.close()
                self._reader = None

    def _write_all(self) -> None:
        """The writing thread: group after group, until it is closed and nothing waits."""
        connection: sqlite3.Connection | None = None
        keeper = threading.Thread(target=self._keep_writing_back, name="journal write-back", daemon=True)
        keeper.start()
        try:
            while group := self._next_group():
                connection = self._write_group(connection, group)
        finally:
            self._writes_back.set()
            keeper.join()
            if connection is not None:
                connection.close()

    def _next_group(self) -> list[_Work]:
        """What came while the last group was written; blocks until there is something; empty once it is over."""
        with self._turn:
            self._turn.wait_for(lambda: self._queue or self._is_closed)
            group: list[_Work] = []
            n_bytes = 0
            while self._queue and len(group) < MAX_GROUP and (not group or n_bytes < MAX_GROUP_BYTES):
                group.append(self._queue.popleft())
                n_bytes += group[-1].n_bytes
            self._n_pending_bytes -= n_bytes
            return group

    def _write_group(self, connection: sqlite3.Connection | None, taken: list[_Work]) -> sqlite3.Connection | None:
        """One transaction; gives the connection, or None where it failed and everybody in it was told."""
        # Who no longer waits was answered nothing; from here on nobody can leave.
        group = [work for work in taken if work.done.set_running_or_notify_cancel()]
        try:
            with told_as_store_error(self.name):
                connection = connection or self._open_to_write()
                connection.execute("BEGIN IMMEDIATE")
                results = [
                    result
                    for do, works in groupby(group, key=lambda work: work.do)
                    for result in do(connection, [work.item for work in works])
                ]
                connection.execute("COMMIT")
        except BaseException as error:  # noqa: BLE001 - whatever it is, those who wait must hear of it
            if connection is not None:
                # Closing rolls back. Opened anew the next time: the file may have been put back or mended meanwhile.
                connection.close()
            for work in group:
                work.done.set_exception(error)
            return None
        for work, result in zip(group, results, strict=True):
            work.done.set_result(result)
        with suppress(sqlite3.Error, OSError):  # whoever appends next meets the same and is told
            self._bound_log(connection)
        return connection

    def _bound_log(self, connection: sqlite3.Connection) -> None:
        """Have the log written back beside the appends; where it grows all the same, wait for it."""
        n_bytes = _size(self.path.with_name(self.path.name + "-wal"))
        if n_bytes >= _WAIT_FOR_BACK_BYTES:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        elif n_bytes >= _WRITE_BACK_BYTES:
            self._writes_back.set()

    def _keep_writing_back(self) -> None:
        """A thread of its own, with a connection of its own: who appends does not wait for the second write."""
        while True:
            self._writes_back.wait()
            self._writes_back.clear()
            if self._is_closed:
                return
            with suppress(sqlite3.Error), closing(self._connect()) as connection:
                connection.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def _open_to_write(self) -> sqlite3.Connection:
        """The file, made where it is missing, in the shape that this version knows."""
        is_new = not self.path.exists()
        try:
            if is_new:
                self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
        except OSError as error:
            raise told_of_file(f"{self.name} cannot be made", error) from error
        connection = self._connect()
        try:
            connection.execute("PRAGMA page_size = 8192")
            connection.execute("PRAGMA journal_mode = WAL")
            # FULL: what was committed has reached the disk, also when the power goes.
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA wal_autocheckpoint = 0")
            connection.execute("PRAGMA journal_size_limit = 67108864")
            connection.execute("PRAGMA cache_size = -32768")
            self._make_tables(connection)
            if is_new:
                sync_folder(self.path.parent)
        except BaseException:
            connection.close()
            raise
        return connection

    def _make_tables(self, connection: sqlite3.Connection) -> None:
        if self._version(connection) == VERSION:
            return
        connection.execute("BEGIN IMMEDIATE")
        # Asked again: another process may have made them meanwhile.
        before = self._version(connection)
        if before < VERSION:
            for statement in (_SCHEMA if not before else _SINCE_1).split(";"):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")

    def _open_to_read(self) -> sqlite3.Connection | None:
        """The file; None while nothing was ever written to it."""
        is_read_only = not (os.access(self.path, os.W_OK) and os.access(self.path.parent, os.W_OK))
        connection = self._connect(_read_only_mode(self.path) if is_read_only else "mode=rw")
        try:
            is_made = self._version(connection) > 0
        except BaseException:
            connection.close()
            raise
        if is_made:
            return connection
        connection.close()
        return None

    def _connect(self, mode: str = "mode=rw") -> sqlite3.Connection:
        return sqlite3.connect(
            f"{self.path.as_uri()}?{mode}",
            uri=True,
            timeout=self._busy_s,
            isolation_level=None,
            check_same_thread=False,
        )

    def _version(self, connection: sqlite3.Connection) -> int:
        version: int = connection.execute("PRAGMA user_version").fetchone()[0]
        if version > VERSION:
            raise StoreError(f"{self.name} is of a newer version of resile; update resile, or give another data folder")
        return version


def _read_only_mode(path: Path) -> str:
    """How SQLite can read it: with nothing in the log, nobody who writes is at work, and no log need be made."""
    return "mode=ro" if _size(path.with_name(path.name + "-wal")) else "mode=ro&immutable=1"


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
