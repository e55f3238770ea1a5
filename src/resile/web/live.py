"""What is new, told as it happens: server-sent events to whoever watches, from one look at the store for all."""

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable
from time import monotonic

import msgspec
import structlog
from anyio import CapacityLimiter, to_thread
from msgspec import Struct

from resile.model.errors import StoreError
from resile.model.event import kind_of
from resile.ports.timeline_store import StoredEvent, TimelineStore

# Who watches holds a connection, and another one for a moment when they ask for what is new; others need some too.
MAX_WATCHERS = 240
# Then it ends, and whoever still watches comes again: rights are looked at when a stream begins.
LONGEST_S = 600
# Silence that long is broken: something between us and the reader may take the connection for dead, and a reader who
# hears nothing for longer knows that it is.
BEAT_EVERY_S = 15.0
# What was told last is kept for whoever was away for a moment; older things are read from the store.
_KEPT = 2_000
_AT_ONCE = 500
_LOOK_EVERY_S = 1.0
_AGAIN_AFTER_MS = 2_000
_log = structlog.get_logger()


class Told(Struct, frozen=True):
    """One event on a timeline, as the stream tells it.

    Attributes:
        seq: its place in the whole store; also the event's id.
        version: of its incident's timeline after it.
    """

    seq: int
    incident_id: str
    version: int
    kind: str


class Live:
    """Follows the timelines while somebody watches. Of one event loop.

    Args:
        is_ending: set once the server is told to end; every stream then ends too.
        elapsed_s: a clock that only runs forward, in seconds.
    """

    def __init__(
        self, timelines: TimelineStore, is_ending: threading.Event, elapsed_s: Callable[[], float] = monotonic
    ) -> None:
        self._timelines = timelines
        self._is_ending = is_ending
        self._elapsed_s = elapsed_s
        self._n_watchers = 0
        self._looking: asyncio.Task[None] | None = None
        self._news = asyncio.Event()
        # All that came after `_since`, as far as it is kept.
        self._kept: deque[Told] = deque()
        self._since = 0
        # Of its own: whoever waits in it must not keep pages waiting.
        self._thread = CapacityLimiter(1)

    @property
    def is_full(self) -> bool:
        """Whether as many watch as may."""
        return self._n_watchers >= MAX_WATCHERS

    async def stream(self, after: int | None, *, lasts_s: float = LONGEST_S) -> AsyncIterator[bytes]:
        """What is told from now on, or after an event; as `text/event-stream`.

        Args:
            after: seq of the last event that the reader has seen.
        """
        self._n_watchers += 1
        try:
            last = await to_thread.run_sync(self._timelines.last_seq)
            if self._looking is None or self._looking.done():
                self._since = last
                self._kept.clear()
                self._looking = asyncio.create_task(self._look())
            # An id from beyond the end was given before a backup was put back.
            seen = last if after is None else min(after, last)
            yield _begin(seen)
            async for part in self._told_after(seen, self._elapsed_s() + min(lasts_s, LONGEST_S)):
                yield part
        except StoreError as error:
            # The answer has begun and can only end; the reader comes again.
            _log.warning("stream broken off", error=str(error))
        finally:
            self._n_watchers -= 1
            if not self._n_watchers and self._looking is not None:
                self._looking.cancel()
                self._looking = None

    async def _told_after(self, seen: int, until_s: float) -> AsyncIterator[bytes]:
        # Where nobody looks any more, for the look failed, whoever comes again begins a new one.
        while not self._is_ending.is_set() and self._looking is not None and not self._looking.done():
            news = self._news
            found = await self._after(seen)
            if found:
                seen = found[-1].seq
                yield b"".join(_told(one) for one in found)
                continue
            left_s = until_s - self._elapsed_s()
            if left_s <= 0:
                return
            try:
                await asyncio.wait_for(news.wait(), min(left_s, BEAT_EVERY_S))
            except TimeoutError:
                yield b"event: beat\ndata: {}\n\n"

    async def _after(self, seen: int) -> list[Told]:
        if seen >= self._since:
            return [one for one in self._kept if one.seq > seen][:_AT_ONCE]
        return [_read(one) for one in await to_thread.run_sync(lambda: self._timelines.follow(seen, limit=_AT_ONCE))]

    @property
    def _last(self) -> int:
        return self._kept[-1].seq if self._kept else self._since

    async def _look(self) -> None:
        """Look at the store until nobody watches any more."""
        while not self._is_ending.is_set():
            try:
                found = await to_thread.run_sync(self._next, limiter=self._thread)
            except StoreError as error:
                # Readers keep what they see; as soon as the store answers they are told what they missed.
                _log.warning("stream waits for the store", error=str(error))
                await asyncio.sleep(_LOOK_EVERY_S)
                continue
            for one in found:
                if len(self._kept) == _KEPT:
                    self._since = self._kept.popleft().seq
                self._kept.append(_read(one))
            if found:
                self._wake()
        self._wake()

    def _next(self) -> list[StoredEvent]:
        last = self._last
        is_new = self._timelines.wait(last, _LOOK_EVERY_S)
        return self._timelines.follow(last, limit=_AT_ONCE) if is_new else []

    def _wake(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()


def _read(one: StoredEvent) -> Told:
    return Told(seq=one.seq, incident_id=one.incident_id, version=one.version, kind=kind_of(one.event))


def _begin(seen: int) -> bytes:
    return f"retry: {_AGAIN_AFTER_MS}\nid: {seen}\nevent: start\ndata: {{}}\n\n".encode()


def _told(one: Told) -> bytes:
    return b"id: %d\nevent: timeline\ndata: %s\n\n" % (one.seq, msgspec.json.encode(one))
