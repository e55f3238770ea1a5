"""A silence: for whose time certain alerts page nobody; once, or again and again by the local clock of a zone."""

import re
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from msgspec import Struct

from resile.model.alert import Alert, AlertState
from resile.model.errors import ConfigError
from resile.model.matcher import MAX_MATCHERS, Matcher, fit_all
from resile.model.schedule import Hours, Weekday, zone_of
from resile.model.time import DAY, WEEK

LONGEST = timedelta(days=366)
MAX_REASON = 500
# A silence that has muted nothing for so long, or holds for longer, is reminded of; a recurring one may rest longer.
FORGOTTEN_AFTER = WEEK
RECURRING_FORGOTTEN_AFTER = 4 * WEEK
_DAYS = {day.name[:3].lower(): day for day in Weekday}
_EVERY = re.compile(r"(?:([a-z,\s-]+?)\s+)?([01]?\d|2[0-4]):([0-5]\d)\s*(?:-|–|to)\s*([01]?\d|2[0-4]):([0-5]\d)")
_ALL_DAYS = frozenset({"day", "daily", "every day"})
_SECOND = timedelta(seconds=1)
_SOME_TIME = datetime(2000, 1, 1, tzinfo=UTC)
_SAYS_NOTHING = Alert(
    door="", fingerprint="", state=AlertState.FIRING, title="", starts_at=_SOME_TIME, told_at=_SOME_TIME
)


class Recurrence(Struct, frozen=True):
    """When a silence holds within its time: `said` as somebody wrote it, hours by the local clock of `zone`.

    A span that begins in an hour which the clock leaves out begins when the clock is set; one in an hour that comes
    twice with the first. One that ends there likewise: rather too short than too long.
    """

    said: str
    hours: Hours
    zone: str


class Silence(Struct, frozen=True, kw_only=True):
    """Alerts that fit all its matchers page nobody.

    Attributes:
        ends_at: None: until somebody ends it; only of recurring ones.
        recurs: None: all the time from start to end.
        ended_at, ended_by: set where somebody ended it.
        n_muted, muted_at: how often it muted an alert, and when last.
        version: from 1; rises with each change that a person makes.
    """

    id: str
    matchers: tuple[Matcher, ...]
    starts_at: datetime
    ends_at: datetime | None
    by: str
    because: str
    made_at: datetime
    recurs: Recurrence | None = None
    ended_at: datetime | None = None
    ended_by: str | None = None
    n_muted: int = 0
    muted_at: datetime | None = None
    version: int = 1

    def is_over(self, now: datetime) -> bool:
        """Whether it will never hold again."""
        return self.ended_at is not None or (self.ends_at is not None and self.ends_at <= now)

    def holds(self, at: datetime) -> bool:
        """Whether it holds at that instant."""
        return self.holds_until(at) is not None

    def holds_until(self, at: datetime) -> datetime | None:
        """Until when it holds without a pause from that instant on; None: it does not hold then."""
        if self.is_over(at) or at < self.starts_at:
            return None
        if self.recurs is None:
            return self.ends_at
        until = _within(self.recurs, at)
        if until is None:
            return None
        return until if self.ends_at is None else min(until, self.ends_at)

    def mutes(self, alert: Alert, at: datetime) -> bool:
        """Whether it holds then, and the alert is such as it says."""
        return self.holds(at) and fit_all(self.matchers, alert)


