"""The journal, in memory and in its file; and whatever is wrong with that file: one sentence."""

import errno
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from resile.model.errors import StoreError
from resile.ports.journal import Journal
from resile.stores.journal import open_journal_file
from resile.testing.journal_conformance import JournalConformance, delivery
from resile.testing.memory_journal import MemoryJournal

APPENDS_FOR_EVER = """
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from resile.stores.journal import open_journal_file
from resile.testing.journal_conformance import delivery

journal = open_journal_file(Path(sys.argv[1]))

def append(number):
    journal.append(delivery(number))
    sys.stdout.write(f"d{number}\\n")
    sys.stdout.flush()

with ThreadPoolExecutor(8) as threads:
    list(threads.map(append, range(1_000_000)))
"""


class TestMemoryJournal(JournalConformance):
    @pytest.fixture
    def journal(self) -> Journal:
        return MemoryJournal()


class TestSqliteJournal(JournalConformance):
    @pytest.fixture
    def journal(self, tmp_path: Path) -> Iterator[Journal]:
        opened = open_journal_file(tmp_path / "journal.sqlite3")
        yield opened
        opened.close()


def test_looking_makes_no_file(tmp_path: Path) -> None:
    journal = open_journal_file(tmp_path / "journal.sqlite3")

    assert journal.entries() == []
    assert list(tmp_path.iterdir()) == []
    journal.close()


def test_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    journal = open_journal_file(tmp_path / "journal.sqlite3")
    journal.append(delivery(1))

    assert [path.name for path in tmp_path.iterdir() if path.stat().st_mode & 0o077] == []
    journal.close()


def test_locked_file_is_told_and_works_once_it_is_free(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite3"
    journal = open_journal_file(path, busy_s=0.05)
    journal.append(delivery(1))
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(StoreError, match=r"journal .*journal\.sqlite3 is locked by another process; wait"):
        journal.append(delivery(2))

    other.execute("ROLLBACK")
    other.close()
    assert journal.append(delivery(2))
    journal.close()


def test_damaged_file_and_one_of_a_newer_version_are_told(tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.sqlite3"
    damaged.write_bytes(b"no database at all" * 500)
    newer = tmp_path / "newer.sqlite3"
    with sqlite3.connect(newer) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()

    for path, said in ((damaged, "is no SQLite database"), (newer, "of a newer version of resile; update")):
        journal = open_journal_file(path)
        with pytest.raises(StoreError, match=said):
            journal.append(delivery(1))
        with pytest.raises(StoreError, match=said):
            journal.waiting()
        journal.close()


def test_every_append_that_returned_outlives_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite3"
    with subprocess.Popen(
        [sys.executable, "-c", APPENDS_FOR_EVER, str(path)], stdout=subprocess.PIPE, text=True
    ) as program:
        assert program.stdout is not None
        said = [program.stdout.readline() for _ in range(200)]
        program.kill()
        said += program.stdout.readlines()

    journal = open_journal_file(path)
    kept = [entry.delivery.id for entry in journal.waiting(limit=1_000_000)]
    journal.close()

    assert {line.strip() for line in said if line.endswith("\n")} <= set(kept)
    assert len(kept) == len(set(kept))


def test_log_that_cannot_be_looked_at_ends_no_append(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_path: Path) -> int:
        raise OSError(errno.EIO, "the disk refused")

    journal = open_journal_file(tmp_path / "journal.sqlite3")
    monkeypatch.setattr("resile.stores.journal_file._size", refuse)

    assert [journal.submit(delivery(number)).result(timeout=10) for number in range(2)] == [True, True]

    journal.close()
