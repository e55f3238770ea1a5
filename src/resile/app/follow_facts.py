"""Derives facts in a process of its own while a long import goes on in another, so that both cores have work.

`python -m resile.app.follow_facts PORTION_EVENTS` reads the settings as JSON from its first line of standard input, and
ends when that closes. Whatever it does not get done, or breaks at, is derived by the import itself at its end.
"""

import subprocess
import sys
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self

from resile.app.settings import Settings, read_in_process, written_for_process
from resile.app.wiring import open_resile

# Shorter imports are over before a second process has started.
WORTHWHILE_INCIDENTS = 50_000
# So large a portion makes files of facts that need not be merged with others later.
PORTION_EVENTS = 400_000
_PAUSE_S = 1.0
_END_WITHIN_S = 600.0


class FactsFollower:
    """Starts the process once so many incidents were stored that it is worth it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._n_stored = 0
        self._process: subprocess.Popen[bytes] | None = None

    def stored(self, n_incidents: int) -> None:
        """Hear that a batch was stored."""
        self._n_stored += n_incidents
        if self._process is None and self._n_stored >= WORTHWHILE_INCIDENTS:
            # No process to be had, or one that was killed at once: the import derives the facts itself.
            with suppress(OSError):
                self._start()

    def _start(self) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - our own module, and a number
            [sys.executable, "-m", "resile.app.follow_facts", str(PORTION_EVENTS)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        assert self._process.stdin is not None  # noqa: S101 - it is a pipe
        self._process.stdin.write(written_for_process(self._settings))
        self._process.stdin.flush()

    def close(self) -> None:
        """Let the process finish what it is at; what is left is derived by whoever asks next."""
        if self._process is None:
            return
        try:
            self._process.communicate(timeout=_END_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def main() -> None:
    """Refresh the facts whenever there is a portion of new events, until standard input closes."""
    portion_events = int(sys.argv[1])
    settings = read_in_process(sys.stdin.readline())
    is_over = threading.Event()

    def listen() -> None:
        sys.stdin.read()
        is_over.set()

    threading.Thread(target=listen, daemon=True).start()
    with open_resile(settings) as resile:
        done = 0
        while not is_over.wait(_PAUSE_S):
            if (last := resile.timelines.last_seq()) >= done + portion_events:
                resile.facts.refresh()
                done = last


if __name__ == "__main__":
    main()
