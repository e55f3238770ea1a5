"""Where the pictures of incidents rest."""

from datetime import datetime
from typing import Protocol

from msgspec import Struct

# A screenshot of a screen of 3840 by 2160 has 1 to 4 MB as PNG.
MAX_BYTES = 5_000_000
# Forty of the largest: they rest in the database, and every backup of it carries them.
MAX_BYTES_OF_INCIDENT = 200_000_000


class KnownPicture(Struct, frozen=True, kw_only=True):
    """What is known of a picture beside its bytes.

    Attributes:
        id: follows from its bytes; the same picture has the same id in every incident.
        media_type: `image/png`, `image/jpeg` or `image/webp`.
        width, height: in pixels.
    """

    incident_id: str
    id: str
    media_type: str
    width: int
    height: int
    n_bytes: int
    added_at: datetime
    added_by: str


class Picture(Struct, frozen=True, kw_only=True):
    """A picture with its bytes."""

    known: KnownPicture
    content: bytes


class PictureBook(Protocol):
    """The pictures. Instances may be used from several threads; every method may raise StoreError."""

    def add(self, picture: Picture, *, most_bytes: int) -> bool:
        """Keep a picture; False where its incident has it already.

        Raises:
            ConflictError: its incident's pictures would have more than `most_bytes` together.
        """
        ...

    def picture(self, incident_id: str, picture_id: str) -> Picture | None:
        """The one of that id; None where the incident has none such."""
        ...

    def pictures(self, incident_id: str) -> list[KnownPicture]:
        """All of an incident, in the order in which they were added."""
        ...
