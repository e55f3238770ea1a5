"""Rooms in chat programs are tended for as long as the server runs, in threads of their own: paging waits for none."""

import threading
from typing import Protocol

import structlog

from resile.app.chat_wanted import Wanted
from resile.model.errors import StoreError
from resile.ports.timeline_store import TimelineStore

# Rooms tended in one turn, after which what happened meanwhile is looked at.
AT_ONCE = 20
_LOOK_EVERY_S = 0.5
# What is under way may be broken off at any point; pages that are under way are not to lose their time to end by it.
_ENDS_WITHIN_S = 1.0
_FIRST_REST_S, _LAST_REST_S = 1.0, 30.0
_log = structlog.get_logger()


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


class Chatting:
    """The thread of one chat program."""

    def __init__(self, chat: Chat, timelines: TimelineStore) -> None:
        self._chat = chat
        self._timelines = timelines
        self._is_ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="chat", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End after the room that is being tended, unless that takes long."""
        self._is_ending.set()
        self._thread.join(timeout=_ENDS_WITHIN_S)

    def _run(self) -> None:
        rest_s = _FIRST_REST_S
        while not self._is_ending.is_set():
            try:
                if not chat_step(self._chat):
                    self._timelines.wait(self._chat.wanted.seq, _LOOK_EVERY_S)
                rest_s = _FIRST_REST_S
            except StoreError as error:
                _log.error("chat waits for the store", error=str(error), again_in_s=rest_s)
                self._is_ending.wait(rest_s)
                rest_s = min(2 * rest_s, _LAST_REST_S)
            except Exception as error:  # noqa: BLE001 - a thread that ends would tend no room, unseen
                _log.error("chat failed", exc_info=error, again_in_s=rest_s)
                self._is_ending.wait(rest_s)
                rest_s = min(2 * rest_s, _LAST_REST_S)