def check_silence(silence: Silence) -> None:
    """Whether it can be meant.

    Raises:
        ConfigError: it would mute everything, has no end, ends before it starts, or does not say why.
    """
    if not silence.matchers:
        raise ConfigError("a silence without anything to match would mute every alert; say which: service=payments")
    if len(silence.matchers) > MAX_MATCHERS:
        raise ConfigError(f"a silence of {len(silence.matchers)} matchers is too long; use at most {MAX_MATCHERS}")
    if fit_all(silence.matchers, _SAYS_NOTHING):
        raise ConfigError(
            "a silence that fits alerts of which nothing is known would let nobody be paged; "
            "say what one label must be: service=payments"
        )
    if not silence.because.strip():
        raise ConfigError("a silence needs a reason, for whoever asks why nobody was paged; say because what")
    if silence.ends_at is None:
        if silence.recurs is None:
            raise ConfigError("a silence needs an end; say for how long, such as 2h")
        return
    if silence.ends_at <= silence.starts_at:
        raise ConfigError("a silence cannot end before it starts; swap the two times")
    if silence.ends_at - silence.starts_at > LONGEST:
        raise ConfigError(f"a silence of more than {LONGEST.days} days would be forgotten; mend the alert instead")


def recurrence_of(said: str, zone: str) -> Recurrence:
    """As people write it: `sat 02:00-04:00`, `mon-fri 22:00-06:00`, `sat,sun 02:00-04:00`, `02:00-04:00` on each day.

    Raises:
        ConfigError: hours, days or zone are not understood.
    """
    zone_of(zone, subject="silence")
    found = _EVERY.fullmatch(said.strip().lower())
    if found is None:
        raise ConfigError(
            f"silence every {said[:60]!r} is not understood; write sat 02:00-04:00 or mon-fri 22:00-06:00"
        )
    starts = timedelta(hours=int(found[2]), minutes=int(found[3]))
    ends = timedelta(hours=int(found[4]), minutes=int(found[5]))
    if starts >= DAY or ends > DAY:
        raise ConfigError(f"silence every {said[:60]!r}: hours go from 00:00 to 24:00; correct them")
    lasts = ends - starts if ends > starts else ends - starts + DAY
    hours = Hours((datetime.min + starts).time(), lasts, _days(found[1] or "day", said))  # noqa: DTZ901 - a time of day
    return Recurrence(" ".join(said.split())[:60], hours, zone)


def _days(told: str, said: str) -> tuple[Weekday, ...]:
    if " ".join(told.split()) in _ALL_DAYS:
        return ()
    days: set[Weekday] = set()
    for part in told.replace(" ", "").split(","):
        first, dash, last = part.partition("-")
        if first[:3] not in _DAYS or (dash and last[:3] not in _DAYS):
            raise ConfigError(f"silence every {said[:60]!r}: {part[:20]!r} is no day; write mon, tue, ... or mon-fri")
        begins = _DAYS[first[:3]]
        n = (_DAYS[last[:3]] - begins) % len(Weekday) if dash else 0
        days |= {Weekday((begins + step) % len(Weekday)) for step in range(n + 1)}
    return tuple(sorted(days))


def _within(recurs: Recurrence, at: datetime) -> datetime | None:
    """Until when the hours last in which the instant lies; None: it lies in none."""
    zone = ZoneInfo(recurs.zone)
    hours = recurs.hours
    day = at.astimezone(zone).date() - DAY
    for _ in range(3):
        if not hours.days or day.weekday() in hours.days:
            begins, ends = _span(day, hours.start, hours.lasts, zone)
            if begins <= at < ends:
                return ends
        day += DAY
    return None


def _span(day: date, start: time, lasts: timedelta, zone: ZoneInfo) -> tuple[datetime, datetime]:
    shown = datetime.combine(day, start)
    return _instant(shown, zone), _instant(shown + lasts, zone)


def _instant(shown: datetime, zone: ZoneInfo) -> datetime:
    """The first instant at which the clock shows that time; of one that it leaves out, the instant when it is set."""
    at, other = (shown.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if other >= at:
        return at
    # Left out: the clock is set somewhere between the two.
    early, late = other, at
    while late - early > _SECOND:
        middle = early + (late - early) // 2
        if middle.astimezone(zone).utcoffset() == early.astimezone(zone).utcoffset():
            early = middle
        else:
            late = middle
    return late.replace(microsecond=0)
