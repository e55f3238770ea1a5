"""Connections on which one thread at a time reads the facts, kept for the next one."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import ibis
import ibis.expr.operations as ops
from msgspec import Struct

from resile.analytics.facts import FACTS_SCHEMA
from resile.model.errors import StoreError
from resile.stores.facts_manifest import MANIFEST_NAME, NOTHING, Manifest, read_manifest
from resile.stores.facts_segments import select_live

_VIEW = "facts"
_NOTHING = "no_facts"
_N_KEPT = 8
State = tuple[int, int, int] | None


class Reader(Struct, frozen=True):
    """A connection with the view of one state of the facts on it."""

    connection: duckdb.DuckDBPyConnection
    table: ibis.Table
    state: State


class ReaderPool:
    """Hands out readers of what the manifest says now."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._guard = threading.Lock()
        self._idle: list[Reader] = []

    @contextmanager
    def reading(self, folder: Path) -> Iterator[ibis.Table]:
        """The table of facts, for one thread.

        Raises:
            StoreError: the manifest is damaged, or of another version.
        """
        state = _state(folder)
        reader = self._kept(state) or self._made(folder, state)
        try:
            yield reader.table
        finally:
            self._give_back(reader)

    def _kept(self, state: State) -> Reader | None:
        with self._guard:
            stale = [reader for reader in self._idle if reader.state != state]
            self._idle = [reader for reader in self._idle if reader.state == state]
            found = self._idle.pop() if self._idle else None
        for reader in stale:
            reader.connection.close()
        return found

    def _made(self, folder: Path, state: State) -> Reader:
        manifest = NOTHING if state is None else read_manifest(folder)
        if manifest is None:
            raise StoreError(f"facts in {folder} are damaged or of another version; they are derived again, try again")
        cursor = self._connection.cursor()
        _make_view(cursor, manifest)
        backend = ibis.duckdb.from_connection(cursor)
        # Not backend.table(): it would ask DuckDB for the columns, which opens every file.
        table = ops.DatabaseTable(_VIEW, schema=_SCHEMA, source=backend, namespace=ops.Namespace()).to_expr()
        return Reader(cursor, table, state)

    def _give_back(self, reader: Reader) -> None:
        with self._guard:
            is_kept = len(self._idle) < _N_KEPT
            if is_kept:
                self._idle.append(reader)
        if not is_kept:
            reader.connection.close()

    def close(self) -> None:
        """Let go of the idle connections."""
        with self._guard:
            idle, self._idle = self._idle, []
        for reader in idle:
            reader.connection.close()


_SCHEMA = ibis.Schema.from_pyarrow(FACTS_SCHEMA)


def _make_view(cursor: duckdb.DuckDBPyConnection, manifest: Manifest) -> None:
    cursor.execute("SET TimeZone = 'UTC'")
    if manifest.segments:
        rows = select_live(manifest.segments)
    else:
        cursor.register(_NOTHING, FACTS_SCHEMA.empty_table())
        rows = f"FROM {_NOTHING}"
    cursor.execute(f"CREATE TEMP VIEW {_VIEW} AS {rows}")


def _state(folder: Path) -> State:
    """Tells one manifest file from another; None: there is none."""
    try:
        found = (folder / MANIFEST_NAME).stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
