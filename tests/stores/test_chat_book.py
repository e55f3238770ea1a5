"""Rooms are written down once, held by one process at a time, and woken by what happens meanwhile."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from resile.model.chat import ChatRoom, Heard, HeardKind, Member
from resile.model.errors import ConflictError
from resile.stores.chat_book import SqlChatBook
from resile.stores.engine import connect_postgresql, connect_sqlite

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture(params=["sqlite", "postgresql"])
def book(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SqlChatBook]:
    if request.param == "sqlite":
        database = connect_sqlite(request.getfixturevalue("fresh_data")(tmp_path))
    else:
        database = connect_postgresql(request.getfixturevalue("fresh_postgresql_url"))
    yield SqlChatBook(database)
    database.close()


def room(incident_id: str = "INC-1", **more: Any) -> ChatRoom:
    fields = {"program": "slack", "incident_id": incident_id, "wanted_by": "resile", "due_at": NOW, **more}
    return ChatRoom(**fields)


def heard(n: int, ref: str = "C1") -> Heard:
    told = {"program": "slack", "room": ref, "message": f"{n}.0", "kind": HeardKind.SAID, "at": NOW, "heard_at": NOW}
    return Heard(id=f"Ev{n}", text=f"Number {n}", **told)  # type: ignore[arg-type]


def claim(book: SqlChatBook, now: datetime = NOW, by: str = "one") -> Any:
    return book.claim("slack", now=now, until=now + MINUTE, by=by)


def test_a_room_is_wanted_once(book: SqlChatBook) -> None:
    assert book.want(room())
    assert not book.want(room(wanted_by="user:ann"))

    assert [one.wanted_by for one in book.rooms("slack")] == ["resile"]
    assert book.rooms("teams") == []


def test_a_room_is_held_by_one_until_its_hold_ends(book: SqlChatBook) -> None:
    book.want(room())
    held = claim(book)
    assert held.room == room()
    assert claim(book, by="two") is None
    assert book.next_at("slack") == NOW + MINUTE

    again = claim(book, NOW + MINUTE, by="two")
    assert again.room == room()
    with pytest.raises(ConflictError):
        book.keep(held, room(ref="C1"), until=NOW + 2 * MINUTE)
    with pytest.raises(ConflictError):
        book.give_back(held, room(ref="C1"))
    book.give_back(again, room(ref="C2", due_at=None))

    assert book.room("slack", "INC-1") == room(ref="C2", due_at=None)
    assert book.room_called("slack", "C2") is not None
    assert (book.room_called("slack", "C1"), book.next_at("slack")) == (None, None)


def test_a_room_that_is_woken_while_it_is_held_is_due_still(book: SqlChatBook) -> None:
    book.want(room())
    held = book.keep(claim(book), room(ref="C1"), until=NOW + MINUTE)
    book.wake("slack", ["INC-1", "INC-2"], now=NOW + MINUTE)

    book.give_back(held, room(ref="C1", due_at=None))

    assert claim(book).room.ref == "C1"


def test_a_room_that_is_put_off_is_not_hurried_by_what_happens(book: SqlChatBook) -> None:
    book.want(room())
    held = claim(book)
    later = NOW + 5 * MINUTE
    book.give_back(held, room(ref="C1", due_at=later, n_faults=1))

    book.wake("slack", ["INC-1"], now=NOW + MINUTE)

    assert book.next_at("slack") == later
    book.ask_again("slack", "INC-1", by="user:ann", now=NOW + MINUTE)
    assert claim(book, NOW + MINUTE).room.n_faults == 0


def test_the_room_that_is_due_the_longest_comes_first(book: SqlChatBook) -> None:
    for n in (3, 1, 2):
        book.want(room(f"INC-{n}", due_at=NOW - n * MINUTE))

    assert [claim(book, by=str(n)).room.incident_id for n in range(3)] == ["INC-3", "INC-2", "INC-1"]


def test_what_is_heard_in_our_rooms_wakes_them_and_the_same_twice_counts_once(book: SqlChatBook) -> None:
    book.want(room(ref="C1", due_at=None, made_at=NOW))
    book.hear([heard(1), heard(2), heard(1), heard(3, ref="C2")])

    entries = book.heard("slack", "C1")
    assert [one.heard for one in entries] == [heard(1), heard(2)]
    assert book.heard("slack", "C2") == []
    assert book.next_at("slack") == NOW
    book.forget_heard([one.seq for one in entries])
    assert book.heard("slack", "C1") == []


def test_rooms_made_lately_are_counted(book: SqlChatBook) -> None:
    for n in range(3):
        book.want(room(f"INC-{n}", ref=f"C{n}", made_at=NOW - n * MINUTE))

    assert book.n_made_since("slack", NOW - MINUTE) == 2


def test_a_member_is_remembered_as_they_were_told_last(book: SqlChatBook) -> None:
    ann = Member(program="slack", id="U1", name="ann", email="ann@example.org", looked_at=NOW)
    book.note_member(ann)
    book.note_member(replace(ann, name="Ann"))

    assert book.member("slack", "U1") == replace(ann, name="Ann")
    assert book.member("slack", "U2") is None


def test_what_was_asked_for_is_begun_once_and_forgotten_in_time(book: SqlChatBook) -> None:
    assert book.begin("slack", "k", at=NOW, forget_before=NOW - MINUTE) is None
    assert book.begin("slack", "k", at=NOW, forget_before=NOW - MINUTE) == ""
    assert book.begin("teams", "k", at=NOW, forget_before=NOW - MINUTE) is None
    book.note_answer("slack", "k", "done")
    assert book.begin("slack", "k", at=NOW, forget_before=NOW) == "done"

    assert book.begin("slack", "k", at=NOW + MINUTE, forget_before=NOW + MINUTE) is None
    book.forget_begun("slack", "k")
    assert book.begin("slack", "k", at=NOW, forget_before=NOW) is None
