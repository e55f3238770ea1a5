"""Where it is written which rooms of chat programs belong to which incidents, and what was heard there."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from msgspec import Struct

from resile.model.chat import ChatRoom, Heard, Member


class HeardEntry(Struct, frozen=True):
    """Something heard that is not in the timeline yet; `seq` is its place, rising in order of arrival."""

    seq: int
    heard: Heard


class Held(Struct, frozen=True, kw_only=True):
    """A room at which one process is at work; `n_wakes` tells whether something happened meanwhile."""

    room: ChatRoom
    by: str
    n_wakes: int


class ChatBook(Protocol):
    """The book. Instances may be used from several threads; every method may raise StoreError."""

    def want(self, room: ChatRoom) -> bool:
        """Write a room down that is to be made, due at once; False: there is one of that program and incident."""
        ...

    def wake(self, program: str, incident_ids: Sequence[str], *, now: datetime) -> None:
        """Have the rooms of these incidents, where there are any, looked at; one that is put off is not hurried."""
        ...

    def ask_again(self, program: str, incident_id: str, *, by: str, now: datetime) -> None:
        """Have a room that was left, or is not made yet, be made whole at once, because somebody says so."""
        ...

    def claim(self, program: str, *, now: datetime, until: datetime, by: str) -> Held | None:
        """The room that is due the longest and that nobody holds; held by `by` until then. None: none is due."""
        ...

    def keep(self, held: Held, room: ChatRoom, *, until: datetime) -> Held:
        """Write down how far it has come, and go on holding it until then.

        Raises:
            ConflictError: it is not held by us any more; nothing was written.
        """
        ...

    def give_back(self, held: Held, room: ChatRoom) -> None:
        """Write down how far it has come, and hold it no longer; due at `room.due_at`, or at once if it was woken.

        Raises:
            ConflictError: it is not held by us any more; nothing was written.
        """
        ...

    def room(self, program: str, incident_id: str) -> ChatRoom | None:
        """The room of an incident."""
        ...

    def room_called(self, program: str, ref: str) -> ChatRoom | None:
        """The room that the program calls so."""
        ...

    def rooms(self, program: str, *, limit: int = 100) -> list[ChatRoom]:
        """The one wanted last first."""
        ...

    def n_made_since(self, program: str, since: datetime) -> int:
        """How many rooms were made since then."""
        ...

    def next_at(self, program: str) -> datetime | None:
        """When the next room is due that nobody holds, or the next hold ends; None: there is none."""
        ...

    def hear(self, heard: Sequence[Heard]) -> None:
        """Write down what was heard in rooms that are ours, and have these looked at; the same twice counts once."""
        ...

    def heard(self, program: str, ref: str, *, limit: int = 200) -> list[HeardEntry]:
        """What was heard in a room and is not in the timeline yet, in order of arrival."""
        ...

    def forget_heard(self, seqs: Sequence[int]) -> None:
        """It is in the timeline now."""
        ...

    def begin(self, program: str, key: str, *, at: datetime, forget_before: datetime) -> str | None:
        """Write down that something asked for is about to be done; None: it never was.

        Where it was: what was answered, empty where nobody knows. What was begun before `forget_before` is forgotten.
        """
        ...

    def note_answer(self, program: str, key: str, said: str) -> None:
        """It is done, and this was answered."""
        ...

    def forget_begun(self, program: str, key: str) -> None:
        """It was not done."""
        ...

    def member(self, program: str, member_id: str) -> Member | None:
        """Somebody, as they were told last."""
        ...

    def note_member(self, member: Member) -> None:
        """Remember them, in place of what was told before."""
        ...
