"""A PostgreSQL for all tests of stores, and one database of it for each test."""

from collections.abc import Iterator

import pytest

from resile.testing.postgresql import PostgresqlServer, postgresql_server


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgresqlServer]:
    with postgresql_server() as server:
        yield server


@pytest.fixture
def postgresql_url(postgresql: PostgresqlServer) -> str:
    return postgresql.new_database()
