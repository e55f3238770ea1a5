"""Many rows at once, as fast as the drivers go: past SQLAlchemy's work per row, not past its tables."""

# ruff: noqa: S608 - what is put into SQL are names of our own tables and columns

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, lru_cache
from itertools import chain
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, Connection, Executable, Table, Text, any_, bindparam, func, select
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeEngine

# A statement per row would take a third longer; SQLite allows 32,766 parameters in one.
_ROWS_PER_STATEMENT = 200
_LISTED = "listed"


def insert_rows(
    connection: Connection,
    table: Table,
    rows: Sequence[tuple[Any, ...]],
    *,
    key: tuple[str, ...] | None = None,
    is_replacing: bool = True,
) -> None:
    """Insert rows in the order of the table's columns; a row whose `key` exists already is replaced, if one is given.

    Or left as it is, where nothing is to be replaced.

    Raises:
        IntegrityError: a row breaks a constraint.
    """
    if not rows:
        return
    if connection.dialect.name == "sqlite":
        for some in chunks(rows, _ROWS_PER_STATEMENT):
            cells = tuple(chain.from_iterable(some))
            connection.exec_driver_sql(_sqlite_insert(table, key, is_replacing, len(some)), cells)
    else:
        # One array per column: one statement and one round trip, however many rows.
        columns = tuple(list(column) for column in zip(*rows, strict=True))
        connection.exec_driver_sql(_postgresql_insert(table, key, is_replacing), columns)


@lru_cache(maxsize=32)
def _sqlite_insert(table: Table, key: tuple[str, ...] | None, is_replacing: bool, n_rows: int) -> str:
    row = f"({', '.join('?' for _ in table.columns)})"
    columns = ", ".join(table.columns.keys())
    on_conflict = _on_conflict(table, key, is_replacing)
    return f"INSERT INTO {table.name} ({columns}) VALUES {', '.join([row] * n_rows)}{on_conflict}"


@cache
def _postgresql_insert(table: Table, key: tuple[str, ...] | None, is_replacing: bool) -> str:
    arrays = ", ".join(f"%b::{_postgresql_type(column.type)}[]" for column in table.columns)
    columns = ", ".join(table.columns.keys())
    return (
        f"INSERT INTO {table.name} ({columns}) SELECT * FROM unnest({arrays}){_on_conflict(table, key, is_replacing)}"
    )


def _postgresql_type(kind: TypeEngine[Any]) -> str:
    return kind.compile(dialect=_postgresql()).partition(" COLLATE")[0]


@cache
def _postgresql() -> Dialect:
    from sqlalchemy.dialects import postgresql  # noqa: PLC0415 - it takes a tenth of a command's start to load

    return postgresql.dialect()  # type: ignore[no-untyped-call]


def _on_conflict(table: Table, key: tuple[str, ...] | None, is_replacing: bool) -> str:
    if key is None:
        return ""
    if not is_replacing:
        return f" ON CONFLICT ({', '.join(key)}) DO NOTHING"
    names = [column.name for column in table.columns if column.name not in key]
    others = ", ".join(f"{name} = excluded.{name}" for name in names)
    return f" ON CONFLICT ({', '.join(key)}) DO UPDATE SET {others}"


def plain_rows(
    connection: Connection, query: Executable, given: Mapping[str, Any] | None = None
) -> list[tuple[Any, ...]]:
    """All rows of a query as its driver makes them, without an object of SQLAlchemy's around each.

    For columns of whole numbers and text, which need no change between driver and product.

    Args:
        given: the values of the query's parameters.
    """
    with connection.execute(query, given) as result:
        # All of them are asked of PostgreSQL by execute; SQLite's errors here are told as those from there.
        return list(result.cursor.fetchall())


def among(column: ColumnElement[Any], values: Sequence[Any], *, is_sqlite: bool) -> ColumnElement[bool]:
    """Whether the column is one of the values, with one parameter for all: no limit on their number, one plan."""
    if is_sqlite:
        listed = func.json_each(bindparam(None, json.dumps(list(values)))).table_valued("value")
        return column.in_(select(listed.c.value))
    array: ColumnElement[Any] = bindparam(None, list(values), type_=ARRAY(column.type))
    return column == any_(array)


def among_listed(column: ColumnElement[Any], *, is_sqlite: bool) -> ColumnElement[bool]:
    """As `among`, for a statement that is made once: what it is run with comes from `listed`.

    To make a statement takes SQLAlchemy several times as long as to run one that it has seen before.
    """
    if is_sqlite:
        told = func.json_each(bindparam(_LISTED, type_=Text)).table_valued("value")
        return column.in_(select(told.c.value))
    array: ColumnElement[Any] = bindparam(_LISTED, type_=ARRAY(column.type))
    return column == any_(array)


def listed(values: Sequence[Any], *, is_sqlite: bool) -> dict[str, Any]:
    """The parameter of a statement with `among_listed`."""
    return {_LISTED: json.dumps(values) if is_sqlite else list(values)}


def values_in(values: Sequence[Any], column: ColumnElement[Any], *, is_sqlite: bool) -> ColumnElement[Any]:
    """The values as a column to select from, with one parameter for all; of the type of `column`."""
    if is_sqlite:
        return func.json_each(bindparam(None, json.dumps(list(values)))).table_valued("value").c.value
    return func.unnest(bindparam(None, list(values), type_=ARRAY(column.type))).column_valued("value")


def chunks(values: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    """The values in order, in parts of at most `size`."""
    return (values[start : start + size] for start in range(0, len(values), size))
