"""A room of a chat program that belongs to an incident, and what happens to messages there."""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct


class HeardKind(StrEnum):
    """What happened to a message."""

    SAID = "said"
    EDITED = "edited"
    DELETED = "deleted"


class Heard(Struct, frozen=True, kw_only=True):
    """Something that happened to a message in a room.

    Attributes:
        id: the program's own name of what happened, the same however often it is told.
        room, message, author: the program's own names of them; `author` is empty for a program that wrote it.
        author_name: as the program calls the author, where it says so.
        text: plain, as people see it.
        at: when it happened, by the program's clock.
        heard_at: when it was told to us.
    """

    id: str
    program: str
    room: str
    message: str
    kind: HeardKind
    author: str = ""
    author_name: str = ""
    text: str = ""
    at: datetime
    heard_at: datetime


class Member(Struct, frozen=True, kw_only=True):
    """Somebody who is at home in a chat program, as it was told when somebody looked.

    Attributes:
        email: only where the program vouches for it.
    """

    program: str
    id: str
    name: str
    email: str | None = None
    looked_at: datetime


class ChatRoom(Struct, frozen=True, kw_only=True):
    """How far an incident's room has come.

    Attributes:
        wanted_by: who, or what, wanted it: `user:ann`, or `resile` where the settings say so.
        ref: the program's own name of it; None: it is not made yet.
        tried, tried_at: the name under which it was first asked for, and when, written before asking.
        suffix: how many names were taken by others.
        card: the program's own name of the pinned message; None: it is not posted yet.
        card_tried_at: when it was first posted, written before.
        card_shows, topic_shows: digests of what both showed last.
        handled: people who were invited, or cannot be.
        card_at: when what it shows was changed last.
        is_left: somebody archived it, deleted it, or put us out: it is let be until a person asks for it again, or
            something is said there that we hear.
        is_asked: a person asked for it again, and it was not brought up to date since.
        n_faults: how often in a row it could not be brought up to date.
        fault: why not, the last time.
        due_at: when to look at it next; None: when something happens.
    """

    program: str
    incident_id: str
    wanted_by: str
    ref: str | None = None
    name: str = ""
    url: str | None = None
    made_at: datetime | None = None
    tried: str = ""
    tried_at: datetime | None = None
    suffix: int = 1
    has_purpose: bool = False
    card: str | None = None
    card_tried_at: datetime | None = None
    card_shows: str = ""
    card_at: datetime | None = None
    topic_shows: str = ""
    is_pinned: bool = False
    handled: tuple[str, ...] = ()
    is_archived: bool = False
    is_left: bool = False
    is_asked: bool = False
    n_faults: int = 0
    fault: str = ""
    due_at: datetime | None = None
