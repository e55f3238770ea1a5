"""Write the Parquet files of a projection: from rows, and from older ones."""

# ruff: noqa: S608 - what is put into SQL are paths of our own making, and these quoted

import gc
import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from msgspec.structs import replace

from resile.stores.durable_files import private_file, sync_file
from resile.stores.facts_manifest import Segment
from resile.stores.projection_shape import Shape

_ROWS_PER_GROUP = 100_000
_ROWS_PER_SEGMENT = 500_000
# As many segments of about one size are merged into one; a factor of 4 between sizes.
_FAN_IN = 4
# Names in a statement, which lets DuckDB pass over whole row groups; above, a join reads all ids.
_N_NAMED = 500
_DEAD_SHARE = 0.3


class SegmentWriter:
    """Writes files into one folder, each under a name that was never used there."""

    def __init__(self, folder: Path, connection: duckdb.DuckDBPyConnection, shape: Shape) -> None:
        self._folder = folder
        self._connection = connection
        self._shape = shape
        self._number = max((_number_of(path.name) for path in folder.iterdir()), default=0)

    def from_rows(self, derived: Iterable[Mapping[str, pa.Table]]) -> list[Segment]:
        """Write rows, that come in order of their key, into segments; memory does not grow with their number."""
        with _cycle_collector_at_rest(), ExitStack() as stack:
            growing = {
                name: stack.enter_context(_Growing(name, self._new_path, schema, self._shape.parquet_of(name)))
                for name, schema in self._shape.tables.items()
            }
            for rows in derived:
                for name, table in rows.items():
                    growing[name].add(table)
        return [segment for one in growing.values() for segment in one.segments]

    def bury(self, older: Iterable[Segment], newer: list[Segment]) -> list[Segment]:
        """The older segments without the keys of the newer ones; where nothing is left, the segment goes."""
        main = [segment for segment in newer if segment.table == newer[0].table]
        buried = [self._buried(segment, main) for segment in older]
        return [segment for segment in buried if segment.n_live]

    def _buried(self, segment: Segment, newer: list[Segment]) -> Segment:
        key = self._shape.key
        rows = f"SELECT file_row_number AS row FROM read_parquet(?, file_row_number = true) WHERE {key} IN "
        before = f" UNION SELECT row FROM {_files([segment.dead])}" if segment.dead else ""
        named = self._names(newer)
        if named is None:
            query = f"{rows} (SELECT {key} FROM {_files([one.path for one in newer])})"
            found = self._connection.sql(query + before, params=[segment.path])
        else:
            marks = ", ".join("?" for _ in named)
            found = self._connection.sql(f"{rows} ({marks}){before}", params=[segment.path, *named])
        dead = found.to_arrow_table()
        if dead.num_rows == segment.n_dead:
            return segment
        path = self._new_path("dead.parquet")
        with private_file(path) as file, pa.PythonFile(os.fdopen(os.dup(file), "wb"), mode="w") as sink:
            pq.write_table(dead, sink)
        return replace(segment, n_dead=dead.num_rows, dead=str(path))

    def _names(self, newer: list[Segment]) -> list[str] | None:
        if sum(segment.n_rows for segment in newer) > _N_NAMED:
            return None
        query = f"SELECT {self._shape.key} FROM {_files([segment.path for segment in newer])}"
        return [name for (name,) in self._connection.execute(query).fetchall()]

    def compacted(self, segments: list[Segment]) -> list[Segment]:
        """The same rows in fewer files, and without dead ones where these are many."""
        while group := _worth_merging(segments):
            rest = [segment for segment in segments if segment not in group]
            segments = [*rest, self._merged(group)]
        return segments

    def _merged(self, group: list[Segment]) -> Segment:
        path = self._new_path("parquet")
        self._connection.execute(
            f"COPY (SELECT * FROM ({select_live(group)}) ORDER BY {self._shape.key}) TO {_quoted(str(path))} "
            f"(FORMAT parquet, COMPRESSION lz4_raw, ROW_GROUP_SIZE {_ROWS_PER_GROUP})"
        )
        sync_file(path)
        n_rows = sum(one.n_live for one in group)
        return Segment(table=group[0].table, path=str(path), n_rows=n_rows, n_bytes=path.stat().st_size)

    def _new_path(self, ending: str) -> Path:
        self._number += 1
        return self._folder / f"{self._number:08d}.{ending}"


