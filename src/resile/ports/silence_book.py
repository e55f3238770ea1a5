"""Where silences rest."""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from resile.model.silence import Silence


class SilenceBook(Protocol):
    """The silences. Instances may be used from several threads; every method may raise StoreError."""

    def silences(self, *, now: datetime) -> list[Silence]:
        """Those that are not over, in the order in which they were made; also those that begin later."""
        ...

    def newest(self, *, limit: int = 100) -> list[Silence]:
        """All that ever were, the one made last first."""
        ...

    def silence(self, silence_id: str) -> Silence | None:
        """The one of that id, over or not."""
        ...

    def add(self, silence: Silence) -> None:
        """Make one.

        Raises:
            ConflictError: there is one of that id.
        """
        ...

    def end(self, silence_id: str, *, at: datetime, by: str) -> bool:
        """Let it mute nothing any more; False if there is none of that id, or it was ended, or over, before."""
        ...

    def count_muted(self, muted: Mapping[str, int], *, at: datetime) -> None:
        """Add to how often each muted an alert, and when last; ids that are not known are passed over."""
        ...
