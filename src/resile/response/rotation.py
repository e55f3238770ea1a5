"""Whose turn it is in one layer: shifts by the local clock, holders in their order, with those who join and leave."""

from bisect import bisect_right
from calendar import monthrange
from collections.abc import Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from msgspec import Struct

from resile.model.schedule import Layer, Participant, Unit
from resile.response.wall_clock import first_showing, local

_LENGTHS = {Unit.HOUR: timedelta(hours=1), Unit.DAY: timedelta(days=1), Unit.WEEK: timedelta(weeks=1)}
_MONTHS_A_YEAR = 12


class Shift(Struct, frozen=True):
    """The `number`-th shift of a layer, counted from 0.

    A shift whose times the clock leaves out has no length: it is lost, and its holder's turn with it.

    Attributes:
        holder: place in the layer's people of whose turn it is; None: nobody was in the rotation when it began.
    """

    number: int
    starts_at: datetime
    ends_at: datetime
    holder: int | None


class Turn(Struct, frozen=True):
    """Who is on duty from one instant to another.

    Attributes:
        person: None: nobody is in the rotation.
        stands_in_for: whose shift it is, where they left in the middle of it.
    """

    starts_at: datetime
    ends_at: datetime
    person: str | None
    stands_in_for: str | None
    shift: Shift


class Rotation:
    """The shifts of one layer."""

    def __init__(self, layer: Layer, zone: ZoneInfo) -> None:
        self._layer = layer
        self._zone = zone
        self.starts_at = first_showing(layer.starts, zone)
        self.ends_at = None if layer.ends is None else first_showing(layer.ends, zone)
        # When who is in the rotation changes.
        self._changes = sorted({at for one in layer.people for at in (one.joins_at, one.leaves_at) if at is not None})

    def shifts(self, starts_at: datetime, ends_at: datetime) -> Iterator[Shift]:
        """Those that overlap a window or are lost in it, in order; the layer's end does not cut them."""
        first = self._number_at(max(starts_at, self.starts_at))
        # Lost ones begin where the next does.
        while first > 0 and self._starts_at(first - 1) == self._starts_at(first) >= starts_at:
            first -= 1
        number, begins = first, self._starts_at(first)
        holders = self._holders(first)
        while begins < ends_at:
            ends = self._starts_at(number + 1)
            yield Shift(number, begins, ends, next(holders))
            number, begins = number + 1, ends

    def turns(self, starts_at: datetime, ends_at: datetime) -> Iterator[Turn]:
        """Who is on duty in a window, in order, without holes from the layer's start to its end."""
        window_ends = ends_at if self.ends_at is None else min(ends_at, self.ends_at)
        for shift in self.shifts(starts_at, window_ends):
            begins, ends = max(shift.starts_at, starts_at, self.starts_at), min(shift.ends_at, window_ends)
            for start, end in _cut(begins, ends, self._changes):
                yield self._turn(shift, start, end)

    def _turn(self, shift: Shift, starts_at: datetime, ends_at: datetime) -> Turn:
        people = self._layer.people
        if shift.holder is None:
            # Whoever joins meanwhile is better than nobody.
            holder = _next_in(people, len(people) - 1, starts_at)
            return Turn(starts_at, ends_at, None if holder is None else people[holder].person, None, shift)
        owner = people[shift.holder]
        if owner.is_in(starts_at):
            return Turn(starts_at, ends_at, owner.person, None, shift)
        holder = _next_in(people, shift.holder, starts_at)
        return Turn(starts_at, ends_at, None if holder is None else people[holder].person, owner.person, shift)

    def _number_at(self, at: datetime) -> int:
        """Of the last shift that began by then."""
        number = max(0, self._number_by_local(local(at, self._zone)))
        # The clock may have been set since: by a day at most, which is 24 shifts of an hour.
        while number > 0 and self._starts_at(number) > at:
            number -= 1
        while self._starts_at(number + 1) <= at:
            number += 1
        return number

    def _number_by_local(self, shown: datetime) -> int:
        starts, every = self._layer.starts, self._layer.every
        if self._layer.unit is Unit.MONTH:
            n_months = (shown.year - starts.year) * _MONTHS_A_YEAR + shown.month - starts.month
            return n_months // every
        return (shown - starts) // (every * _LENGTHS[self._layer.unit])

    def _starts_at(self, number: int) -> datetime:
        return first_showing(self._local_start(number), self._zone)

    def _local_start(self, number: int) -> datetime:
        starts, n_units = self._layer.starts, number * self._layer.every
        if self._layer.unit is not Unit.MONTH:
            return starts + n_units * _LENGTHS[self._layer.unit]
        # From the first one each time, so that the 31st comes back after a month that has none.
        n_months = starts.month - 1 + n_units
        year, month = starts.year + n_months // _MONTHS_A_YEAR, n_months % _MONTHS_A_YEAR + 1
        return starts.replace(year=year, month=month, day=min(starts.day, monthrange(year, month)[1]))

    def _holders(self, first: int) -> Iterator[int | None]:
        """Whose turn each shift is, from the first asked for on.

        The next is the first after the one before who is in the rotation when the shift begins. Between two changes of
        who is in it, that is arithmetic, so that a rotation of many years costs no more than one of a week.
        """
        people = self._layer.people
        changes = [at for at in self._changes if at > self.starts_at]
        at_numbers = sorted({self._first_beginning_from(at) for at in changes})
        number, last = 0, len(people) - 1
        for until in [*at_numbers, None]:
            if until is not None and until <= number:
                continue
            members = [place for place, one in enumerate(people) if one.is_in(self._starts_at(number))]
            end = until
            if members:
                begin = _after(members, last)
                skipped = max(0, (first if end is None else min(first, end)) - number)
                at = number + skipped
                while end is None or at < end:
                    yield members[(begin + at - number) % len(members)]
                    at += 1
                last = members[(begin + at - number - 1) % len(members)]
            else:
                at = max(number, first if end is None else min(first, end))
                while end is None or at < end:
                    yield None
                    at += 1
            number = until or number

    def _first_beginning_from(self, at: datetime) -> int:
        """The first shift that begins at that instant or after."""
        number = self._number_at(at)
        while number > 0 and self._starts_at(number - 1) >= at:
            number -= 1
        return number if self._starts_at(number) >= at else number + 1


def _after(members: list[int], last: int) -> int:
    """The place in `members` of the first who comes after `last`."""
    return next((index for index, place in enumerate(members) if place > last), 0)


def _next_in(people: tuple[Participant, ...], after: int, at: datetime) -> int | None:
    """The first after a place, round to that place itself, who is in at that instant."""
    for step in range(1, len(people) + 1):
        place = (after + step) % len(people)
        if people[place].is_in(at):
            return place
    return None


def _cut(starts_at: datetime, ends_at: datetime, changes: list[datetime]) -> Iterator[tuple[datetime, datetime]]:
    at = starts_at
    for number in range(bisect_right(changes, starts_at), len(changes)):
        if changes[number] >= ends_at:
            break
        yield at, changes[number]
        at = changes[number]
    if at < ends_at:
        yield at, ends_at
