"""What a simulated process is made of: strands that take turns, and the turns of messages as the product has them."""

import threading
from collections.abc import Callable
from time import monotonic

import numpy as np
import pytest

from resile.app.senders import Senders
from resile.model.message import Message
from resile.testing.faulty_paging import CrashError
from resile.testing.paging_model import message
from resile.testing.simulated_strands import Strands
from resile.testing.simulated_turns import Turns

PATIENCE_S = 30


def test_one_goes_on_while_another_waits() -> None:
    strands, told = Strands(), []

    def act(name: str) -> None:
        told.append(f"{name} begins")
        strands.pause()
        told.append(f"{name} ends")

    first = strands.start("a", lambda: act("first"))
    second = strands.start("a", lambda: act("second"))
    strands.resume(second)
    strands.resume(first)

    assert told == ["first begins", "second begins", "second ends", "first ends"]
    assert first.is_over
    assert second.is_over
    strands.close()


def test_what_began_another_goes_on_when_that_waits() -> None:
    strands, told = Strands(), []

    def outer() -> None:
        inner = strands.start("b", strands.pause)
        told.append(strands.running)
        strands.resume(inner)
        told.append(strands.running)

    began = strands.start("a", outer)

    assert told == [began, began]
    assert strands.running is None
    strands.close()


def test_strand_whose_process_died_goes_no_further() -> None:
    strands, told = Strands(), []

    def act() -> None:
        try:
            strands.pause()
        except CrashError:
            told.append("died")
            raise
        told.append("went on")

    strand = strands.start("a", act)
    with pytest.raises(CrashError):
        strands.end(strand)

    assert told == ["died"]
    strands.close()


def test_fault_is_raised_where_the_strand_was_resumed_and_no_thread_is_left() -> None:
    before = threading.active_count()
    strands = Strands()

    def act() -> None:
        strands.pause()
        raise ZeroDivisionError

    strand = strands.start("a", act)
    with pytest.raises(ZeroDivisionError):
        strands.resume(strand)
    strands.close()

    assert threading.active_count() == before


@pytest.mark.parametrize("seed", range(5))
def test_turns_leave_as_much_room_as_those_of_the_product(seed: int) -> None:
    rng = np.random.default_rng(seed)
    ends = {name: threading.Semaphore(0) for name in ("push", "sms")}
    real = Senders(lambda one: _wait(ends[one.channel]))
    begun: list[Message] = []
    simulated = Turns(begun.append)

    for number in range(120):
        name = "push" if rng.random() < 0.7 else "sms"
        its = [one for one in begun if one.channel == name]
        if rng.random() < 0.7 or not its:
            full, _ = simulated.room()
            if name not in full:
                one = message(f"m{number}", channel=name)
                real.submit(one)
                simulated.submit(one)
        else:
            begun.remove(its[0])
            ends[name].release()
            simulated.ended(its[0])

        _await(lambda: real.room() == simulated.room())

    assert real.room() == simulated.room()
    for semaphore in ends.values():
        semaphore.release(100)
    real.stop(within_s=PATIENCE_S)


def _wait(semaphore: threading.Semaphore) -> None:
    semaphore.acquire(timeout=PATIENCE_S)


def _await(holds: Callable[[], bool]) -> None:
    until = monotonic() + PATIENCE_S
    while not holds() and monotonic() < until:
        threading.Event().wait(0.001)
    assert holds()
