"""What the engine answers, piece by piece, so that the text of ten million rows is never held at once."""

from collections.abc import Iterator

import pyarrow as pa
from ibis import Table
from ibis.expr import operations as ops

_N_ROWS = 100_000


def batches_of(table: Table) -> Iterator[pa.RecordBatch]:
    """The rows in no particular order; each batch is made when it is asked for."""
    backend = table.get_backend()
    if backend.name == "duckdb" and not table.op().find(ops.InMemoryTable):
        # Ibis's own batches go through a cursor, which first makes all rows and then copies them.
        yield from backend.con.sql(backend.compile(table)).to_arrow_reader(_N_ROWS)
    else:
        yield from table.to_pyarrow().to_batches(_N_ROWS)


def whole(column: pa.ChunkedArray) -> pa.Array:
    """A column of a table in one piece."""
    found = column.combine_chunks()
    return pa.concat_arrays(found.chunks) if isinstance(found, pa.ChunkedArray) else found
