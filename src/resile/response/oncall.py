"""Who is on call: worked out from a schedule's rules each time it is asked, never rolled out beforehand.

At every instant there is exactly one who holds a schedule, or a gap that says why.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from datetime import datetime
from enum import StrEnum
from heapq import heappop, heappush
from itertools import pairwise

from msgspec import Struct
from msgspec.structs import replace

from resile.model.errors import ConfigError
from resile.model.schedule import Layer, Override, Schedule, zone_of
from resile.model.time import DAY
from resile.response.hours import on_duty
from resile.response.rotation import Rotation, Turn

# A calendar shows a quarter; a report asks for a year.
MAX_WINDOW = 3 * 366 * DAY
# So far somebody's duty is followed when it is asked how long it lasts.
AHEAD = 40 * DAY


class Because(StrEnum):
    """Why somebody is on duty, or nobody."""

    TURN = "turn"  # theirs in a rotation
    STANDS_IN = "stands_in"  # for somebody who left in the middle of a shift
    OVERRIDE = "override"
    TAKEN_OFF = "taken_off"  # an override that names nobody
    NO_LAYER = "no_layer"
    NOT_BEGUN = "not_begun"  # every layer begins later
    ENDED = "ended"  # no layer is left
    OFF_HOURS = "off_hours"  # a layer runs, and it is outside its hours
    NOBODY_LEFT = "nobody_left"  # a layer runs, and nobody is in its rotation


class Duty(Struct, frozen=True, kw_only=True):
    """Who holds a schedule from one instant to another.

    Attributes:
        person: None: a gap.
        layer: name of the layer whose turn it is.
        override: its id.
        stands_in_for: whose shift it is.
        shift_starts_at, shift_ends_at: of a turn: the whole shift, hours and overrides aside.
    """

    starts_at: datetime
    ends_at: datetime
    person: str | None
    because: Because
    layer: str | None = None
    override: str | None = None
    stands_in_for: str | None = None
    shift_starts_at: datetime | None = None
    shift_ends_at: datetime | None = None


class Spell(Struct, frozen=True, kw_only=True):
    """How long one person, or nobody, holds a schedule without a break, for whatever reasons one after the other."""

    starts_at: datetime
    ends_at: datetime
    person: str | None
    duties: tuple[Duty, ...]


class LostShift(Struct, frozen=True):
    """A shift of which the local clock leaves everything out, so that nobody serves it."""

    layer: str
    person: str | None
    at: datetime


def duties(schedule: Schedule, overrides: Sequence[Override], starts_at: datetime, ends_at: datetime) -> list[Duty]:
    """Who holds a schedule in a window, in order, without holes or overlaps.

    Args:
        overrides: in the order in which they were entered; of two at one instant the later holds.
        starts_at, ends_at: aware UTC.

    Raises:
        ConfigError: the window is longer than three years; a zone is unknown.
    """
    if ends_at <= starts_at:
        return []
    if ends_at - starts_at > MAX_WINDOW:
        raise ConfigError(f"{(ends_at - starts_at).days} days of duty are too many to show; ask for {MAX_WINDOW.days}")
    found = [Duty(starts_at=starts_at, ends_at=ends_at, person=None, because=Because.NO_LAYER)]
    for layer in schedule.layers:
        found = _over(found, list(_served(schedule, layer, starts_at, ends_at)))
    return _joined(_over(found, list(_overriding(overrides, starts_at, ends_at))))


def on_call(schedule: Schedule, overrides: Sequence[Override], at: datetime) -> Duty:
    """Who holds a schedule at an instant, and why; until when is told as far as forty days ahead."""
    return duties(schedule, overrides, at, at + AHEAD)[0]


def spells(held: Sequence[Duty]) -> list[Spell]:
    """Duties in order, those of one person that follow on each other as one."""
    found: list[Spell] = []
    for duty in held:
        if found and found[-1].person == duty.person and found[-1].ends_at == duty.starts_at:
            before = found[-1]
            found[-1] = replace(before, ends_at=duty.ends_at, duties=(*before.duties, duty))
        else:
            found.append(Spell(starts_at=duty.starts_at, ends_at=duty.ends_at, person=duty.person, duties=(duty,)))
    return found


def gaps(schedule: Schedule, overrides: Sequence[Override], starts_at: datetime, ends_at: datetime) -> list[Duty]:
    """The spans of a window in which nobody is on duty."""
    return [duty for duty in duties(schedule, overrides, starts_at, ends_at) if duty.person is None]


def lost_shifts(schedule: Schedule, starts_at: datetime, ends_at: datetime) -> list[LostShift]:
    """The shifts of a window that the local clock leaves out."""
    found = []
    for layer in schedule.layers:
        rotation = _rotation(schedule, layer)
        last = ends_at if rotation.ends_at is None else min(ends_at, rotation.ends_at)
        for shift in rotation.shifts(starts_at, last):
            if shift.starts_at == shift.ends_at:
                person = None if shift.holder is None else layer.people[shift.holder].person
                found.append(LostShift(layer.name, person, shift.starts_at))
    return sorted(found, key=lambda lost: (lost.at, lost.layer))


def _rotation(schedule: Schedule, layer: Layer) -> Rotation:
    return Rotation(layer, zone_of(layer.zone or schedule.zone, subject=f"schedule {schedule.name!r}"))


def _served(schedule: Schedule, layer: Layer, starts_at: datetime, ends_at: datetime) -> Iterator[Duty]:
    """What one layer says of a window, gaps with their reasons included."""
    zone = zone_of(layer.zone or schedule.zone, subject=f"schedule {schedule.name!r}")
    rotation = Rotation(layer, zone)
    begins = min(max(starts_at, rotation.starts_at), ends_at)
    ends = ends_at if rotation.ends_at is None else max(min(ends_at, rotation.ends_at), begins)
    if starts_at < begins:
        yield _idle(starts_at, begins, layer, Because.NOT_BEGUN)
    at = begins
    turns = list(rotation.turns(begins, ends)) if begins < ends else []
    for span_starts, span_ends in on_duty(layer.hours, zone, begins, ends) if begins < ends else []:
        if at < span_starts:
            yield _idle(at, span_starts, layer, Because.OFF_HOURS)
        yield from _turns_within(turns, span_starts, span_ends, layer)
        at = span_ends
    if at < ends:
        yield _idle(at, ends, layer, Because.OFF_HOURS)
    if ends < ends_at:
        yield _idle(ends, ends_at, layer, Because.ENDED)


def _turns_within(turns: Sequence[Turn], starts_at: datetime, ends_at: datetime, layer: Layer) -> Iterator[Duty]:
    for number in range(bisect_right(turns, starts_at, key=_ends_at), len(turns)):
        turn = turns[number]
        if turn.starts_at >= ends_at:
            break
        yield _duty(turn, max(turn.starts_at, starts_at), min(turn.ends_at, ends_at), layer)


def _ends_at(turn: Turn) -> datetime:
    return turn.ends_at


def _duty(turn: Turn, starts_at: datetime, ends_at: datetime, layer: Layer) -> Duty:
    because = Because.STANDS_IN if turn.stands_in_for is not None else Because.TURN
    return Duty(
        starts_at=starts_at,
        ends_at=ends_at,
        person=turn.person,
        because=Because.NOBODY_LEFT if turn.person is None else because,
        layer=layer.name,
        stands_in_for=turn.stands_in_for,
        shift_starts_at=turn.shift.starts_at,
        shift_ends_at=turn.shift.ends_at,
    )


def _idle(starts_at: datetime, ends_at: datetime, layer: Layer, because: Because) -> Duty:
    return Duty(starts_at=starts_at, ends_at=ends_at, person=None, because=because, layer=layer.name)


def _overriding(overrides: Sequence[Override], starts_at: datetime, ends_at: datetime) -> Iterator[Duty]:
    """What the overrides say of a window, in order and apart; of two at one instant the one entered later."""
    within = [one for one in overrides if one.starts_at < ends_at and starts_at < one.ends_at]
    # By number, the one entered last on top: to look at each of them for each span would be slow with thousands.
    coming = sorted(range(len(within)), key=lambda number: within[number].starts_at, reverse=True)
    begun: list[int] = []
    edges = sorted({max(starts_at, one.starts_at) for one in within} | {min(ends_at, one.ends_at) for one in within})
    for begins, ends in pairwise(edges):
        while coming and within[coming[-1]].starts_at <= begins:
            heappush(begun, -coming.pop())
        while begun and within[-begun[0]].ends_at <= begins:
            heappop(begun)
        if begun:
            yield _overridden(within[-begun[0]], begins, ends)


def _overridden(override: Override, starts_at: datetime, ends_at: datetime) -> Duty:
    because = Because.OVERRIDE if override.person is not None else Because.TAKEN_OFF
    return Duty(starts_at=starts_at, ends_at=ends_at, person=override.person, because=because, override=override.id)


# Of several layers in which nobody is, the one that is nearest to somebody tells why.
_TELLS_MORE = [Because.NO_LAYER, Because.ENDED, Because.NOT_BEGUN, Because.OFF_HOURS, Because.NOBODY_LEFT]


def _over(below: Sequence[Duty], above: Sequence[Duty]) -> list[Duty]:
    """What lies above holds where somebody is in it, or where an override wants nobody."""
    found: list[Duty] = []
    edges = sorted({at for duty in (*below, *above) for at in (duty.starts_at, duty.ends_at)})
    lower, upper = iter(below), iter(above)
    low, high = next(lower, None), next(upper, None)
    for begins, ends in pairwise(edges):
        while low is not None and low.ends_at <= begins:
            low = next(lower, None)
        while high is not None and high.ends_at <= begins:
            high = next(upper, None)
        covers = high is not None and high.starts_at <= begins
        if low is None:
            continue
        chosen = high if covers and high is not None and _holds(high, low) else low
        found.append(_cut_to(chosen, begins, ends))
    return found


def _holds(above: Duty, below: Duty) -> bool:
    if above.person is not None or above.because is Because.TAKEN_OFF:
        return True
    return below.because in _TELLS_MORE and _TELLS_MORE.index(above.because) > _TELLS_MORE.index(below.because)


def _cut_to(duty: Duty, starts_at: datetime, ends_at: datetime) -> Duty:
    if duty.starts_at == starts_at and duty.ends_at == ends_at:
        return duty
    return replace(duty, starts_at=starts_at, ends_at=ends_at)


def _joined(found: Sequence[Duty]) -> list[Duty]:
    """Neighbours that are the same in all but their times, as one."""
    joined: list[Duty] = []
    for duty in found:
        if joined and replace(joined[-1], starts_at=duty.starts_at, ends_at=duty.ends_at) == duty:
            joined[-1] = replace(duty, starts_at=joined[-1].starts_at)
        else:
            joined.append(duty)
    return joined
