"""What a columnar projection is derived from, and which tables it has."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

import pyarrow as pa
from msgspec import Struct

# Hears now and then how much is done, and of how much.
Told = Callable[[int, int], None]


class Shape(Struct, frozen=True):
    """The tables of a projection.

    Attributes:
        version: raised whenever columns or their meaning change; a projection of another version is derived anew.
        key: the column of every table by which its rows are replaced, and sorted.
        tables: by name, their columns; the first has a row for every key that the others have.
        unlike: columns of text whose values are hardly ever the same, so that a dictionary of them does not pay.
    """

    version: int
    key: str
    tables: Mapping[str, pa.Schema]
    unlike: frozenset[str]

    @property
    def main(self) -> str:
        """The name of the first table."""
        return next(iter(self.tables))

    def parquet_of(self, table: str) -> dict[str, Any]:
        """How the files of a table are written, in pyarrow's words."""
        fields = self.tables[table]
        return {
            # Read in place by every question: a third larger than with zstd, and a sixth less to do.
            "compression": "lz4",
            "use_dictionary": [
                one.name for one in fields if pa.types.is_string(one.type) and one.name not in self.unlike
            ],
        }


class Origin(Protocol):
    """What a projection is derived from."""

    @property
    def shape(self) -> Shape:
        """The tables that are derived."""
        ...

    def last_seq(self) -> int:
        """Rises with whatever changes rows."""
        ...

    def anchor(self, seq: int) -> str:
        """Tells this origin up to `seq` from another, or from one that a backup was put back into; empty for 0."""
        ...

    def derived(self, after_seq: int, up_to_seq: int, told: Told | None = None) -> Iterator[Mapping[str, pa.Table]]:
        """All rows, by table, of the keys that changed in (after_seq, up_to_seq], in order of keys, some at a time."""
        ...
