"""The one suite over every store of subscribers, what they are told, and maintenance windows."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from resile.app.communication_parts import CommunicationStores
from resile.stores.maintenance import SqlMaintenanceBook
from resile.stores.opening import open_engine
from resile.stores.subscribers import SqlSubscriberBook
from resile.stores.tellings import SqlTellingStore
from resile.testing.communication_conformance import CommunicationConformance
from resile.testing.memory_communication import MemoryMaintenanceBook, MemorySubscriberBook, MemoryTellingStore


def opened(data: Path, url: str | None) -> Iterator[CommunicationStores]:
    database = open_engine(data, url)
    yield CommunicationStores(
        subscribers=SqlSubscriberBook(database),
        tellings=SqlTellingStore(database),
        windows=SqlMaintenanceBook(database),
    )
    database.close()


class TestMemory(CommunicationConformance):
    @pytest.fixture
    def stores(self) -> CommunicationStores:
        book = MemorySubscriberBook()
        return CommunicationStores(subscribers=book, tellings=MemoryTellingStore(book), windows=MemoryMaintenanceBook())


class TestSqlite(CommunicationConformance):
    @pytest.fixture
    def stores(self, tmp_path: Path, fresh_data: Callable[[Path], Path]) -> Iterator[CommunicationStores]:
        yield from opened(fresh_data(tmp_path / "data"), None)


class TestPostgresql(CommunicationConformance):
    @pytest.fixture
    def stores(self, tmp_path: Path, fresh_postgresql_url: str) -> Iterator[CommunicationStores]:
        yield from opened(tmp_path / "data", fresh_postgresql_url)
