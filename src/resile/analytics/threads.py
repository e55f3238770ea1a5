"""Work shared between this thread and those that are idle: as many in all as there are processors, however nested."""

import os
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


@lru_cache(maxsize=1)
def _helpers() -> tuple[ThreadPoolExecutor, int]:
    n = max(1, (os.cpu_count() or 2) - 1)
    return ThreadPoolExecutor(n, thread_name_prefix="resile-analytics"), n


def share(work: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """The results of `work` in the order of the items, each done by whoever is free; a failure comes out.

    The calling thread does what nobody else takes up, so that work may share out work of its own.
    """
    listed = list(items)
    results: dict[int, R] = {}
    rest = iter(range(len(listed)))
    guard = threading.Lock()

    def drain() -> None:
        while True:
            with guard:
                place = next(rest, None)
            if place is None:
                return
            results[place] = work(listed[place])

    pool, n = _helpers()
    helping = [pool.submit(drain) for _ in range(min(n, len(listed) - 1))]
    try:
        drain()
    finally:
        for help_ in helping:
            if not help_.cancel():
                help_.result()
    return [results[place] for place in range(len(listed))]


def meanwhile(work: Callable[[], R]) -> Callable[[], R]:
    """Have work done by another thread; the function returned gives its result, doing it itself if nobody has begun."""
    pool, _ = _helpers()
    later = pool.submit(work)
    return lambda: work() if later.cancel() else later.result()
