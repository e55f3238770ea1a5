"""A zone that a calendar's file describes itself, by its hand-overs between standard and summer time."""

import re
from collections.abc import Iterator, Sequence
from datetime import MAXYEAR, UTC, datetime, timedelta
from io import BytesIO
from itertools import islice, takewhile
from struct import pack
from typing import Any
from zoneinfo import ZoneInfo

from resile.model.time import EARLIEST

MAX_LINES, MAX_RULES = 1_000, 16
_RULE = re.compile(
    r"FREQ=YEARLY(?:;(?:INTERVAL=1|(?:BYMONTH|BYDAY|BYMONTHDAY|BYHOUR|BYMINUTE|UNTIL|WKST)=[A-Z0-9,+-]{1,40}))+"
)
_TIME = re.compile(r"(\d{8}T\d{6})Z?")
_OFFSET = re.compile(r"([+-])([01]\d|2[0-3])([0-5]\d)([0-5]\d)?")
# So many years, leap years among them, are as many as a rule needs that fits at all.
_PROBED_YEARS = 12
# Nobody enters a duty after that; the last offset holds from then on.
_LAST_YEAR = 2100
_MAX_OFFSETS = 200
# An instant in seconds since 1970, and the offsets before and after it, in seconds.
_Change = tuple[int, int, int]


def own_zone(block: Sequence[str], name: str) -> ZoneInfo | None:
    """The zone that a VTIMEZONE describes; None: it describes none, or one that would take long to follow.

    Args:
        block: its lines, unfolded.
    """
    if not 0 < len(block) <= MAX_LINES or sum(line.upper().startswith("RRULE") for line in block) > MAX_RULES:
        return None
    try:
        changes = sorted(change for part in _parts(block) for change in _changes(part))
    except (ValueError, KeyError, OverflowError, TypeError):
        return None
    if not changes or len({offset for change in changes for offset in change[1:]}) > _MAX_OFFSETS:
        return None
    return ZoneInfo.from_file(BytesIO(_tzif(changes)), key=name)


def _parts(block: Sequence[str]) -> Iterator[dict[str, list[str]]]:
    """Of each STANDARD and DAYLIGHT the values by name; of their parameters none is of use."""
    part: dict[str, list[str]] | None = None
    for line in block:
        name, _, value = line.strip().upper().partition(":")
        if name == "BEGIN" and value in {"STANDARD", "DAYLIGHT"}:
            part = {}
        elif name == "END" and part is not None:
            yield part
            part = None
        elif part is not None:
            part.setdefault(name.partition(";")[0], []).append(value)


def _changes(part: dict[str, list[str]]) -> Iterator[_Change]:
    """Every time at which the clock is set so, as it was set before."""
    before, after = (_offset(part[name][0]) for name in ("TZOFFSETFROM", "TZOFFSETTO"))
    starts = _time(part["DTSTART"][0])
    times = {starts, *(_time(one) for value in part.get("RDATE", ()) for one in value.split(","))}
    for rule in part.get("RRULE", ()):
        times |= set(_by_rule(rule, starts, timedelta(seconds=before)))
    for at in times:
        yield int((at.replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()) - before, before, after


def _by_rule(rule: str, starts: datetime, offset: timedelta) -> Iterator[datetime]:
    from dateutil.rrule import rrulestr  # noqa: PLC0415 - loads with the first file

    rule = rule.strip(";")
    if _RULE.fullmatch(rule) is None:
        raise ValueError(f"no clock is set by {rule[:80]!r}")
    fields = dict(part.partition("=")[::2] for part in rule.split(";"))
    said = fields.pop("UNTIL", None)
    text = ";".join(f"{name}={value}" for name, value in fields.items())
    # In the last years that a date can tell: one that never fits ends there, not after 8,000 years.
    made: Any = rrulestr(text, dtstart=datetime(MAXYEAR - _PROBED_YEARS, 1, 1))  # noqa: DTZ001 - of no zone
    if not 0 < sum(1 for _ in islice(made, _PROBED_YEARS + 2)) <= _PROBED_YEARS + 1:
        raise ValueError(f"{rule[:80]!r} fits never, or more than once a year")
    ends = datetime.max if said is None else _until(said, offset)  # noqa: DTZ901 - by the clock of the zone
    # Each year alike: those before anybody was on call need not be walked through.
    made = rrulestr(text, dtstart=starts.replace(year=max(starts.year, EARLIEST.year)))
    return takewhile(lambda at: at <= ends and at.year <= _LAST_YEAR, made)


def _until(said: str, offset: timedelta) -> datetime:
    """By the clock that holds before the change; with a Z it is UTC."""
    if "T" not in said:
        return datetime.strptime(said, "%Y%m%d") + timedelta(days=1)  # noqa: DTZ007 - by the clock of the zone
    return _time(said) + (offset if said.endswith("Z") else timedelta(0))


def _time(said: str) -> datetime:
    found = _TIME.fullmatch(said.strip())
    if found is None:
        raise ValueError(f"{said[:40]!r} is no time")
    return datetime.strptime(found[1], "%Y%m%dT%H%M%S")  # noqa: DTZ007 - by the clock of the zone


def _offset(said: str) -> int:
    found = _OFFSET.fullmatch(said.strip())
    if found is None:
        raise ValueError(f"{said[:40]!r} is no offset")
    seconds = int(found[2]) * 3600 + int(found[3]) * 60 + int(found[4] or 0)
    return -seconds if found[1] == "-" else seconds


def _tzif(changes: Sequence[_Change]) -> bytes:
    """The zone as RFC 8536 writes it, which zoneinfo reads; before the first change it is as that found it."""
    by_instant = {instant: after for instant, _, after in changes}
    offsets = list(dict.fromkeys([changes[0][1], *by_instant.values()]))
    instants = sorted(by_instant)
    types = b"".join(pack(">lBB", offset, 0, 0) for offset in offsets)
    first = pack(">4sc15x6l", b"TZif", b"2", 0, 0, 0, 0, 1, 1) + pack(">lBB", 0, 0, 0) + b"\0"
    second = pack(">4sc15x6l", b"TZif", b"2", 0, 0, 0, len(instants), len(offsets), 1)
    times = pack(f">{len(instants)}q", *instants) + bytes(offsets.index(by_instant[one]) for one in instants)
    return first + second + times + types + b"\0" + b"\n\n"
