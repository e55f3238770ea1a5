"""From durations and instants to coordinates, and the marks beside them."""

import math
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from msgspec import Struct

from resile.analytics.chart_parts import FLOOR_S, duration_domain
from resile.analytics.words import duration_ticks
from resile.model.time import DAY


class Mark(Struct, frozen=True):
    """A place on an axis and what is written there; a strong mark begins something, such as a year."""

    at: float
    label: str
    is_strong: bool = False


class LogScale(Struct, frozen=True):
    """Durations from `low_s` to `high_s` on the pixels from `begin` to `end`, logarithmically."""

    low_s: float
    high_s: float
    begin: float
    end: float

    def __call__(self, seconds: float) -> float:
        """The coordinate of a duration; what lies outside stands on the edge."""
        inside = min(max(seconds, self.low_s), self.high_s)
        share = math.log(inside / self.low_s) / math.log(self.high_s / self.low_s)
        return self.begin + share * (self.end - self.begin)

    def marks(self, *, at_most: int = 7) -> list[Mark]:
        """Round durations along the axis."""
        return [Mark(self(t.seconds), t.label) for t in duration_ticks(self.low_s, self.high_s, at_most=at_most)]


def log_scale(durations_s: Iterable[float | None], begin: float, end: float) -> LogScale:
    """A scale that holds all these durations."""
    low, high = duration_domain(durations_s)
    return LogScale(max(low, FLOOR_S / 2), high, begin, end)


class TimeScale(Struct, frozen=True):
    """Instants from `start` to `end_at` on the pixels from `begin` to `end`."""

    start: datetime
    end_at: datetime
    begin: float
    end: float

    def __call__(self, at: datetime) -> float:
        """The coordinate of an instant; what lies outside stands on the edge."""
        share = (at - self.start) / (self.end_at - self.start)
        return self.begin + min(max(share, 0.0), 1.0) * (self.end - self.begin)

    def marks(self, *, at_most: int = 13) -> list[Mark]:
        """Days, months or years along the axis, as many as there is room for, in UTC."""
        span = self.end_at - self.start
        if span <= 2 * DAY:
            return self._hours(at_most)
        if span <= 70 * DAY:
            return self._days(at_most)
        return self._months(at_most)

    def _hours(self, at_most: int) -> list[Mark]:
        step = next(h for h in (1, 2, 3, 6, 12, 24) if (self.end_at - self.start) / timedelta(hours=h) <= at_most)
        at = self.start.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        marks = []
        while at < self.end_at:
            if at >= self.start:
                marks.append(Mark(self(at), f"{at:%H:%M}" if at.hour else f"{at.day} {at:%b}", at.hour == 0))
            at += timedelta(hours=step)
        return marks

    def _days(self, at_most: int) -> list[Mark]:
        step = next(d for d in (1, 2, 7, 14) if (self.end_at - self.start) / timedelta(days=d) <= at_most)
        at = _midnight_after(self.start)
        marks = []
        while at < self.end_at:
            marks.append(Mark(self(at), f"{at.day} {at:%b}"))
            at += step * DAY
        return marks

    def _months(self, at_most: int) -> list[Mark]:
        months = (self.end_at - self.start) / DAY / 30.4
        step = next((m for m in (1, 2, 3, 6, 12, 24, 60, 120, 240) if months / m <= at_most), 600)
        first = self.start.astimezone(UTC)
        number = first.year * 12 + first.month - 1
        number += -number % step
        marks = []
        while number // 12 <= self.end_at.year:
            at = datetime(number // 12, number % 12 + 1, 1, tzinfo=UTC)
            if self.start <= at < self.end_at:
                is_january = at.month == 1
                marks.append(Mark(self(at), str(at.year) if is_january else f"{at:%b}", is_january))
            number += step
        return marks


def _midnight_after(at: datetime) -> datetime:
    midnight = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight if midnight == at else midnight + DAY


def xy(value: float) -> str:
    """A coordinate as short as its sharpness allows: a tenth of a pixel."""
    return f"{value:.1f}".removesuffix(".0")
