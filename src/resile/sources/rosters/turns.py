"""Rotations of other tools as layers: turns of a fixed length on the local clock, from a first one on."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct

from resile.model.schedule import Weekday
from resile.model.time import DAY, HOUR, MINUTE, WEEK

_WEEK_MINUTES = int(WEEK / MINUTE)
_DAY_MINUTES = int(DAY / MINUTE)


class Turns(Struct, frozen=True, kw_only=True):
    """A rotation as other tools tell it.

    Attributes:
        first: when the first turn of the first person began, or would have, by the local clock.
        lasts: how long a turn is on that clock.
        people: in their order, each once for each turn.
        begins, ends: from when until when the rotation counts, by the local clock.
        hours: of duty, as documents write them; empty: always.
    """

    name: str
    first: datetime
    lasts: timedelta
    people: Sequence[str]
    begins: datetime | None = None
    ends: datetime | None = None
    hours: Sequence[dict[str, Any]] = ()


def layers_of(turns: Turns, *, now: datetime) -> list[dict[str, Any]]:
    """The rotation as layers of a schedule; none where it is over by `now`, a local time.

    One that begins in the middle of a turn becomes two: a layer begins with a hand-over.
    """
    if not turns.people or (turns.ends is not None and turns.ends <= now):
        return []
    begins = turns.first if turns.begins is None else turns.begins
    number = (begins - turns.first) // turns.lasts
    starts = turns.first + number * turns.lasts
    place = number % len(turns.people)
    if starts == begins or starts + turns.lasts <= now:
        return [_layer(turns, starts, [*turns.people[place:], *turns.people[:place]])]
    following, next_place = starts + turns.lasts, (place + 1) % len(turns.people)
    if turns.ends is not None and turns.ends <= following:
        return [_layer(turns, begins, [turns.people[place]])]
    first = {**_layer(turns, begins, [turns.people[place]]), "name": f"{turns.name}, first turn"[:200]}
    rest = _layer(turns, following, [*turns.people[next_place:], *turns.people[:next_place]])
    return [{**first, "ends": written(following)}, rest]


def _layer(turns: Turns, starts: datetime, people: list[str]) -> dict[str, Any]:
    told: dict[str, Any] = {
        "name": turns.name[:200],
        "starts": written(starts),
        "every": every_of(turns.lasts),
        "people": people,
    }
    if turns.hours:
        told["hours"] = list(turns.hours)
    if turns.ends is not None:
        told["ends"] = written(turns.ends)
    return told


def written(local: datetime) -> str:
    """A local time as documents write it."""
    return local.isoformat(" ", "seconds" if local.second else "minutes")


def local_of(at: datetime, zone: str) -> datetime:
    """What the clock of a zone shows, without the zone."""
    return at.astimezone(ZoneInfo(zone)).replace(tzinfo=None)


def every_of(lasts: timedelta) -> str:
    """`week`, `2 weeks`, `12 hours`: the length of a turn in the largest unit that goes into it."""
    for unit, length in (("week", WEEK), ("day", DAY), ("hour", HOUR)):
        if lasts % length == timedelta(0):
            return unit if lasts == length else f"{lasts // length} {unit}s"
    return f"{max(1, round(lasts / HOUR))} hours"


def is_whole(lasts: timedelta) -> bool:
    """Whether a turn of that length can be said."""
    return lasts > timedelta(0) and lasts % HOUR == timedelta(0)


def hours_of(start: timedelta, lasts: timedelta, days: Sequence[Weekday] = ()) -> list[dict[str, Any]]:
    """Hours of duty from a time of day on, as documents write them; over midnight and several days too.

    Args:
        days: on which they begin; empty: on each.

    Returns:
        Nothing where they leave no gap.
    """
    if lasts >= WEEK or (lasts >= DAY and not days):
        return []
    if lasts > DAY:
        return [_over_days(start, lasts, day) for day in days]
    begins, ends = int(start / MINUTE), int((start + lasts) / MINUTE)
    told: dict[str, Any] = {"from": _clock(begins), "until": _clock(ends)}
    return [told | ({"days": [_day(day) for day in days]} if days else {})]


def _over_days(start: timedelta, lasts: timedelta, day: Weekday) -> dict[str, Any]:
    begins, ends = int(start / MINUTE), int((start + lasts) / MINUTE)
    until = Weekday((day + ends // _DAY_MINUTES) % len(Weekday))
    return {"from": f"{_day(day)} {_clock(begins)}", "until": f"{_day(until)} {_clock(ends)}"}


def _day(day: Weekday) -> str:
    return day.name[:3].lower()


def _clock(minutes: int) -> str:
    hours, rest = divmod(minutes % _DAY_MINUTES, 60)
    return f"{hours:02}:{rest:02}"


def week_of(spans: Sequence[tuple[int, int]]) -> set[int]:
    """The minutes of a week, from Monday 00:00 on, within (first minute, length); all of them without any span."""
    if not spans:
        return set(range(_WEEK_MINUTES))
    return {(first + step) % _WEEK_MINUTES for first, length in spans for step in range(min(length, _WEEK_MINUTES))}


def spans_of(start: timedelta, lasts: timedelta, days: Sequence[Weekday] = ()) -> list[tuple[int, int]]:
    """The same hours as (first minute of the week, length)."""
    return [(int(day) * _DAY_MINUTES + int(start / MINUTE), int(lasts / MINUTE)) for day in (days or tuple(Weekday))]
