"""A time of the week on some place's clock: `wed 14:00 Europe/Berlin`."""

import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from msgspec import Struct

from resile.model.errors import ConfigError
from resile.model.schedule import Weekday, zone_of
from resile.response.wall_clock import first_showing, local

_SAID = re.compile(r"([a-z]{3,9}) ([01]?\d|2[0-3]):([0-5]\d)(?: (\S+))?", re.IGNORECASE)
_DAYS = {day.name[:3].lower(): day for day in Weekday}


class Weekly(Struct, frozen=True):
    """Once a week, when the clock there shows that time."""

    day: Weekday
    after_midnight: timedelta
    zone: str

    def after(self, at: datetime) -> datetime:
        """The first such instant after another one, in UTC."""
        zone = ZoneInfo(self.zone)
        midnight = local(at, zone).replace(hour=0, minute=0, second=0, microsecond=0)
        days = (self.day - midnight.weekday()) % len(Weekday)
        first = first_showing(midnight + timedelta(days=days) + self.after_midnight, zone)
        if first > at:
            return first
        return first_showing(midnight + timedelta(days=days + len(Weekday)) + self.after_midnight, zone)


def weekly_of(said: str, subject: str) -> Weekly:
    """What `wed 14:00 Europe/Berlin` says; without a zone it is UTC.

    Raises:
        ConfigError: it is none, or the zone is unknown.
    """
    found = _SAID.fullmatch(said.strip())
    day = None if found is None else _DAYS.get(found[1].lower()[:3])
    if found is None or day is None or not day.name.lower().startswith(found[1].lower()):
        raise ConfigError(f"{subject}: {said[:60]!r} is not understood; write wed 14:00 Europe/Berlin")
    zone = found[4] or "Etc/UTC"
    zone_of(zone, subject=subject)
    return Weekly(day, timedelta(hours=int(found[2]), minutes=int(found[3])), zone)
