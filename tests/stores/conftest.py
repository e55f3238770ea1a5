"""Timelines in memory and their projection."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from resile.ports.facts_store import FactsStore
from resile.stores.opening import open_facts
from resile.testing.memory_store import MemoryTimelineStore


@pytest.fixture
def store() -> MemoryTimelineStore:
    return MemoryTimelineStore()


@pytest.fixture
def open_again(tmp_path: Path, store: MemoryTimelineStore) -> Iterator[Callable[[], FactsStore]]:
    """Open the projection once more, as another process would."""
    opened: list[FactsStore] = []

    def open_one() -> FactsStore:
        opened.append(open_facts(tmp_path / "data", store))
        return opened[-1]

    yield open_one
    for facts in opened:
        facts.close()


@pytest.fixture
def facts(open_again: Callable[[], FactsStore]) -> FactsStore:
    return open_again()
