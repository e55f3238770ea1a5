"""From the many ways in which times are written to aware UTC datetimes, or to the two they may mean."""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from resile.model.errors import ConfigError
from resile.sources.fixed_width import fixed_width, remembering_reader

_EXCEL_EPOCH = datetime(1899, 12, 30)  # noqa: DTZ001 - Excel's dates have no zone
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_OLDEST, _NEWEST = 1970, 2200
_CACHED = 1 << 14
# Named formats; anything else is one of strptime's.
NAMED_FORMATS = ("iso", "epoch", "epoch_ms", "excel")
# Read without being asked for: no two of them could mean different days by the same text.
UNAMBIGUOUS = (
    "%Y/%m/%d %H:%M:%S",
    "%Y/%m/%d %H:%M",
    "%Y/%m/%d",
    "%d.%m.%Y %H:%M:%S",
    "%d.%m.%Y %H:%M",
    "%d.%m.%Y",
    "%d %b %Y %H:%M:%S",
    "%d %b %Y %H:%M",
    "%d %b %Y",
    "%d-%b-%Y %H:%M:%S",
    "%d-%b-%Y %H:%M",
    "%d-%b-%Y",
    "%b %d, %Y %H:%M:%S",
    "%b %d, %Y %H:%M",
    "%b %d, %Y",
    "%d/%b/%y %I:%M %p",
    "%d/%b/%Y %H:%M",
    "%a, %d %b %Y %H:%M:%S %z",
    "%Y-%m-%d %H:%M:%S %z",
    "%Y-%m-%d %H:%M:%S UTC",
    "%Y%m%dT%H%M%S",
)
_ISO_START = re.compile(r"\d{4}-\d\d-\d\d")
_SLASHED = re.compile(r"\d{1,2}[/-]\d{1,2}[/-]\d{2,4}")
_MONTHS = {
    name: n
    for n, name in enumerate(
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"], start=1
    )
}
_DIRECTIVES = {
    "%Y": r"(?P<Y>\d{4})",
    "%y": r"(?P<y>\d\d)",
    "%m": r"(?P<m>\d{1,2})",
    "%d": r"(?P<d>\d{1,2})",
    "%H": r"(?P<H>\d{1,2})",
    "%I": r"(?P<I>\d{1,2})",
    "%M": r"(?P<M>\d{1,2})",
    "%S": r"(?P<S>\d{1,2})",
    "%f": r"(?P<f>\d{1,6})",
    "%p": r"(?P<p>[AaPp]\.?[Mm]\.?)",
    "%b": r"(?P<b>[A-Za-z]{3})",
    "%B": r"(?P<B>[A-Za-z]{3,9})",
    "%%": "%",
}


class TimeProblemError(ValueError):
    """A cell that is no time; the message is the sentence's second half."""


def zone_of(name: str) -> ZoneInfo:
    """The zone of an IANA name.

    Raises:
        ConfigError: there is none of that name.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ConfigError(f"time zone {name!r} is unknown; use an IANA name such as Europe/Berlin or UTC") from None


def options_in_utc(at: datetime, zone: ZoneInfo) -> tuple[datetime, ...]:
    """The instants that a time may mean: one, or two where the zone's clocks showed it twice.

    Raises:
        TimeProblemError: the clocks never showed it.
    """
    if at.tzinfo is not None:
        return (at.astimezone(UTC),)
    if zone.key == "UTC":
        return (at.replace(tzinfo=UTC),)
    earlier, later = at.replace(tzinfo=zone), at.replace(tzinfo=zone, fold=1)
    first, second = earlier.astimezone(UTC), later.astimezone(UTC)
    if first == second:
        return (first,)
    if first.astimezone(zone).replace(tzinfo=None) != at:
        raise TimeProblemError(
            f"{at:%Y-%m-%d %H:%M} did not exist in {zone.key}, whose clocks went forward then; "
            "correct it or give an offset"
        )
    return first, second


class _LocalTime:
    """A zone's clocks, remembering the offset of days on which they were not changed."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone
        self._offsets: dict[int, timedelta | None] = {}

    def offset_on(self, at: datetime) -> timedelta | None:
        """The one offset of a time's day; None: the clocks were changed, or the year cannot be right."""
        if not _OLDEST <= at.year <= _NEWEST:
            return None
        day = at.toordinal()
        if day not in self._offsets:
            noon = datetime.fromordinal(day).replace(hour=12, tzinfo=self._zone)
            before, after = (noon - timedelta(days=1)).utcoffset(), (noon + timedelta(days=1)).utcoffset()
            self._offsets[day] = before if before == after == noon.utcoffset() else None
        return self._offsets[day]

    def in_utc(self, at: datetime) -> tuple[datetime, ...]:
        """As options_in_utc."""
        if at.tzinfo is not None:
            return (at.astimezone(UTC),)
        offset = self.offset_on(at)
        return options_in_utc(at, self._zone) if offset is None else ((at - offset).replace(tzinfo=UTC),)


