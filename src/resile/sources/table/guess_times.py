"""In which format a column's times are written, concluded from many cells; day or month first by evidence."""

import re
from collections.abc import Sequence
from datetime import datetime
from itertools import product
from statistics import median

from msgspec import Struct
from msgspec.structs import replace

from resile.sources.times import UNAMBIGUOUS, compiled_format

# A column is one of times if so many of its filled cells are.
_SHARE = 0.6
_MAX_CELLS = 5_000
_CLOCKS = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p", " %H:%M:%S.%f")
_DATED = [(f"%d{s}%m{s}%{y}", f"%m{s}%d{s}%{y}") for s, y in product("/-.", "Yy")]
_ISO = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:?\d\d(:?\d\d([.,]\d+)?)?)?\s*(Z|[+-]\d\d:?\d\d)?")
_SECONDS = re.compile(r"[0-3]?\d{9}(\.\d+)?")
_MILLISECONDS = re.compile(r"[0-3]?\d{12}")
_SERIAL = re.compile(r"[2-6]\d{4}(\.\d+)?")
_SPELT = re.compile(r"dd?[/.-]mm?\b|mm?[/.-]dd?\b")
_HALF_YEAR_S = 180 * 86_400
# So many rows, and so much shorter incidents, before their length is believed to tell day from month.
_ENOUGH, _MUCH = 5, 5


class TimeGuess(Struct, frozen=True):
    """How a column's times are written.

    Attributes:
        format: None: readable without one.
        other: the same with day and month exchanged, where nothing in the column decides between the two.
        has_offset: every time carries its offset or zone.
    """

    format: str | None
    n_times: int
    n_filled: int
    reason: str
    other: str | None = None
    has_offset: bool = False


def guess_times(cells: Sequence[object], heading: str = "") -> TimeGuess | None:
    """How the filled cells of a column are written as times; None if they are none."""
    filled = list(cells)[:_MAX_CELLS]
    if not filled:
        return None
    n = len(filled)
    dated = sum(isinstance(cell, datetime) for cell in filled)
    if dated >= _SHARE * n:
        aware = any(isinstance(cell, datetime) and cell.tzinfo is not None for cell in filled)
        return TimeGuess(None, dated, n, "the cells are dates themselves", has_offset=aware)
    words = [str(cell).strip() for cell in filled]
    return _iso(words) or _numbers(words) or _told_by(heading, _slashed(words)) or _named(words)


def _iso(words: list[str]) -> TimeGuess | None:
    found = [match for word in words if (match := _ISO.fullmatch(word))]
    if len(found) < _SHARE * len(words):
        return None
    n_offsets = sum(match.group(4) is not None for match in found)
    return TimeGuess("iso", len(found), len(words), "ISO 8601", has_offset=n_offsets == len(found))


def _numbers(words: list[str]) -> TimeGuess | None:
    for pattern, name, why in (
        (_SECONDS, "epoch", "seconds since 1970"),
        (_MILLISECONDS, "epoch_ms", "milliseconds since 1970"),
        (_SERIAL, "excel", "days as Excel counts them"),
    ):
        n = sum(pattern.fullmatch(word) is not None for word in words)
        if n >= _SHARE * len(words):
            return TimeGuess(name, n, len(words), f"numbers that are {why}", has_offset=name != "excel")
    return None


def _slashed(words: list[str]) -> TimeGuess | None:
    best: TimeGuess | None = None
    for (day_first, month_first), clock in product(_DATED, _CLOCKS):
        by_day, by_month = _n_parsed(words, day_first + clock), _n_parsed(words, month_first + clock)
        n = max(by_day, by_month)
        if n < _SHARE * len(words) or (best is not None and n <= best.n_times):
            continue
        only_day, only_month = n - by_month, n - by_day
        if only_day:
            reason = f"{only_day:,} cells have a figure above 12 in first place, so the day comes first"
            best = TimeGuess(day_first + clock, by_day, len(words), reason)
        elif only_month:
            reason = f"{only_month:,} cells have a figure above 12 in second place, so the month comes first"
            best = TimeGuess(month_first + clock, by_month, len(words), reason)
        else:
            reason = "no cell has a day above 12, so nothing in this column tells day from month: LOOK AT THIS"
            best = TimeGuess(day_first + clock, by_day, len(words), reason, other=month_first + clock)
    return best


def _told_by(heading: str, guess: TimeGuess | None) -> TimeGuess | None:
    """Day or month first where the cells do not tell, but the column's name does: `started (mm/dd/yy)`."""
    spelt = _SPELT.search(heading.lower())
    if guess is None or guess.other is None or spelt is None:
        return guess
    is_day_first = spelt.group().startswith("d")
    reason = f"the column's name says {spelt.group()}"
    return replace(guess, format=guess.format if is_day_first else guess.other, other=None, reason=reason)


def _named(words: list[str]) -> TimeGuess | None:
    counts = {name: _n_parsed(words, name) for name in UNAMBIGUOUS}
    name = max(counts, key=counts.__getitem__)
    if counts[name] < _SHARE * len(words):
        return None
    has_offset = name.endswith(("%z", "UTC"))
    return TimeGuess(name, counts[name], len(words), f"like {words[0]!r}", has_offset=has_offset)


def _n_parsed(words: list[str], name: str) -> int:
    parse = compiled_format(name)
    n = 0
    for position, word in enumerate(words):
        try:
            parse(word)
        except ValueError:
            # Most formats fit nothing at all; that is seen at the first cells.
            if position >= 50 and n < position // 2:  # noqa: PLR2004 - enough to know
                return n
        else:
            n += 1
    return n


def order_by_evidence(pairs: Sequence[tuple[str, str]], starts: TimeGuess, ends: TimeGuess) -> tuple[bool, str] | None:
    """Whether the day comes first, judged by how starts and ends (as written) fit each other; None: it cannot be told.

    The wrong order makes ends come before their starts, and hours become months.
    """
    if starts.other is None or ends.other is None or starts.format is None or ends.format is None:
        return None
    by_day = _durations_s(pairs, starts.format, ends.format)
    by_month = _durations_s(pairs, starts.other, ends.other)
    absurd_by_day, absurd_by_month = _n_absurd(by_day), _n_absurd(by_month)
    if absurd_by_day != absurd_by_month:
        is_day_first = absurd_by_day < absurd_by_month
        n_wrong = max(absurd_by_day, absurd_by_month)
        reason = f"else {n_wrong:,} rows would end before they start or last half a year"
    elif (
        len(by_day) >= _ENOUGH
        and (lengths := (median(by_day), median(by_month)))
        and _MUCH * min(lengths) < max(lengths)
    ):
        is_day_first = lengths[0] < lengths[1]
        reason = f"else incidents would last {max(lengths) / 86_400:,.0f} days in the middle of them"
    else:
        return None
    return is_day_first, f"{reason}, so the {'day' if is_day_first else 'month'} comes first"


def _durations_s(pairs: Sequence[tuple[str, str]], start_format: str, end_format: str) -> list[float]:
    start, end = compiled_format(start_format), compiled_format(end_format)
    found = []
    for began, ended in pairs[:_MAX_CELLS]:
        try:
            found.append((end(ended.strip()) - start(began.strip())).total_seconds())
        except ValueError:
            continue
    return found


def _n_absurd(durations_s: Sequence[float]) -> int:
    return sum(not 0 <= lasted_s < _HALF_YEAR_S for lasted_s in durations_s)
