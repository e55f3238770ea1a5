"""Connections on which one thread at a time reads the facts, kept for the next one."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import duckdb
import ibis
import ibis.expr.operations as ops
import pyarrow as pa
from msgspec import Struct

from resile.model.errors import StoreError
from resile.stores.facts_manifest import MANIFEST_NAME, Manifest, nothing, read_manifest
from resile.stores.facts_segments import select_live
from resile.stores.projection_shape import Shape

_N_KEPT = 8
State = tuple[int, int, int] | None


class Reader(Struct, frozen=True):
    """A connection with views of one state of the facts on it."""

    connection: duckdb.DuckDBPyConnection
    tables: Mapping[str, ibis.Table]
    state: State


class ReaderPool:
    """Hands out readers of what the manifest says now."""

    def __init__(self, connect: Callable[[], duckdb.DuckDBPyConnection], shape: Shape) -> None:
        self._connect = connect
        self._shape = shape
        self._schemas = {name: ibis.Schema.from_pyarrow(schema) for name, schema in shape.tables.items()}
        self._guard = threading.Lock()
        self._idle: list[Reader] = []

    @contextmanager
    def reading(self, folder: Path) -> Iterator[Mapping[str, ibis.Table]]:
        """The tables by name, for one thread.

        Raises:
            StoreError: the manifest is damaged, or of another version.
        """
        state = _state(folder)
        reader = self._kept(state) or self._made(folder, state)
        try:
            yield reader.tables
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
        version = self._shape.version
        manifest = nothing(version) if state is None else read_manifest(folder, version)
        if manifest is None:
            raise StoreError(f"facts in {folder} are damaged or of another version; they are derived again, try again")
        cursor = self._connect().cursor()
        cursor.execute("SET TimeZone = 'UTC'")
        for name, schema in self._shape.tables.items():
            _make_view(cursor, name, schema, manifest)
        backend = ibis.duckdb.from_connection(cursor)
        # Not backend.table(): it would ask DuckDB for the columns, which opens every file.
        tables = {
            name: ops.DatabaseTable(name, schema=schema, source=backend, namespace=ops.Namespace()).to_expr()
            for name, schema in self._schemas.items()
        }
        return Reader(cursor, tables, state)

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


def _make_view(cursor: duckdb.DuckDBPyConnection, name: str, schema: pa.Schema, manifest: Manifest) -> None:
    segments = [segment for segment in manifest.segments if segment.table == name]
    if segments:
        rows = select_live(segments)
    else:
        cursor.register(f"no_{name}", schema.empty_table())
        rows = f"FROM no_{name}"
    cursor.execute(f"CREATE TEMP VIEW {name} AS {rows}")


def _state(folder: Path) -> State:
    """Tells one manifest file from another; None: there is none."""
    try:
        found = (folder / MANIFEST_NAME).stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
