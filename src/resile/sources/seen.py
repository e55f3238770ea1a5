"""What a reading has met before, and rows put in order, on disk: memory does not grow with the input."""

import sqlite3
from collections.abc import Collection, Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar

import msgspec

if TYPE_CHECKING:
    from resile.sources.bloom import BloomFilter

from resile.model.errors import ConfigError

_CACHE_KIB = 16_384
_BATCH = 2_000
_BATCH_BYTES = 8 << 20
# What the rows of one group may hold together.
MAX_GROUP_BYTES = 64 << 20
TOO_MANY = f"more than {{}} rows, or more than {MAX_GROUP_BYTES >> 20} MiB of them"
_N_WAITING = 10_000
# 32 MiB.
_FILTER_BITS = 1 << 28

_decode = msgspec.msgpack.Decoder(list[tuple[bytes, str | int, bytes]]).decode

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
    """Keys with the place and the digest under which they were met first.

    Nearly always all keys of an input are new. As long as a filter says so, what was met is only written down, page
    after page; it is put in order, to be searched, once a key may have been met before.
    """

    def __init__(self, *, n_filter_bits: int = _FILTER_BITS) -> None:
        super().__init__()
        self._n_filter_bits = n_filter_bits
        self._filter: BloomFilter | None = None
        self._waiting: dict[bytes, tuple[bytes, str | int, bytes]] = {}
        self._is_searchable = False
        self._base.execute("CREATE TABLE pages (body BLOB)")
        self._add = self._base.execute

    def first(self, key: bytes, place: P, digest: bytes) -> tuple[P, bytes] | None:
        """The place and the digest of the key's first meeting; None if this is it."""
        self._make_searchable()
        added = self._add("INSERT OR IGNORE INTO seen VALUES (?, ?, ?)", (key, place, digest))
        if added.rowcount:
            return None
        found: tuple[P, bytes] = self._add("SELECT place, digest FROM seen WHERE key = ?", (key,)).fetchone()
        return found

    def are_all_first(self, met: Sequence[tuple[bytes, P, bytes]]) -> bool:
        """Whether none of these (key, place, digest) was met before, nor twice among them; only then they are kept."""
        by_key: dict[bytes, tuple[bytes, str | int, bytes]] = {one[0]: one for one in met}
        if len(by_key) < len(met):
            return False
        if not self._is_searchable:
            if self._are_surely_new(by_key):
                self._waiting.update(by_key)
                if len(self._waiting) >= _N_WAITING:
                    self._write_down()
                return True
            self._make_searchable()
        marks = ", ".join("?" * len(by_key))
        if self._base.execute(f"SELECT 1 FROM seen WHERE key IN ({marks}) LIMIT 1", [*by_key]).fetchone():  # noqa: S608 - only marks
            return False
        self._base.executemany("INSERT INTO seen VALUES (?, ?, ?)", met)
        return True

    def occurrence(self, key: bytes) -> int:
        """How often the key has been met, this time included."""
        self._make_searchable()
        counted = self._add(
            "INSERT INTO seen VALUES (?, 1, NULL) ON CONFLICT (key) DO UPDATE SET place = place + 1 RETURNING place",
            (key,),
        )
        return int(counted.fetchone()[0])

    def _are_surely_new(self, keys: Collection[bytes]) -> bool:
        return self._waiting.keys().isdisjoint(keys) and not (
            self._filter is not None and self._filter.may_hold_any(keys)
        )

    def _write_down(self) -> None:
        """Empty the waiting ones onto a page, which costs a tenth of as many rows."""
        if self._filter is None:
            from resile.sources.bloom import BloomFilter  # noqa: PLC0415 - a short input need not wait for numpy

            self._filter = BloomFilter(self._n_filter_bits)
        self._filter.add(self._waiting)
        self._base.execute("INSERT INTO pages VALUES (?)", (msgspec.msgpack.encode([*self._waiting.values()]),))
        self._waiting.clear()

    def _make_searchable(self) -> None:
        """From here on every key is looked up."""
        if self._is_searchable:
            return
        self._base.execute("CREATE TABLE seen (key BLOB PRIMARY KEY, place, digest BLOB) WITHOUT ROWID")
        for (page,) in self._base.execute("SELECT body FROM pages"):
            self._base.executemany("INSERT INTO seen VALUES (?, ?, ?)", _decode(page))
        self._base.executemany("INSERT INTO seen VALUES (?, ?, ?)", self._waiting.values())
        self._base.execute("DROP TABLE pages")
        self._filter = None
        self._waiting.clear()
        self._is_searchable = True


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
