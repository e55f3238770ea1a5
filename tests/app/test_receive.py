"""Processing what arrived gives way to those who are to be answered."""

import errno
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from time import monotonic

import pytest
from msgspec.structs import replace

from resile.app.receive import ENOUGH_ALERTS, MAX_AT_ONCE, Receiver, ReceivingThread
from resile.app.system_clock import SystemClock
from resile.model.errors import StoreError
from resile.ports.delivery_door import DoorOptions, Understood
from resile.ports.journal import Delivery, Entry
from resile.testing.journal_conformance import delivery
from resile.testing.memory_journal import MemoryJournal
from resile.testing.paging_model import alert

WORK_S = 0.1


class Everything:
    """Understands whatever arrives, as nothing in particular."""

    def understand(self, _delivery: Delivery) -> Understood:
        return Understood()


class Alarming:
    """Understands whatever arrives as an alert."""

    def understand(self, _delivery: Delivery) -> Understood:
        return Understood(alerts=(alert("checkout").alert,))


@contextmanager
def alone() -> Iterator[bool]:
    yield True


def test_while_many_are_to_be_answered_each_batch_is_followed_by_a_longer_rest() -> None:
    journal = MemoryJournal()
    for number in range(MAX_AT_ONCE + 1):
        journal.append(delivery(number))
    began: list[float] = []
    is_done = threading.Event()

    def take_in(told: Sequence[tuple[Entry, Understood]]) -> None:
        began.append(monotonic())
        threading.Event().wait(WORK_S)
        if len(told) == 1:
            is_done.set()

    def understands(_kind: str, _options: DoorOptions) -> Everything:
        return Everything()

    receiver = Receiver(journal, dict, take_in, lambda: None, understands=understands)
    receiving = ReceivingThread(
        receiver,
        journal,
        SystemClock(),
        lasts=timedelta(days=1),
        max_bytes=1_000_000,
        alone=alone,
        is_busy=lambda: True,
    )
    receiving.start()
    assert is_done.wait(20)
    receiving.stop()

    first, second = began
    assert second - first >= 5 * WORK_S
    assert journal.waiting() == []


def test_after_a_batch_with_alerts_the_next_follows_without_a_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resile.app.receive._LEAST_REST_S", 30.0)
    journal = MemoryJournal()
    for number in range(MAX_AT_ONCE + 1):
        journal.append(delivery(number))
    is_done = threading.Event()

    def take_in(told: Sequence[tuple[Entry, Understood]]) -> None:
        if len(told) == 1:
            is_done.set()

    receiver = Receiver(journal, dict, take_in, lambda: None, understands=lambda *_: Alarming())
    receiving = ReceivingThread(
        receiver,
        journal,
        SystemClock(),
        lasts=timedelta(days=1),
        max_bytes=1_000_000,
        alone=alone,
        is_busy=lambda: True,
    )
    receiving.start()
    has_taken = is_done.wait(20)
    receiving.stop()

    assert has_taken


def test_alert_at_another_door_waits_for_one_step_of_a_flood_at_most() -> None:
    journal = MemoryJournal()
    for number in range(50):
        journal.append(delivery(number, door="noisy"))

    def take_in(told: Sequence[tuple[Entry, Understood]]) -> None:
        taken.append([entry.delivery.door for entry, _ in told])
        if len(taken) == 1:
            journal.append(delivery(1, door="quiet"))

    class Flooding:
        def understand(self, delivery: Delivery) -> Understood:
            return Understood(alerts=(alert("x").alert,) * (ENOUGH_ALERTS if delivery.door == "noisy" else 1))

    taken: list[list[str]] = []
    receiver = Receiver(journal, dict, take_in, lambda: None, understands=lambda *_: Flooding())
    receiver.process_waiting()

    assert taken[:3] == [["noisy"], ["quiet", "noisy"], ["noisy"]]
    assert len(taken) == 50


