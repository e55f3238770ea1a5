"""Receipts that are quicker than notes, and a store that is away in between: no page is lost, few are sent twice."""

import threading
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from resile.app.engine import Engine
from resile.app.listening import Listening
from resile.app.notify import LEASE
from resile.app.noting import Note, Noting
from resile.app.senders import Senders
from resile.app.tick import Ticker
from resile.model.errors import ConflictError, StoreError
from resile.model.escalation import Escalation
from resile.model.event import PageMoved
from resile.model.message import Message, MessageClass, MessageState
from resile.ports.channel import Handed, Outgoing, Receipt, RefusedError
from resile.ports.paging_store import Changes, Timer, TimerKind
from tests.app.paging.test_engine import HangingChannel, message
from tests.app.paging.world import NIGHT, FakeChannel, Night, wait_until


class Prompt(FakeChannel):
    """One whose provider says what became of a message before the call that hands it over returns."""

    def __init__(self, night: Night, state: MessageState) -> None:
        super().__init__("sms")
        self.night, self.state = night, state
        self.handed = Handed(ref="SM1", receipt_within=timedelta(seconds=60))

    def send(self, outgoing: Outgoing, *, timeout_s: float) -> Handed:
        handed = super().send(outgoing, timeout_s=timeout_s)
        self.night.receipts.take("sms", [Receipt(message_id=outgoing.id, state=self.state, number=1)])
        return handed


def by_sms(state: MessageState) -> Night:
    night = Night({("person", "ann"): PERSON, ("policy", "default"): POLICY})
    night.channels["sms"] = Prompt(night, state)
    return night


PERSON: dict[str, Any] = {
    "contacts": [
        {"name": "sms", "channel": "sms", "address": "+4900"},
        {"name": "push", "channel": "push", "address": "push:x"},
    ],
    "rules": [{"use": "sms", "after": "0"}, {"use": "push", "after": "10m"}],
}
POLICY: dict[str, Any] = {"steps": [{"page": ["person/ann"], "after": "0"}], "repeat": 0, "last": "30m"}


def test_page_that_arrived_before_its_sending_was_noted_can_be_answered_from_its_address() -> None:
    night = by_sms(MessageState.DELIVERED)
    incident_id = night.page()

    said = night.receipts.take("sms", [Receipt(answer="acknowledge", to_address="+4900")])

    assert said == [f"You took {incident_id}. Nobody else is paged for it."]
    [page] = night.messages()
    assert (page.state, page.ref, page.handed_at) == (MessageState.DELIVERED, "SM1", NIGHT)
    assert night.moves() == ["delivered"]


def test_page_that_was_said_to_be_on_its_way_before_it_was_noted_still_awaits_its_receipt() -> None:
    night = by_sms(MessageState.HANDED)
    night.page()

    night.advance(timedelta(seconds=61))

    assert night.sent() == [("ann", "push"), ("ann", "sms")]


def claimed(night: Night, n_incidents: int) -> list[Message]:
    for n in range(n_incidents):
        night.paging.page(f"Checkout {n} is slow", who="eve", by="user:eve")
    return night.notifier.claim(limit=n_incidents)


class Away:
    """The store of a night, some of whose methods fail for as long as it is away."""

    def __init__(self, night: Night, *names: str) -> None:
        self.is_away, self.n_asked = True, 0
        for name in names:
            setattr(night.store, name, self._failing(getattr(night.store, name)))

    def _failing(self, method: Any) -> Any:
        def failing(*asked: Any, **named: Any) -> Any:
            if self.is_away:
                self.n_asked += 1
                raise StoreError("the database is away")
            return method(*asked, **named)

        return failing


def test_what_was_sent_is_noted_once_the_store_is_back_though_its_lease_ran_out_meanwhile() -> None:
    night = Night()
    messages = claimed(night, 10)
    noting = Noting(night.store, night.timelines, night.clock)
    noting.gather()
    away = Away(night, "commit")
    for one in messages:
        noting.soon(Note(message=one, state=MessageState.HANDED, fields={"handed_at": night.clock.now()}))
    assert not noting.write_waiting()
    night.clock.advance(LEASE + timedelta(seconds=20))
    assert not noting.write_waiting()

    away.is_away = False
    assert noting.write_waiting()

    assert night.notifier.claim(limit=10) == []


def test_note_for_which_others_write_too_often_is_written_later_and_not_given_up() -> None:
    night = Night()
    [page] = claimed(night, 1)
    noting = Noting(night.store, night.timelines, night.clock)
    noting.gather()
    commit, n_left = night.store.commit, 20

    def contended(changes: Changes) -> None:
        nonlocal n_left
        n_left -= 1
        if n_left > 0:
            raise ConflictError("somebody else appended first")
        commit(changes)

    night.store.commit = contended  # type: ignore[method-assign]
    noting.soon(Note(message=page, state=MessageState.HANDED))

    for _ in range(5):
        noting.write_waiting()

    assert night.store.messages([page.id])[page.id].state is MessageState.HANDED


