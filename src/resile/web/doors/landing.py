"""Brings what other threads finished to those who wait for it on the event loop."""

import asyncio
from collections import deque
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, TypeVar

_T = TypeVar("_T")


class Landing:
    """Of one event loop.

    `asyncio.wrap_future` wakes the loop once for each; those who wait here for the same write to the disk are woken
    together, which is most of what waiting costs.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._finished: deque[tuple[asyncio.Future[Any], Future[Any]]] = deque()
        self._is_called = False

    async def awaited(self, future: "Future[_T]") -> _T:
        """What a future of another thread gives; broken off, the future is cancelled if it can be."""
        here: asyncio.Future[_T] = self._loop.create_future()
        future.add_done_callback(lambda done: self._arrive(here, done))
        try:
            return await here
        except asyncio.CancelledError:
            future.cancel()
            raise

    def _arrive(self, here: "asyncio.Future[Any]", done: "Future[Any]") -> None:
        """Called by the thread that finished it."""
        self._finished.append((here, done))
        # Put down before it is asked whether the loop was called: it takes that back before it looks.
        if not self._is_called:
            self._is_called = True
            with suppress(RuntimeError):  # the loop is closed; nobody waits any more
                self._loop.call_soon_threadsafe(self._land)

    def _land(self) -> None:
        self._is_called = False
        while self._finished:
            here, done = self._finished.popleft()
            if here.done():  # broken off
                continue
            if done.cancelled():
                here.cancel()
            elif (error := done.exception()) is not None:
                here.set_exception(error)
            else:
                here.set_result(done.result())
