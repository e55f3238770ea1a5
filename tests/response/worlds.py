"""Schedules at random around the moments when clocks are set, to be compared with the oracle."""

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from importlib.resources import files
from typing import TypeVar
from zlib import crc32
from zoneinfo import ZoneInfo, available_timezones

import numpy as np
from msgspec import Struct

from resile.model.schedule import Hours, Layer, Override, Participant, Schedule, Unit, Weekday, check_schedule
from resile.response.wall_clock import stretches
from tests.response.oracle import Clock

_FIRST, _LAST = datetime(1975, 1, 1, tzinfo=UTC), datetime(2036, 1, 1, tzinfo=UTC)
T = TypeVar("T")
_PEOPLE = ("ann", "bob", "cyd", "dee", "eve")
_BEFORE = timedelta(days=4)
# No clock is farther from UTC, however it is set.
_FARTHEST = timedelta(hours=40)
_AROUND = timedelta(hours=30)


class Dice:
    """Chance, from a seed."""

    def __init__(self, name: str, seed: int) -> None:
        self._generator = np.random.default_rng([crc32(name.encode()), seed])

    def below(self, n: int) -> int:
        """0 to n - 1."""
        return int(self._generator.integers(n))

    def one_of(self, among: Sequence[T]) -> T:
        """Any of them."""
        return among[self.below(len(among))]

    def happens(self, share: float) -> bool:
        """True in so many cases."""
        return bool(self._generator.random() < share)

    def minute(self, starts_at: datetime, ends_at: datetime) -> datetime:
        """One of the minutes from one instant to another."""
        return starts_at + timedelta(minutes=self.below(int((ends_at - starts_at) / timedelta(minutes=1))))


class World(Struct, frozen=True):
    """A schedule with its overrides, a window, and the clocks for the oracle."""

    schedule: Schedule
    overrides: tuple[Override, ...]
    starts_at: datetime
    ends_at: datetime
    clocks: dict[str, Clock]


def zones(*, are_distinct: bool = False) -> list[str]:
    """Every zone of tzdata; or of those that are one under several names, one."""
    names = sorted(available_timezones() - {"localtime", "Factory"})
    if not are_distinct:
        return names
    rules = files("tzdata") / "zoneinfo"
    return sorted({rules.joinpath(*name.split("/")).read_bytes(): name for name in reversed(names)}.values())


def worlds_of(zone: str, *, n: int, seed: int) -> list[World]:
    """So many worlds around one moment at which the clock of a zone is set, if it ever is."""
    dice = Dice(zone, seed)
    about = _turn(ZoneInfo(zone), dice).replace(second=0, microsecond=0)
    starts_at, ends_at = about - _AROUND, about + _AROUND
    other = dice.one_of(("Australia/Lord_Howe", "America/New_York", zone, zone, zone))
    clocks = {
        name: Clock(ZoneInfo(name), starts_at - _BEFORE - _FARTHEST, ends_at + _FARTHEST) for name in {zone, other}
    }
    return [_world(dice, (zone, other), starts_at, ends_at, clocks) for _ in range(n)]


def _turn(zone: ZoneInfo, dice: Dice) -> datetime:
    """A moment at which the clock is set; of a zone in which it seldom is, any moment."""
    first = dice.minute(_FIRST, _LAST)
    for n_years in (0, -2, 2, -8):
        starts_at = first + n_years * timedelta(days=365)
        set_at = [one.ends_at for one in stretches(zone, starts_at, starts_at + timedelta(days=730))][:-1]
        if set_at:
            return dice.one_of(set_at)
    return first


def _world(
    dice: Dice, zones: tuple[str, str], starts_at: datetime, ends_at: datetime, clocks: dict[str, Clock]
) -> World:
    layers = tuple(
        _layer(dice, f"layer {number}", None if dice.happens(0.7) else zones[1], starts_at, ends_at)
        for number in range(1 + dice.below(3))
    )
    schedule = Schedule(name="everybody", zone=zones[0], layers=layers)
    check_schedule(schedule)
    overrides = tuple(_override(dice, number, starts_at, ends_at) for number in range(dice.below(3)))
    return World(schedule, overrides, starts_at, ends_at, clocks)


def _layer(dice: Dice, name: str, zone: str | None, starts_at: datetime, ends_at: datetime) -> Layer:
    starts = dice.minute(starts_at - _BEFORE, starts_at + timedelta(days=1)).replace(tzinfo=None)
    # Hand-overs at full hours, often just where the clock is set.
    if dice.happens(0.6):
        starts = starts.replace(hour=dice.below(5), minute=dice.one_of((0, 0, 30, 15)))
    unit = dice.one_of((Unit.HOUR, Unit.HOUR, Unit.DAY, Unit.DAY, Unit.WEEK, Unit.MONTH))
    ends = dice.minute(starts_at, ends_at).replace(tzinfo=None)
    return Layer(
        name=name,
        starts=starts,
        unit=unit,
        every=dice.one_of((1, 1, 2, 5)) if unit in {Unit.HOUR, Unit.DAY} else 1,
        people=tuple(_participant(dice, starts_at, ends_at) for _ in range(1 + dice.below(4))),
        hours=tuple(_hours(dice) for _ in range(dice.one_of((0, 0, 1, 2)))),
        ends=ends if ends > starts and dice.happens(0.2) else None,
        zone=zone,
    )


def _participant(dice: Dice, starts_at: datetime, ends_at: datetime) -> Participant:
    joins_at = dice.minute(starts_at - _BEFORE, ends_at) if dice.happens(0.25) else None
    leaves_at = dice.minute(starts_at - _BEFORE, ends_at) if dice.happens(0.25) else None
    if joins_at is not None and leaves_at is not None and leaves_at <= joins_at:
        leaves_at = joins_at + timedelta(hours=7)
    return Participant(dice.one_of(_PEOPLE), joins_at, leaves_at)


def _hours(dice: Dice) -> Hours:
    share = dice.one_of((0.0, 0.2, 0.6))
    days = tuple(day for day in Weekday if dice.happens(share))
    lasts = timedelta(minutes=dice.one_of((30, 90, 480, 840, 1440, 2 * 1440, 7 * 1440)))
    return Hours(time(dice.below(24), dice.one_of((0, 0, 30, 15))), lasts, days)


def _override(dice: Dice, number: int, starts_at: datetime, ends_at: datetime) -> Override:
    begins = dice.minute(starts_at - timedelta(days=1), ends_at)
    person = dice.one_of((*_PEOPLE, None))
    ends = begins + timedelta(minutes=1 + dice.below(3000))
    return Override(id=f"o{number}", person=person, starts_at=begins, ends_at=ends, by="user:ann")
