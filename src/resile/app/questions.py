"""From the words of an address or a command line to a question: the one place where filters are read."""

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from resile.analytics.query import (
    DIMENSIONS,
    PERIODS,
    Clock,
    Condition,
    Every,
    Query,
    Window,
    check_dimension,
)
from resile.app.wiring import Resile
from resile.model.errors import ConfigError
from resile.model.severity import Severity, parse_severity
from resile.model.time import DAY, EARLIEST, parse_instant

WindowOf = Callable[[Sequence[Condition]], Window]
Params = Mapping[str, str | Iterable[str] | None] | Iterable[tuple[str, str]]

ONCE = ("from", "to", "last", "clock", "every")
MAX_VALUES = 200
MAX_DIMENSIONS = 4
MAX_LENGTH = 500
MAX_PERIODS = 4_000

_LAST = re.compile(r"(\d{1,5})\s*(h|d|w|mo|q|y)")
_LENGTHS = {"h": timedelta(hours=1), "d": DAY, "w": 7 * DAY}
_MONTHS = {"mo": 1, "q": 3, "y": 12}
_ROUGH_DAYS = {Every.DAY: 1, Every.WEEK: 7, Every.MONTH: 28, Every.QUARTER: 90}


def question(
    params: Params,
    *,
    default_window: Window | WindowOf,
    also: Collection[str] = (),
    severity_aliases: Mapping[str, Severity] | None = None,
) -> tuple[Query, list[str]]:
    """Read a question from named words; what cannot be understood is left out and told.

    The words: from, to (ISO 8601; `to` is not included), last (90d, 12w, 12mo, 4q, 1y, 48h, back from `to`), clock,
    every, by (repeats), and as filters severity, service, team, origin, label:NAME (repeat; the empty value stands
    for incidents without one).

    Args:
        params: names with one or several values each, or pairs.
        default_window: where neither from, to nor last say otherwise; its end stands for now. Or what finds it for
            the conditions that were read, such as `known_window`.
        also: further names that the caller reads itself.
        severity_aliases: from the settings.

    Returns:
        The question, always usable; and one sentence for each thing that was not understood.
    """
    words, problems = _words(params, also)
    once = {name: words.pop(name) for name in ONCE if name in words}
    single = {name: _single(name, values, problems) for name, values in once.items()}
    clock = _clock(single.get("clock", ""), problems)
    every = _every(single.get("every", ""), problems)
    by = _by(words.pop("by", []), problems)
    where = _where(words, severity_aliases, problems)
    usual = default_window if isinstance(default_window, Window) else default_window(where)
    window, every = _countable(_window(single, usual, problems), every, usual, problems)
    return Query(window=window, clock=clock, by=by, every=every, where=where), problems


def asked(
    params: Params,
    *,
    default_window: Window | WindowOf,
    severity_aliases: Mapping[str, Severity] | None = None,
) -> Query:
    """The question, for faces that stop at the first thing they do not understand.

    Raises:
        ConfigError: names everything that was not understood.
    """
    query, problems = question(params, default_window=default_window, severity_aliases=severity_aliases)
    if problems:
        raise ConfigError("; ".join(problems))
    return query


def as_params(query: Query) -> list[tuple[str, str]]:
    """The words that `question` reads as this question; instants in full."""
    pairs = [("from", query.window.start.isoformat()), ("to", query.window.end.isoformat())]
    pairs += [("clock", query.clock.value), ("every", query.every.value)]
    pairs += [("by", name) for name in query.by]
    pairs += [(condition.dimension, value) for condition in query.where for value in condition.values]
    return [(name, value.replace("+00:00", "Z") if name in {"from", "to"} else value) for name, value in pairs]


def known_window(resile: Resile, where: Sequence[Condition] = ()) -> Window:
    """The window where nobody names one: the whole history of what meets the conditions."""
    from resile.app.extent import default_window  # noqa: PLC0415 - reading words needs no engine

    return default_window(resile, where)


def _words(params: Params, also: Collection[str]) -> tuple[dict[str, list[str]], list[str]]:
    pairs = params.items() if isinstance(params, Mapping) else params
    words: dict[str, list[str]] = {}
    problems: list[str] = []
    for name, value in pairs:
        values = [] if value is None else [value] if isinstance(value, str) else list(value)
        if name in also or not values:
            continue
        if any(len(text) > MAX_LENGTH for text in (name, *values)):
            problems.append(f"{name[:40]!r} is longer than {MAX_LENGTH} characters; shorten it")
            continue
        words.setdefault(name, []).extend(values)
    for name, values in words.items():
        if len(values) > MAX_VALUES:
            problems.append(f"{name} has {len(values)} values; give at most {MAX_VALUES}")
            del values[MAX_VALUES:]
    return words, problems


def _single(name: str, values: list[str], problems: list[str]) -> str:
    distinct = list(dict.fromkeys(value.strip() for value in values if value.strip()))
    if len(distinct) > 1:
        problems.append(f"{name} is given {len(distinct)} times; give it once")
    return distinct[0] if distinct else ""


