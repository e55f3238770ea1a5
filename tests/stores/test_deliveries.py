"""The one suite over every store of deliveries."""

from collections.abc import Callable
from pathlib import Path

import pytest

from resile.stores.opening import open_deliveries as open_sql
from resile.testing.delivery_conformance import DeliveryStoreConformance, OpenDeliveries
from resile.testing.memory_deliveries import MemoryDeliveryStore


class TestMemory(DeliveryStoreConformance):
    @pytest.fixture
    def open_deliveries(self) -> OpenDeliveries:
        only = MemoryDeliveryStore()
        return lambda: only


class TestSqlite(DeliveryStoreConformance):
    @pytest.fixture
    def open_deliveries(self, tmp_path: Path, fresh_data: Callable[[Path], Path]) -> OpenDeliveries:
        data = fresh_data(tmp_path / "data")
        return lambda: open_sql(data, None)


class TestPostgresql(DeliveryStoreConformance):
    @pytest.fixture
    def open_deliveries(self, tmp_path: Path, fresh_postgresql_url: str) -> OpenDeliveries:
        return lambda: open_sql(tmp_path / "data", fresh_postgresql_url)
