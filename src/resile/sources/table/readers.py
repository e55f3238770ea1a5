"""Tables as rows of cells, whatever kind of file they stand in."""

import math
from collections.abc import Callable, Iterator
from typing import Any

from msgspec import Struct

from resile.model.errors import ConfigError
from resile.sources.csv_records import CUT, ERROR_COLUMN, CsvRecords
from resile.sources.json_records import JsonRecord, json_records
from resile.sources.opening import Part

SUFFIXES = frozenset(
    {".csv", ".tsv", ".txt", ".json", ".jsonl", ".ndjson", ".parquet", ".xlsx", ".xlsm", ".xls", ".ods"}
)
# So many objects are looked at to learn which columns a JSON file has.
_SAMPLED_OBJECTS = 1000


class TableRow(Struct, frozen=True, gc=False):
    """One row; `problem` says why it cannot be used, its cells are then only to be shown.

    Attributes:
        record: the object of JSON that it was, as it stands there.
    """

    number: int
    cells: list[Any]
    problem: str | None = None
    record: bytes = b""


class Table(Struct, frozen=True):
    """A table that is being read.

    Attributes:
        share_done: how much of it has been read, from 0 to 1.
    """

    name: str
    columns: list[str]
    rows: Iterator[TableRow]
    share_done: Callable[[], float]


class Unpacked(Struct, frozen=True):
    """A table of a file that was unpacked whole; `n_rows` as the file says."""

    name: str
    columns: list[str]
    n_rows: int
    rows: Iterator[TableRow]


class Layout(Struct, frozen=True, kw_only=True):
    """What the mapping says of the file itself."""

    encoding: str | None = None
    delimiter: str | None = None
    sheet: str | None = None
    records: str | None = None
    wanted: frozenset[str] = frozenset()


def open_table(part: Part, layout: Layout) -> Table:
    """Read a table's columns and get ready for its rows.

    Raises:
        ConfigError: it cannot be read at all.
        TornInputError: it is damaged before its first row.
    """
    if part.suffix in {".csv", ".tsv", ".txt"}:
        return _csv(part, layout)
    if part.suffix in {".json", ".jsonl", ".ndjson"}:
        return _json(part, layout)
    from resile.sources.table.apart import open_apart  # noqa: PLC0415 - it builds on this module

    return open_apart(part, layout.sheet)


def unique_names(header: list[str]) -> list[str]:
    """A header's names, made distinct: a second `category` becomes `category_2`, a nameless one `column 3`."""
    names: list[str] = []
    for number, cell in enumerate(header, start=1):
        name = base = cell.replace("\n", " ").strip() or f"column {number}"
        n = 1
        while name in names:
            n += 1
            name = f"{base}_{n}"
        names.append(name)
    return names


def fitted(number: int, cells: list[Any], n_columns: int) -> TableRow:
    """A row that has as many cells as the header, or the problem that it has not; empty cells too many do not count."""
    if len(cells) == n_columns:
        return TableRow(number, cells)
    if len(cells) > n_columns and not any(cells[n_columns:]):
        return TableRow(number, cells[:n_columns])
    few = "too few" if len(cells) < n_columns else "too many"
    return TableRow(
        number, cells, f"{few} cells: {len(cells)} where the header has {n_columns}; check its quotes and delimiters"
    )


def _share(part: Part) -> Callable[[], float]:
    return lambda: part.position() / part.total_bytes


def _csv(part: Part, layout: Layout) -> Table:
    delimiter = layout.delimiter or ("\t" if part.suffix == ".tsv" else None)
    records = CsvRecords(part.open, part.name, encoding=layout.encoding, delimiter=delimiter)
    stream = iter(records)
    header = next(stream, None)
    if header is None:
        raise ConfigError(f"{part.name} is empty; export it again")
    if header.problem is not None:
        raise ConfigError(f"{part.name}, row {header.line}: the header cannot be read: {header.problem}")
    columns = unique_names(header.cells)

    def rows() -> Iterator[TableRow]:
        n_columns = len(columns)
        for record in stream:
            if record.problem is not None:
                yield TableRow(record.line, record.cells, _by_name(record.problem, columns))
            elif len(record.cells) == n_columns:
                yield TableRow(record.line, record.cells)
            else:
                yield fitted(record.line, record.cells, n_columns)

    return Table(part.name, columns, _without_cut(rows(), columns) if ERROR_COLUMN in columns else rows(), _share(part))


def _without_cut(rows: Iterator[TableRow], columns: list[str]) -> Iterator[TableRow]:
    """Refused rows of before; one that was too long to be kept whole must not be taken for the whole."""
    for row in rows:
        cut = next((at for at, cell in enumerate(row.cells[: len(columns)]) if cell.endswith(CUT)), None)
        if cut is None or row.problem is not None:
            yield row
        else:
            problem = f"column {columns[cut]!r} was cut when the row was refused; write out what you need of the row"
            yield TableRow(row.number, row.cells, problem)


def _by_name(problem: str, columns: list[str]) -> str:
    """The problem with the columns' names, where it tells of cells by number."""
    for word in problem.replace(":", " ").split():
        if word.isdigit():
            number = int(word)
            if f"cell {number}" in problem and 1 <= number <= len(columns):
                return problem.replace(f"cell {number}", f"column {columns[number - 1]!r}", 1)
            break
    return problem


def _json(part: Part, layout: Layout) -> Table:
    columns, arrays = _json_columns(part, layout)
    if layout.records is None and len(arrays) > 1:
        raise ConfigError(
            f"{part.name} holds several arrays ({', '.join(arrays)}); say `records: {arrays[0]}` in the mapping"
        )
    if not columns:
        raise ConfigError(f"{part.name} holds no objects that can be read; export it again")

    def rows() -> Iterator[TableRow]:
        for record in _wanted(part, layout):
            if record.problem is not None:
                yield TableRow(record.number, [], record.problem, record.text)
            else:
                get = flattened(record.value).get
                yield TableRow(record.number, [get(column) for column in columns], None, record.text)

    return Table(part.name, columns, rows(), _share(part))


def _wanted(part: Part, layout: Layout) -> Iterator[JsonRecord]:
    for record in json_records(part.open, part.name, part.suffix):
        if layout.records is None or record.under in {layout.records, ""}:
            yield record


def _json_columns(part: Part, layout: Layout) -> tuple[list[str], list[str]]:
    """The columns of the first objects, and beyond them until each wanted one was seen; and the arrays' keys."""
    columns: dict[str, None] = {}
    arrays: dict[str, None] = {}
    missing = set(layout.wanted)
    for n, record in enumerate(_wanted(part, layout)):
        if n >= _SAMPLED_OBJECTS and not missing:
            break
        if record.problem is not None:
            # What is torn or no object tells of no array: its key is not known.
            continue
        arrays[record.under] = None
        flat = flattened(record.value)
        columns.update(dict.fromkeys(flat))
        missing -= flat.keys()
    return list(columns), list(arrays)


def flattened(value: dict[str, Any], before: str = "") -> dict[str, Any]:
    """Objects within an object under dotted names: {"a": {"b": 1}} becomes {"a.b": 1}; arrays stay."""
    flat: dict[str, Any] = {}
    for key, inner in value.items():
        if isinstance(inner, dict) and before.count(".") < 8:  # noqa: PLR2004 - deeper ones are kept whole
            flat |= flattened(inner, f"{before}{key}.")
        else:
            flat[f"{before}{key}"] = inner
    return flat


def is_blank(cell: object) -> bool:
    """Whether a cell of a sheet or Parquet file holds nothing."""
    return cell is None or cell == "" or (isinstance(cell, float) and math.isnan(cell))
