"""Doors in for histories: each reads one format and gives drafts, never failing as a whole for one bad row."""

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

import msgspec
from msgspec import Struct

from resile.model.draft import Draft
from resile.model.severity import Severity

_encode = msgspec.msgpack.Encoder().encode


class Place(Struct, frozen=True, gc=False):
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


class Taken(Struct, frozen=True, gc=False, tag=True):
    """A draft that was read.

    Attributes:
        doubts: sentences on what was read in spite of a question (an ambiguous time).
        digest: digest_of(draft), where the source has worked it out already.
    """

    draft: Draft
    place: Place
    doubts: tuple[str, ...] = ()
    digest: bytes | None = None


def digest_of(draft: Draft) -> bytes:
    """By which a draft is known to say the same as before."""
    return hashlib.blake2b(_encode(draft), digest_size=16).digest()


class Skipped(Struct, frozen=True, tag=True):
    """Rows that do not count by a rule of the mapping or layout, such as `where`, or checks that are no outage."""

    place: Place
    reason: str


class Refused(Struct, frozen=True, tag=True):
    """A row that could not be read.

    Attributes:
        reason: one sentence: the fact and the way out.
        cells: the row as it stood (shortened where a cell is huge), by column, for the file that can be mended.
        record: in place of cells, an object of JSON as it stood, whole; or what stands there and is none.
    """

    place: Place
    reason: str
    cells: dict[str, str]
    record: bytes = b""


class Progress(Struct, frozen=True, tag=True):
    """How far the reading is; given now and then.

    Attributes:
        total: None where nobody knows.
        unit: what is counted: `bytes`, `commits`, `pull requests`.
        says: what goes on where nothing is counted: `waiting for GitHub's rate limit until 14:05 UTC`.
    """

    done: int = 0
    total: int | None = None
    unit: str = "bytes"
    says: str = ""


class Remark(Struct, frozen=True, tag=True):
    """Something about the input as a whole that is worth a line in the summary."""

    text: str


Reading = Taken | Skipped | Refused | Progress | Remark


class SourceOptions(Struct, frozen=True, kw_only=True):
    """What a user may say about any history.

    Attributes:
        name: the origin under which the incidents are kept; None: the source's own.
        mapping: of tables, the file that says which column is what.
        timezone: IANA name of the zone of times that carry none; None: what the mapping or the source says, else UTC.
        severity_aliases: further names of severities, in lower case.
    """

    name: str | None = None
    mapping: Path | None = None
    timezone: str | None = None
    severity_aliases: Mapping[str, Severity] = {}


class Source(Protocol):
    """Reads one kind of history."""

    def read(self, path: Path) -> Iterator[Reading]:
        """Read a file or folder, streaming; memory does not grow with its size.

        Raises:
            ConfigError: the input as a whole cannot be read: missing, empty, not of this format, unknown columns.
        """
        ...
