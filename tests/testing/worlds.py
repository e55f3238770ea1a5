"""Empty stores for worlds."""

from resile.testing.memory_catalog import MemoryCatalogStore
from resile.testing.memory_paging import MemoryPagingStore
from resile.testing.memory_silences import MemorySilenceBook
from resile.testing.memory_store import MemoryTimelineStore
from resile.testing.simulated_record import Stores


def in_memory() -> Stores:
    timelines = MemoryTimelineStore()
    return Stores(
        paging=MemoryPagingStore(timelines),
        timelines=timelines,
        catalog=MemoryCatalogStore(),
        silences=MemorySilenceBook(),
    )
