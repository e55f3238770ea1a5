"""Stores on SQLite and PostgreSQL."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from resile.app.settings import load_settings
from resile.app.wiring import open_resile
from resile.stores.opening import open_engine

from .access_world import World
from .git_world import GitWorld


@pytest.fixture(params=["sqlite", "postgresql"])
def world(request: pytest.FixtureRequest, tmp_path: Path, fresh_data: Callable[[Path], Path]) -> Iterator[World]:
    is_sqlite = request.param == "sqlite"
    url = None if is_sqlite else request.getfixturevalue("fresh_postgresql_url")
    database = open_engine(fresh_data(tmp_path), url)
    yield World(database)
    database.close()


@pytest.fixture(params=["memory", "sqlite"])
def git_world(request: pytest.FixtureRequest, tmp_path: Path, fresh_data: Callable[[Path], Path]) -> Iterator[GitWorld]:
    if request.param == "memory":
        yield GitWorld(tmp_path / "repositories")
        return
    with open_resile(load_settings(data=fresh_data(tmp_path / "data"))) as resile:
        yield GitWorld(tmp_path / "repositories", resile.deliveries)
