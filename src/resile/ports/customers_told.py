"""Which incidents customers were told of: found without reading every timeline there is."""

from collections.abc import Sequence
from typing import Protocol


class CustomersTold(Protocol):
    """What is looked for in the timelines. May be used from several threads; every method may raise StoreError."""

    def incidents(self, up_to_seq: int) -> Sequence[str]:
        """The incidents whose timelines hold anything for customers, up to an event; a few others may be among them."""
        ...

    def changed(self, after_seq: int, up_to_seq: int) -> Sequence[tuple[str, bool]]:
        """The incidents that got events in (after_seq, up_to_seq], and whether any of these is for customers."""
        ...
