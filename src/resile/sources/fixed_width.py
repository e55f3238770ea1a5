"""Times in which every figure has its full width, such as 01/31/2024 08:30: cut where the figures stand."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

_WIDTHS = {"%Y": 4, "%m": 2, "%d": 2, "%H": 2, "%M": 2, "%S": 2}
_DAY = ("%Y", "%m", "%d")
# Enough for a century of days, and for every second of one.
_N_REMEMBERED = 100_000


class FixedWidth:
    """One such format.

    Attributes:
        cut: where the clock begins behind the day; None: the two are mixed.
    """

    def __init__(self, places: dict[str, slice], between: list[tuple[slice, str]], length: int) -> None:
        self._day = [places[part] for part in _DAY]
        self._hour, self._minute = places["%H"], places["%M"]
        self._second = places.get("%S", slice(0, 0))
        self._between = between
        self._length = length
        day_ends = max(place.stop for place in self._day)
        clock_begins = min(place.start for part, place in places.items() if part not in _DAY)
        self.cut = clock_begins if day_ends <= clock_begins else None

    def parse(self, text: str) -> datetime | None:
        """The time, without a zone; None if the text does not have the full width, or is no time."""
        if len(text) != self._length or not text.isascii():
            return None
        for place, separator in self._between:
            if text[place] != separator:
                return None
        year, month, day = (text[place] for place in self._day)
        try:
            return datetime.fromisoformat(
                f"{year}-{month}-{day} {text[self._hour]}:{text[self._minute]}:{text[self._second] or '00'}"
            )
        except ValueError:
            return None


def fixed_width(name: str) -> FixedWidth | None:
    """A strptime format of day, hour and minute as such; None if some part of it has no width of its own."""
    places: dict[str, slice] = {}
    between: list[tuple[slice, str]] = []
    at = 0
    for part in re.findall(r"%.|[^%]+", name):
        width = _WIDTHS.get(part, 0) if part[0] == "%" else len(part)
        if not width:
            return None
        if part[0] == "%":
            places[part] = slice(at, at + width)
        else:
            between.append((slice(at, at + width), part))
        at += width
    return FixedWidth(places, between, at) if {*_DAY, "%H", "%M"} <= places.keys() else None


def remembering_reader(
    form: FixedWidth, offset_on: Callable[[datetime], timedelta | None]
) -> Callable[[str], datetime | None]:
    """A reader into UTC that parses each day and each clock but once: a table repeats few of either.

    Args:
        form: with a cut.
        offset_on: what local time was ahead of UTC for all of a time's day; None: it changed, or nobody knows.

    Returns:
        The reader; it gives None where it cannot tell, and the text has to be read the long way.
    """
    midnights: dict[str, datetime] = {}
    clocks: dict[str, timedelta] = {}
    cut = form.cut

    def learn(text: str) -> datetime | None:
        at = form.parse(text)
        offset = None if at is None else offset_on(at)
        if at is None or offset is None:
            return None
        midnight = at.replace(hour=0, minute=0, second=0)
        in_utc = (midnight - offset).replace(tzinfo=UTC)
        if len(midnights) < _N_REMEMBERED and len(clocks) < _N_REMEMBERED:
            midnights[text[:cut]] = in_utc
            clocks[text[cut:]] = at - midnight
        return in_utc + (at - midnight)

    def read(text: str) -> datetime | None:
        midnight, clock = midnights.get(text[:cut]), clocks.get(text[cut:])
        return learn(text) if midnight is None or clock is None else midnight + clock

    return read
