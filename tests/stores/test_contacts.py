"""The one suite over every contact book."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from resile.ports.contact_book import ContactBook
from resile.stores.contacts import SqlContactBook
from resile.stores.opening import open_engine
from resile.testing.contacts_conformance import ContactBookConformance
from resile.testing.memory_contacts import MemoryContactBook


class TestMemory(ContactBookConformance):
    @pytest.fixture
    def book(self) -> ContactBook:
        return MemoryContactBook()


class TestSqlite(ContactBookConformance):
    @pytest.fixture
    def book(self, tmp_path: Path) -> Iterator[ContactBook]:
        database = open_engine(tmp_path / "data", None)
        yield SqlContactBook(database)
        database.close()


class TestPostgresql(ContactBookConformance):
    @pytest.fixture
    def book(self, tmp_path: Path, postgresql_url: str) -> Iterator[ContactBook]:
        database = open_engine(tmp_path / "data", postgresql_url)
        yield SqlContactBook(database)
        database.close()
