"""Doors in for histories: each reads one format and gives drafts, never failing as a whole for one bad row."""

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from resile.model.draft import Draft


class Place(Struct, frozen=True):
    """Where in the input something stood.

    Attributes:
        file: as the user named it; within an archive `archive.zip/member.csv`.
        row: line of a text file or row of a sheet, from 1, the header counted; 0 where there are no rows.
        column: the column's name, or empty.
    """

    file: str
    row: int = 0
    column: str = ""

    def __str__(self) -> str:
        row = f", row {self.row}" if self.row else ""
        column = f", column {self.column!r}" if self.column else ""
        return f"{self.file}{row}{column}"


class Taken(Struct, frozen=True):
    """A draft that was read; `doubts` are sentences on what was read in spite of a question (an ambiguous time)."""

    draft: Draft
    place: Place
    doubts: tuple[str, ...] = ()


class Skipped(Struct, frozen=True):
    """Rows that do not count by a rule of the mapping or layout, such as `where`, or checks that are no outage."""

    place: Place
    reason: str


class Refused(Struct, frozen=True):
    """A row that could not be read.

    Attributes:
        reason: one sentence: the fact and the way out.
        cells: the row as it stood (shortened where a cell is huge), by column, for the file that can be mended.
    """

    place: Place
    reason: str
    cells: dict[str, str]


class Progress(Struct, frozen=True):
    """How far the reading is; given now and then."""

    done_bytes: int
    total_bytes: int


Reading = Taken | Skipped | Refused | Progress


class Source(Protocol):
    """Reads one kind of history."""

    def read(self, path: Path) -> Iterator[Reading]:
        """Read a file or folder, streaming; memory does not grow with its size.

        Raises:
            ConfigError: the input as a whole cannot be read: missing, empty, not of this format, unknown columns.
        """
        ...
