"""Parquet files as tables, batch by batch."""

import shutil
import tempfile
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from resile.model.errors import ConfigError
from resile.sources.opening import Part, TornInputError
from resile.sources.table.readers import Table, TableRow, unique_names

_BATCH_ROWS = 2_000


def open_parquet(part: Part) -> Table:
    """Read the file's columns; structs become dotted names.

    Raises:
        ConfigError: it is no Parquet file, or a part of one.
    """
    try:
        file = pq.ParquetFile(_seekable(part), pre_buffer=False)
    except (pa.ArrowException, OSError) as error:
        first = str(error).partition("\n")[0]
        raise ConfigError(f"{part.name} is no whole Parquet file ({first}); export it again") from None
    n_rows = file.metadata.num_rows
    columns = unique_names(file.schema_arrow.empty_table().flatten().column_names)
    done = [0]

    def rows() -> Iterator[TableRow]:
        number = 0
        try:
            for batch in file.iter_batches(batch_size=_BATCH_ROWS):
                cells = [_values(column) for column in pa.Table.from_batches([batch]).flatten().columns]
                for row in zip(*cells, strict=True):
                    number += 1
                    yield TableRow(number, list(row))
                done[0] = number
        except (pa.ArrowException, OSError) as error:
            raise TornInputError(f"is damaged after row {number} ({str(error).partition(chr(10))[0]})") from None

    return Table(part.name, columns, rows(), lambda: done[0] / max(n_rows, 1))


def _seekable(part: Part) -> Any:
    """The stream itself, or its copy on disk where it comes out of an archive: Parquet is read from its end."""
    stream = part.open()
    if stream.seekable():
        return stream
    spooled = tempfile.TemporaryFile(prefix="resile-")  # noqa: SIM115 - closed with the file object that reads it
    with stream:
        shutil.copyfileobj(stream, spooled, 1 << 20)
    spooled.seek(0)
    return spooled


def _values(column: pa.ChunkedArray) -> list[Any]:
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_timestamp(column.type) and column.type.unit == "ns":
        # Python's datetimes end at microseconds; nobody restores a service in nanoseconds.
        column = column.cast(pa.timestamp("us", column.type.tz), safe=False)
    if pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type):
        return [None if cell is None else cell.decode("utf-8", "replace") for cell in column.to_pylist()]
    values: list[Any] = column.to_pylist()
    return values
