"""How much waiting for alerts to stay clear saves, and what it costs: reopenings and pages by `restored_after`.

Incidents of one alert that flaps: on for a while (median 3 min), off for a while (median 4 min, a long tail), a few
times over, then off for good. Each is taken by somebody a minute after its page. What is counted is what the product
itself tells and queues.

    python bench/staying_clear.py [incidents]
"""

import sys
from datetime import timedelta
from pathlib import Path
from statistics import mean

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.app.alerts.world import AlertWorld

from resile.model.event import Reopened, Restored
from resile.model.time import MINUTE
from resile.testing.memory_catalog import MemoryCatalogStore
from resile.testing.memory_paging import MemoryPagingStore
from resile.testing.memory_silences import MemorySilenceBook
from resile.testing.memory_store import MemoryTimelineStore

WAITS = ("0", "2m", "5m", "10m", "20m")


def flapping(n: int) -> list[list[tuple[timedelta, timedelta]]]:
    """For each incident how long its alert is on, and then off."""
    rng = np.random.default_rng(38)
    found = []
    for _ in range(n):
        n_times = int(rng.geometric(0.4))
        on = rng.lognormal(np.log(180), 0.6, n_times)
        off = rng.lognormal(np.log(240), 1.0, n_times)
        found.append([(timedelta(seconds=float(a)), timedelta(seconds=float(b))) for a, b in zip(on, off, strict=True)])
    return found


def told(wait: str, stories: list[list[tuple[timedelta, timedelta]]]) -> tuple[int, int, float]:
    """Reopenings, pages, and how long after it cleared for good it was said, in minutes."""
    n_reopened = n_pages = 0
    late = []
    for story in stories:
        timelines = MemoryTimelineStore()
        world = AlertWorld(MemoryPagingStore(timelines), timelines, MemoryCatalogStore(), MemorySilenceBook())
        world.write("route", "one", restored_after=wait)
        made = None
        for on, off in story:
            made = world.fires()
            assert made is not None
            world.pass_by(MINUTE)
            world.pager.acknowledge(made, who="ann", by="user:ann")
            world.pass_by(max(on - MINUTE, timedelta()))
            cleared_at = world.now()
            world.clears()
            world.pass_by(off)
        world.pass_by(30 * MINUTE)
        n_reopened += len(world.told(made, Reopened))
        n_pages += len(world.pages())
        last = world.told(made, Restored)[-1]
        assert last.at == cleared_at
        late.append((last.recorded_at - cleared_at) / MINUTE)
    return n_reopened, n_pages, mean(late)


def main() -> None:
    """Print a row for each length."""
    stories = flapping(int(sys.argv[1]) if len(sys.argv) > 1 else 300)
    print("restored_after  reopenings  pages  said after (min)")
    for wait in WAITS:
        reopened, pages, late = told(wait, stories)
        print(f"{wait:>14}  {reopened:>10}  {pages:>5}  {late:>16.1f}")


if __name__ == "__main__":
    main()
