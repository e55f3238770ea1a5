"""The one suite over every store."""

from collections.abc import Callable
from pathlib import Path

import pytest

from resile.stores.opening import open_timelines
from resile.testing.memory_store import MemoryTimelineStore
from resile.testing.timeline_conformance import OpenStore, TimelineStoreConformance


class TestMemory(TimelineStoreConformance):
    @pytest.fixture
    def open_store(self) -> OpenStore:
        only = MemoryTimelineStore()
        return lambda: only


class TestSqlite(TimelineStoreConformance):
    @pytest.fixture
    def open_store(self, tmp_path: Path, fresh_data: Callable[[Path], Path]) -> OpenStore:
        data = fresh_data(tmp_path / "data")
        return lambda: open_timelines(data, None)


class TestPostgresql(TimelineStoreConformance):
    @pytest.fixture
    def open_store(self, tmp_path: Path, fresh_postgresql_url: str) -> OpenStore:
        return lambda: open_timelines(tmp_path / "data", fresh_postgresql_url)
