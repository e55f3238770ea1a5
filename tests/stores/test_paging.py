"""The one suite over every store of paging."""

from collections.abc import Callable
from pathlib import Path

import pytest

from resile.stores.opening import open_paging as open_sql
from resile.testing.memory_paging import MemoryPagingStore
from resile.testing.memory_store import MemoryTimelineStore
from resile.testing.paging_alerts_conformance import PagingAlertsConformance
from resile.testing.paging_conformance import OpenPaging, PagingStoreConformance
from resile.testing.paging_messages_conformance import PagingMessagesConformance


class _Memory:
    @pytest.fixture
    def open_paging(self) -> OpenPaging:
        timelines = MemoryTimelineStore()
        only = MemoryPagingStore(timelines)
        return lambda: (only, timelines)


class _Sqlite:
    @pytest.fixture
    def open_paging(self, tmp_path: Path, fresh_data: Callable[[Path], Path]) -> OpenPaging:
        data = fresh_data(tmp_path / "data")
        return lambda: open_sql(data, None)


class _Postgresql:
    @pytest.fixture
    def open_paging(self, tmp_path: Path, fresh_postgresql_url: str) -> OpenPaging:
        return lambda: open_sql(tmp_path / "data", fresh_postgresql_url)


class TestMemory(_Memory, PagingStoreConformance): ...


class TestSqlite(_Sqlite, PagingStoreConformance): ...


class TestPostgresql(_Postgresql, PagingStoreConformance): ...


class TestMessagesInMemory(_Memory, PagingMessagesConformance): ...


class TestMessagesInSqlite(_Sqlite, PagingMessagesConformance): ...


class TestMessagesInPostgresql(_Postgresql, PagingMessagesConformance): ...


class TestAlertsInMemory(_Memory, PagingAlertsConformance): ...


class TestAlertsInSqlite(_Sqlite, PagingAlertsConformance): ...


class TestAlertsInPostgresql(_Postgresql, PagingAlertsConformance): ...
