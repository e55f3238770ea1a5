"""Waiting for what somebody of the same process commits."""

import threading


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
