"""On-call duty as an iCalendar file (RFC 5545), for the calendars that people look at anyway."""

import hashlib
from collections.abc import Sequence
from datetime import datetime

from icalendar import Calendar, Event

from resile.app.oncall import OnCall, Standing
from resile.model.errors import ConfigError
from resile.model.time import WEEK, format_instant
from resile.response.oncall import AHEAD, Spell, spells

MAX_WEEKS = 40
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
    calendar = Calendar()
    calendar.add("prodid", _PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add("x-wr-calname", _title(chosen, person))
    for standing in chosen:
        # From far enough back that no duty is cut where the calendar begins: its UID is made of its beginning.
        begins = now - WEEK - AHEAD
        for spell in spells(oncall.calendar(standing.schedule, begins, now + weeks * WEEK).duties):
            if spell.person is not None and spell.ends_at > now - WEEK and person in {None, spell.person}:
                # One that is longer still began "before", so that its UID does not change with each reading.
                since = format_instant(spell.starts_at) if spell.starts_at > begins else "before"
                calendar.add_component(_event(standing, spell, now, since))
    return bytes(calendar.to_ical())


def _title(chosen: Sequence[Standing], person: str | None) -> str:
    what = chosen[0].title if len(chosen) == 1 else "On call"
    return what if person is None else f"{what}: {person}"


def _event(standing: Standing, spell: Spell, now: datetime, since: str) -> Event:
    event = Event()
    name = f"{standing.schedule}\n{spell.person}\n{since}"
    event.add("uid", hashlib.sha256(name.encode()).hexdigest()[:32] + "@resile")
    event.add("dtstamp", now.replace(microsecond=0))
    event.add("dtstart", spell.starts_at.replace(microsecond=0))
    event.add("dtend", spell.ends_at.replace(microsecond=0))
    event.add("summary", f"{spell.person}: {standing.title}")
    # Being on call is not being busy.
    event.add("transp", "TRANSPARENT")
    return event
