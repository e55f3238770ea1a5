"""Parquet files as tables, batch by batch."""

from collections.abc import Iterator
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from resile.model.errors import ConfigError
from resile.sources.opening import TornInputError
from resile.sources.table.readers import TableRow, Unpacked, unique_names

_BATCH_ROWS = 2_000
# So much of a batch becomes Python's values at once.
_BATCH_BYTES = 32 << 20
# A file may always have this many rows; beyond it, so many for each of its bytes. A table of incidents, whose instants
# differ, has less than one.
FREE_ROWS = 1_000_000
MAX_ROWS_PER_BYTE = 4


def open_parquet(stream: IO[bytes], name: str) -> Unpacked:
    """Read the file's columns; structs become dotted names.

    Raises:
        ConfigError: it is no Parquet file, a part of one, or says that it has more rows than it can hold.
    """
    try:
        file = pq.ParquetFile(stream, pre_buffer=False)
    except (pa.ArrowException, OSError) as error:
        first = str(error).partition("\n")[0]
        raise ConfigError(f"{name} is no whole Parquet file ({first}); export it again") from None
    metadata = file.metadata
    n_rows = sum(metadata.row_group(at).num_rows for at in range(metadata.num_row_groups))
    n_bytes = stream.seek(0, 2)
    if n_rows > max(FREE_ROWS, MAX_ROWS_PER_BYTE * n_bytes):
        raise ConfigError(
            f"{name} says that it holds {n_rows:,} rows in {n_bytes:,} bytes, as no table of incidents does; "
            "export it again"
        )
    columns = unique_names(_flat(file.schema_arrow.empty_table()).column_names)
    return Unpacked(name, columns, n_rows, _rows(file))


def _rows(file: pq.ParquetFile) -> Iterator[TableRow]:
    number = 0
    try:
        for batch in file.iter_batches(batch_size=_BATCH_ROWS, use_threads=False):
            for piece in _pieces(_flat(pa.Table.from_batches([batch]))):
                cells = [_values(column) for column in piece.columns]
                for row in zip(*cells, strict=True):
                    number += 1
                    yield TableRow(number, list(row))
    except pa.ArrowMemoryError:
        raise MemoryError from None
    except (pa.ArrowException, OSError) as error:
        raise TornInputError(f"is damaged after row {number} ({str(error).partition(chr(10))[0]})") from None


def _pieces(table: pa.Table) -> Iterator[pa.Table]:
    """The table in parts that are small enough, or of one row each."""
    n_parts = min(table.nbytes // _BATCH_BYTES + 1, max(table.num_rows, 1))
    step = -(-table.num_rows // n_parts)
    for at in range(0, table.num_rows, max(step, 1)):
        yield table.slice(at, step)


def _flat(table: pa.Table) -> pa.Table:
    """Structs within structs under dotted names; each turn flattens one level."""
    while any(pa.types.is_struct(field.type) for field in table.schema):
        table = table.flatten()
    return table


def _values(column: pa.ChunkedArray) -> list[Any]:
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_timestamp(column.type) and column.type.unit == "ns":
        # Python's datetimes end at microseconds; nobody restores a service in nanoseconds.
        column = column.cast(pa.timestamp("us", column.type.tz), safe=False)
    if pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type):
        return [None if cell is None else cell.decode("utf-8", "replace") for cell in column.to_pylist()]
    try:
        values: list[Any] = column.to_pylist()
    except (ValueError, OverflowError, TypeError):
        # One value that Python has no place for, such as the year 300000, must not cost the others.
        return [_value(cell) for chunk in column.chunks for cell in chunk]
    return values


def _value(cell: pa.Scalar) -> Any:
    try:
        return cell.as_py()
    except (ValueError, OverflowError, TypeError):
        return f"{cell.type} out of range"