def _window(single: Mapping[str, str], default: Window, problems: list[str]) -> Window:
    start_text, end_text, last_text = (single.get(name, "") for name in ("from", "to", "last"))
    start = _instant("from", start_text, problems)
    end = _instant("to", end_text, problems) or default.end
    if last_text and start_text:
        problems.append("from and last are both given; give one of them")
    elif last_text:
        start = _back(last_text, end, problems)
    try:
        # A window that ends before everything known still needs a beginning.
        return Window(start or min(default.start, end - 90 * DAY), end) if start or end_text else default
    except (ConfigError, OverflowError) as error:
        problems.append(str(error))
        return default


def _instant(name: str, text: str, problems: list[str]) -> datetime | None:
    if not text:
        return None
    try:
        # A plus sign in an address that was not encoded arrives as a space.
        return parse_instant(text.replace(" ", "+") if re.search(r"T.*\d \d\d:?\d\d$", text) else text)
    except ConfigError as error:
        problems.append(f"{name}: {error}")
        return None


def _back(text: str, end: datetime, problems: list[str]) -> datetime | None:
    match = _LAST.fullmatch(text.casefold())
    start = None
    if match and int(match[1]) > 0:
        n, unit = int(match[1]), match[2]
        start = _months_before(end, n * _MONTHS[unit]) if unit in _MONTHS else end - n * _LENGTHS[unit]
    if start is None or start < EARLIEST:
        problems.append(f"last: {text!r} is no length of time; write it as 48h, 90d, 12w, 12mo, 4q or 2y")
        return None
    return start


def _months_before(end: datetime, months: int) -> datetime | None:
    """The same day of an earlier month, or its last day where that month is shorter."""
    year, month = divmod(end.year * 12 + end.month - 1 - months, 12)
    if year < EARLIEST.year:
        return None
    next_month = datetime(year + month // 11, (month + 1) % 12 + 1, 1, tzinfo=UTC)
    last_day = (next_month - DAY).day
    return end.replace(year=year, month=month + 1, day=min(end.day, last_day))


def _clock(text: str, problems: list[str]) -> Clock:
    wanted = text.casefold().replace("-", "_")
    for clock in Clock:
        if wanted in {clock.value, clock.measure}:
            return clock
    if wanted:
        problems.append(f"clock {text!r} is unknown; use one of {', '.join(Clock)}")
    return Clock.DETECTED_TO_RESTORED


def _every(text: str, problems: list[str]) -> Every:
    for every in Every:
        if text.casefold() == every.value:
            return every
    if text:
        problems.append(f"every {text!r} is no period; use one of {', '.join(Every)}")
    return Every.WEEK


def _by(values: list[str], problems: list[str]) -> tuple[str, ...]:
    dimensions: list[str] = []
    for value in values:
        if not value.strip():
            continue
        try:
            dimensions.append(check_dimension(value.strip()))
        except ConfigError as error:
            problems.append(f"by: {error}")
    distinct = tuple(dict.fromkeys(dimensions))
    if len(distinct) > MAX_DIMENSIONS:
        problems.append(f"by has {len(distinct)} dimensions; give at most {MAX_DIMENSIONS}")
    return distinct[:MAX_DIMENSIONS]


def _where(
    words: Mapping[str, list[str]], aliases: Mapping[str, Severity] | None, problems: list[str]
) -> tuple[Condition, ...]:
    found: dict[str, list[str]] = {}
    for name, values in words.items():
        try:
            dimension = check_dimension(name)
        except ConfigError:
            known = ", ".join((*ONCE, "by", *DIMENSIONS))
            problems.append(f"{name!r} is no filter; use {known} or label:NAME")
            continue
        if dimension in PERIODS:
            problems.append(f"{dimension} is no filter but a period; use from and to, or by={dimension}")
            continue
        read = _severities(values, aliases, problems) if dimension == "severity" else values
        found.setdefault(dimension, []).extend(value.strip() for value in read)
    return tuple(Condition(name, tuple(dict.fromkeys(values))) for name, values in found.items() if values)


def _severities(values: list[str], aliases: Mapping[str, Severity] | None, problems: list[str]) -> list[str]:
    severities = []
    for value in values:
        try:
            severities.append(parse_severity(value, dict(aliases or {})).value if value.strip() else "")
        except ConfigError as error:
            problems.append(str(error))
    return severities


def _countable(window: Window, every: Every, default: Window, problems: list[str]) -> tuple[Window, Every]:
    """A window cut into so many periods that nobody could look at them is cut more coarsely."""
    days = (window.end - window.start) / DAY
    for coarser in list(Every)[list(Every).index(every) :]:
        if days / _ROUGH_DAYS[coarser] <= MAX_PERIODS:
            if coarser is not every:
                problems.append(f"the window has more than {MAX_PERIODS} periods by {every}; shown by {coarser}")
            return window, coarser
    problems.append(f"the window has more than {MAX_PERIODS} periods; shown for the usual window instead")
    return default, every
