"""What another thread finished comes to those who wait on the event loop."""

import asyncio
import threading
from concurrent.futures import Future

import pytest

from resile.model.errors import StoreError
from resile.web.doors.landing import Landing


def test_each_gets_its_own_result_or_failure_in_whatever_order_they_are_finished() -> None:
    async def story() -> list[object]:
        landing = Landing()
        futures: list[Future[int]] = [Future() for _ in range(200)]

        def finish() -> None:
            for number, future in reversed(list(enumerate(futures))):
                if number % 10:
                    future.set_result(number)
                else:
                    future.set_exception(StoreError(f"no {number}"))

        thread = threading.Thread(target=finish)
        waiting = asyncio.gather(*map(landing.awaited, futures), return_exceptions=True)
        thread.start()
        found = await asyncio.wait_for(waiting, 20)
        thread.join()
        return found

    found = asyncio.run(story())

    assert [str(one) for one in found] == [str(n) if n % 10 else f"no {n}" for n in range(200)]


def test_those_finished_together_wake_the_loop_once() -> None:
    async def story() -> int:
        landing = Landing()
        loop = asyncio.get_running_loop()
        calls = []
        call, landing._loop = loop.call_soon_threadsafe, _Counting(loop, calls)
        futures: list[Future[int]] = [Future() for _ in range(50)]
        waiting = asyncio.gather(*map(landing.awaited, futures))
        await asyncio.sleep(0)
        # On this very thread: the loop cannot come between.
        for number, future in enumerate(futures):
            future.set_result(number)
        assert call is not None
        assert await waiting == list(range(50))
        return len(calls)

    assert asyncio.run(story()) == 1


class _Counting:
    """A loop that notes how often another thread calls it."""

    def __init__(self, loop: asyncio.AbstractEventLoop, calls: list[object]) -> None:
        self._loop = loop
        self._calls = calls

    def create_future(self) -> "asyncio.Future[int]":
        return self._loop.create_future()

    def call_soon_threadsafe(self, callback: object) -> None:
        self._calls.append(callback)
        self._loop.call_soon_threadsafe(callback)  # type: ignore[arg-type]


def test_who_breaks_off_takes_back_what_was_not_begun() -> None:
    async def story() -> None:
        landing = Landing()
        future: Future[int] = Future()
        waiting = asyncio.create_task(landing.awaited(future))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert future.cancelled()

    asyncio.run(story())


def test_a_loop_that_is_closed_is_no_failure_of_who_finishes() -> None:
    futures: list[Future[int]] = []

    async def story() -> None:
        landing = Landing()
        futures.append(Future())
        futures[0].set_running_or_notify_cancel()
        task = asyncio.create_task(landing.awaited(futures[0]))
        await asyncio.sleep(0)
        task.cancel()

    asyncio.run(story())
    futures[0].set_result(1)

    assert futures[0].result() == 1
