"""The door for tables: files of rows, a mapping, and what becomes of each row."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from sys import getsizeof
from typing import Any

import msgspec

from resile.model.draft import Draft
from resile.model.errors import ConfigError
from resile.ports.source import Place, Progress, Reading, Refused, Remark, Skipped, SourceOptions, Taken, digest_of
from resile.sources.csv_records import ERROR_COLUMN, legible
from resile.sources.opening import Odd, Part, TornInputError, parts_of
from resile.sources.seen import SeenKeys
from resile.sources.table.cells import words_of
from resile.sources.table.mapping import TableMapping, load_mapping
from resile.sources.table.readers import SUFFIXES, Layout, Table, TableRow, open_table
from resile.sources.table.row import RowProblemError, RowReader

_CHUNK_ROWS = 1_000
_CHUNK_BYTES = 16 << 20
_MAX_ROWS = 1 << 40


def open_source(options: SourceOptions) -> "TableSource":
    """The door for tables with these options.

    Raises:
        ConfigError: there is no mapping, or it is not understood.
    """
    if options.mapping is None:
        raise ConfigError(
            "a table needs a mapping that says which column is what; let `resile import table FILE --guess > MAP.yaml` "
            "propose one, then give it with --mapping MAP.yaml"
        )
    return TableSource(load_mapping(options.mapping), options)


class TableSource:
    """Reads CSV, JSON, JSON Lines, Parquet and Excel by one mapping."""

    def __init__(self, mapping: TableMapping, options: SourceOptions) -> None:
        self._mapping = mapping
        self._options = options
        self._origin = options.name or mapping.origin or "table"

    def read(self, path: Path) -> Iterator[Reading]:
        """Read a table, or an archive of tables."""
        mapping = self._mapping
        layout = Layout(
            encoding=mapping.encoding,
            delimiter=mapping.delimiter,
            sheet=mapping.sheet,
            records=mapping.records,
            wanted=frozenset(column for _, column in mapping.columns()),
        )
        files: list[str] = []
        with SeenKeys() as seen:
            for part in parts_of(path, SUFFIXES):
                if isinstance(part, Odd):
                    place = Place(part.name)
                    yield Refused(place, part.reason, {}) if part.is_fault else Skipped(place, part.reason)
                else:
                    yield from self._part(part, layout, seen, files)

    def _part(self, part: Part, layout: Layout, seen: SeenKeys, files: list[str]) -> Iterator[Reading]:
        number = 0
        try:
            table = open_table(part, layout)
            reader = RowReader(
                self._mapping,
                table.columns,
                table.name,
                origin=self._origin,
                timezone=self._options.timezone,
                aliases=self._options.severity_aliases,
            )
            files.append(table.name)
            rows = _Rows(table, reader, seen, self._mapping, files)
            for chunk in _chunks(table.rows):
                number = chunk[-1].number
                yield from rows.readings(chunk)
                yield Progress(int(table.share_done() * part.total_bytes), part.total_bytes)
            if not number:
                yield Remark(f"{table.name} has a header but no rows")
        except TornInputError as error:
            taken = f"what stands before row {number + 1} was read" if number else "nothing of it could be read"
            yield Refused(
                Place(part.name, number + 1), f"the file {error}; {taken}; get it again and import it anew", {}
            )


class _Rows:
    """Rows of one table to readings, with ids made and doubled ids found."""

    def __init__(
        self, table: Table, reader: RowReader, seen: SeenKeys, mapping: TableMapping, files: list[str]
    ) -> None:
        self._table = table
        self._reader = reader
        self._seen = seen
        self._files = files
        self._formats = {
            time.column: time.formats[0]
            for time in mapping.instants.values()
            if time.formats and "%" in time.formats[0]
        }
        self._shown_columns = [(at, name) for at, name in enumerate(table.columns) if name != ERROR_COLUMN]

    def readings(self, rows: Sequence[TableRow]) -> Iterator[Reading]:
        """What becomes of the rows, in their order."""
        found = [self._reading(row) for row in rows]
        named = [(at, one) for at, one in enumerate(found) if isinstance(one, Taken) and one.digest is not None]
        # Ids are looked up by the thousand: nearly always all of them are new.
        if not self._seen.are_all_first([self._key(one) for _, one in named]):
            for at, one in named:
                found[at] = self._unless_seen(one, rows[at])
        yield from found

    def _reading(self, row: TableRow) -> Reading:
        """What becomes of a row; one with an id still has to be compared with those before it."""
        if row.problem is not None:
            return self._refused(row, row.problem, "")
        try:
            read = self._reader.read(row.cells)
        except RowProblemError as error:
            return self._refused(row, str(error), error.column)
        place = Place(self._table.name, row.number)
        if read.draft is None:
            return Skipped(place, read.skipped or "")
        if not read.draft.ref:
            return Taken(self._named(read.draft, row.cells), place, read.doubts)
        return Taken(read.draft, place, read.doubts, digest_of(read.draft))

    def _unless_seen(self, taken: Taken, row: TableRow) -> Reading:
        key, place, digest = self._key(taken)
        first = self._seen.first(key, place, digest)
        if first is None:
            return taken
        if first[1] == digest:
            return Skipped(taken.place, "the same incident again, word for word")
        where = Place(self._files[first[0] // _MAX_ROWS], first[0] % _MAX_ROWS)
        reason = f"id {taken.draft.ref[:60]!r} was taken by {where} and says something else here; keep one of them"
        return self._refused(row, reason, "")

    def _key(self, taken: Taken) -> tuple[bytes, int, bytes]:
        """What is remembered of an id: its file and row as one number, for there may be many millions."""
        place = (len(self._files) - 1) * _MAX_ROWS + taken.place.row
        return taken.draft.ref.encode("utf-8", "replace"), place, taken.digest or b""

    def _written(self, name: str, cell: Any) -> str:
        """A cell as CSV can carry it and the same mapping can read it back."""
        if isinstance(cell, list):
            return legible(msgspec.json.encode(cell).decode())
        if isinstance(cell, datetime) and (form := self._formats.get(name)) is not None:
            return cell.strftime(form)
        return legible(words_of(cell))

    def _named(self, draft: Draft, cells: list[Any]) -> Draft:
        digest = self._reader.digest(cells)
        n = self._seen.occurrence(b"\x00" + digest)
        return msgspec.structs.replace(draft, ref=f"{digest.hex()}-{n}" if n > 1 else digest.hex())

    def _refused(self, row: TableRow, reason: str, column: str) -> Refused:
        cells = row.cells
        if row.record:
            return Refused(Place(self._table.name, row.number, column), reason, {}, row.record)
        words = {name: self._written(name, cells[at]) if at < len(cells) else "" for at, name in self._shown_columns}
        if len(cells) > len(self._table.columns):
            last = self._table.columns[-1]
            # Cells too many stay visible: behind the last column, so that none is lost to whoever mends the row.
            words[last] = " | ".join(legible(words_of(cell)) for cell in cells[len(self._table.columns) - 1 :])
        return Refused(Place(self._table.name, row.number, column), reason, words)


def _size(cells: list[Any]) -> int:
    """About how many bytes a row holds; joining text is five times as fast as asking each cell."""
    try:
        return len("".join(cells))
    except TypeError:
        return sum(map(getsizeof, cells))


def _chunks(rows: Iterator[TableRow]) -> Iterator[list[TableRow]]:
    """Rows by the thousand, fewer where they are huge; those before damage are given before it is told."""
    chunk: list[TableRow] = []
    n_bytes = 0
    try:
        for row in rows:
            chunk.append(row)
            n_bytes += len(row.record) or _size(row.cells)
            if len(chunk) >= _CHUNK_ROWS or n_bytes >= _CHUNK_BYTES:
                yield chunk
                chunk, n_bytes = [], 0
    except TornInputError:
        if chunk:
            yield chunk
        raise
    if chunk:
        yield chunk
