"""Whatever is wrong with the place where things rest: one sentence, and nothing damaged."""

import os
import sqlite3
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from resile.model.errors import ConfigError, StoreError
from resile.stores.engine import connect_postgresql, connect_sqlite
from resile.stores.file_lock import alone
from resile.stores.migrate import migrate
from resile.stores.opening import open_facts, open_timelines
from resile.stores.timelines import SqlTimelineStore
from resile.testing.timeline_model import append_of
from tests.stores.processes import output_of


def filled(data: Path, n: int = 50) -> Path:
    """A data folder with some timelines and their facts, closed."""
    store = open_timelines(data, None)
    store.append([append_of(f"i{k:05d}", 1, 3) for k in range(n)])
    facts = open_facts(data, store)
    facts.refresh()
    facts.close()
    store.close()
    return data


def check_whole(data: Path, n: int = 50) -> None:
    with sqlite3.connect(data / "resile.db") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    connection.close()
    store = open_timelines(data, None)
    assert store.n_incidents() == n
    assert len(store.follow(0)) == 3 * n
    store.append([append_of("after", 1)])
    facts = open_facts(data, store)
    facts.refresh()
    with facts.table() as table:
        assert table.count().to_pyarrow().as_py() == n + 1
    facts.close()
    store.close()


def test_new_data_folder_is_for_its_owner_alone(tmp_path: Path) -> None:
    data = filled(tmp_path / "of" / "mine")
    store = open_timelines(data, None)
    store.append([append_of("a", 1)])

    assert data.stat().st_mode & 0o777 == 0o700
    found = [path for path in data.rglob("*") if path.is_file()]
    assert {path.name for path in found} >= {"resile.db", "resile.db-wal", "manifest.json"}
    assert [path.name for path in found if path.stat().st_mode & 0o077] == []
    assert (data / "facts").stat().st_mode & 0o777 == 0o700
    store.close()