def test_alerts_at_another_door_do_not_queue_up_behind_a_flood() -> None:
    journal = MemoryJournal()
    for number in range(20):
        journal.append(delivery(number, door="noisy"))
        journal.append(delivery(number, door="quiet"))
    taken: list[list[tuple[str, str]]] = []

    def take_in(told: Sequence[tuple[Entry, Understood]]) -> None:
        taken.append([(entry.delivery.door, entry.delivery.id) for entry, _ in told])

    class Flooding:
        def understand(self, delivery: Delivery) -> Understood:
            return Understood(alerts=(alert("x").alert,) * (ENOUGH_ALERTS if delivery.door == "noisy" else 1))

    receiver = Receiver(journal, dict, take_in, lambda: None, understands=lambda *_: Flooding())
    receiver.process_waiting()

    assert taken[0] == [*(("quiet", f"d{number}") for number in range(20)), ("noisy", "d0")]
    assert [one for step in taken[1:] for one in step] == [("noisy", f"d{number}") for number in range(1, 20)]


class Huge:
    """Understands of the door `noisy` more alerts than are taken in one step, the last of them told twice."""

    N = 3 * ENOUGH_ALERTS + 1

    def understand(self, delivery: Delivery) -> Understood:
        told = [replace(alert("x").alert, fingerprint=f"{number}") for number in range(self.N)]
        return Understood(alerts=(*told, told[-1]) if delivery.door == "noisy" else (told[0],))


def test_alert_at_another_door_waits_for_a_part_of_a_huge_body_at_most() -> None:
    journal = MemoryJournal()
    journal.append(delivery(0, door="noisy"))
    taken: list[list[tuple[str, int]]] = []

    def take_in(told: Sequence[tuple[Entry, Understood]]) -> None:
        taken.append([(entry.delivery.id, len(told.alerts)) for entry, told in told])
        if len(taken) == 1:
            journal.append(delivery(1, door="quiet"))
            journal.append(delivery(2, door="noisy"))

    receiver = Receiver(journal, dict, take_in, lambda: None, understands=lambda *_: Huge())
    n_concluded = receiver.process_waiting()

    some = ENOUGH_ALERTS
    assert taken == [
        [("d0", some)],
        [("d1", 1), ("d0", some)],
        [("d0", some)],
        [("d0", 1), ("d2", some)],
        [("d2", some)],
        [("d2", some)],
        [("d2", 1)],
    ]
    assert n_concluded == 3
    assert journal.waiting() == []


def test_part_of_a_huge_body_that_could_not_be_stored_is_taken_anew() -> None:
    journal = MemoryJournal()
    journal.append(delivery(0, door="noisy"))
    stored: set[str] = set()
    n_tries = 0

    def take_in(told: Sequence[tuple[Entry, Understood]]) -> None:
        nonlocal n_tries
        n_tries += 1
        if n_tries == 2:
            raise StoreError("the disk is full")
        stored.update(one.fingerprint for _, told in told for one in told.alerts)

    def probe() -> None:
        raise StoreError("the disk is full")

    receiver = Receiver(journal, dict, take_in, probe, understands=lambda *_: Huge())
    with pytest.raises(StoreError):
        receiver.process_waiting()
    assert len(journal.waiting()) == 1
    receiver.process_waiting()

    assert len(stored) == Huge.N
    assert journal.waiting() == []


def test_lock_that_cannot_be_had_for_a_while_does_not_end_the_receiving(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resile.app.receive._FIRST_REST_S", 0.05)
    journal = MemoryJournal()
    journal.append(delivery(1))
    n_tries = 0
    is_done = threading.Event()

    @contextmanager
    def alone_at_last() -> Iterator[bool]:
        nonlocal n_tries
        n_tries += 1
        if n_tries < 3:
            raise OSError(errno.ENOSPC, "the disk is full")
        yield True

    receiver = Receiver(journal, dict, lambda _: is_done.set(), lambda: None, understands=lambda *_: Everything())
    receiving = ReceivingThread(
        receiver, journal, SystemClock(), lasts=timedelta(days=1), max_bytes=1_000_000, alone=alone_at_last
    )
    receiving.start()
    has_taken = is_done.wait(5)
    receiving.stop()

    assert has_taken
