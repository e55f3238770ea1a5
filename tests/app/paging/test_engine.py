"""The engine's threads: what hangs, fails or ends holds up nothing but itself."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from time import monotonic
from typing import Any

from resile.app.engine import KEEPS, Engine
from resile.app.listening import Listening
from resile.model.errors import StoreError
from resile.model.message import Message, MessageClass, MessageState
from resile.ports.channel import Handed, Outgoing
from resile.ports.paging_store import Changes
from tests.app.paging.world import NIGHT, FakeChannel, Night, wait_until


class HangingChannel(FakeChannel):
    """One whose calls end when the test says so."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.goes_on = threading.Event()
        self.n_calls = 0

    def send(self, outgoing: Outgoing, *, timeout_s: float) -> Handed:
        self.n_calls += 1
        self.goes_on.wait(30)
        return super().send(outgoing, timeout_s=timeout_s)


def message(name: str, channel: str, **also: Any) -> Message:
    also = {"message_class": MessageClass.EMITTED, "queued_at": NIGHT, "due_at": NIGHT, **also}
    return Message(id=name, channel=channel, address=name, title=name, text=name, **also)


@contextmanager
def running(night: Night, **asked: Any) -> Iterator[Engine]:
    engine = Engine(
        night.store, night.clock, night.ticker, night.notifier, listening=Listening(night.clock.now()), **asked
    )
    engine.start()
    try:
        yield engine
    finally:
        engine.stop()


def test_engine_goes_on_after_the_store_failed_while_it_claimed() -> None:
    night = Night()
    claim, n_failed = night.store.claim_messages, 0

    def failing(**asked: Any) -> list[Message]:
        nonlocal n_failed
        if n_failed < 2:
            n_failed += 1
            raise StoreError("the database is locked; try again")
        return claim(**asked)

    night.store.claim_messages = failing  # type: ignore[method-assign]
    night.paging.page("Checkout is slow", who="eve", by="user:eve")

    with running(night):
        wait_until(lambda: bool(night.channels["push"].sent))

    assert n_failed == 2


def test_provider_that_hangs_keeps_no_other_channel_waiting() -> None:
    night = Night()
    hanging = night.channels["push"] = HangingChannel("push")
    night.store.commit(Changes(messages=tuple(message(f"p{n:03}", "push") for n in range(300))))

    with running(night, n_senders=4):
        wait_until(lambda: hanging.n_calls == 4)
        later = tuple(message(f"s{n:03}", "sms", due_at=NIGHT, queued_at=NIGHT) for n in range(40))
        night.store.commit(Changes(messages=later))
        wait_until(lambda: len(night.channels["sms"].sent) == 40)
        assert hanging.n_calls == 4
        hanging.goes_on.set()
        wait_until(lambda: len(hanging.sent) == 300)


def test_looking_past_what_waits_for_a_provider_leaves_most_of_the_stores_time_to_others() -> None:
    night = Night()
    hanging = night.channels["push"] = HangingChannel("push")
    night.store.commit(Changes(messages=tuple(message(f"p{n:03}", "push") for n in range(300))))
    claim, began = night.store.claim_messages, []

    def slow(**asked: Any) -> list[Message]:
        began.append(monotonic())
        threading.Event().wait(0.1)
        return claim(**asked)

    night.store.claim_messages = slow  # type: ignore[method-assign]

    with running(night, n_senders=4):
        wait_until(lambda: hanging.n_calls == 4 and len(began) > 6)
        hanging.goes_on.set()

    looks = began[2:6]
    assert (looks[-1] - looks[0]) / (len(looks) - 1) > 0.3


def test_engine_that_ends_gives_back_what_had_no_turn_and_nothing_of_it_is_lost_or_called_a_repeat() -> None:
    night = Night()
    hanging = night.channels["push"] = HangingChannel("push")
    several = [message(f"p{n}", "push", message_class=MessageClass.NOTICE) for n in range(6)]
    night.store.commit(Changes(messages=tuple(several)))

    def goes_on_at_the_end(engine: Engine) -> None:
        wait_until(lambda: engine._senders._is_ending)
        hanging.goes_on.set()

    with running(night, n_senders=1) as engine:
        wait_until(lambda: hanging.n_calls == 1)
        watching = threading.Thread(target=goes_on_at_the_end, args=(engine,))
        watching.start()
    watching.join()

    states = [one.state for one in night.store.messages([one.id for one in several]).values()]
    assert sorted(states) == [MessageState.HANDED] + 5 * [MessageState.QUEUED]
    night.advance(timedelta(minutes=2))
    assert [one.is_repeat for one in hanging.sent] == 6 * [False]


def test_what_has_been_over_for_long_is_let_go() -> None:
    night = Night()
    night.store.commit(Changes(messages=(message("old", "push"), message("new", "push"))))
    night.work()
    night.clock.advance(KEEPS + timedelta(seconds=1))

    with running(night):
        wait_until(lambda: not night.store.messages(["old", "new"]))

    assert night.store.counts(since=NIGHT).by_state == {}
