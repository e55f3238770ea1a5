"""The clock on the wall of a zone: which instants show a local time, with hours left out and hours that come twice."""

from bisect import bisect_right
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from msgspec import Struct

_SECOND = timedelta(seconds=1)
# Clocks are seldom set; never twice within so short a time in all of tzdata, which a test looks after.
LOOK_EVERY = timedelta(hours=6)
# No zone is farther from UTC, and none is set by more.
_FARTHEST = timedelta(hours=26)


class Stretch(Struct, frozen=True):
    """A stretch of time in which the clock was not set: local time is UTC plus `offset`."""

    starts_at: datetime
    ends_at: datetime
    offset: timedelta


def local(at: datetime, zone: ZoneInfo) -> datetime:
    """What the clock shows, without a zone."""
    return at.astimezone(zone).replace(tzinfo=None)


def first_showing(shown: datetime, zone: ZoneInfo) -> datetime:
    """The first instant, in UTC, at which the clock shows that time or a later one.

    Args:
        shown: local, without a zone.
    """
    about = shown.replace(tzinfo=UTC)
    for stretch in stretches(zone, about - 2 * _FARTHEST, about + 2 * _FARTHEST):
        at = max(stretch.starts_at, about - stretch.offset)
        if at < stretch.ends_at:
            return at
    # Never reached: the last stretch ends later than any clock could be behind.
    return about + 2 * _FARTHEST


def stretches(zone: ZoneInfo, starts_at: datetime, ends_at: datetime) -> Iterator[Stretch]:
    """The stretches between two instants, in order and without holes."""
    at = starts_at
    for year in range(starts_at.year, ends_at.year + 1):
        set_at = _set_at(zone, year)
        for turn in set_at[bisect_right(set_at, at) :]:
            if turn >= ends_at:
                break
            yield Stretch(at, turn, _offset(zone, at))
            at = turn
    if at < ends_at:
        yield Stretch(at, ends_at, _offset(zone, at))


def _offset(zone: ZoneInfo, at: datetime) -> timedelta:
    return at.astimezone(zone).utcoffset() or timedelta(0)


@lru_cache(maxsize=4096)
def _set_at(zone: ZoneInfo, year: int) -> tuple[datetime, ...]:
    """Every instant of a year (UTC) at which the clock is set, to the second."""
    at, last = datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC)
    found = []
    # From a second before: the turn of the year may be the very instant.
    before, offset = at - _SECOND, _offset(zone, at - _SECOND)
    while before < last - _SECOND:
        after = min(before + LOOK_EVERY, last - _SECOND)
        if (now := _offset(zone, after)) != offset:
            found.append(_turn(zone, before, after))
            offset = now
        before = after
    return tuple(found)


def _turn(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """The first second with another offset than `before`, which `after` has."""
    offset = _offset(zone, before)
    n_before, n_after = 0, (after - before) // _SECOND
    while n_after - n_before > 1:
        middle = (n_before + n_after) // 2
        if _offset(zone, before + middle * _SECOND) == offset:
            n_before = middle
        else:
            n_after = middle
    return before + n_after * _SECOND
