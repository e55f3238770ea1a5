"""What has to do with an incident's room, put together over one database."""

from msgspec import Struct

from resile.app.incident_pictures import IncidentPictures
from resile.ports.clock import Clock
from resile.ports.picture_book import PictureBook
from resile.ports.timeline_store import TimelineStore


class RoomParts(Struct, frozen=True, kw_only=True):
    """The use cases of incidents' rooms."""

    pictures: IncidentPictures


def room_over(book: PictureBook, timelines: TimelineStore, *, clock: Clock) -> RoomParts:
    """All of it over these stores."""
    return RoomParts(pictures=IncidentPictures(book, timelines, clock))
