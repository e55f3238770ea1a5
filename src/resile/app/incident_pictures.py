"""Pictures that people paste into an incident: added, shown, and no more once what they belong to was withdrawn."""

import re
from collections.abc import Iterable
from urllib.parse import quote

from resile.model.errors import ConfigError
from resile.model.event import Event, Noted
from resile.model.lifecycle import Command, Note
from resile.model.room_event import EvidenceAdded, NoteEdited, Withdrawn
from resile.model.room_lifecycle import AddEvidence, RoomCommand
from resile.ports.clock import Clock
from resile.ports.picture_book import MAX_BYTES_OF_INCIDENT, KnownPicture, Picture, PictureBook
from resile.ports.timeline_store import TimelineStore

PICTURE = re.compile(r"picture:([0-9a-f]{32})(?![0-9a-z])")
_ID = re.compile(r"[0-9a-f]{32}")


class IncidentPictures:
    """The pictures of all incidents."""

    def __init__(self, book: PictureBook, timelines: TimelineStore, clock: Clock) -> None:
        self._book = book
        self._timelines = timelines
        self._clock = clock

    def add(self, incident_id: str, content: bytes, *, by: str) -> KnownPicture:
        """Keep a picture for an incident that is known; the same one twice is kept once.

        Raises:
            ConfigError: it is no picture, or too large.
            ConflictError: the incident has too many bytes of them already.
        """
        from resile.app.picture_bytes import rewritten  # noqa: PLC0415 - what decodes loads when a picture comes

        kept = rewritten(content)
        known = KnownPicture(
            incident_id=incident_id,
            id=kept.id,
            media_type=kept.media_type,
            width=kept.width,
            height=kept.height,
            n_bytes=len(kept.content),
            added_at=self._clock.now(),
            added_by=by,
        )
        if not self._book.add(Picture(known=known, content=kept.content), most_bytes=MAX_BYTES_OF_INCIDENT):
            found = self._book.picture(incident_id, kept.id)
            return known if found is None else found.known
        return known

    def show(self, incident_id: str, picture_id: str) -> Picture | None:
        """The one of that id; None where there is none, or what it belonged to was withdrawn."""
        if not _ID.fullmatch(picture_id) or picture_id in withdrawn_pictures(self._timelines.read(incident_id)):
            return None
        return self._book.picture(incident_id, picture_id)

    def of(self, incident_id: str) -> list[KnownPicture]:
        """All of an incident that may be shown, the oldest first."""
        gone = withdrawn_pictures(self._timelines.read(incident_id))
        return [one for one in self._book.pictures(incident_id) if one.id not in gone]

    def refuse_unknown(self, incident_id: str, command: Command | RoomCommand) -> None:
        """Let a command pass that names no picture which the incident has not.

        Raises:
            ConfigError: it names one.
        """
        named = _named_by(command)
        if not named:
            return
        unknown = sorted(named - {one.id for one in self._book.pictures(incident_id)})
        if unknown:
            raise ConfigError(f"incident {incident_id} has no picture {unknown[0][:40]!r}; add the picture first")


def _named_by(command: Command | RoomCommand) -> set[str]:
    match command:
        case Note():
            return set(command.pictures)
        case AddEvidence() if command.picture is not None:
            return {command.picture}
        case _:
            return set()


def pictures_at(incident_id: str) -> str:
    """Where the pictures of an incident are, up to their ids."""
    return f"/incidents/{quote(incident_id, safe=':')}/pictures/"


def pictures_in(text: str) -> list[str]:
    """The ids of the pictures to which a note's words refer, as `![](picture:ID)`."""
    return list(dict.fromkeys(PICTURE.findall(text)))


def withdrawn_pictures(timeline: Iterable[Event]) -> set[str]:
    """The ids of pictures that belong to what was withdrawn alone: there may be a secret in them."""
    events = list(timeline)
    withdrawn = {event.event_id for event in events if isinstance(event, Withdrawn)}
    if not withdrawn:
        return set()
    gone: set[str] = set()
    kept: set[str] = set()
    for event in events:
        owner = event.note_id if isinstance(event, NoteEdited) else event.id
        (gone if owner in withdrawn else kept).update(_pictures_of(event))
    return gone - kept


def _pictures_of(event: Event) -> list[str]:
    match event:
        case Noted():
            return [*event.pictures, *pictures_in(event.text)]
        case NoteEdited():
            return pictures_in(event.text)
        case EvidenceAdded() if event.picture is not None:
            return [event.picture]
        case _:
            return []
