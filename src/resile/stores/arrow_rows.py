"""Arrow tables from plain tuples."""

from collections.abc import Iterable, Sequence
from typing import Any

import pyarrow as pa

from resile.model.time import EPOCH

Row = tuple[Any, ...]
_SINCE = pa.duration("us")


def arrow_table(rows: Iterable[Row], schema: pa.Schema) -> pa.Table:
    """Rows in the order of the columns, as a table; at least one."""
    columns = zip(*rows, strict=True)
    return pa.table([_array(column, field.type) for column, field in zip(columns, schema, strict=True)], schema=schema)


def _array(column: Sequence[Any], kind: pa.DataType) -> pa.Array:
    if column.count(None) == len(column):
        return pa.nulls(len(column), kind)
    if pa.types.is_timestamp(kind):
        # Arrow would ask every datetime for its distance from UTC; Python subtracts two of one zone without.
        since = [None if at is None else at - EPOCH for at in column]
        return pa.array(since, _SINCE).cast(pa.int64()).cast(kind)
    return pa.array(column, kind)