def time_reader(formats: Sequence[str], zone: ZoneInfo) -> Callable[[object], tuple[datetime, ...]]:
    """A reader of cells into the instants they may mean.

    Args:
        formats: tried in order; none: ISO 8601 and what is unambiguous.

    Raises:
        ConfigError: a format is none. The reader itself raises TimeProblemError.
    """
    parsers = [_parser(name) for name in formats] or [_read_unambiguous]
    local = _LocalTime(zone)
    to_utc = local.in_utc
    form = fixed_width(formats[0]) if formats else None
    by_day = None if form is None or form.cut is None else remembering_reader(form, local.offset_on)
    wanted = " or ".join(repr(name) for name in formats)

    @lru_cache(_CACHED)
    def read_text(text: str) -> tuple[datetime, ...]:
        problem = ""
        for parse in parsers:
            try:
                at = parse(text)
            except (ValueError, OverflowError) as error:
                problem = problem or str(error)
                continue
            return to_utc(_plausible(at, text))
        if formats:
            raise TimeProblemError(f"{_short(text)} is no time in the format {wanted}; correct it")
        raise TimeProblemError(problem)

    def read(cell: object) -> tuple[datetime, ...]:
        if isinstance(cell, str):
            at = None if by_day is None else by_day(cell)
            return read_text(cell) if at is None else (at,)
        if isinstance(cell, datetime):
            return to_utc(_plausible(cell, cell))
        if isinstance(cell, date):
            return to_utc(_plausible(datetime(cell.year, cell.month, cell.day), cell))  # noqa: DTZ001
        if isinstance(cell, int | float) and not isinstance(cell, bool):
            # A whole number in a cell of numbers is written without its ".0", as it was typed.
            return read_text(str(cell) if isinstance(cell, float) and not cell.is_integer() else str(int(cell)))
        raise TimeProblemError(f"{_short(str(cell))} is of type {type(cell).__name__}, no time; correct it")

    return read


def _plausible(at: datetime, shown: object) -> datetime:
    if not _OLDEST <= at.year <= _NEWEST:
        raise TimeProblemError(f"{_short(str(shown))} lies in the year {at.year}; is the format right?")
    return at


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:60] + "…")  # noqa: PLR2004 - a line on a screen


def _parser(name: str) -> Callable[[str], datetime]:
    if name == "iso":
        return _read_iso
    if name == "epoch":
        return lambda text: _from_epoch(float(text))
    if name == "epoch_ms":
        return lambda text: _from_epoch(float(text) / 1000)
    if name == "excel":
        return lambda text: _EXCEL_EPOCH + timedelta(seconds=round(float(text) * 86_400, 3))
    if "%" not in name:
        raise ConfigError(
            f"time format {name!r} is unknown; use {', '.join(NAMED_FORMATS)} or one such as '%d/%m/%Y %H:%M'"
        )
    return compiled_format(name)


def _from_epoch(seconds: float) -> datetime:
    try:
        return _EPOCH + timedelta(seconds=seconds)
    except OverflowError:
        raise TimeProblemError(f"{seconds:.0f} seconds since 1970 is out of range; is it epoch_ms?") from None


def _read_iso(text: str) -> datetime:
    if not _ISO_START.match(text):
        raise TimeProblemError(f"{_short(text)} is not ISO 8601; correct it")
    return datetime.fromisoformat(text)


