"""The one suite over every store of the catalog."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from resile.ports.catalog import CatalogStore
from resile.stores.catalog import SqlCatalogStore
from resile.stores.opening import open_engine
from resile.testing.catalog_conformance import CatalogStoreConformance
from resile.testing.memory_catalog import MemoryCatalogStore


class TestMemory(CatalogStoreConformance):
    @pytest.fixture
    def catalog(self) -> CatalogStore:
        return MemoryCatalogStore()


class TestSqlite(CatalogStoreConformance):
    @pytest.fixture
    def catalog(self, tmp_path: Path) -> Iterator[CatalogStore]:
        database = open_engine(tmp_path / "data", None)
        yield SqlCatalogStore(database)
        database.close()


class TestPostgresql(CatalogStoreConformance):
    @pytest.fixture
    def catalog(self, tmp_path: Path, postgresql_url: str) -> Iterator[CatalogStore]:
        database = open_engine(tmp_path / "data", postgresql_url)
        yield SqlCatalogStore(database)
        database.close()
