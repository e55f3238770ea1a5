"""Many send at one moment, but few of them are at the store."""

import threading
from collections.abc import Mapping
from datetime import timedelta

from msgspec.structs import replace

from resile.app.notify import Notifier
from resile.app.system_clock import SystemClock
from resile.model.message import MessageState
from resile.ports.channel import ChannelKind, Handed, Outgoing, Receipt
from resile.ports.paging_store import Changes
from resile.testing.memory_paging import MemoryPagingStore
from resile.testing.memory_store import MemoryTimelineStore
from resile.testing.paging_model import changes, message

N_SENDERS = 24


class Together:
    """A channel that takes a message once as many are being sent as there are senders."""

    kind = ChannelKind(name="sms", title="SMS", address_words="a number")

    def __init__(self) -> None:
        self._all = threading.Barrier(N_SENDERS)

    def address(self, text: str) -> str:
        return text

    def shown(self, address: str) -> str:
        return address

    def send(self, outgoing: Outgoing, *, timeout_s: float) -> Handed:
        self._all.wait(timeout_s)
        return Handed(ref=outgoing.id)

    def receipts(self, headers: Mapping[str, str], query: Mapping[str, str], body: bytes, *, url: str) -> list[Receipt]:
        del headers, query, body, url
        return []

    def check(self, *, timeout_s: float) -> None:
        del timeout_s


class Slow(MemoryPagingStore):
    """Counts who commits at one moment."""

    def __init__(self, timelines: MemoryTimelineStore) -> None:
        super().__init__(timelines)
        self._guard = threading.Lock()
        self._n_now = 0
        self.n_most = 0

    def commit(self, changes: Changes) -> None:
        with self._guard:
            self._n_now += 1
            self.n_most = max(self.n_most, self._n_now)
        threading.Event().wait(0.01)
        try:
            super().commit(changes)
        finally:
            with self._guard:
                self._n_now -= 1


def test_all_send_at_one_moment_and_few_of_them_write() -> None:
    timelines = MemoryTimelineStore()
    store = Slow(timelines)
    clock = SystemClock()
    now = clock.now() - timedelta(seconds=1)
    for n in range(N_SENDERS):
        store.commit(changes(replace(message(f"m{n}", address=f"+{n}"), queued_at=now, due_at=now)))
    store.n_most = 0
    notifier = Notifier(store, timelines, clock, {"sms": Together()}, links=None, by="me")
    senders = [threading.Thread(target=notifier.deliver, args=(one,)) for one in notifier.claim(limit=N_SENDERS)]

    notifier.start()
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    notifier.stop(within_s=30)

    known = store.messages([f"m{n}" for n in range(N_SENDERS)])
    assert {one.state for one in known.values()} == {MessageState.HANDED}
    assert len(known) == N_SENDERS
    assert 1 <= store.n_most <= 4
