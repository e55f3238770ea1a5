"""What is due is done: timers are claimed, asked about, and what follows is written. The one loop that time drives."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

import structlog
from msgspec.structs import replace

from resile.model.errors import ConflictError
from resile.ports.clock import Clock
from resile.ports.paging_store import Changes, PagingStore, Timer, TimerKind

# What is due, and the present instant; sets or takes away each of these timers.
Handler = Callable[[Sequence[Timer], datetime], Changes]

AT_ONCE = 200
# Longer than any decision takes. Who dies with a lease holds up what is due for so long.
LEASE = timedelta(seconds=20)
# A timer that cannot be handled is asked about again after so long.
_AGAIN = timedelta(seconds=30)
# A timeline to which others append is decided upon anew this often.
_TRIES = 20
_log = structlog.get_logger()


class Ticker:
    """Does what is due. Several may be at work, in several processes.

    Args:
        by: who this is; no two alike.
    """

    def __init__(self, store: PagingStore, clock: Clock, handlers: Mapping[TimerKind, Handler], *, by: str) -> None:
        self._store = store
        self._clock = clock
        self._handlers = handlers
        self._by = by
        self._undone: Sequence[Timer] = ()

    def tick(self, *, limit: int = AT_ONCE) -> int:
        """Do what is due now, at most so much; how many timers were looked at.

        Raises:
            StoreError: the store failed; what was claimed and not done is done by the next tick.
        """
        if self._undone:
            # Not to be held up until the lease runs out. What somebody set or took meanwhile is left as it is.
            self._store.commit(Changes(timers=tuple(replace(timer, lease_by=self._by) for timer in self._undone)))
            self._undone = ()
        now = self._clock.now()
        self._undone = claimed = self._store.claim_timers(now=now, until=now + LEASE, by=self._by, limit=limit)
        by_kind: dict[TimerKind, list[Timer]] = {}
        for timer in claimed:
            by_kind.setdefault(timer.kind, []).append(timer)
        for kind, timers in by_kind.items():
            handler = self._handlers.get(kind)
            if handler is not None:
                self._handle(handler, timers)
        self._undone = ()
        return len(claimed)

    def _handle(self, handler: Handler, timers: Sequence[Timer]) -> None:
        """All in one commit; where that fails, one by one, so that one cannot hold up the others."""
        try:
            self._write(handler, timers)
        except ConflictError:
            # Somebody acknowledged, or another engine was quicker: what is due now is another question.
            self._handle_apart(handler, timers)
        except Exception as error:  # noqa: BLE001 - whatever one incident breaks, the others are paged
            if len(timers) == 1:
                self._put_off(timers[0], error)
            else:
                self._handle_apart(handler, timers)

    def _handle_apart(self, handler: Handler, timers: Sequence[Timer]) -> None:
        if len(timers) > 1:
            for timer in timers:
                self._handle(handler, [timer])
            return
        for _ in range(_TRIES):
            try:
                self._write(handler, timers)
            except ConflictError:
                continue
            except Exception as error:  # noqa: BLE001 - as above
                self._put_off(timers[0], error)
            return
        # Whoever was quicker that often is at work on it; if they leave it undone, it is due when the lease runs out.
        _log.info("timer left to others", kind=timers[0].kind, subject=timers[0].subject)

    def _write(self, handler: Handler, timers: Sequence[Timer]) -> None:
        """Do it. A timer that somebody set meanwhile, because something failed, stays as they set it."""
        changes = handler(timers, self._clock.now())
        held = {(timer.kind, timer.subject) for timer in timers}
        concluded = tuple(
            replace(timer, lease_by=self._by) if (timer.kind, timer.subject) in held else timer
            for timer in changes.timers
        )
        self._store.commit(replace(changes, timers=concluded))

    def _put_off(self, timer: Timer, error: Exception) -> None:
        """Ask about it later; where it is the store that failed, this fails too, and ends the tick."""
        _log.error("timer failed", kind=timer.kind, subject=timer.subject, exc_info=error)
        again = replace(timer, due_at=self._clock.now() + _AGAIN, lease_by=self._by)
        self._store.commit(Changes(timers=(again,)))