def test_whoever_answers_while_alerts_keep_coming_to_the_incident_is_not_sent_away() -> None:
    night = Night()
    incident_id = night.page()
    commit, n_left = night.store.commit, 20

    def contended(changes: Changes) -> None:
        nonlocal n_left
        n_left -= 1
        if n_left >= 0:
            raise ConflictError("somebody else appended first")
        commit(changes)

    night.store.commit = contended  # type: ignore[method-assign]

    said = night.receipts.take("push", [Receipt(answer="acknowledge", to_address="push:x")])

    assert said == [f"You took {incident_id}. Nobody else is paged for it."]


def test_claimed_page_goes_out_though_the_store_cannot_be_asked_whether_it_is_still_needed() -> None:
    night = Night()
    [page] = claimed(night, 1)
    away = Away(night, "escalations")

    night.notifier.deliver(page)

    assert night.sent() == [("ann", "push")]
    away.is_away = False
    assert night.moves() == ["handed"]


def test_page_is_not_sent_once_asking_took_so_long_that_others_may_send_it() -> None:
    night = Night()
    [page] = claimed(night, 1)
    escalations, is_away = night.store.escalations, True

    def slow(incident_ids: Sequence[str]) -> dict[str, Escalation]:
        nonlocal is_away
        if not is_away:
            return escalations(incident_ids)
        is_away = False
        night.clock.advance(LEASE)
        raise StoreError(f"{incident_ids} cannot be looked up: the database is away")

    night.store.escalations = slow  # type: ignore[method-assign]
    night.notifier.deliver(page)

    assert night.sent() == []
    assert night.store.messages([page.id])[page.id].state is MessageState.QUEUED


def test_what_was_due_when_the_store_failed_is_done_as_soon_as_it_is_back() -> None:
    night = Night()
    incident_id = night.page()
    night.clock.advance(timedelta(minutes=5))
    away = Away(night, "commit", "escalations")
    with pytest.raises(StoreError):
        night.ticker.tick()

    night.clock.advance(timedelta(seconds=5))
    away.is_away = False
    night.work()

    assert ("bob", "push") in night.sent()
    assert night.paged(incident_id).count("bob") == 1


def test_what_another_engine_took_meanwhile_is_left_to_it() -> None:
    night = Night()
    done: list[tuple[str, str]] = []

    def ticker(by: str) -> Ticker:
        def handler(timers: Sequence[Timer], now: datetime) -> Changes:
            done.extend((by, one.subject) for one in timers)
            return Changes(timers=tuple(Timer(kind=one.kind, subject=one.subject, due_at=None) for one in timers))

        return Ticker(night.store, night.clock, {TimerKind.UPDATE: handler}, by=by)

    night.store.commit(Changes(timers=(Timer(kind=TimerKind.UPDATE, subject="a", due_at=NIGHT),)))
    one, other = ticker("one"), ticker("other")
    away = Away(night, "commit")
    with pytest.raises(StoreError):
        one.tick()
    away.is_away = False
    night.clock.advance(timedelta(seconds=20))

    assert other.tick() == 1
    done.clear()
    assert one.tick() == 0
    assert done == []


def test_engine_ends_soon_though_the_store_is_away_and_much_has_not_had_its_turn() -> None:
    night = Night()
    hanging = night.channels["push"] = HangingChannel("push")
    several = [message(f"p{n:03}", "push", message_class=MessageClass.NOTICE) for n in range(30)]
    night.store.commit(Changes(messages=tuple(several)))
    engine = Engine(
        night.store, night.clock, night.ticker, night.notifier, listening=Listening(night.clock.now()), n_senders=1
    )
    engine.start()
    wait_until(lambda: hanging.n_calls == 1)
    away = Away(night, "commit")

    def goes_on_at_the_end() -> None:
        wait_until(lambda: engine._senders._is_ending)
        hanging.goes_on.set()

    watching = threading.Thread(target=goes_on_at_the_end)
    watching.start()
    engine.stop()
    watching.join()

    assert len(hanging.sent) == 1
    assert away.n_asked < 8, "each of them waits until the store gives up"


def test_thread_that_cannot_be_started_leaves_its_messages_to_those_that_run(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str] = []
    senders = Senders(lambda one: sent.append(one.id), n_each=4)
    start, n_started = threading.Thread.start, 0

    def starting(thread: threading.Thread) -> None:
        nonlocal n_started
        n_started += 1
        if n_started < 3:
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", starting)
    for n in range(6):
        senders.submit(message(f"p{n}", "push"))

    wait_until(lambda: len(sent) == 6)
    assert senders.stop(within_s=5) == []


def test_channel_that_is_full_and_has_no_thread_gets_one_once_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str] = []
    senders = Senders(lambda one: sent.append(one.id), n_each=4)

    def refusing(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as while_short:
        while_short.setattr(threading.Thread, "start", refusing)
        for n in range(6):
            senders.submit(message(f"p{n}", "push"))
    full, _ = senders.room()
    assert full == ["push"]

    senders.wait_for_room(full, timeout_s=20)

    wait_until(lambda: len(sent) == 6)
    assert senders.stop(within_s=5) == []


def test_words_of_a_provider_that_no_store_keeps_do_not_have_a_page_sent_for_ever() -> None:
    night = Night()
    night.channels["push"].fault = RefusedError("no such topic \udcff", is_final=True)
    night.page()

    [first, *_] = [event for event in night.events() if isinstance(event, PageMoved)]
    assert first.state == "failed"
    assert first.because.encode()
