"""The one suite over every store."""

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
    def open_store(self, tmp_path: Path) -> OpenStore:
        return lambda: open_timelines(tmp_path / "data", None)


class TestPostgresql(TimelineStoreConformance):
    @pytest.fixture
    def open_store(self, tmp_path: Path, postgresql_url: str) -> OpenStore:
        return lambda: open_timelines(tmp_path / "data", postgresql_url)
