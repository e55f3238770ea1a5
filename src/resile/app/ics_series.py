"""The occurrences of an iCalendar event: one, or a series by its rules, without what was left out or moved."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from msgspec import Struct

from resile.app.ics_events import IcsEvent
from resile.model.errors import ConfigError
from resile.model.time import MINUTE

MAX_OCCURRENCES = 10_000
MAX_SERIES = 500
# Occurrences of one series that lie before the window are walked through, for they count.
_MAX_STEPS = 20_000
_MAX_INTERVAL = 1_000
_SLOWEST = frozenset({"DAILY", "WEEKLY", "MONTHLY", "YEARLY", "HOURLY"})
# The calendar repeats itself after so many years, weekdays too; a date can tell none after the last.
_CYCLE = 400
_LAST_YEAR = 9_999


class Occurrence(Struct, frozen=True, kw_only=True):
    """One time at which an event takes place.

    Attributes:
        key: what tells it from others of its series; "" for an event that is none.
        starts_at, ends_at: aware UTC.
    """

    event: IcsEvent
    key: str
    starts_at: datetime
    ends_at: datetime


def occurrences(events: Sequence[IcsEvent], *, since: datetime, until: datetime) -> tuple[list[Occurrence], list[str]]:
    """Those that end after `since` and begin before `until`, with a sentence for each series that cannot be followed.

    Raises:
        ConfigError: there are more than ten thousand, or more than five hundred series.
    """
    by_uid: dict[str, list[IcsEvent]] = {}
    for event in events:
        by_uid.setdefault(event.uid, []).append(event)
    if sum(1 for event in events if event.rules) > MAX_SERIES:
        raise ConfigError(f"the file has more than {MAX_SERIES} series; hand it in in parts")
    found: list[Occurrence] = []
    problems: list[str] = []
    for its in by_uid.values():
        try:
            within = (one for one in _of(its, until) if since < one.ends_at and one.starts_at < until)
            found += islice(within, MAX_OCCURRENCES + 1)
        except ConfigError as error:
            problems.append(str(error))
        if len(found) > MAX_OCCURRENCES:
            raise ConfigError(
                f"the file comes to more than {MAX_OCCURRENCES:,} times on call within a year; hand it in in parts"
            )
    return sorted(found, key=lambda one: (one.starts_at, one.ends_at, one.event.line)), problems


def _of(its: Sequence[IcsEvent], until: datetime) -> Iterator[Occurrence]:
    """All of one UID: the newest word on the series, and on each of its occurrences."""
    newest: dict[datetime | None, IcsEvent] = {}
    for event in its:
        known = newest.get(event.recurrence)
        if known is None or known.sequence <= event.sequence:
            newest[event.recurrence] = event
    series = newest.pop(None, None)
    moved: Mapping[datetime | None, IcsEvent] = newest
    for event in moved.values():
        if not event.is_off:
            yield _occurrence(event, event.starts, key_of(event.recurrence))
    if series is None or series.is_off:
        return
    if not series.rules and not series.added:
        yield _occurrence(series, series.starts, "")
        return
    for starts in _starts(series, until):
        at = starts.replace(tzinfo=series.zone).astimezone(UTC)
        if at not in series.left_out and at not in moved:
            yield _occurrence(series, starts, key_of(at))


def key_of(recurrence: datetime | None) -> str:
    """What tells an occurrence from others of its series."""
    return "" if recurrence is None else recurrence.isoformat()


def _occurrence(event: IcsEvent, starts: datetime, key: str) -> Occurrence:
    starts_at = starts.replace(tzinfo=event.zone).astimezone(UTC)
    ends_at = starts_at + event.lasts if event.is_exact else (starts + event.lasts).replace(tzinfo=event.zone)
    return Occurrence(
        event=event,
        key=key,
        starts_at=starts_at,
        ends_at=ends_at.astimezone(UTC),
    )


def _starts(series: IcsEvent, until: datetime) -> Iterator[datetime]:
    """By the series' own clock, in order, each once."""
    last = until.astimezone(series.zone).replace(tzinfo=None)
    added = (at.astimezone(series.zone).replace(tzinfo=None) for at in series.added if at < until)
    found = {series.starts, *added}
    for rule in series.rules:
        found |= set(_by_rule(series, rule, last))
    yield from sorted(found)


def _by_rule(series: IcsEvent, rule: str, last: datetime) -> Iterator[datetime]:
    # Shifted to the last 400 years that a date can tell: a rule that never fits ends there, not after 8,000 years.
    years = (_LAST_YEAR - last.year) // _CYCLE * _CYCLE
    steps, ends = _rule(series, rule, last, years)
    try:
        for number, at in enumerate(steps):
            if at > ends:
                return
            if number >= _MAX_STEPS:
                raise ConfigError(
                    f"line {series.line}: the series began more than {_MAX_STEPS:,} times ago; let it begin later"
                )
            yield at.replace(year=at.year - years)
    except (ValueError, TypeError, OverflowError) as error:
        raise ConfigError(f"line {series.line}: RRULE {rule[:80]!r} is not understood ({error}); mend it") from None


def _rule(series: IcsEvent, rule: str, last: datetime, years: int) -> tuple[Any, datetime]:
    """Its occurrences, so many years later, and after which of them to end."""
    from dateutil.rrule import rrulestr  # noqa: PLC0415 - loads with the first series

    parts = dict(part.partition("=")[::2] for part in rule.strip(";").split(";"))
    ends = min(last, _until(series, parts.pop("UNTIL"))) if "UNTIL" in parts else last
    interval = parts.get("INTERVAL", "1")
    # An interval of 0 stands still for ever; hours that are picked out are looked for one by one, for centuries.
    is_odd = not (interval.isascii() and interval.isdecimal() and 1 <= int(interval[:9]) <= _MAX_INTERVAL)
    is_slow = parts.get("FREQ") == "HOURLY" and any(name.startswith("BY") for name in parts)
    if parts.get("FREQ") not in _SLOWEST or is_odd or is_slow or "BYEASTER" in parts or "BYSECOND" in parts:
        raise ConfigError(f"line {series.line}: RRULE {rule[:80]!r} is not followed; repeat by hours, days or longer")
    text = ";".join(f"{name}={value}" for name, value in parts.items())
    ends = ends.replace(year=ends.year + years)
    try:
        made: Any = rrulestr(text, dtstart=series.starts.replace(year=series.starts.year + years))
        # A rule that counts may not say when it ends as well.
        return made if "COUNT" in parts else made.replace(until=ends), ends
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ConfigError(
            f"line {series.line}: RRULE {rule[:80]!r} is not understood ({str(error)[:80]}); mend it"
        ) from None


def _until(series: IcsEvent, said: str) -> datetime:
    """The last instant of a series, by its own clock; a day counts whole."""
    text = said.strip().removesuffix("Z")
    try:
        at = datetime.strptime(text, "%Y%m%dT%H%M%S" if "T" in text else "%Y%m%d")  # noqa: DTZ007 - it is beside
        if "T" not in text:
            return at + timedelta(days=1) - MINUTE
        if said.strip().endswith("Z"):
            return at.replace(tzinfo=UTC).astimezone(series.zone).replace(tzinfo=None)
    except (ValueError, OverflowError):
        raise ConfigError(f"line {series.line}: UNTIL {said[:40]!r} is not understood; write 20261231") from None
    return at
