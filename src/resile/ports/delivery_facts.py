"""Where the columnar projection of deliveries rests."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

if TYPE_CHECKING:  # as in ports/facts_store.py
    import ibis


class DeliveryTables(Struct, frozen=True):
    """Rows in the columns of analytics/delivery_facts.py."""

    deployments: "ibis.Table"
    changes: "ibis.Table"


class DeliveryFacts(Protocol):
    """Facts on deliveries derived from the delivery store; may be thrown away and rebuilt at any time."""

    def refresh(self, told: Callable[[int, int], None] | None = None) -> int:
        """Take in what the store got since the last time; returns how many deployments' facts were written anew.

        Args:
            told: hears now and then of how many deployments they are derived, and of how many in all.
        """
        ...

    def rebuild(self) -> int:
        """Throw everything away and derive it again; returns how many deployments there are."""
        ...

    def tables(self) -> AbstractContextManager[DeliveryTables]:
        """The facts, for use in this thread, within the context."""
        ...

    def close(self) -> None:
        """Let go of files and connections."""
        ...
