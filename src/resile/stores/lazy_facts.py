"""Projections that load their engine at the first use: whoever only writes never waits for it, which takes a second."""

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Generic, TypeVar

from resile.ports.delivery_facts import DeliveryFacts, DeliveryTables
from resile.ports.facts_store import FactsStore

if TYPE_CHECKING:  # it is what takes long to load
    import ibis

F = TypeVar("F", FactsStore, DeliveryFacts)


class _AtFirstUse(Generic[F]):
    def __init__(self, open_facts: Callable[[], F]) -> None:
        self._open: Callable[[], F] = open_facts
        self._opening = threading.Lock()
        self._opened: F | None = None

    def _facts(self) -> F:
        with self._opening:
            if self._opened is None:
                self._opened = self._open()
            return self._opened

    def rebuild(self) -> int:
        """As the projection's own, which is opened now."""
        return self._facts().rebuild()

    def close(self) -> None:
        """Let go of what was opened."""
        with self._opening:
            opened, self._opened = self._opened, None
        if opened is not None:
            opened.close()


class LazyFacts(_AtFirstUse[FactsStore]):
    """The FactsStore that the function opens."""

    def refresh(self) -> int:
        """As the projection's own, which is opened now."""
        return self._facts().refresh()

    def table(self) -> "AbstractContextManager[ibis.Table]":
        """As the projection's own, which is opened now."""
        return self._facts().table()


class LazyDeliveryFacts(_AtFirstUse[DeliveryFacts]):
    """The DeliveryFacts that the function opens."""

    def refresh(self, told: Callable[[int, int], None] | None = None) -> int:
        """As the projection's own, which is opened now."""
        return self._facts().refresh(told)

    def tables(self) -> AbstractContextManager[DeliveryTables]:
        """As the projection's own, which is opened now."""
        return self._facts().tables()
