"""Who is to be in an incident's room: whoever was called, answered or has a role, and whom the settings name."""

from collections.abc import Sequence
from datetime import datetime

from resile.app.chat_settings import targets_of
from resile.app.wiring import Resile
from resile.model.event import Acknowledged, Event, Paged
from resile.model.room_event import CalledIn, RoleTaken

MAX_PEOPLE = 200


def invited_people(resile: Resile, invite: list[str], timeline: Sequence[Event], *, now: datetime) -> list[str]:
    """Names of the catalog, in the order in which they came to be needed."""
    found: dict[str, None] = {}
    for event in timeline:
        match event:
            case Paged(person=person) | RoleTaken(person=person):
                found[person] = None
            case Acknowledged(who=str(who)):
                found[who] = None
            case CalledIn(people=people):
                found.update(dict.fromkeys(people))
            case _:
                pass
    if invite:
        called = resile.pager.called(targets_of(invite), now=now)
        found.update(dict.fromkeys(callee.person for callee in called.callees))
    return list(found)[:MAX_PEOPLE]
