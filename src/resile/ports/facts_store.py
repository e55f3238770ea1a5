"""Where the columnar projection of incident facts rests."""

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # most of a second to load, which commands that compute nothing need not wait for
    import ibis


class FactsStore(Protocol):
    """Incident facts (analytics/facts.py) derived from the timelines; may be thrown away and rebuilt at any time."""

    def refresh(self) -> int:
        """Take in what the timelines got since the last time.

        Returns:
            How many incidents' facts were written anew.
        """
        ...

    def rebuild(self) -> int:
        """Throw everything away and derive it again from the timelines.

        Returns:
            How many incidents there are.
        """
        ...

    def table(self) -> "AbstractContextManager[ibis.Table]":
        """One row per incident in the columns of analytics/facts.py; for use in this thread, within the context."""
        ...

    def close(self) -> None:
        """Let go of files and connections."""
        ...