def _read_unambiguous(text: str) -> datetime:
    text = text.strip()
    if _ISO_START.match(text):
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            pass
    for parse in _unambiguous():
        try:
            return parse(text)
        except ValueError:
            continue
    if _SLASHED.match(text):
        raise TimeProblemError(
            f"{_short(text)} may be day or month first; give its format, such as '%d/%m/%Y %H:%M', or correct it"
        )
    if text.replace(".", "", 1).isdigit():
        raise TimeProblemError(f"{_short(text)} is a bare number; give its format: epoch, epoch_ms or excel")
    raise TimeProblemError(
        f"{_short(text)} is no time that is understood; write it as 2024-01-31 08:30, or give a format"
    )


@lru_cache(1)
def _unambiguous() -> tuple[Callable[[str], datetime], ...]:
    return tuple(compiled_format(name) for name in UNAMBIGUOUS)


@lru_cache(256)
def compiled_format(name: str) -> Callable[[str], datetime]:
    """A strptime format as a function: the usual directives by a regular expression, five times as fast.

    Raises:
        ConfigError: the format is not one of strptime's.
    """
    try:
        datetime(2024, 1, 31, 12, 30).strftime(name)  # noqa: DTZ001 - only the format is tried
        datetime.strptime("", name)  # noqa: DTZ007
    except re.error:
        raise ConfigError(f"time format {name!r} repeats a part; write it as '%d/%m/%Y %H:%M'") from None
    except ValueError as error:
        if "bad directive" in str(error) or "stray %" in str(error):
            raise ConfigError(f"time format {name!r}: {error}; see Python's strptime for the parts") from None
    by_pattern, form = _by_pattern(name), fixed_width(name)
    if form is None:
        return by_pattern
    return lambda text: form.parse(text) or by_pattern(text)


def _by_pattern(name: str) -> Callable[[str], datetime]:
    parts = re.findall(r"%.|[^%]+", name)
    if any(part[0] == "%" and part not in _DIRECTIVES for part in parts):
        return lambda text: datetime.strptime(text.strip(), name)  # noqa: DTZ007 - the zone comes later
    pattern = "".join(
        _DIRECTIVES[part] if part[0] == "%" else re.sub(r"(\\\s|\s)+", r"\\s+", re.escape(part)) for part in parts
    )
    match = re.compile(pattern).fullmatch

    def parse(text: str) -> datetime:
        found = match(text.strip())
        if found is None:
            raise TimeProblemError(f"{_short(text)} is not in the format {name!r}; correct it")
        return _built(found.groupdict())

    return parse


def _built(part: dict[str, str]) -> datetime:
    year = int(part["Y"]) if "Y" in part else _full_year(int(part.get("y", "70")))
    month = int(part["m"]) if "m" in part else _month(part.get("b") or part.get("B") or "jan")
    hour = int(part["H"]) if "H" in part else _hour(int(part.get("I", "12")), part.get("p", "am"))
    fraction = int(part["f"].ljust(6, "0")) if "f" in part else 0
    return datetime(  # noqa: DTZ001 - the zone comes later
        year, month, int(part.get("d", "1")), hour, int(part.get("M", "0")), int(part.get("S", "0")), fraction
    )


def _full_year(short: int) -> int:
    return short + (2000 if short < 69 else 1900)  # noqa: PLR2004 - as strptime does


def _month(name: str) -> int:
    month = _MONTHS.get(name[:3].lower())
    if month is None:
        raise TimeProblemError(f"{name!r} is no month; use the English names")
    return month


def _hour(hour: int, half: str) -> int:
    if not 1 <= hour <= 12:  # noqa: PLR2004 - a clock face
        raise TimeProblemError(f"{hour} is no hour from 1 to 12")
    return hour % 12 + (12 if half[0].lower() == "p" else 0)


def settle(options: Sequence[tuple[datetime, ...]]) -> tuple[tuple[datetime, ...], bool]:
    """Choose among what ambiguous times may mean so that they follow each other in the order given.

    Args:
        options: of each instant in the order in which they belong; those with more than one are ambiguous.

    Returns:
        The chosen instants, and whether the choice was forced. Where it was not, the earlier meaning is taken.
    """
    fitting: list[tuple[datetime, ...]] = [()]
    for choices in options:
        fitting = [(*before, at) for before in fitting for at in choices if not before or before[-1] <= at]
    if not fitting:
        return tuple(choices[0] for choices in options), False
    return fitting[0], len(fitting) == 1
