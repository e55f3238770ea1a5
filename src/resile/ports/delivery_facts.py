"""Where the columnar projection of deliveries rests."""

from contextlib import AbstractContextManager
from typing import Protocol

import ibis
from msgspec import Struct


class DeliveryTables(Struct, frozen=True):
    """Rows in the columns of analytics/delivery_facts.py."""

    deployments: ibis.Table
    changes: ibis.Table


class DeliveryFacts(Protocol):
    """Facts on deliveries derived from the delivery store; may be thrown away and rebuilt at any time."""

    def refresh(self) -> int:
        """Take in what the store got since the last time; returns how many deployments' facts were written anew."""
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
