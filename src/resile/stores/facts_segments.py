"""Write the Parquet files of facts: from timelines, and from older ones."""

# ruff: noqa: S608 - what is put into SQL are paths of our own making, and these quoted

import gc
import math
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from msgspec.structs import replace

from resile.analytics.facts import FACTS_SCHEMA
from resile.model.event import Event
from resile.stores.durable_files import private_file, sync_file
from resile.stores.facts_manifest import Segment
from resile.stores.facts_rows import row_of, table_of

# Few enough that the rows of one go are still in the processor's cache when they become columns.
_ROWS_AT_ONCE = 2_000
_ROWS_PER_GROUP = 100_000
_ROWS_PER_SEGMENT = 500_000
# As many segments of about one size are merged into one; a factor of 4 between sizes.
_FAN_IN = 4
# Names in a statement, which lets DuckDB pass over whole row groups; above, a join reads all ids.
_N_NAMED = 500
_DEAD_SHARE = 0.3
_UNLIKE_ONE_ANOTHER = {"incident_id", "title", "ref"}
# How the files are written.
PARQUET: dict[str, Any] = {
    # Read in place by every question: a third larger than with zstd, and a sixth less to do.
    "compression": "lz4",
    "use_dictionary": [
        field.name for field in FACTS_SCHEMA if pa.types.is_string(field.type) and field.name not in _UNLIKE_ONE_ANOTHER
    ],
}


class SegmentWriter:
    """Writes files into one folder, each under a name that was never used there."""

    def __init__(self, folder: Path, connection: duckdb.DuckDBPyConnection) -> None:
        self._folder = folder
        self._connection = connection
        self._number = max((_number_of(path.name) for path in folder.iterdir()), default=0)

    def from_timelines(self, changed: Iterable[tuple[str, list[Event]]]) -> list[Segment]:
        """Fold timelines, that come in id order, into segments; memory does not grow with their number."""
        rest = iter(changed)
        segments = []
        with _cycle_collector_at_rest():
            while (first := next(_tables(rest), None)) is not None:
                segments.append(self._from_tables(first, rest))
        return segments

    def _from_tables(self, first: pa.Table, rest: Iterator[tuple[str, list[Event]]]) -> Segment:
        path = self._new_path("parquet")
        group, n_rows = [first], first.num_rows
        with (
            private_file(path) as file,
            pa.PythonFile(os.fdopen(os.dup(file), "wb"), mode="w") as sink,
            pq.ParquetWriter(sink, FACTS_SCHEMA, **PARQUET) as writer,
        ):
            for table in islice(_tables(rest), _ROWS_PER_SEGMENT // _ROWS_AT_ONCE - 1):
                group.append(table)
                n_rows += table.num_rows
                if sum(map(len, group)) >= _ROWS_PER_GROUP:
                    writer.write_table(pa.concat_tables(group), _ROWS_PER_GROUP)
                    group = []
            if group:
                writer.write_table(pa.concat_tables(group), _ROWS_PER_GROUP)
        return Segment(path=str(path), n_rows=n_rows, n_bytes=path.stat().st_size)

    def bury(self, older: Iterable[Segment], newer: list[Segment]) -> list[Segment]:
        """The older segments without the incidents of the newer ones; where nothing is left, the segment goes."""
        buried = [self._buried(segment, newer) for segment in older]
        return [segment for segment in buried if segment.n_live]

    def _buried(self, segment: Segment, newer: list[Segment]) -> Segment:
        rows = "SELECT file_row_number AS row FROM read_parquet(?, file_row_number = true) WHERE incident_id IN "
        before = f" UNION SELECT row FROM {_files([segment.dead])}" if segment.dead else ""
        named = self._names(newer)
        if named is None:
            query = f"{rows} (SELECT incident_id FROM {_files([one.path for one in newer])})"
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
        query = f"SELECT incident_id FROM {_files([segment.path for segment in newer])}"
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
            f"COPY (SELECT * FROM ({select_live(group)}) ORDER BY incident_id) TO {_quoted(str(path))} "
            f"(FORMAT parquet, COMPRESSION lz4_raw, ROW_GROUP_SIZE {_ROWS_PER_GROUP})"
        )
        sync_file(path)
        return Segment(path=str(path), n_rows=sum(one.n_live for one in group), n_bytes=path.stat().st_size)

    def _new_path(self, ending: str) -> Path:
        self._number += 1
        return self._folder / f"{self._number:08d}.{ending}"


def select_live(segments: Iterable[Segment]) -> str:
    """SQL for the rows that hold: columns of FACTS_SCHEMA, of at least one segment."""
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
    by_size: dict[int, list[Segment]] = {}
    for segment in segments:
        if segment.n_dead > _DEAD_SHARE * segment.n_rows:
            return [segment]
        if segment.n_live < _ROWS_PER_SEGMENT // _FAN_IN:
            by_size.setdefault(int(math.log(segment.n_live, _FAN_IN)), []).append(segment)
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


def _tables(timelines: Iterator[tuple[str, list[Event]]]) -> Iterator[pa.Table]:
    while rows := [row_of(incident_id, events) for incident_id, events in islice(timelines, _ROWS_AT_ONCE)]:
        yield table_of(rows)


def _files(paths: list[str]) -> str:
    return f"read_parquet([{', '.join(map(_quoted, paths))}])"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _number_of(name: str) -> int:
    digits = name.partition(".")[0]
    return int(digits) if digits.isdigit() else 0
