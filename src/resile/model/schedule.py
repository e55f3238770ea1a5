"""Schedules of on-call duty: layers of rotations with their hours, and overrides. Rules, from which shifts follow."""

import re
from datetime import datetime, time, timedelta
from enum import IntEnum, StrEnum
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from msgspec import Struct

from resile.model.errors import ConfigError
from resile.model.time import DAY, EARLIEST, LATEST, WEEK, format_instant

MAX_LAYERS = 50
MAX_PARTICIPANTS = 200
MAX_HOURS = 50
MAX_OVERRIDES = 10_000
_MAX_EVERY = {"hour": 24 * 366, "day": 3660, "week": 522, "month": 120}
_MAX_SHOWN = 60
_NAME = re.compile(r"[^\x00-\x1f\x7f]{1,200}")


class Unit(StrEnum):
    """In what a rotation counts."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class Weekday(IntEnum):
    """As `date.weekday` counts them."""

    MONDAY = 0
    TUESDAY = 1
    WEDNESDAY = 2
    THURSDAY = 3
    FRIDAY = 4
    SATURDAY = 5
    SUNDAY = 6


class Participant(Struct, frozen=True):
    """Somebody in a rotation, at their place in its order.

    Attributes:
        person: who, by name in the catalog.
        joins_at, leaves_at: on duty from the one on and until the other, aware UTC; None: from and for ever.
    """

    person: str
    joins_at: datetime | None = None
    leaves_at: datetime | None = None

    def is_in(self, at: datetime) -> bool:
        """Whether they take part at that instant."""
        return (self.joins_at is None or self.joins_at <= at) and (self.leaves_at is None or at < self.leaves_at)


class Hours(Struct, frozen=True):
    """When a layer is on duty at all, by the local clock; what that clock shows twice is twice within.

    Attributes:
        days: on which it begins; empty: on each.
        start: when it begins.
        lasts: until when, on a clock that nobody sets: 00:00 to a week.
    """

    start: time
    lasts: timedelta
    days: tuple[Weekday, ...] = ()


class Layer(Struct, frozen=True, kw_only=True):
    """One rotation: the next takes over each time `every` units have passed on the local clock since `starts`.

    A hand-over is the first instant at which the local clock shows its time or a later one. So one that falls into an
    hour which is left out comes when the clock is set, and one in an hour that comes twice comes with the first.

    Attributes:
        starts: the first hand-over, by the local clock, without a zone; before it nobody is on duty.
        every: 2 with `week`: hand over every other week.
        people: in their order.
        hours: outside of all of them the layer is off duty; empty: always on duty. The rotation goes on all the same.
        ends: by the local clock; None: never.
        zone: IANA name; None: the schedule's.
    """

    name: str
    starts: datetime
    unit: Unit
    people: tuple[Participant, ...]
    every: int = 1
    hours: tuple[Hours, ...] = ()
    ends: datetime | None = None
    zone: str | None = None


class Override(Struct, frozen=True, kw_only=True):
    """Somebody else is on duty from `starts_at` to `ends_at`, whatever the layers say.

    Attributes:
        person: None takes the duty from everybody: a gap that somebody wanted.
        because: `holiday`, `swap with bob`.
        by: who entered it.
    """

    id: str
    person: str | None
    starts_at: datetime
    ends_at: datetime
    by: str
    because: str = ""


class Schedule(Struct, frozen=True, kw_only=True):
    """Who is on duty: of its layers, the last one in which somebody is.

    Attributes:
        zone: IANA name.
    """

    name: str
    zone: str
    layers: tuple[Layer, ...] = ()


def zone_of(name: str, *, subject: str) -> ZoneInfo:
    """The zone of that name.

    Raises:
        ConfigError: there is none.
    """
    if name in _zone_names():
        return ZoneInfo(name)
    # Some file systems would find it all the same, and another machine would not.
    near = next((known for known in _zone_names() if known.casefold() == name.casefold()), None)
    mend = "give an IANA name such as Europe/Berlin" if near is None else f"did you mean {near!r}?"
    shown = name if len(name) <= _MAX_SHOWN else f"{name[:_MAX_SHOWN]}..."
    raise ConfigError(f"{subject}: zone {shown!r} is unknown; {mend}")


@cache
def _zone_names() -> frozenset[str]:
    # `localtime` is whatever this machine is set to; `Factory` is what it has before that.
    return frozenset(available_timezones() - {"localtime", "Factory"})


def check_schedule(schedule: Schedule) -> None:
    """Whether it can be followed.

    Raises:
        ConfigError: the first thing that is wrong, with the place and the way out.
    """
    subject = f"schedule {schedule.name!r}"
    check_name(schedule.name, "schedule")
    zone_of(schedule.zone, subject=subject)
    if len(schedule.layers) > MAX_LAYERS:
        raise ConfigError(f"{subject} has {len(schedule.layers)} layers, at most {MAX_LAYERS} are possible; merge some")
    names = [layer.name for layer in schedule.layers]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"{subject}: two layers are called {name!r}; rename one")
    for layer in schedule.layers:
        _check_layer(layer, f"{subject}, layer {layer.name!r}")


def _check_layer(layer: Layer, subject: str) -> None:
    check_name(layer.name, f"{subject}: layer")
    if layer.zone is not None:
        zone_of(layer.zone, subject=subject)
    if layer.starts.tzinfo is not None or (layer.ends is not None and layer.ends.tzinfo is not None):
        raise ConfigError(f"{subject}: starts and ends are by the local clock; leave the offset out")
    for local in (layer.starts, layer.ends):
        if local is not None and not EARLIEST.replace(tzinfo=None) <= local <= LATEST.replace(tzinfo=None):
            raise ConfigError(f"{subject}: {local} lies outside {EARLIEST.year} to {LATEST.year}; mend the year")
    if layer.ends is not None and layer.ends <= layer.starts:
        raise ConfigError(f"{subject} ends {layer.ends} before it starts {layer.starts}; swap them")
    if not 1 <= layer.every <= _MAX_EVERY[layer.unit]:
        raise ConfigError(
            f"{subject}: a hand-over every {layer.every} {layer.unit}s is not possible; "
            f"give a whole number from 1 to {_MAX_EVERY[layer.unit]}"
        )
    _check_people(layer, subject)
    if len(layer.hours) > MAX_HOURS:
        raise ConfigError(f"{subject} has {len(layer.hours)} hours of duty, at most {MAX_HOURS} are possible")
    for hours in layer.hours:
        _check_hours(hours, subject)


def _check_people(layer: Layer, subject: str) -> None:
    if not layer.people:
        raise ConfigError(f"{subject} has nobody in its rotation; name at least one person")
    if len(layer.people) > MAX_PARTICIPANTS:
        raise ConfigError(f"{subject} has {len(layer.people)} people, at most {MAX_PARTICIPANTS} are possible")
    for one in layer.people:
        check_name(one.person, f"{subject}: person")
        if one.joins_at is not None and one.leaves_at is not None and one.leaves_at <= one.joins_at:
            raise ConfigError(
                f"{subject}: {one.person} leaves {format_instant(one.leaves_at)} before joining "
                f"{format_instant(one.joins_at)}; swap them"
            )


def _check_hours(hours: Hours, subject: str) -> None:
    if hours.start.tzinfo is not None:
        raise ConfigError(f"{subject}: hours are by the local clock; leave the offset out")
    if not timedelta(0) < hours.lasts <= WEEK:
        raise ConfigError(f"{subject}: hours of duty cannot last {hours.lasts}; give up to {WEEK // DAY} days")
    if len(set(hours.days)) < len(hours.days):
        raise ConfigError(f"{subject}: hours of duty name a day twice; leave it out once")


def check_override(override: Override) -> None:
    """Whether it can be followed.

    Raises:
        ConfigError: what is wrong.
    """
    if override.ends_at <= override.starts_at:
        raise ConfigError(
            f"override ends {format_instant(override.ends_at)} before it starts "
            f"{format_instant(override.starts_at)}; swap them"
        )
    if override.person is not None:
        check_name(override.person, "override: person")


def check_name(name: str, subject: str) -> None:
    """Whether something can be called so on one line of a page.

    Raises:
        ConfigError: it is empty, too long, or holds control characters.
    """
    if not name.strip() or not _NAME.fullmatch(name):
        raise ConfigError(f"{subject} {name[:50]!r} cannot be used as a name; give 1 to 200 printable characters")
