"""Stores on SQLite and PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from resile.stores.opening import open_engine
from resile.testing.postgresql import PostgresqlServer, postgresql_server

from .access_world import World


@pytest.fixture(scope="session")
def server() -> Iterator[PostgresqlServer]:
    with postgresql_server() as running:
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    is_sqlite = request.param == "sqlite"
    url = None if is_sqlite else request.getfixturevalue("server").new_database()
    database = open_engine(tmp_path, url)
    yield World(database)
    database.close()
