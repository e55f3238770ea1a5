"""Whatever is wrong with the journal: who knocks hears to come again, pages answer, nothing that was taken is lost."""

import json
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest

from tests.web.doors.world import LONGEST_S, World, served

N_BEFORE = 40


def newer(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()


def read_only(path: Path) -> None:
    # The version that writing needs, in SQLite's own header: one that this SQLite does not know may be read alone.
    content = bytearray(path.read_bytes())
    content[18] = 9
    path.write_bytes(content)


def cut_short(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2 // 8192 * 8192])


def no_database(path: Path) -> None:
    path.write_bytes(b"no database at all" * 5_000)


@pytest.mark.parametrize("spoil", [newer, read_only, cut_short, no_database])
def test_spoiled_journal_is_answered_503_and_taken_up_again_once_it_is_mended(
    tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    journal = tmp_path / "data/journal.sqlite3"
    with served(tmp_path / "data") as world:
        secret = world.door("github")
        for number in range(N_BEFORE):
            assert knock(world, secret, number).status_code == 202
        world.concluded(N_BEFORE)
    shutil.copy(journal, tmp_path / "good")
    spoil(journal)

    with served(tmp_path / "data") as world:
        refused = knock(world, secret, N_BEFORE)
        told = world.post("/api/v1/deployments", b'{"service": "shop"}')
        page = httpx2.get(f"{world.address}/", follow_redirects=True, timeout=LONGEST_S)
        ready = httpx2.get(f"{world.address}/healthz", timeout=LONGEST_S)
        # Put back as an administrator does: another file under the same name.
        shutil.copy(tmp_path / "good", tmp_path / "data/put-back")
        (tmp_path / "data/put-back").rename(journal)
        for name in ("-wal", "-shm"):
            journal.with_name(journal.name + name).unlink(missing_ok=True)

    assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
    assert (told.status_code, told.headers["retry-after"]) == (503, "5")
    assert "send it again" in refused.json()["detail"]
    assert str(tmp_path) not in refused.text
    assert (page.status_code, ready.text) == (200, "ok\n")
    with served(tmp_path / "data") as world:
        assert knock(world, secret, N_BEFORE).status_code == 202
        kept = [entry.delivery.id for entry in world.concluded(N_BEFORE + 1)]
    assert sorted(kept) == sorted(f"d{number}" for number in range(N_BEFORE + 1))


def test_torn_end_of_the_log_takes_nothing_away_that_was_acknowledged(tmp_path: Path) -> None:
    journal = tmp_path / "data/journal.sqlite3"
    copied = tmp_path / "copied"
    with served(tmp_path / "data") as world:
        secret = world.door("github")
        for number in range(N_BEFORE):
            assert knock(world, secret, number).status_code == 202
        # As the disk is after a power cut: the log is there, its last write is not whole.
        shutil.copytree(tmp_path / "data", copied)
    with (copied / "journal.sqlite3-wal").open("ab") as log:
        log.write(b"torn" * 1_000)
    assert (copied / journal.name).exists()

    with served(copied) as world:
        assert knock(world, secret, N_BEFORE).status_code == 202
        kept = [entry.delivery.id for entry in world.concluded(N_BEFORE + 1)]

    assert sorted(kept) == sorted(f"d{number}" for number in range(N_BEFORE + 1))


def knock(world: World, secret: str, number: int) -> httpx2.Response:
    body = json.dumps({"zen": "x" * 2_000, "n": number}).encode()
    return world.github(secret, body, x_github_event="ping", x_github_delivery=f"d{number}")
