"""What a reading has met before, and rows put in order, on disk: memory does not grow with the input."""

import sqlite3
from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from types import TracebackType
from typing import Self, TypeVar

from resile.model.errors import ConfigError

_CACHE_KIB = 16_384
_BATCH = 2_000
_BATCH_BYTES = 8 << 20
# What the rows of one group may hold together.
MAX_GROUP_BYTES = 64 << 20
TOO_MANY = f"more than {{}} rows, or more than {MAX_GROUP_BYTES >> 20} MiB of them"


P = TypeVar("P", str, int)


class Scratch:
    """A database of our own that vanishes with its connection; beyond its cache it spills to the disk."""

    def __init__(self) -> None:
        self._base = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._base.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        self._base.execute("PRAGMA journal_mode = OFF")
        self._base.execute("PRAGMA temp_store = FILE")
        self._base.execute("BEGIN")

    def close(self) -> None:
        """Let go of it."""
        self._base.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
        if isinstance(error, sqlite3.Error):
            raise ConfigError(
                f"the temporary folder takes no more of what the import remembers ({error}); free space there, or "
                "set SQLITE_TMPDIR to a folder that has some"
            ) from None


class SeenKeys(Scratch):
    """Keys with the place and the digest under which they were met first."""

    def __init__(self) -> None:
        super().__init__()
        self._base.execute("CREATE TABLE seen (key BLOB PRIMARY KEY, place, digest BLOB) WITHOUT ROWID")
        self._add = self._base.execute

    def first(self, key: bytes, place: P, digest: bytes) -> tuple[P, bytes] | None:
        """The place and the digest of the key's first meeting; None if this is it."""
        added = self._add("INSERT OR IGNORE INTO seen VALUES (?, ?, ?)", (key, place, digest))
        if added.rowcount:
            return None
        found: tuple[P, bytes] = self._add("SELECT place, digest FROM seen WHERE key = ?", (key,)).fetchone()
        return found

    def are_all_first(self, met: Sequence[tuple[bytes, P, bytes]]) -> bool:
        """Whether none of these (key, place, digest) was met before, nor twice among them; only then they are kept."""
        keys = [key for key, _, _ in met]
        if len(set(keys)) < len(keys):
            return False
        marks = ", ".join("?" * len(keys))
        if self._base.execute(f"SELECT 1 FROM seen WHERE key IN ({marks}) LIMIT 1", keys).fetchone():  # noqa: S608 - only marks
            return False
        self._base.executemany("INSERT INTO seen VALUES (?, ?, ?)", met)
        return True

    def occurrence(self, key: bytes) -> int:
        """How often the key has been met, this time included."""
        counted = self._add(
            "INSERT INTO seen VALUES (?, 1, NULL) ON CONFLICT (key) DO UPDATE SET place = place + 1 RETURNING place",
            (key,),
        )
        return int(counted.fetchone()[0])


class Sorter(Scratch):
    """Collects rows of many groups in any order and gives them back group by group."""

    def __init__(self) -> None:
        super().__init__()
        self._base.execute("CREATE TABLE rows (key TEXT, rank INTEGER, place INTEGER, body BLOB)")
        self._waiting: list[tuple[str, int, int, bytes]] = []
        self._n_waiting_bytes = 0

    def add(self, key: str, rank: int, place: int, body: bytes) -> None:
        """Keep a row of group `key`."""
        self._waiting.append((key, rank, place, body))
        self._n_waiting_bytes += len(body)
        if len(self._waiting) >= _BATCH or self._n_waiting_bytes >= _BATCH_BYTES:
            self._flush()

    def groups(self) -> Iterator[tuple[str, Iterator[bytes]]]:
        """Each group's rows, ordered by rank and then place, to be asked for before the next group."""
        self._flush()
        rows = self._base.execute("SELECT key, body FROM rows ORDER BY key, rank, place")
        for key, group in groupby(rows, itemgetter(0)):
            yield key, map(itemgetter(1), group)

    def _flush(self) -> None:
        self._base.executemany("INSERT INTO rows VALUES (?, ?, ?, ?)", self._waiting)
        self._waiting.clear()
        self._n_waiting_bytes = 0


def beginning_of(group: Iterator[bytes], max_rows: int) -> tuple[list[bytes], bool]:
    """A group's rows up to a bound, and whether that is all of them; the rest can still be asked for."""
    rows: list[bytes] = []
    n_bytes = 0
    for body in group:
        rows.append(body)
        n_bytes += len(body)
        if len(rows) > max_rows or n_bytes > MAX_GROUP_BYTES:
            return rows, False
    return rows, True
