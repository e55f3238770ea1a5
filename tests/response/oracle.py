"""On-call duty by the dumbest way there is: minute by minute, from the first shift on, with nothing clever in it."""

from bisect import bisect_left
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import count
from zoneinfo import ZoneInfo

from dateutil.relativedelta import relativedelta

from resile.model.schedule import Hours, Layer, Override, Schedule, Unit

MINUTE = timedelta(minutes=1)


class Clock:
    """What the clock of a zone shows at each minute from one instant to another."""

    def __init__(self, zone: ZoneInfo, starts_at: datetime, ends_at: datetime) -> None:
        n_minutes = int((ends_at - starts_at) / MINUTE) + 1
        self.minutes = [starts_at + number * MINUTE for number in range(n_minutes)]
        self.shown = [at.astimezone(zone).replace(tzinfo=None) for at in self.minutes]
        # The latest time shown so far: it only grows, so that the first minute showing a time or later is found by it.
        self._latest = []
        latest = datetime.min  # noqa: DTZ901 - the clock on the wall has no zone
        for shown in self.shown:
            latest = max(latest, shown)
            self._latest.append(latest)

    def first_showing(self, shown: datetime) -> datetime | None:
        """The first minute at which the clock shows that time or a later one; None: none of these minutes."""
        place = bisect_left(self._latest, shown)
        return self.minutes[place] if place < len(self.minutes) else None


def holders(
    schedule: Schedule,
    overrides: Sequence[Override],
    starts_at: datetime,
    ends_at: datetime,
    clocks: dict[str, Clock],
) -> list[str | None]:
    """Who is on duty at each minute of a window.

    Args:
        clocks: by zone, from before the first hand-over of any layer to two days after the window.
    """
    found: list[str | None] = [None] * int((ends_at - starts_at) / MINUTE)
    for layer in schedule.layers:
        for place, person in enumerate(_layer(layer, clocks[layer.zone or schedule.zone], starts_at, ends_at)):
            if person is not None:
                found[place] = person
    for place in range(len(found)):
        at = starts_at + place * MINUTE
        for override in overrides:
            if override.starts_at <= at < override.ends_at:
                found[place] = override.person
    return found


def _layer(layer: Layer, clock: Clock, starts_at: datetime, ends_at: datetime) -> list[str | None]:
    layer_starts = clock.first_showing(layer.starts)
    layer_ends = None if layer.ends is None else clock.first_showing(layer.ends)
    starts: list[datetime] = []
    for number in count():
        begins = clock.first_showing(_shown(layer, number))
        if begins is None or begins >= ends_at:
            break
        starts.append(begins)
    whose = _whose(layer, starts)
    found = []
    shift = -1
    first = bisect_left(clock.minutes, starts_at)
    last = bisect_left(clock.minutes, ends_at)
    for at, shown in zip(clock.minutes[first:last], clock.shown[first:last], strict=True):
        while shift + 1 < len(starts) and starts[shift + 1] <= at:
            shift += 1
        is_running = layer_starts is not None and layer_starts <= at and (layer_ends is None or at < layer_ends)
        is_on = is_running and (not layer.hours or any(_is_within(hours, shown) for hours in layer.hours))
        found.append(_on_duty(layer, whose[shift], at) if is_on else None)
    return found


def _shown(layer: Layer, number: int) -> datetime:
    n_units = number * layer.every
    if layer.unit is Unit.HOUR:
        return layer.starts + relativedelta(hours=n_units)
    if layer.unit is Unit.DAY:
        return layer.starts + relativedelta(days=n_units)
    if layer.unit is Unit.WEEK:
        return layer.starts + relativedelta(weeks=n_units)
    return layer.starts + relativedelta(months=n_units)


def _whose(layer: Layer, starts: Sequence[datetime]) -> list[int | None]:
    """One shift after the other: the first after the one before who is in the rotation when it begins."""
    n_people = len(layer.people)
    last = n_people - 1
    found: list[int | None] = []
    for begins in starts:
        order = [(last + step) % n_people for step in range(1, n_people + 1)]
        whose = next((place for place in order if layer.people[place].is_in(begins)), None)
        found.append(whose)
        last = last if whose is None else whose
    return found


def _on_duty(layer: Layer, whose: int | None, at: datetime) -> str | None:
    n_people = len(layer.people)
    from_place = 0 if whose is None else whose
    order = [(from_place + step) % n_people for step in range(n_people)]
    return next((layer.people[place].person for place in order if layer.people[place].is_in(at)), None)


def _is_within(hours: Hours, shown: datetime) -> bool:
    for n_days in range(9):
        day = (shown - timedelta(days=n_days)).date()
        begins = datetime.combine(day, hours.start)
        if begins <= shown < begins + hours.lasts and (not hours.days or day.weekday() in hours.days):
            return True
    return False
