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
# What all rules of a file may come to, some five seconds of work: a day looked at is a step, and an occurrence.
MAX_FILE_STEPS = 2_000_000
# Rules by days are looked at day by day, others a week, month or year at once.
_STEPS_OF_A_DAY = {"DAILY": 2}
# Each so many values that a rule lists make looking at a day so much longer again.
_VALUES_A_STEP = 50
_MAX_RULE = 500
_MAX_INTERVAL = 1_000
_SLOWEST = frozenset({"DAILY", "WEEKLY", "MONTHLY", "YEARLY", "HOURLY"})
# The calendar repeats itself after so many years, weekdays too; a date can tell none after the last.
_CYCLE = 400
_LAST = datetime.max  # noqa: DTZ901 - by the clock of a series


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
        ConfigError: there are more than ten thousand, or more than five hundred series, or it takes too long to find
            them.
    """
    by_uid: dict[str, list[IcsEvent]] = {}
    for event in events:
        by_uid.setdefault(event.uid, []).append(event)
    if sum(1 for event in events if event.rules) > MAX_SERIES:
        raise ConfigError(f"the file has more than {MAX_SERIES} series; hand it in in parts")
    found: list[Occurrence] = []
    problems: list[str] = []
    effort = _Effort()
    for its in by_uid.values():
        try:
            within = (one for one in _of(its, until, effort) if since < one.ends_at and one.starts_at < until)
            found += islice(within, MAX_OCCURRENCES + 1)
        except ConfigError as error:
            problems.append(str(error))
        effort.check()
        if len(found) > MAX_OCCURRENCES:
            raise ConfigError(
                f"the file comes to more than {MAX_OCCURRENCES:,} times on call within a year; hand it in in parts"
            )
    return sorted(found, key=lambda one: (one.starts_at, one.ends_at, one.event.line)), problems


class _Effort:
    """How many steps the rules of a file have come to; counted, not timed: a file ends the same everywhere."""

    def __init__(self) -> None:
        self._n_steps = 0
        self._most: tuple[int, str] = (0, "")

    @property
    def is_over(self) -> bool:
        """Whether the file has come to more than it may."""
        return self._n_steps > MAX_FILE_STEPS

    def spend(self, series: IcsEvent, rule: str, n_steps: int) -> None:
        """Count what a rule came to."""
        self._n_steps += n_steps
        if n_steps > self._most[0]:
            self._most = (n_steps, f"line {series.line}: RRULE {rule[:80]!r}")

    def check(self) -> None:
        """Refuse the file by its most laborious rule where it has come to too much.

        Raises:
            ConfigError: it has.
        """
        if self.is_over:
            raise ConfigError(
                f"{self._most[1]}: following it, and the other rules of the file, takes more than {MAX_FILE_STEPS:,} "
                "steps; a rule that fits no day takes the most, so mend or leave out this one, let its series begin "
                "later, or hand the file in in parts"
            )


def _of(its: Sequence[IcsEvent], until: datetime, effort: _Effort) -> Iterator[Occurrence]:
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
    for starts in _starts(series, until, effort):
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


def _starts(series: IcsEvent, until: datetime, effort: _Effort) -> Iterator[datetime]:
    """By the series' own clock, in order, each once."""
    last = until.astimezone(series.zone).replace(tzinfo=None)
    added = (at.astimezone(series.zone).replace(tzinfo=None) for at in series.added if at < until)
    found = {series.starts, *added}
    for rule in series.rules:
        found |= set(_by_rule(series, rule, last, effort))
    yield from sorted(found)


def _by_rule(series: IcsEvent, rule: str, last: datetime, effort: _Effort) -> list[datetime]:
    if effort.is_over:
        return []
    followed = _rule(series, rule, last)
    found: list[datetime] = []
    at = followed.begins
    try:
        for at in followed.steps:
            if at > followed.ends:
                break
            if len(found) >= _MAX_STEPS:
                raise ConfigError(
                    f"line {series.line}: the series began more than {_MAX_STEPS:,} times ago; let it begin later"
                )
            found.append(at.replace(year=at.year - followed.years))
        else:
            # A rule that did not come to its count fitted no more day, to the last that a date can tell.
            at = at if len(found) == followed.count else _LAST
    except (ValueError, TypeError, OverflowError) as error:
        raise ConfigError(f"line {series.line}: RRULE {rule[:80]!r} is not understood ({error}); mend it") from None
    finally:
        effort.spend(series, rule, (at - followed.begins).days * followed.steps_a_day + len(found))
    return found


class _Followed(Struct, frozen=True, kw_only=True):
    """A rule that can be followed.

    Attributes:
        steps: its occurrences, so many years later than they are.
        begins, ends: between which they count, so many years later too.
        count: of how many there are; None: it does not say.
        steps_a_day: what looking at one day comes to.
    """

    steps: Any
    years: int
    begins: datetime
    ends: datetime
    count: int | None
    steps_a_day: int


def _rule(series: IcsEvent, rule: str, last: datetime) -> _Followed:
    from dateutil.rrule import rrulestr  # noqa: PLC0415 - loads with the first series

    parts = dict(part.partition("=")[::2] for part in rule.strip(";").split(";"))
    ends = min(last, _until(series, parts.pop("UNTIL"))) if "UNTIL" in parts else last
    if not _can_be_followed(rule, parts):
        raise ConfigError(f"line {series.line}: RRULE {rule[:80]!r} is not followed; repeat by hours, days or longer")
    # Shifted to the last 400 years that a date can tell: a rule that never fits ends there, not after 8,000 years.
    years = (_LAST.year - last.year) // _CYCLE * _CYCLE
    begins = series.starts.replace(year=series.starts.year + years)
    try:
        return _Followed(
            steps=rrulestr(";".join(f"{name}={value}" for name, value in parts.items()), dtstart=begins),
            years=years,
            begins=begins,
            ends=ends.replace(year=ends.year + years),
            count=int(parts["COUNT"]) if "COUNT" in parts else None,
            steps_a_day=_STEPS_OF_A_DAY.get(parts["FREQ"], 1) * (1 + rule.count(",") // _VALUES_A_STEP),
        )
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ConfigError(
            f"line {series.line}: RRULE {rule[:80]!r} is not understood ({str(error)[:80]}); mend it"
        ) from None


def _can_be_followed(rule: str, parts: Mapping[str, str]) -> bool:
    interval = parts.get("INTERVAL", "1")
    # An interval of 0 stands still for ever; hours that are picked out are looked for one by one, for centuries.
    is_odd = not (interval.isascii() and interval.isdecimal() and 1 <= int(interval[:9]) <= _MAX_INTERVAL)
    is_slow = parts.get("FREQ") == "HOURLY" and any(name.startswith("BY") for name in parts)
    is_odd |= len(rule) > _MAX_RULE or "BYEASTER" in parts or "BYSECOND" in parts
    return parts.get("FREQ") in _SLOWEST and not is_odd and not is_slow


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
