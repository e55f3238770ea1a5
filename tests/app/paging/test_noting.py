"""Notes: several are one commit, one at fault spoils none of the others, and a store that is away is waited for."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from resile.app import noting as noting_room
from resile.app.notify import LEASE
from resile.app.noting import MOST_WAITING, Note, Noting
from resile.model.errors import StoreError
from resile.model.event import PageMoved
from resile.model.message import Message, MessageState
from resile.ports.paging_store import Changes
from tests.app.paging.world import Night, wait_until


@pytest.fixture
def night() -> Night:
    return Night()


def claimed(night: Night, n_incidents: int) -> list[Message]:
    for n in range(n_incidents):
        night.paging.page(f"Checkout {n} is slow", who="eve", by="user:eve")
    return night.notifier.claim(limit=n_incidents)


def gathering(night: Night) -> Noting:
    noting = Noting(night.store, night.timelines, night.clock)
    noting.gather()
    return noting


def handed(night: Night, message: Message) -> Note:
    return Note(message=message, state=MessageState.HANDED, fields={"handed_at": night.clock.now()})


def on_commit(night: Night, act: Callable[[Changes], None]) -> list[Changes]:
    """What is committed from now on, once `act` was called with it."""
    commits: list[Changes] = []
    commit = night.store.commit

    def acting(changes: Changes) -> None:
        act(changes)
        commit(changes)
        commits.append(changes)

    night.store.commit = acting  # type: ignore[method-assign]
    return commits


def states(night: Night, messages: list[Message]) -> list[MessageState]:
    found = night.store.messages([one.id for one in messages])
    return [found[one.id].state for one in messages]


def n_told(night: Night, message: Message) -> int:
    timeline = night.timelines.read(message.incident_id or "")
    return sum(isinstance(one, PageMoved) and one.message_id == message.id for one in timeline)


def test_all_that_wait_are_one_commit_and_each_timeline_tells_of_its_own(night: Night) -> None:
    messages, noting = claimed(night, 5), gathering(night)
    commits = on_commit(night, lambda _: None)
    for one in messages:
        noting.soon(handed(night, one))
    assert commits == []

    assert noting.write_waiting()

    assert len(commits) == 1
    assert states(night, messages) == 5 * [MessageState.HANDED]
    assert [n_told(night, one) for one in messages] == 5 * [1]


def test_two_pages_of_one_incident_are_told_together(night: Night) -> None:
    night.paging.page("Checkout is slow", who="eve", by="user:eve")
    night.work()
    night.advance(timedelta(minutes=5))
    [incident_id] = {one.incident_id for one in night.store.recent_messages()}
    noting = gathering(night)
    pages = night.store.messages_of([incident_id or ""])
    assert len(pages) > 1

    for one in pages:
        noting.soon(Note(message=one, state=MessageState.DELIVERED, fields={"delivered_at": night.clock.now()}))

    assert noting.write_waiting()
    assert states(night, pages) == len(pages) * [MessageState.DELIVERED]


def test_where_somebody_was_quicker_with_one_the_others_are_written_all_the_same(night: Night) -> None:
    messages, noting = claimed(night, 3), gathering(night)
    for one in messages:
        noting.soon(handed(night, one))
    receipt = Note(message=messages[1], state=MessageState.DELIVERED, fields={"delivered_at": night.clock.now()})
    Noting(night.store, night.timelines, night.clock).write(receipt)

    assert noting.write_waiting()

    assert states(night, messages) == [MessageState.HANDED, MessageState.DELIVERED, MessageState.HANDED]
    assert [n_told(night, one) for one in messages] == [1, 1, 1]


def test_one_that_cannot_be_written_spoils_none_of_the_others_and_is_let_go_in_the_end(night: Night) -> None:
    messages, noting = claimed(night, 4), gathering(night)

    def refuse(changes: Changes) -> None:
        if any(one.id == messages[0].id for one in changes.messages):
            raise StoreError("half of a surrogate pair")

    on_commit(night, refuse)
    for one in messages:
        noting.soon(handed(night, one))

    assert not noting.write_waiting()
    assert states(night, messages) == [MessageState.SENDING, *3 * [MessageState.HANDED]]

    night.clock.advance(LEASE + noting_room._KEPT_AFTER_LEASE)
    assert noting.write_waiting()
    assert noting.write_waiting()
    assert states(night, messages)[0] is MessageState.SENDING


def test_store_that_was_away_is_told_when_it_is_back_and_nothing_is_sent_twice(night: Night) -> None:
    messages, noting = claimed(night, 10), gathering(night)
    n_tries, is_away = 0, True

    def away(_: Changes) -> None:
        nonlocal n_tries
        if is_away:
            n_tries += 1
            raise StoreError("the database is away")

    on_commit(night, away)
    for one in messages:
        noting.soon(handed(night, one))

    assert not noting.write_waiting()
    assert n_tries == 3, "each of them waits until the store gives up: not all are tried"

    is_away = False
    assert noting.write_waiting()
    assert states(night, messages) == 10 * [MessageState.HANDED]
    night.clock.advance(LEASE)
    assert night.notifier.claim(limit=10) == []


def test_who_sends_waits_while_too_much_is_to_be_noted_and_what_waits_is_written_at_the_end(night: Night) -> None:
    messages = claimed(night, MOST_WAITING + 1)
    noting = Noting(night.store, night.timelines, night.clock)
    goes_on = threading.Event()
    on_commit(night, lambda _: None if goes_on.wait(30) else pytest.fail("it never went on"))
    noting.start()

    def send_all(some: list[Any]) -> None:
        for one in some:
            noting.soon(handed(night, one))

    sending = threading.Thread(target=send_all, args=([*messages, *messages[:1] * MOST_WAITING],))
    sending.start()
    wait_until(lambda: len(noting._waiting) == MOST_WAITING)
    assert sending.is_alive()

    goes_on.set()
    sending.join()
    noting.stop(within_s=30)
    assert states(night, messages) == (MOST_WAITING + 1) * [MessageState.HANDED]
    assert n_told(night, messages[0]) == 1


def test_page_that_waits_again_when_somebody_acknowledges_at_that_moment_is_called_off(night: Night) -> None:
    [message] = claimed(night, 1)
    noting = Noting(night.store, night.timelines, night.clock)
    again = {"due_at": night.clock.now() + timedelta(minutes=1), "n_tries": 2}
    refused = Note(message=replace(message, n_tries=2), state=MessageState.QUEUED, because="busy", fields=again)
    meanwhile = [lambda: noting.write(refused)]

    def write_meanwhile(changes: Changes) -> None:
        if changes.escalations and meanwhile:
            meanwhile.pop()()

    on_commit(night, write_meanwhile)
    night.paging.acknowledge(message.incident_id or "", who="ann", by="user:ann")

    assert meanwhile == []
    assert states(night, [message]) == [MessageState.CANCELLED]
