"""Threads that send, so many for each channel: a provider that hangs keeps nobody but its own messages waiting."""

import threading
from collections import Counter, deque
from collections.abc import Callable
from time import monotonic

from resile.model.message import Message

# Calls to the provider of one channel at one moment. Each may hang for as long as a call may take.
N_SENDERS = 16
# Taken beyond those that are being sent: as many as have their turn long before their lease runs out.
N_AHEAD = 8
# Channels that are told apart; messages to channels beyond these, which are not set up, wait for each other.
MAX_CHANNELS = 64


class Senders:
    """Hands messages to as many threads as each channel may have; threads start when they are needed first.

    Args:
        deliver: sends one; raises nothing.
        n_each: threads of one channel.
    """

    def __init__(self, deliver: Callable[[Message], None], *, n_each: int = N_SENDERS) -> None:
        self._deliver = deliver
        self._n_each = n_each
        self._changed = threading.Condition()
        self._waiting: dict[str, deque[Message]] = {}
        self._at_work: Counter[str] = Counter()
        self._threads: dict[str, list[threading.Thread]] = {}
        self._is_ending = False

    def room(self) -> tuple[list[str], int]:
        """Channels of which no more is to be taken now, and how many messages of any others are."""
        with self._changed:
            taken = {name: self._at_work[name] + len(waiting) for name, waiting in self._waiting.items()}
        full = sorted(name for name, n_taken in taken.items() if n_taken > self._n_each)
        most = max((n_taken for name, n_taken in taken.items() if name not in full), default=0)
        # Were all of them for the channel that has the most, it would be full, and no more than that.
        return full, self._n_each + N_AHEAD - most

    def submit(self, message: Message) -> None:
        """Send it when its turn comes."""
        with self._changed:
            name = message.channel if message.channel in self._waiting or len(self._waiting) < MAX_CHANNELS else ""
            self._waiting.setdefault(name, deque()).append(message)
            threads = self._threads.setdefault(name, [])
            if len(threads) < min(self._n_each, self._at_work[name] + len(self._waiting[name])):
                threads.append(threading.Thread(target=self._run, args=(name,), name=f"send {name}", daemon=True))
                threads[-1].start()
            self._changed.notify_all()

    def _run(self, name: str) -> None:
        waiting = self._waiting[name]
        while True:
            with self._changed:
                self._changed.wait_for(lambda: waiting or self._is_ending)
                if self._is_ending:
                    return
                message = waiting.popleft()
                self._at_work[name] += 1
            try:
                self._deliver(message)
            finally:
                with self._changed:
                    self._at_work[name] -= 1

    def stop(self, *, within_s: float) -> list[Message]:
        """End with what is being sent, waiting no longer than so; those that have not had their turn."""
        with self._changed:
            self._is_ending = True
            left = [message for waiting in self._waiting.values() for message in waiting]
            threads = [thread for its in self._threads.values() for thread in its]
            self._changed.notify_all()
        ends_at = monotonic() + within_s
        for thread in threads:
            thread.join(timeout=max(ends_at - monotonic(), 0.0))
        return left
