"""On-call duty as an iCalendar file (RFC 5545), for the calendars that people look at anyway."""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta

from icalendar import Calendar, Event
from msgspec import Struct

from resile.app.oncall import OnCall, Standing
from resile.model.errors import ConfigError
from resile.model.time import DAY, WEEK, format_instant
from resile.response.oncall import AHEAD, Spell, spells

MAX_WEEKS = 40
FED_BACK = 30 * DAY
FED_AHEAD = 180 * DAY
_REFRESH = timedelta(hours=1)
_PRODUCT = "-//resile//on call//EN"


def duty_calendar(
    oncall: OnCall, *, now: datetime, schedule: str | None = None, person: str | None = None, weeks: int = 12
) -> bytes:
    """The duties of one schedule or all, of one person or all, from a week ago on; gaps are left out.

    A duty has the same UID each time it is written, so that a calendar which reads the file again changes and
    removes what changed.

    Args:
        weeks: how far ahead, 1 to 40.

    Raises:
        ConfigError: the schedule is unknown, or the weeks are too many.
    """
    if not 1 <= weeks <= MAX_WEEKS:
        raise ConfigError(f"a calendar of {weeks} weeks is not possible; ask for 1 to {MAX_WEEKS}")
    chosen = [one for one in oncall.standings(now) if schedule in {None, one.schedule}]
    if schedule is not None and not chosen:
        raise ConfigError(f"schedule {schedule[:64]!r} is unknown; resile oncall lists them")
    held = _held(oncall, chosen, person, starts_at=now - WEEK, ends_at=now + weeks * WEEK)
    return _written(_title(chosen, person), held, now)


class FeedBody(Struct, frozen=True):
    """A feed: the file, and what tells whether it says something else than before."""

    body: bytes
    tag: str


def feed_calendar(oncall: OnCall, *, now: datetime, schedule: str | None, person: str | None) -> FeedBody:
    """The duties of a schedule, or of a person in all, from thirty days back to 180 ahead."""
    chosen = [one for one in oncall.standings(now) if schedule in {None, one.schedule}]
    # By whole days: else each reading would cut the last duty somewhere else.
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    held = _held(oncall, chosen, person, starts_at=today - FED_BACK, ends_at=today + FED_AHEAD)
    title = _title(chosen, person) if chosen else schedule or ""
    told = [title, *(f"{uid} {one.title} {spell.starts_at} {spell.ends_at}" for uid, one, spell in held)]
    tag = hashlib.sha256("\n".join(told).encode()).hexdigest()[:32]
    return FeedBody(_written(title, held, now, refreshed=True), tag)


def _held(
    oncall: OnCall, chosen: Sequence[Standing], person: str | None, *, starts_at: datetime, ends_at: datetime
) -> list[tuple[str, Standing, Spell]]:
    """What is to be told, with the UID of each."""
    found = []
    for standing in chosen:
        # From far enough back that no duty is cut where the calendar begins: its UID is made of its beginning.
        begins = starts_at - AHEAD
        for spell in spells(oncall.calendar(standing.schedule, begins, ends_at).duties):
            if spell.person is not None and spell.ends_at > starts_at and person in {None, spell.person}:
                # One that is longer still began "before", so that its UID does not change with each reading.
                since = format_instant(spell.starts_at) if spell.starts_at > begins else "before"
                name = f"{standing.schedule}\n{spell.person}\n{since}"
                found.append((hashlib.sha256(name.encode()).hexdigest()[:32] + "@resile", standing, spell))
    return found


def _written(
    title: str, held: Sequence[tuple[str, Standing, Spell]], now: datetime, *, refreshed: bool = False
) -> bytes:
    calendar = Calendar()
    calendar.add("prodid", _PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add("x-wr-calname", title)
    if refreshed:
        # RFC 7986, and what was in use before it.
        calendar.add("refresh-interval", _REFRESH, parameters={"VALUE": "DURATION"})
        calendar.add("x-published-ttl", "PT1H")
    for uid, standing, spell in held:
        calendar.add_component(_event(uid, standing, spell, now))
    return bytes(calendar.to_ical())


def _title(chosen: Sequence[Standing], person: str | None) -> str:
    what = chosen[0].title if len(chosen) == 1 else "On call"
    return what if person is None else f"{what}: {person}"


def _event(uid: str, standing: Standing, spell: Spell, now: datetime) -> Event:
    event = Event()
    event.add("uid", uid)
    event.add("dtstamp", now.replace(microsecond=0))
    event.add("dtstart", spell.starts_at.replace(microsecond=0))
    event.add("dtend", spell.ends_at.replace(microsecond=0))
    event.add("summary", f"{spell.person}: {standing.title}")
    # Being on call is not being busy.
    event.add("transp", "TRANSPARENT")
    return event
