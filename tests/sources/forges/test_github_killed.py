"""An import of GitHub that dies at any point and is run again ends like one that was never disturbed."""

import signal
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from resile.app.settings import load_settings
from resile.app.wiring import open_resile
from resile.model.change import ChangeReport, Commit
from resile.ports.delivery_store import Recorded, Shipped
from resile.testing.loopback_forge import Asked, Reply
from resile.testing.memory_deliveries import MemoryDeliveryStore
from tests.sources.forges.github_server import sha_of
from tests.sources.forges.github_world import GitHubWorld, at, filled

RUNS = {"Deploy": "production"}


class KilledError(BaseException):
    """The process is gone: nothing catches it."""


class Mortal(MemoryDeliveryStore):
    """Dies before the write after so many, which is the same as right after the one before it."""

    def __init__(self) -> None:
        super().__init__()
        self.lives: int | None = None
        self.n_writes = 0

    def _write(self, write: Any) -> Any:
        self.n_writes += 1
        if self.lives is not None:
            self.lives -= 1
            if self.lives < 0:
                raise KilledError
        return write()

    def record(self, reports: Sequence[ChangeReport]) -> Recorded:
        return self._write(lambda: super(Mortal, self).record(reports))

    def add_commits(self, commits: Sequence[Commit]) -> int:
        return self._write(lambda: super(Mortal, self).add_commits(commits))

    def set_shipped(self, shipped: Sequence[Shipped]) -> None:
        self._write(lambda: super(Mortal, self).set_shipped(shipped))

    def set_cursor(self, name: str, value: bytes) -> None:
        self._write(lambda: super(Mortal, self).set_cursor(name, value))


def world_of(store: MemoryDeliveryStore) -> GitHubWorld:
    world = GitHubWorld(store)
    filled(world.server)
    # So that every list has several pages.
    world.server.most_on_a_page = 2
    return world


def undisturbed() -> tuple[dict[str, Any], int]:
    store = Mortal()
    world = world_of(store)
    with world.server.forge:
        world.take(runs=RUNS)
        return world.state(), store.n_writes


EXPECTED, N_WRITES = undisturbed()


def test_killed_at_any_write_the_same_command_again_ends_in_the_same_state() -> None:
    for lives in range(N_WRITES):
        store = Mortal()
        store.lives = lives
        world = world_of(store)
        with world.server.forge:
            with pytest.raises(KilledError):
                world.take(runs=RUNS)
            store.lives = None
            world.take(runs=RUNS)

            assert world.state() == EXPECTED, f"killed at write {lives}"


def test_killed_again_and_again_it_still_comes_to_its_end() -> None:
    store = Mortal()
    world = world_of(store)
    with world.server.forge:
        for _ in range(N_WRITES):
            store.lives = 12
            try:
                world.take(runs=RUNS)
            except KilledError:
                continue
            break
        store.lives = None
        world.take(runs=RUNS)

        assert world.state() == EXPECTED


def test_a_forge_that_stumbles_all_the_way_is_read_to_the_end_all_the_same() -> None:
    world = world_of(MemoryDeliveryStore())
    limit = Reply(status=403, headers={"retry-after": "60"})
    half = Reply(body=[{"id": 1}] * 50, is_dropped=True)
    world.server.forge.fails = [Reply(status=502), half, None, limit, None, Reply(status=503), Reply(status=500)] * 20
    with world.server.forge:
        world.take(runs=RUNS)

        assert world.state() == EXPECTED
    assert "waiting for GitHub's rate limit until 00:01 UTC" in world.said
    assert world.server.forge.fails


def test_what_changes_between_the_two_runs_is_not_missed() -> None:
    store = Mortal()
    world = world_of(store)
    with world.server.forge:
        store.lives = lives_until_pulls()
        with pytest.raises(KilledError):
            world.take()
        store.lives = None
        world.server.add_pull(17, opened=at(1, 10), updated=at(19), merged=at(3, 12), title="Called otherwise")
        world.server.add_pull(20, opened=at(19), updated=at(19))
        world.server.add_commit("f", "e", at=at(19))
        world.take()

        assert world.pull(17).title == "Called otherwise"
        assert world.pull(20).opened_at is not None
        assert sha_of("f") in world.store.commits("github.com/acme/shop", [sha_of("f")])
        assert set(world.state()["pulls"]) == {17, 18, 19, 20}
        assert None not in world.state()["pulls"].values()


def test_an_import_goes_on_where_the_forge_has_another_address_by_now() -> None:
    store = Mortal()
    store.lives = lives_until_pulls()
    world = world_of(store)
    with world.server.forge, pytest.raises(KilledError):
        world.take()
    moved = world_of(store)
    store.lives = None
    with moved.server.forge:
        moved.take(runs=RUNS)

        assert moved.state() | {"incidents": {}} == EXPECTED | {"incidents": {}}
        pages = [asked.params.get("page") for asked in moved.server.forge.asked if asked.path.endswith("/pulls")]
        assert pages[0] == "2"


def test_where_the_page_is_gone_it_begins_with_the_newest_again() -> None:
    store = Mortal()
    store.lives = lives_until_pulls()
    world = world_of(store)
    with world.server.forge:
        with pytest.raises(KilledError):
            world.take(runs=RUNS)
        store.lives = None
        cursor = store.cursor("github:github.com/acme/shop:pulls") or b""
        store.set_cursor("github:github.com/acme/shop:pulls", cursor.replace(b"page=2", b"gone=2"))
        world.server.withheld_queries = {"gone"}
        world.take(runs=RUNS)

        assert world.state() == EXPECTED


@cache
def lives_until_pulls() -> int:
    """After so many writes page one of the pull requests was read, and page two is next."""
    return next(n for n in range(N_WRITES) if _is_under_way(n))


def _is_under_way(lives: int) -> bool:
    store = Mortal()
    store.lives = lives
    world = world_of(store)
    with world.server.forge, pytest.raises(KilledError):
        world.take()
    cursor = store.cursor("github:github.com/acme/shop:pulls")
    return cursor is not None and b"page=2" in cursor


def test_a_process_that_is_killed_while_it_asks_goes_on_with_the_same_command(tmp_path: Path) -> None:
    world = world_of(MemoryDeliveryStore())
    command = [str(Path(sys.executable).parent / "resile"), "--data", str(tmp_path), "import", "github"]
    running: list[subprocess.Popen[bytes]] = []
    plain = world.server.forge._answer

    def deadly(asked: Asked) -> Reply:
        if asked.path.endswith("/deployments/82/statuses") and running:
            running.pop().send_signal(signal.SIGKILL)
        return plain(asked)

    world.server.forge._answer = deadly
    with world.server.forge:
        process = subprocess.Popen([*command, f"{world.server.forge.address}/acme/shop", "--run", "Deploy=production"])
        running.append(process)
        assert process.wait(120) == -signal.SIGKILL
        with open_resile(load_settings(data=tmp_path)) as resile:
            world.store = resile.deliveries
            world.take(runs=RUNS)
            found = {one.id: one for one in resile.deliveries.deployments_of("shop", "production")}
            found |= {one.id: one for one in resile.deliveries.deployments_of("shop", "staging")}
            shipped = dict(resile.deliveries.shipped(sorted(found)))

    assert found == EXPECTED["deployments"]
    assert shipped == EXPECTED["shipped"]
