"""The engine of paging for as long as the server runs: one thread lets time pass, one hands out messages to many."""

import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from time import monotonic

import structlog

from resile.app.listening import Listening
from resile.app.notify import Notifier
from resile.app.senders import N_SENDERS, Senders
from resile.app.tick import AT_ONCE, Ticker
from resile.model.errors import StoreError
from resile.model.message import Message
from resile.ports.clock import Clock
from resile.ports.paging_store import PagingStore

# So soon at the latest what another process wrote is seen.
_LOOK_EVERY_S = 0.5
# While one channel has all that it can send at once, messages of the others are looked for so often.
_LOOK_PAST_FULL_S = 0.05
# Or after so many times as long as the last look took: past a hundred thousand that wait for one provider it takes half
# a second, in which nobody else writes. But not after longer than this: it may have waited for the store.
_RESTS_TIMES = 4
_LONGEST_REST_S = 2.0
# What is due and cannot be done is not asked for without end.
_LEAST_REST_S = 0.02
_FIRST_REST_S = 0.5
# Pages wait for as long, once the store is back.
_LAST_REST_S = 3.0
# After the program is told to end, calls under way have so long.
_ENDS_WITHIN_S = 12.0
# What is over is kept for so long, and looked for so often; of it, so much goes at once.
KEEPS = timedelta(days=400)
_LET_GO_EVERY = timedelta(hours=1)
_LET_GO_AT_ONCE = 1_000
_log = structlog.get_logger()


class Engine:
    """Ticks and sends. As many as there are processes may run over one store.

    Args:
        listening: is told of each turn, and when the store was away.
        n_senders: calls to the provider of one channel at one moment.
    """

    def __init__(
        self,
        store: PagingStore,
        clock: Clock,
        ticker: Ticker,
        notifier: Notifier,
        *,
        listening: Listening,
        n_senders: int = N_SENDERS,
    ) -> None:
        self._store = store
        self._clock = clock
        self._ticker = ticker
        self._notifier = notifier
        self._listening = listening
        self._is_ending = threading.Event()
        self._senders = Senders(self._deliver, n_each=n_senders)
        self._let_go_at = clock.now()
        # On a clock that only runs forward; by the name of the loop.
        self._turned_at: dict[str, float] = {}
        self._threads = [
            threading.Thread(target=self._run, args=("ticking", self._tick), name="tick", daemon=True),
            threading.Thread(target=self._run, args=("sending", self._send), name="send", daemon=True),
        ]

    def start(self) -> None:
        """Begin."""
        self._turned("ticking")
        self._turned("sending")
        self._notifier.start()
        for thread in self._threads:
            thread.start()

    def silent_s(self) -> dict[str, float]:
        """How many seconds ago each loop did what it is there for the last time; empty before it began."""
        now = monotonic()
        return {what: now - at for what, at in self._turned_at.items()}

    def _turned(self, what: str) -> None:
        self._turned_at[what] = monotonic()

    def stop(self) -> None:
        """Claim nothing more, end with the calls that are under way, and give back what has not had its turn."""
        self._is_ending.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(timeout=_ENDS_WITHIN_S)
        left = self._senders.stop(within_s=_ENDS_WITHIN_S)
        # First what was sent: what was not is sent by whoever comes next, in any case.
        self._notifier.stop(within_s=_ENDS_WITHIN_S)
        self._give_back(left)

    def _give_back(self, messages: Sequence[Message]) -> None:
        """As long as the store takes them: the others are free again when their lease runs out."""
        for n_given, message in enumerate(messages):
            try:
                self._notifier.give_back(message)
            except StoreError as error:
                _log.error("messages not given back", n=len(messages) - n_given, error=str(error))
                return
            except Exception as error:  # noqa: BLE001 - one that cannot be given back keeps none of the others
                _log.error("message failed", message=message.id, exc_info=error)

    def _run(self, what: str, step: Callable[[], datetime | None]) -> None:
        """One step after the other; after a step in which nothing was due, until something is."""
        rest_s = _FIRST_REST_S
        while not self._is_ending.is_set():
            try:
                next_at = step()
                self._turned(what)
                rest_s = _FIRST_REST_S
                left_s = _LOOK_EVERY_S if next_at is None else (next_at - self._clock.now()).total_seconds()
                # Returns at once for what was committed since the last time, so that nothing is slept through.
                self._store.wait(min(max(left_s, _LEAST_REST_S), _LOOK_EVERY_S))
            except StoreError as error:
                _log.error("engine waits for the store", what=what, error=str(error), again_in_s=rest_s)
                self._is_ending.wait(rest_s)
                rest_s = min(2 * rest_s, _LAST_REST_S)
            except Exception as error:  # noqa: BLE001 - a thread that ends would page nobody, unseen
                _log.error("engine failed", what=what, exc_info=error, again_in_s=rest_s)
                self._is_ending.wait(rest_s)
                rest_s = min(2 * rest_s, _LAST_REST_S)

    def _tick(self) -> datetime | None:
        try:
            self._listening.turns(self._clock.now())
            while self._ticker.tick() == AT_ONCE and not self._is_ending.is_set():
                self._turned("ticking")
                self._listening.turns(self._clock.now())
        except StoreError:
            # What was told meanwhile waits to be taken in.
            self._listening.begin_anew(self._clock.now())
            raise
        self._let_go()
        return self._store.next_timer_at()

    def _let_go(self) -> None:
        """Some of what has been over for long; the next part when something is due again."""
        now = self._clock.now()
        if now < self._let_go_at:
            return
        self._let_go_at = now + _LET_GO_EVERY
        if self._store.let_go(now - KEEPS, limit=_LET_GO_AT_ONCE) == _LET_GO_AT_ONCE:
            self._let_go_at = now

    def _send(self) -> datetime | None:
        while not self._is_ending.is_set():
            full, n_free = self._senders.room()
            began = monotonic()
            claimed = self._notifier.claim(limit=n_free, but_not=full)
            took_s = monotonic() - began
            self._turned("sending")
            for message in claimed:
                self._senders.submit(message)
            if full:
                # What is for these is due already, and is taken once there is room; what is for others, very soon.
                rest_s = min(max(_LOOK_PAST_FULL_S, _RESTS_TIMES * took_s), _LONGEST_REST_S)
                self._senders.wait_for_room(full, timeout_s=rest_s)
            elif len(claimed) < n_free:
                break
        return self._store.next_message_at()

    def _deliver(self, message: Message) -> None:
        try:
            self._notifier.deliver(message)
        except StoreError as error:
            # It is claimed still, and sent again when the lease runs out.
            _log.error("message not noted", message=message.id, error=str(error))
        except Exception as error:  # noqa: BLE001 - as above
            _log.error("message failed", message=message.id, exc_info=error)
