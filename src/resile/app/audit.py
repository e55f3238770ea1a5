"""The audit, and the heartbeat that goes out as long as it passes: whoever waits for it notices that resile is gone.

A heartbeat that went out whatever happens inside would say that a process exists. This one says that pages go out.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path

import structlog

from resile.app.room import short_of_room
from resile.app.standing import OVERDUE_AFTER
from resile.channels.http_client import HttpClient, taken
from resile.channels.outward import Outward
from resile.model.errors import DeliveryError, StoreError
from resile.ports.clock import Clock
from resile.ports.journal import Journal
from resile.ports.paging_store import PagingStore

# A loop of the engine turns every half second; while the store fails, every three, and however long that takes to fail.
SILENT_FOR_S = 30.0
CALL_WITHIN_S = 10.0
_LOOPS = ("ticking", "sending")
_log = structlog.get_logger()


class Audit:
    """Looks whether everything that was promised is being done.

    Args:
        silent_s: of each loop of the engine, how many seconds ago it turned last.
        folder: where the journal is.
    """

    def __init__(
        self,
        store: PagingStore,
        journal: Journal,
        clock: Clock,
        *,
        silent_s: Callable[[], Mapping[str, float]],
        folder: Path,
    ) -> None:
        self._store = store
        self._journal = journal
        self._clock = clock
        self._silent_s = silent_s
        self._folder = folder

    def troubles(self) -> list[str]:
        """Why it does not pass, one clause each, the same as long as the trouble is; empty: it passes."""
        silent = self._silent_s()
        found = [f"the {loop} loop stands still" for loop in _LOOPS if silent.get(loop, SILENT_FOR_S) >= SILENT_FOR_S]
        if short_of_room(self._folder):
            # On a quiet night nothing is late, and yet no alert could be taken in.
            found.append("the disk is nearly full")
        try:
            return found + self._overdue()
        except StoreError as error:
            return [*found, f"the stores cannot be read ({error})"]

    def _overdue(self) -> list[str]:
        """What is due for too long. Pages that nobody needs any more, and timers that somebody holds, do not count."""
        late = self._clock.now() - OVERDUE_AFTER
        timer_at, message_at = self._store.next_timer_at(), self._store.next_message_at()
        waiting = self._journal.waiting(limit=1)
        is_due = {
            "a timer is overdue": timer_at is not None and timer_at < late,
            "a message is overdue": message_at is not None and message_at < late,
            "the journal does not move": bool(waiting) and waiting[0].delivery.received_at < late,
        }
        return [words for words, is_so in is_due.items() if is_so]


class OutwardHeartbeat:
    """Calls an address again and again, as long as the audit passes.

    Args:
        troubles: why it must not be called now.
        call: calls it; raises DeliveryError.
    """

    def __init__(self, troubles: Callable[[], Sequence[str]], call: Callable[[], None], *, every: timedelta) -> None:
        self._troubles = troubles
        self._call = call
        self._every_s = every.total_seconds()
        self._said: list[str] = []
        self._is_ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End; a call that is under way is left to itself."""
        self._is_ending.set()

    def _run(self) -> None:
        while not self._is_ending.is_set():
            self.beat()
            self._is_ending.wait(self._every_s)

    def beat(self) -> bool:
        """Call it, if the audit passes; whether it was called and answered. Never fails."""
        try:
            troubles = [*self._troubles()]
            if not troubles:
                self._call()
        except DeliveryError as error:
            troubles = [str(error)]
        except Exception as error:  # noqa: BLE001 - a thread that ends would raise an alarm for nothing, and for ever
            _log.error("heartbeat failed", exc_info=error)
            troubles = [f"the heartbeat has a fault ({type(error).__name__})"]
        self._say(troubles)
        return not troubles

    def _say(self, troubles: list[str]) -> None:
        """Once for as long as it is the same: it is looked every few seconds."""
        if troubles != self._said:
            if troubles:
                _log.error("heartbeat held back", why=troubles)
            else:
                _log.info("heartbeat goes out again")
        self._said = troubles


def caller_of(url: str, *, allowed: Sequence[str]) -> Callable[[], None]:
    """What calls an address; guarded as every address outside is.

    Args:
        allowed: what of our own network may be reached; see Outward.

    Raises:
        ConfigError: it is no address, or leads inside our own network.
    """
    http = HttpClient(Outward(allowed))
    http.outward.check(url, "the heartbeat's address")

    def call() -> None:
        answer = http.ask("GET", url, provider="the heartbeat's address", timeout_s=CALL_WITHIN_S, is_typed=True)
        taken(answer, "the heartbeat's address", ours="heartbeat.url")

    return call
