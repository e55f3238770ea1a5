"""Where it rests which calendars may be subscribed to."""

from datetime import datetime
from enum import StrEnum
from typing import Protocol

from msgspec import Struct


class FeedOf(StrEnum):
    """Whose duties a feed tells."""

    PERSON = "person"
    SCHEDULE = "schedule"


class Feed(Struct, frozen=True, kw_only=True):
    """A calendar that may be subscribed to; its address follows from its id under the data folder's key.

    Attributes:
        name: of the person or schedule.
    """

    id: str
    of: FeedOf
    name: str
    made_at: datetime
    made_by: str


class FeedBook(Protocol):
    """The feeds. Instances may be used from several threads; every method may raise StoreError."""

    def feeds(self) -> list[Feed]:
        """Those that hold, in the order in which they were made."""
        ...

    def feed(self, feed_id: str) -> Feed | None:
        """The one of that id; None where it was revoked or never made."""
        ...

    def add(self, feed: Feed) -> None:
        """Make one.

        Raises:
            ConflictError: there is one of that id, or one of that person or schedule holds already.
        """
        ...

    def revoke(self, feed_id: str, *, at: datetime, by: str) -> bool:
        """Let it hold no longer; it is kept with who revoked it. False if none of that id holds."""
        ...
