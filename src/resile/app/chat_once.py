"""What people ask for in a chat is done once, however often it is told, also after a crash and by another process."""

import hashlib
from collections.abc import Callable
from datetime import timedelta

from resile.model.errors import ResileError
from resile.ports.chat_book import ChatBook
from resile.ports.clock import Clock

# Longer than any signature holds, and than a chat program tells something again.
KEPT = timedelta(hours=1)
ALREADY = "That was asked for already; look at the incident for what came of it."


class Once:
    """Remembers what was asked for, and what was answered, in the database.

    Args:
        program: which chat program asks.
    """

    def __init__(self, book: ChatBook, clock: Clock, program: str) -> None:
        self._book = book
        self._clock = clock
        self._program = program

    def do(self, asked: tuple[str, ...], work: Callable[[], str]) -> str:
        """Do it, or say again what was said when it was done.

        What fails because resile refuses it, or cannot write, may be asked for again. What breaks off in any other way,
        as by a crash, may have been done: it is not done again.

        Args:
            asked: what is the same whenever the same is told.
        """
        key = hashlib.sha256("\0".join(asked).encode("utf-8", "replace")).hexdigest()[:40]
        now = self._clock.now()
        before = self._book.begin(self._program, key, at=now, forget_before=now - KEPT)
        if before is not None:
            return before or ALREADY
        try:
            said = work()
        except ResileError:
            self._book.forget_begun(self._program, key)
            raise
        self._book.note_answer(self._program, key, said)
        return said
