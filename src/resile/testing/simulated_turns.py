"""Whose turn it is to be sent: as in app/senders.py, with strands of a simulation in the place of its threads."""

from collections import Counter, deque
from collections.abc import Callable

from resile.app import senders
from resile.model.message import Message


class Turns:
    """Messages that were claimed: of each channel so many are being sent at once, and the others wait.

    Args:
        begin: begins to send one; whoever does calls `ended` afterwards.
    """

    def __init__(self, begin: Callable[[Message], None]) -> None:
        self._begin = begin
        self._n_each = senders.N_SENDERS
        self._waiting: dict[str, deque[Message]] = {}
        self._at_work: Counter[str] = Counter()
        self._is_closed = False

    def room(self) -> tuple[list[str], int]:
        """Channels of which no more is to be taken now, and how many messages of any others are."""
        taken = {name: self._at_work[name] + len(waiting) for name, waiting in self._waiting.items()}
        full = sorted(name for name, n_taken in taken.items() if n_taken > self._n_each)
        most = max((n_taken for name, n_taken in taken.items() if name not in full), default=0)
        return full, self._n_each + senders.N_AHEAD - most

    def submit(self, message: Message) -> None:
        """Send it when its turn comes."""
        self._waiting.setdefault(message.channel, deque()).append(message)
        self._next(message.channel)

    def ended(self, message: Message) -> None:
        """It was sent, or given back."""
        self._at_work[message.channel] -= 1
        self._next(message.channel)

    def _next(self, name: str) -> None:
        waiting = self._waiting[name]
        if waiting and self._at_work[name] < self._n_each and not self._is_closed:
            self._at_work[name] += 1
            self._begin(waiting.popleft())

    def close(self) -> None:
        """The process died: those that wait are forgotten."""
        self._is_closed = True
