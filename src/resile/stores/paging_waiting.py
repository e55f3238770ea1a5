"""Waiting for what somebody of the same process commits."""

import threading

from resile.model.message import MessageState
from resile.ports.paging_store import Changes


class Committed:
    """Counts commits, and wakes those who wait for the next one."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._n_commits = 0
        self._seen = threading.local()

    def tell(self) -> None:
        """Something was committed."""
        with self._changed:
            self._n_commits += 1
            self._changed.notify_all()

    def wait(self, timeout_s: float) -> None:
        """Block until the next commit, or return at once if there was one since this thread waited last."""
        seen = getattr(self._seen, "n_commits", 0)
        with self._changed:
            self._changed.wait_for(lambda: self._n_commits > seen, timeout_s)
            self._seen.n_commits = self._n_commits


def wakes(changes: Changes) -> bool:
    """Whether something may be due by it that was not before: what was merely taken away or concluded wakes nobody."""
    return any(timer.due_at is not None for timer in changes.timers) or any(
        message.state is MessageState.QUEUED for message in changes.messages
    )
