"""A resile that takes alerts, over memory and over SQLite."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from resile.stores.catalog import SqlCatalogStore
from resile.stores.opening import open_engine
from resile.stores.paging import SqlPagingStore
from resile.stores.silences import SqlSilenceBook
from resile.stores.timelines import SqlTimelineStore
from resile.testing.memory_catalog import MemoryCatalogStore
from resile.testing.memory_paging import MemoryPagingStore
from resile.testing.memory_silences import MemorySilenceBook
from resile.testing.memory_store import MemoryTimelineStore
from tests.app.alerts.world import AlertWorld


@pytest.fixture(params=["memory", "sqlite"])
def world(request: pytest.FixtureRequest, tmp_path: Path, fresh_data: Callable[[Path], Path]) -> Iterator[AlertWorld]:
    if request.param == "memory":
        timelines = MemoryTimelineStore()
        yield AlertWorld(MemoryPagingStore(timelines), timelines, MemoryCatalogStore(), MemorySilenceBook())
        return
    database = open_engine(fresh_data(tmp_path / "data"), None)
    kept = SqlTimelineStore(database)
    yield AlertWorld(SqlPagingStore(database, kept), kept, SqlCatalogStore(database), SqlSilenceBook(database))
    kept.close()
