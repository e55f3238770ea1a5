"""The engine of paging goes on after whatever the store did not do."""

from collections.abc import Iterator
from contextlib import contextmanager

from resile.app.engine import Engine
from resile.app.listening import Listening
from resile.app.notify import Notifier
from resile.app.system_clock import SystemClock
from resile.app.tick import Ticker
from resile.channels.registry import open_channels
from resile.model.errors import StoreError
from resile.model.message import Message, MessageClass, MessageState
from resile.ports.paging_store import Changes, PagingStore
from resile.testing.faulty_paging import FaultyPagingStore
from resile.testing.memory_paging import MemoryPagingStore
from resile.testing.memory_store import MemoryTimelineStore
from resile.testing.webhook_sink import WebhookSink
from tests.e2e.monitoring import wait_until


class Outage:
    """Claims that fail, so many."""

    def __init__(self, n_left: int) -> None:
        self.n_left = n_left

    def __call__(self, place: str) -> None:
        """Fail, if it is to."""
        if place == "before claim" and self.n_left:
            self.n_left -= 1
            raise StoreError("the database is shutting down; wait until it is up, and try again")


@contextmanager
def at_work(store: PagingStore, timelines: MemoryTimelineStore) -> Iterator[None]:
    """An engine over the store."""
    clock = SystemClock()
    channels = open_channels({}, clock=clock, allowed=["127.0.0.1"], key=lambda: b"k" * 32)
    notifier = Notifier(store, timelines, clock, channels, links=None, by="one")
    engine = Engine(
        store,
        clock,
        Ticker(store, clock, {}, by="one"),
        notifier,
        listening=Listening(clock.now()),
        n_senders=1,
    )
    engine.start()
    try:
        yield
    finally:
        engine.stop()


def test_messages_are_sent_once_the_store_is_back_however_often_claiming_failed() -> None:
    timelines = MemoryTimelineStore()
    store = MemoryPagingStore(timelines)
    outage = Outage(4)
    now = SystemClock().now()
    with WebhookSink() as sink, at_work(FaultyPagingStore(store, outage), timelines):
        wait_until(lambda: outage.n_left == 0, "the outage is over")
        store.commit(
            Changes(
                messages=(
                    Message(
                        id="m",
                        message_class=MessageClass.EMITTED,
                        channel="webhook",
                        address=sink.address,
                        title="t",
                        text="x",
                        queued_at=now,
                        due_at=now,
                    ),
                )
            )
        )
        wait_until(lambda: store.messages(["m"])["m"].state is MessageState.HANDED, "it is sent")

    assert len(sink.requests) == 1