class _Growing:
    """Writes rows of one table into one segment after another."""

    def __init__(self, table: str, new_path: Callable[[str], Path], schema: pa.Schema, options: dict[str, Any]) -> None:
        self.segments: list[Segment] = []
        self._table = table
        self._new_path = new_path
        self._schema = schema
        self._options = options
        self._path: Path | None = None
        self._open = ExitStack()
        self._writer: pq.ParquetWriter | None = None
        self._group: list[pa.Table] = []
        self._n_in_group = 0
        self._n_rows = 0

    def add(self, rows: pa.Table) -> None:
        """Take in some; where a segment is full, the rest goes into the next."""
        while rows.num_rows:
            part = rows.slice(0, _ROWS_PER_SEGMENT - self._n_rows)
            rows = rows.slice(part.num_rows)
            self._group.append(part)
            self._n_rows += part.num_rows
            self._n_in_group += part.num_rows
            if self._n_in_group >= _ROWS_PER_GROUP:
                self._write_group()
            if self._n_rows >= _ROWS_PER_SEGMENT:
                self._finish()

    def _write_group(self) -> None:
        if self._writer is None:
            self._path = self._new_path("parquet")
            file = self._open.enter_context(private_file(self._path))
            sink = self._open.enter_context(pa.PythonFile(os.fdopen(os.dup(file), "wb"), mode="w"))
            self._writer = self._open.enter_context(pq.ParquetWriter(sink, self._schema, **self._options))
        self._writer.write_table(pa.concat_tables(self._group), self._n_in_group)
        self._group, self._n_in_group = [], 0

    def _finish(self) -> None:
        if self._group:
            self._write_group()
        self._open.close()
        if self._path is not None:
            n_bytes = self._path.stat().st_size
            self.segments.append(Segment(table=self._table, path=str(self._path), n_rows=self._n_rows, n_bytes=n_bytes))
        self._path, self._writer, self._n_rows = None, None, 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self._finish()
        else:
            self._open.__exit__(kind, error, trace)


def select_live(segments: Iterable[Segment]) -> str:
    """SQL for the rows that hold, of at least one segment, all of one table."""
    listed = list(segments)
    whole = [segment.path for segment in listed if segment.dead is None]
    parts = [f"SELECT * FROM {_files(whole)}"] if whole else []
    parts += [
        f"SELECT * EXCLUDE (file_row_number) FROM read_parquet({_quoted(segment.path)}, file_row_number = true) "
        f"WHERE file_row_number NOT IN (SELECT row FROM {_files([segment.dead])})"
        for segment in listed
        if segment.dead is not None
    ]
    return " UNION ALL ".join(parts)


def is_readable(path: str) -> bool:
    """Whether every page of a Parquet file can be read; takes as long as reading all of it."""
    try:
        with pq.ParquetFile(path) as file:
            for group in range(file.num_row_groups):
                file.read_row_group(group)
    except (pa.ArrowException, OSError):
        return False
    return True


def _worth_merging(segments: list[Segment]) -> list[Segment]:
    by_size: dict[tuple[str, int], list[Segment]] = {}
    for segment in segments:
        if segment.n_dead > _DEAD_SHARE * segment.n_rows:
            return [segment]
        if segment.n_live < _ROWS_PER_SEGMENT // _FAN_IN:
            size = int(math.log(segment.n_live, _FAN_IN))
            by_size.setdefault((segment.table, size), []).append(segment)
    return next((group for group in by_size.values() if len(group) >= _FAN_IN), [])


@contextmanager
def _cycle_collector_at_rest() -> Iterator[None]:
    """Millions of values come and go here, none in a cycle; to look for cycles among them takes a fifth longer."""
    was_at_work = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_at_work:
            gc.enable()


def _files(paths: list[str]) -> str:
    return f"read_parquet([{', '.join(map(_quoted, paths))}])"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _number_of(name: str) -> int:
    digits = name.partition(".")[0]
    return int(digits) if digits.isdigit() else 0