def test_locked_database_is_told_and_works_once_it_is_free(tmp_path: Path) -> None:
    filled(tmp_path)
    database = connect_sqlite(tmp_path, busy_s=0.05)
    migrate(database)
    store = SqlTimelineStore(database)
    other = sqlite3.connect(tmp_path / "resile.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(StoreError, match=r"database .*resile\.db is locked by another process; wait"):
        store.append([append_of("a", 1)])
    assert store.read("i00000") != []

    other.execute("ROLLBACK")
    other.close()
    store.close()
    check_whole(tmp_path)


def test_thread_that_waits_too_long_for_another_is_told(tmp_path: Path) -> None:
    database = connect_sqlite(tmp_path, busy_s=0.05)
    migrate(database)
    store = SqlTimelineStore(database)

    with database.writing(), ThreadPoolExecutor(1) as pool:
        blocked = pool.submit(store.append, [append_of("a", 1)])
        with pytest.raises(StoreError, match="another thread"):
            blocked.result()

    store.append([append_of("a", 1)])
    store.close()


def test_facts_held_by_another_process_are_told(tmp_path: Path) -> None:
    lock = tmp_path / "writer.lock"
    with (
        alone(lock, timeout_s=0.0),
        pytest.raises(StoreError, match="held by another process"),
        alone(lock, timeout_s=0.05),
    ):
        pytest.fail("two at once")


@pytest.mark.parametrize("n_bytes", [300_000, 1_000_000])
def test_full_disk_is_told_and_leaves_what_was_there(tmp_path: Path, n_bytes: int) -> None:
    filled(tmp_path)

    said = output_of("write_with_limit", str(tmp_path), "append", str(n_bytes))

    assert said.startswith("StoreError database ")
    assert "disk" in said
    check_whole(tmp_path)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of two megabytes."""
    if os.getuid() != 0:
        pytest.skip("making a small disk needs root; the limit on file sizes is tested as anybody")
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", disk], check=False)
    if mounted.returncode != 0:
        pytest.skip("this machine lets nobody mount a small disk; the limit on file sizes is tested in its place")
    yield disk
    subprocess.run(["umount", "-l", disk], check=True)


def test_full_small_disk_is_told_and_leaves_what_was_there(small_disk: Path) -> None:
    filled(small_disk)
    store = open_timelines(small_disk, None)

    with pytest.raises(StoreError, match=r"cannot grow, the disk is full; free some space"):
        store.append([append_of(f"new{n}", 1, 3) for n in range(6_000)])

    assert store.n_incidents() == 50
    store.close()
    check_whole(small_disk)


def test_facts_on_a_full_disk_are_told_and_leave_no_litter(small_disk: Path) -> None:
    filled(small_disk)
    store = open_timelines(small_disk, None)
    store.append([append_of(f"new{n:05d}", 1, 1) for n in range(500)])
    facts = open_facts(small_disk, store)
    before = {path.name for path in (small_disk / "facts").iterdir()}
    filling = small_disk / "filling"
    filling.write_bytes(b"x" * os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_frsize)

    with pytest.raises(StoreError, match=r"facts in .* the disk is full; free some space"):
        facts.refresh()

    assert {path.name for path in (small_disk / "facts").iterdir()} == before
    filling.unlink()
    assert facts.refresh() == 500
    facts.close()
    store.close()


@pytest.fixture
def readable_data() -> Iterator[Path]:
    """A data folder that everybody may read and only its owner may write."""
    with tempfile.TemporaryDirectory(prefix="resile-test-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder / "data"
        for path in [folder, *folder.rglob("*")]:
            if path.is_dir():
                path.chmod(0o755)


def close_to_writing(data: Path) -> None:
    for path in data.rglob("*"):
        path.chmod(0o555 if path.is_dir() else 0o444)
    data.chmod(0o555)


def test_read_only_data_folder_can_be_read_and_reported_on(readable_data: Path) -> None:
    filled(readable_data)
    close_to_writing(readable_data)
    before = sorted(readable_data.rglob("*"))

    said = output_of("read_without_rights", str(readable_data), "read facts append").splitlines()

    assert said[:3] == ["read 150 50", "refreshed 0", "facts 50"]
    assert said[3].startswith("StoreError database ")
    assert "is read-only; give this user the right to write" in said[3]
    assert sorted(readable_data.rglob("*")) == before


def test_facts_that_are_behind_in_a_read_only_folder_are_derived_elsewhere(readable_data: Path) -> None:
    filled(readable_data)
    store = open_timelines(readable_data, None)
    store.append([append_of("late", 1, 2)])
    store.close()
    close_to_writing(readable_data)

    said = output_of("read_without_rights", str(readable_data), "read facts").splitlines()

    assert said == ["read 152 51", "refreshed 1", "facts 51"]


def test_read_only_folder_can_be_read_while_its_owner_writes(readable_data: Path) -> None:
    filled(readable_data)
    store = open_timelines(readable_data, None)
    store.append([append_of("now", 1)])
    close_to_writing(readable_data)

    said = output_of("read_without_rights", str(readable_data), "read").splitlines()

    assert said == ["read 151 51"]
    store.close()


def test_folder_that_cannot_be_made_is_told(readable_data: Path) -> None:
    readable_data.mkdir()
    readable_data.chmod(0o555)

    said = output_of("read_without_rights", str(readable_data / "deeper"), "read")

    assert said.startswith(f"StoreError data folder {readable_data / 'deeper'} cannot be used: this user may not")


def test_older_database_that_cannot_be_migrated_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database = connect_sqlite(tmp_path)
    monkeypatch.setattr(database, "is_read_only", True)

    with pytest.raises(StoreError, match="older version and read-only"):
        migrate(database)
    database.close()


def no_database(file: Path) -> None:
    file.write_text("incident,restored\n" * 500)


def other_header(file: Path) -> None:
    file.write_bytes(b"\0" * 4096 + file.read_bytes()[4096:])


@pytest.mark.parametrize("harm", [no_database, other_header])
def test_file_that_is_no_database_is_told_and_left_alone(tmp_path: Path, harm: Callable[[Path], None]) -> None:
    filled(tmp_path)
    file = tmp_path / "resile.db"
    harm(file)
    before = file.read_bytes()

    with pytest.raises(StoreError, match="is no SQLite database; move that file away"):
        open_timelines(tmp_path, None)

    assert file.read_bytes() == before


def test_damaged_database_is_told(tmp_path: Path) -> None:
    filled(tmp_path, 2_000)
    file = tmp_path / "resile.db"
    body = file.read_bytes()
    n_pages = len(body) // 4096
    # Behind the description of the tables, without which it does not even open.
    first, last = 4096 * (n_pages // 2), 4096 * (n_pages * 3 // 4)
    file.write_bytes(body[:first] + b"\xa5" * (last - first) + body[last:])
    store = open_timelines(tmp_path, None)

    with pytest.raises(StoreError, match="is damaged; put back a backup"):
        for _ in store.incidents_changed(0, 6_000):
            pass

    store.close()


def test_event_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    filled(tmp_path)
    with sqlite3.connect(tmp_path / "resile.db") as connection:
        connection.execute("""UPDATE events SET body = '{"kind": "teleported"}' WHERE seq = 1""")
    connection.close()
    store = open_timelines(tmp_path, None)

    with pytest.raises(StoreError, match="incident i00000 holds an event that this resile cannot read"):
        store.read("i00000")

    store.close()


def test_data_folder_that_is_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")

    with pytest.raises(StoreError, match=r"data folder .*/data cannot be used"):
        open_timelines(tmp_path / "data", None)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql://postgres@127.0.0.1:1/resile", r"cannot be reached; start the server, or correct database_url"),
        ("postgresql://u:secret@no-such-host.invalid/x", r"cannot be reached"),
    ],
)
def test_postgresql_that_cannot_be_reached_is_told_without_its_password(tmp_path: Path, url: str, said: str) -> None:
    with pytest.raises(StoreError, match=said) as raised:
        open_timelines(tmp_path, url)

    assert "secret" not in str(raised.value)


def test_missing_postgresql_database_is_told(tmp_path: Path, postgresql_url: str) -> None:
    with pytest.raises(StoreError, match="does not exist; create it"):
        open_timelines(tmp_path, postgresql_url.replace("/test_", "/missing_"))


def test_postgresql_that_goes_away_is_told_and_serves_again_when_back(tmp_path: Path, postgresql_url: str) -> None:
    store = open_timelines(tmp_path, postgresql_url)
    store.append([append_of("a", 1)])
    other = open_timelines(tmp_path, postgresql_url)
    with other._database.writing() as connection:  # type: ignore[attr-defined]
        connection.exec_driver_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )

    assert store.last_seq() == 1
    store.append([append_of("a", 2)])
    store.close()
    other.close()


@pytest.mark.parametrize("url", ["mysql://x/y", "no url at all", "sqlite:///x.db"])
def test_url_of_another_database_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(ConfigError, match="database_url"):
        open_timelines(tmp_path, url)


def test_postgresql_whose_machine_is_gone_is_noticed_within_seconds_unless_the_url_says_otherwise(
    postgresql_url: str,
) -> None:
    waits = {"keepalives_idle": "5", "keepalives_interval": "3", "keepalives_count": "3", "tcp_user_timeout": "10000"}
    parted = "&" if "?" in postgresql_url else "?"
    own = f"{postgresql_url}{parted}tcp_user_timeout=20000"
    for url, patience in ((postgresql_url, waits), (own, {**waits, "tcp_user_timeout": "20000"})):
        database = connect_postgresql(url)
        with database.reading() as connection:
            driver = connection.connection.driver_connection
            assert driver is not None
            assert driver.info.get_parameters().items() >= patience.items()
        database.close()
