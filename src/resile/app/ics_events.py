"""An iCalendar file (RFC 5545) read event by event, each with its line, each wrong one told apart."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct

from resile.app.own_zone import own_zone
from resile.model.errors import ConfigError
from resile.model.schedule import zone_of
from resile.model.time import DAY, EARLIEST, LATEST

MAX_BYTES = 900_000
MAX_READ = 10_000
# Zones that a file describes itself.
MAX_OWN_ZONES = 20
_MAX_LINE = 20_000


class Property(Struct, frozen=True):
    """One line of an event, unfolded; `number` is that of its first line in the file."""

    name: str
    params: dict[str, str]
    value: str
    number: int


class IcsEvent(Struct, frozen=True, kw_only=True):
    """An event as the file tells it.

    Attributes:
        line: on which it begins.
        starts: by its own clock, without a zone; `zone` is that clock.
        lasts: on that clock, or exactly, whatever the clock does: hours of a DURATION are.
        recurrence: when the occurrence of its series begins of which it tells, UTC; None: it is the series, or single.
        rules, left_out, added: RRULE, EXDATE and RDATE; instants in UTC.
        is_off: whether it was called off.
    """

    line: int
    uid: str
    summary: str
    starts: datetime
    lasts: timedelta
    zone: tzinfo
    is_exact: bool = False
    attendees: tuple[Property, ...] = ()
    recurrence: datetime | None = None
    rules: tuple[str, ...] = ()
    left_out: frozenset[datetime] = frozenset()
    added: tuple[datetime, ...] = ()
    sequence: int = 0
    is_off: bool = False


class IcsFile(Struct, frozen=True, kw_only=True):
    """What was read; `problems`: a sentence for each event that could not be."""

    events: tuple[IcsEvent, ...]
    problems: tuple[str, ...]


def read_ics(body: bytes, *, zone: ZoneInfo) -> IcsFile:
    """Read a file.

    Args:
        zone: by whose clock times without a zone are, and days.

    Raises:
        ConfigError: it is no iCalendar file, or too large.
    """
    lines = _lines(body)
    events: list[IcsEvent] = []
    problems: list[str] = []
    zones = _Zones(zone, lines)
    for number, block in enumerate(_blocks(lines, "VEVENT")):
        if number >= MAX_READ:
            raise ConfigError(f"the file has more than {MAX_READ:,} events; hand it in in parts")
        try:
            events.append(_event(block, zones))
        except ConfigError as error:
            problems.append(str(error))
    return IcsFile(events=tuple(events), problems=tuple(problems))


def _lines(body: bytes) -> list[tuple[int, str]]:
    """Lines unfolded, each with the number of its first."""
    if len(body) > MAX_BYTES:
        raise ConfigError(f"the file has more than {MAX_BYTES:,} bytes; hand it in in parts")
    text = body.decode("utf-8-sig", errors="replace").replace("\r\n", "\n").replace("\r", "\n")
    found: list[tuple[int, str]] = []
    pieces: list[str] = []
    for number, line in enumerate(text.split("\n"), 1):
        if line[:1] in {" ", "\t"} and found:
            pieces.append(line[1:])
            continue
        if pieces:
            found[-1] = (found[-1][0], found[-1][1] + "".join(pieces))
            pieces = []
        if line.strip():
            found.append((number, line))
    if pieces:
        found[-1] = (found[-1][0], found[-1][1] + "".join(pieces))
    if not found or found[0][1].strip().upper() != "BEGIN:VCALENDAR":
        raise ConfigError("line 1 is not BEGIN:VCALENDAR, so the file is no iCalendar file; export it as .ics")
    if found[-1][1].strip().upper() != "END:VCALENDAR":
        raise ConfigError(f"line {found[-1][0]} is not END:VCALENDAR: the file was cut off; export it again")
    return found


def _blocks(lines: Sequence[tuple[int, str]], kind: str) -> Iterator[list[tuple[int, str]]]:
    """The lines of each component of a kind, its BEGIN first; those of alarms and the like within it are left out."""
    block: list[tuple[int, str]] = []
    within: list[str] = []
    for number, line in lines:
        word, _, name = line.strip().upper().partition(":")
        if word == "BEGIN" and (within or name == kind):
            within.append(name)
            if len(within) == 1:
                block = [(number, line)]
        elif word == "END" and within:
            if name != within[-1]:
                raise ConfigError(f"line {number} ends {name[:40]}, but {within[-1][:40]} is open; export it again")
            within.pop()
            if not within:
                yield block
        elif len(within) == 1:
            block.append((number, line))
    if within:
        raise ConfigError(f"line {block[0][0]}: {kind} is never ended; export the file again")


def _event(block: Sequence[tuple[int, str]], zones: "_Zones") -> IcsEvent:
    line = block[0][0]
    told: dict[str, list[Property]] = {}
    for number, text in block[1:]:
        found = _property(number, text)
        told.setdefault(found.name, []).append(found)
    uid, begins = _first(told, "UID"), _first(told, "DTSTART")
    if uid is None or not uid.value.strip():
        raise ConfigError(f"line {line}: the event has no UID, by which it would be known again; give it one")
    if begins is None:
        raise ConfigError(f"line {line}: the event has no DTSTART; say when it begins")
    starts, zone = zones.local(begins)
    summary, recurrence, status = (_first(told, name) for name in ("SUMMARY", "RECURRENCE-ID", "STATUS"))
    sequence = _first(told, "SEQUENCE")
    lasts = _lasts(told, begins, starts, zone, zones)
    return IcsEvent(
        line=line,
        uid=uid.value.strip(),
        summary="" if summary is None else _text(summary.value),
        starts=starts,
        lasts=lasts,
        zone=zone,
        is_exact="DTEND" not in told and bool(lasts % DAY),
        attendees=tuple(told.get("ATTENDEE", ())),
        recurrence=None if recurrence is None else zones.instants(recurrence)[0],
        rules=tuple(one.value.strip().upper() for one in told.get("RRULE", ())),
        left_out=frozenset(at for one in told.get("EXDATE", ()) for at in zones.instants(one)),
        added=tuple(at for one in told.get("RDATE", ()) for at in zones.instants(one)),
        sequence=int(sequence.value[:9]) if sequence is not None and sequence.value.strip().isdecimal() else 0,
        is_off=status is not None and status.value.strip().upper() == "CANCELLED",
    )


def _property(number: int, line: str) -> Property:
    if len(line) > _MAX_LINE:
        line = line[:_MAX_LINE]
    try:
        name, params, value = _parsed(line).parts()
    except ValueError:
        raise ConfigError(f"line {number}: {line[:40]!r} is not understood; write NAME:VALUE") from None
    plain = {str(key).upper(): str(told[0] if isinstance(told, list) else told) for key, told in params.items()}
    return Property(str(name).upper(), plain, str(value), number)


def _parsed(line: str) -> Any:
    from icalendar.parser import Contentline  # noqa: PLC0415 - loads with the first file

    made: Any = Contentline
    return made(line)


def _first(told: dict[str, list[Property]], name: str) -> Property | None:
    return next(iter(told.get(name, ())), None)


def _text(value: str) -> str:
    for written, meant in (("\\n", " "), ("\\N", " "), ("\\,", ","), ("\\;", ";"), ("\\\\", "\\")):
        value = value.replace(written, meant)
    return " ".join(value.split())


def _lasts(
    told: dict[str, list[Property]], begins: Property, starts: datetime, zone: tzinfo, zones: "_Zones"
) -> timedelta:
    """How long it lasts on its own clock: to DTEND, else DURATION, else a day where it is of days."""
    ends, length = _first(told, "DTEND"), _first(told, "DURATION")
    if ends is not None:
        lasts = zones.on_clock(ends, zone) - starts
        number = ends.number
    elif length is not None:
        lasts, number = _length(length), length.number
    elif _is_day(begins.value):
        return DAY
    else:
        raise ConfigError(f"line {begins.number}: the event has neither DTEND nor DURATION; say when it ends")
    if lasts <= timedelta(0):
        raise ConfigError(f"line {number}: the event does not end after it begins; mend its times")
    return lasts


def _length(told: Property) -> timedelta:
    from icalendar import vDuration  # noqa: PLC0415 - loads with the first file

    try:
        read: Any = vDuration.from_ical
        found = read(told.value.strip())
    except (ValueError, OverflowError):
        raise ConfigError(f"line {told.number}: DURATION {told.value[:40]!r} is not understood; write PT8H") from None
    assert isinstance(found, timedelta)  # noqa: S101 - what the library gives
    return found


def _is_day(value: str) -> bool:
    return "T" not in value.upper()


class _Zones:
    """Reads times by the zones that a file names: as IANA, Windows, or the file itself knows them."""

    def __init__(self, own: ZoneInfo, lines: Sequence[tuple[int, str]]) -> None:
        self._own = own
        self._known: dict[str, tzinfo] = {}
        self._told: dict[str, list[str]] = {}
        self._n_own = 0
        for block in _blocks_whole(lines):
            named = next((line for line in block if line.upper().startswith("TZID")), "")
            self._told.setdefault(named.partition(":")[2].strip(), block)

    def local(self, told: Property) -> tuple[datetime, tzinfo]:
        """A time by the clock of the zone that it names, without the zone; and the zone."""
        return self._one(told.value.strip(), told)

    def on_clock(self, told: Property, zone: tzinfo) -> datetime:
        """A time by the clock of another zone."""
        at, its = self._one(told.value.strip(), told)
        same = its is zone or _is_day(told.value)
        return at if same else at.replace(tzinfo=its).astimezone(UTC).astimezone(zone).replace(tzinfo=None)

    def instants(self, told: Property) -> list[datetime]:
        """Times, separated by commas, in UTC; of a period its beginning."""
        times = (self._one(value.strip().partition("/")[0], told) for value in told.value.split(","))
        return [at.replace(tzinfo=zone).astimezone(UTC) for at, zone in times]

    def _one(self, value: str, told: Property) -> tuple[datetime, tzinfo]:
        text = value.upper()
        try:
            if _is_day(text):
                at = datetime.combine(date.fromisoformat(text), time())
            else:
                at = datetime.strptime(text.removesuffix("Z"), "%Y%m%dT%H%M%S")  # noqa: DTZ007 - the zone is beside it
        except ValueError:
            raise ConfigError(
                f"line {told.number}: {told.name} {value[:40]!r} is not understood; write 20260302T090000Z"
            ) from None
        if not EARLIEST.year < at.year < LATEST.year:
            raise ConfigError(f"line {told.number}: {told.name} {value[:40]!r} is out of bounds; mend the year")
        if text.endswith("Z"):
            return at, UTC
        name = told.params.get("TZID")
        return at, self._own if name is None or _is_day(text) else self._zone(name, told.number)

    def _zone(self, name: str, number: int) -> tzinfo:
        if name not in self._known:
            self._known[name] = self._found(name, number)
        return self._known[name]

    def _found(self, name: str, number: int) -> tzinfo:
        from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON  # noqa: PLC0415 - loads with the first file

        block = self._told.get(name, [])
        hint = next((line.partition(":")[2] for line in block if line.upper().startswith("X-LIC-LOCATION")), None)
        # Some programs write `/softwarestudio.org/Olson_20011030_5/Europe/Berlin`.
        ends = ["/".join(name.strip("/").split("/")[-n:]) for n in (1, 2, 3)]
        for candidate in (name, hint, WINDOWS_TO_OLSON.get(name), *(ends if "/" in name else [])):
            if candidate:
                try:
                    return zone_of(candidate.strip(), subject="")
                except ConfigError:
                    continue
        self._n_own += 1
        if self._n_own > MAX_OWN_ZONES:
            raise ConfigError(
                f"line {number}: the file uses more than {MAX_OWN_ZONES} zones that have no known name; "
                "use names such as Europe/Berlin"
            )
        own = own_zone(block, name)
        if own is None:
            raise ConfigError(
                f"line {number}: zone {name[:60]!r} is unknown and the file does not say what it is; "
                "use a name such as Europe/Berlin"
            )
        return own


def _blocks_whole(lines: Sequence[tuple[int, str]]) -> Iterator[list[str]]:
    block: list[str] = []
    for _, line in lines:
        is_edge = line.strip().upper()
        if is_edge == "BEGIN:VTIMEZONE":
            block = [line]
        elif block:
            block.append(line)
            if is_edge == "END:VTIMEZONE":
                yield block
                block = []
