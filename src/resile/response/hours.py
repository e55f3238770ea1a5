"""When a layer is on duty at all: hours by the local clock, turned into instants."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from resile.model.schedule import Hours
from resile.model.time import DAY
from resile.response.wall_clock import Stretch, stretches

Span = tuple[datetime, datetime]


def on_duty(hours: Sequence[Hours], zone: ZoneInfo, starts_at: datetime, ends_at: datetime) -> list[Span]:
    """The spans of a window, in order and apart, in which the local clock shows a time within any of the hours.

    Without hours: the whole window.
    """
    if not hours:
        return [(starts_at, ends_at)]
    found = [span for stretch in stretches(zone, starts_at, ends_at) for one in hours for span in _within(one, stretch)]
    return _joined(sorted(found))


def _within(hours: Hours, stretch: Stretch) -> Iterator[Span]:
    # Within a stretch the local clock runs as UTC does, so that its times are compared as if they were.
    first, last = stretch.starts_at + stretch.offset, stretch.ends_at + stretch.offset
    day = (first - hours.lasts).date() - timedelta(days=1)
    while (begins := datetime.combine(day, hours.start, UTC)) < last:
        ends = begins + hours.lasts
        if ends > first and (not hours.days or day.weekday() in hours.days):
            yield max(begins, first) - stretch.offset, min(ends, last) - stretch.offset
        day += DAY


def _joined(spans: Sequence[Span]) -> list[Span]:
    joined: list[Span] = []
    for begins, ends in spans:
        if joined and begins <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(joined[-1][1], ends)
        else:
            joined.append((begins, ends))
    return joined
