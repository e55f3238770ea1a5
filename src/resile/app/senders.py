"""Threads that send, so many for each channel: a provider that hangs keeps nobody but its own messages waiting."""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from time import monotonic

import structlog

from resile.model.message import Message

# Calls to the provider of one channel at one moment. Each may hang for as long as a call may take.
N_SENDERS = 16
# Taken beyond those that are being sent: no more than have their turn when each of these calls has hung for as long as
# it may, and so before their lease runs out.
N_AHEAD = 16
# Channels that are told apart; messages to channels beyond these, which are not set up, wait for each other.
MAX_CHANNELS = 64
_log = structlog.get_logger()


class Senders:
    """Hands messages to as many threads as each channel may have; threads start when they are needed first.

    Args:
        deliver: sends one; raises nothing.
        n_each: threads of one channel.
    """

    def __init__(self, deliver: Callable[[Message], None], *, n_each: int = N_SENDERS) -> None:
        self._deliver = deliver
        self._n_each = n_each
        self._guard = threading.Lock()
        self._has_room = threading.Condition(self._guard)
        self._lanes: dict[str, _Lane] = {}
        self._is_ending = False

    def room(self) -> tuple[list[str], int]:
        """Channels of which no more is to be taken now, and how many messages of any others are."""
        with self._guard:
            taken = {name: lane.n_at_work + len(lane.waiting) for name, lane in self._lanes.items()}
        full = sorted(name for name, n_taken in taken.items() if n_taken > self._n_each)
        most = max((n_taken for name, n_taken in taken.items() if name not in full), default=0)
        # Were all of them for the channel that has the most, it would be full, and no more than that.
        return full, self._n_each + N_AHEAD - most

    def wait_for_room(self, channels: Sequence[str], *, timeout_s: float) -> None:
        """Block until nothing waits for its turn at one of these channels, or so long."""
        with self._guard:
            for name in channels:
                lane = self._lanes.get(name)
                if lane is not None and lane.waiting and not lane.threads:
                    self._begin(lane, name)
            lanes = [self._lanes[name] for name in channels if name in self._lanes]
            self._has_room.wait_for(lambda: self._is_ending or not all(lane.waiting for lane in lanes), timeout_s)

    def submit(self, message: Message) -> None:
        """Send it when its turn comes."""
        with self._guard:
            name = message.channel if message.channel in self._lanes or len(self._lanes) < MAX_CHANNELS else ""
            lane = self._lanes.get(name)
            if lane is None:
                lane = self._lanes[name] = _Lane(self._guard)
            lane.waiting.append(message)
            if len(lane.threads) < min(self._n_each, lane.n_at_work + len(lane.waiting)):
                self._begin(lane, name)
            lane.changed.notify()

    def _begin(self, lane: "_Lane", name: str) -> None:
        """One thread more; where the machine has none to give, those that run do it, or one that begins later."""
        thread = threading.Thread(target=self._run, args=(lane,), name=f"send {name}", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:
            if not lane.is_short:
                _log.error("no thread to send with", channel=name, n=len(lane.threads), error=str(error))
            lane.is_short = True
            return
        lane.is_short = False
        lane.threads.append(thread)

    def _run(self, lane: "_Lane") -> None:
        while True:
            with self._guard:
                lane.changed.wait_for(lambda: lane.waiting or self._is_ending)
                if self._is_ending:
                    return
                message = lane.waiting.popleft()
                lane.n_at_work += 1
                if not lane.waiting:
                    self._has_room.notify_all()
            try:
                self._deliver(message)
            finally:
                with self._guard:
                    lane.n_at_work -= 1

    def stop(self, *, within_s: float) -> list[Message]:
        """End with what is being sent, waiting no longer than so; those that have not had their turn."""
        with self._guard:
            self._is_ending = True
            lanes = list(self._lanes.values())
            left = [message for lane in lanes for message in lane.waiting]
            for lane in lanes:
                lane.changed.notify_all()
            self._has_room.notify_all()
        ends_at = monotonic() + within_s
        for lane in lanes:
            for thread in lane.threads:
                thread.join(timeout=max(ends_at - monotonic(), 0.0))
        return left


class _Lane:
    """What is sent, and waits to be, through one channel.

    Attributes:
        is_short: the machine had no thread to give when one was asked for last.
    """

    def __init__(self, guard: threading.Lock) -> None:
        self.changed = threading.Condition(guard)
        self.waiting: deque[Message] = deque()
        self.threads: list[threading.Thread] = []
        self.n_at_work = 0
        self.is_short = False
