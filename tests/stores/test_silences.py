"""The one suite over every book of silences."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from resile.ports.silence_book import SilenceBook
from resile.stores.opening import open_engine
from resile.stores.silences import SqlSilenceBook
from resile.testing.memory_silences import MemorySilenceBook
from resile.testing.silence_conformance import SilenceBookConformance


class TestMemory(SilenceBookConformance):
    @pytest.fixture
    def book(self) -> SilenceBook:
        return MemorySilenceBook()


class TestSqlite(SilenceBookConformance):
    @pytest.fixture
    def book(self, tmp_path: Path, fresh_data: Callable[[Path], Path]) -> Iterator[SilenceBook]:
        database = open_engine(fresh_data(tmp_path / "data"), None)
        yield SqlSilenceBook(database)
        database.close()


class TestPostgresql(SilenceBookConformance):
    @pytest.fixture
    def book(self, tmp_path: Path, fresh_postgresql_url: str) -> Iterator[SilenceBook]:
        database = open_engine(tmp_path / "data", fresh_postgresql_url)
        yield SqlSilenceBook(database)
        database.close()
