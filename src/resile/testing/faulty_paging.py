"""A PagingStore that lets whoever uses it die before and after each commit, or lets others run in between."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from resile.model.message import Message
from resile.ports.paging_store import Changes, PagingStore, Timer


class CrashError(BaseException):
    """A process dies here. No handler of the product may catch it."""


class FaultyPagingStore:
    """One process's sight of a store that outlives it.

    Args:
        at: called with the name of each place at which something may happen; may raise CrashError.
    """

    def __init__(self, store: PagingStore, at: Callable[[str], None]) -> None:
        self._store = store
        self._at = at

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def commit(self, changes: Changes) -> None:
        """Commit, with what may happen around it."""
        self._at("before commit")
        self._store.commit(changes)
        self._at("after commit")

    def claim_timers(self, *, now: datetime, until: datetime, by: str, limit: int) -> list[Timer]:
        """Claim, with what may happen around it."""
        self._at("before claim")
        claimed = self._store.claim_timers(now=now, until=until, by=by, limit=limit)
        self._at("after claim")
        return claimed

    def claim_messages(
        self, *, now: datetime, until: datetime, by: str, limit: int, but_not: Sequence[str] = ()
    ) -> list[Message]:
        """Claim, with what may happen around it."""
        self._at("before claim")
        claimed = self._store.claim_messages(now=now, until=until, by=by, limit=limit, but_not=but_not)
        self._at("after claim")
        return claimed
