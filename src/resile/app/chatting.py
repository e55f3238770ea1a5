"""Rooms in chat programs are tended for as long as the server runs, in threads of their own: paging waits for none."""

from functools import partial
from typing import Protocol

from resile.app.chat_wanted import Wanted
from resile.app.following import Following
from resile.ports.timeline_store import TimelineStore

# Rooms tended in one turn, after which what happened meanwhile is looked at.
AT_ONCE = 20
_LOOK_EVERY_S = 0.5
# What is under way may be broken off at any point; pages that are under way are not to lose their time to end by it.
_ENDS_WITHIN_S = 1.0


class Tending(Protocol):
    """Tends rooms, one after the other."""

    def tend_next(self) -> bool:
        """Tend the one that is due the longest; False: none is."""
        ...


class Chat(Protocol):
    """A chat program."""

    @property
    def wanted(self) -> Wanted:
        """Which incidents it hears of."""
        ...

    @property
    def rooms(self) -> Tending:
        """Its rooms."""
        ...


def chat_step(chat: Chat) -> bool:
    """Look at what happened, and tend what is due; whether there may be more.

    Raises:
        StoreError: the stores cannot be read or written; what was not done is done later.
    """
    n_seen = chat.wanted.step()
    n_tended = 0
    while n_tended < AT_ONCE and chat.rooms.tend_next():
        n_tended += 1
    return n_seen > 0 or n_tended == AT_ONCE


class Chatting(Following):
    """The thread of one chat program."""

    def __init__(self, chat: Chat, timelines: TimelineStore) -> None:
        super().__init__(
            "chat",
            partial(chat_step, chat),
            lambda most_s: timelines.wait(chat.wanted.seq, most_s),
            looks_every_s=_LOOK_EVERY_S,
            ends_within_s=_ENDS_WITHIN_S,
        )
