"""The doors as the running server knows them: looked at by one for all who ask."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from time import monotonic

import pytest

from resile.app.doors import Doors
from resile.app.settings import Settings
from resile.app.wiring import Resile, open_resile
from resile.model.errors import StoreError
from resile.ports.door_book import Door
from resile.web.doors.open_doors import OpenDoors
from tests.web.doors.world import KEEPER

N = 50


class Watched(Doors):
    """Doors that note how often they are looked at."""

    n_looks = 0
    is_broken = False

    def all(self) -> dict[str, Door]:
        self.n_looks += 1
        if self.is_broken:
            raise StoreError("the journal is away")
        return super().all()

    def count_refused(self, refused: Mapping[str, int]) -> None:
        if self.is_broken:
            raise StoreError("the journal is away")
        super().count_refused(refused)


@pytest.fixture
def resile(tmp_path: Path, fresh_data: Callable[[Path], Path]) -> Iterator[Resile]:
    with open_resile(Settings(data=fresh_data(tmp_path / "data"))) as opened:
        opened.doors.add(KEEPER, "github")
        yield opened


def watched(resile: Resile) -> Watched:
    its = resile.doors
    return Watched(its._book, resile.clock, read_key=its._read_key, make_key=its._make_key, record=its._record)


def test_all_who_ask_at_the_same_moment_share_one_look(resile: Resile) -> None:
    doors = watched(resile)

    async def story() -> None:
        opened = OpenDoors(doors, has_accounts=lambda: False)
        found = await asyncio.gather(*(opened.known() for _ in range(N)))
        assert [list(one) for one in found] == [["github"]] * N
        assert doors.n_looks == 1
        began = monotonic()
        await asyncio.gather(*(opened.known_since(began) for _ in range(N)))
        assert doors.n_looks == 2

    asyncio.run(story())


def test_door_made_before_a_knock_is_known_to_it_though_a_look_was_under_way(resile: Resile) -> None:
    doors = watched(resile)

    async def story() -> None:
        opened = OpenDoors(doors, has_accounts=lambda: False)
        earlier = asyncio.create_task(opened.known())
        await asyncio.sleep(0)
        await asyncio.to_thread(resile.doors.add, KEEPER, "gitlab")
        assert set(await opened.known_since(monotonic())) == {"github", "gitlab"}
        await earlier

    asyncio.run(story())


def test_failed_look_is_told_to_each_and_made_anew_for_the_next(resile: Resile) -> None:
    doors = watched(resile)

    async def story() -> None:
        opened = OpenDoors(doors, has_accounts=lambda: False)
        doors.is_broken = True
        told = await asyncio.gather(*(opened.known() for _ in range(3)), return_exceptions=True)
        assert [type(one) for one in told] == [StoreError] * 3
        doors.is_broken = False
        assert set(await opened.known()) == {"github"}

    asyncio.run(story())


def test_refusals_are_written_at_the_latest_when_it_ends(resile: Resile) -> None:
    async def story() -> None:
        opened = OpenDoors(watched(resile), has_accounts=lambda: False)
        for _ in range(7):
            opened.refuse("github")
        await opened.close()

    asyncio.run(story())

    assert resile.doors.listed(KEEPER)[0].counts.n_refused == 7
