"""What the doors for known layouts share: columns under other names, times, ids met twice, and JSON records."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct

from resile.model.draft import Draft, Step
from resile.model.errors import ConfigError
from resile.model.severity import Severity, parse_severity
from resile.ports.source import Place, Progress, Reading, Refused, Remark, Skipped, Taken, digest_of
from resile.sources.csv_records import ERROR_COLUMN, legible
from resile.sources.json_records import JsonRecord, json_records
from resile.sources.opening import Odd, Part, TornInputError, parts_of
from resile.sources.seen import SeenKeys
from resile.sources.table.cells import DEFAULT_MISSING, words_of
from resile.sources.table.readers import SUFFIXES, Layout, Table, TableRow, open_table
from resile.sources.times import TimeProblemError, time_reader, zone_of

JSON_SUFFIXES = frozenset({".json", ".jsonl", ".ndjson"})
_RECORDS_PER_PROGRESS = 200
_ISO = time_reader(("iso",), zone_of("UTC"))


class RecordProblemError(Exception):
    """A record that cannot be taken: the sentence, and the field it is about."""

    def __init__(self, reason: str, field: str = "") -> None:
        super().__init__(reason)
        self.field = field


class Understood(Struct, frozen=True):
    """What a record says: a draft with doubts, or why it does not count."""

    draft: Draft | None = None
    doubts: tuple[str, ...] = ()
    skipped: str | None = None


def text_of(value: object) -> str:
    """A field as words, empty where it is missing."""
    words = words_of(value)
    return "" if words.casefold() in DEFAULT_MISSING else words


def iso_instant(value: object, field: str) -> datetime | None:
    """A field's instant, UTC where it has no offset; None where it is missing.

    Raises:
        RecordProblemError: it is no time.
    """
    if value is None or value == "":
        return None
    try:
        return _ISO(value)[0]
    except TimeProblemError as error:
        raise RecordProblemError(str(error), field) from None


def severity_or_none(
    word: str, own: dict[str, Severity | None], aliases: dict[str, Severity], doubts: list[str]
) -> Severity | None:
    """The severity of another system's word: the user's aliases first, then the layout's own, then the usual names."""
    folded = word.strip().casefold()
    if not folded:
        return None
    if folded in aliases:
        return aliases[folded]
    if folded in own:
        return own[folded]
    try:
        return parse_severity(folded)
    except ConfigError:
        doubts.append(f"severity {word[:60]!r} is unknown, so it has none; name it in the setting severity_aliases")
        return None


def within(steps: Sequence[Step], *, start: datetime | None, end: datetime | None, doubts: list[str]) -> list[Step]:
    """Leave out middle instants that lie outside of the incident they belong to, with a doubt for each."""
    kept = []
    for step in steps:
        is_middle = step.kind in {"acknowledged", "identified", "mitigated"}
        if is_middle and ((start is not None and step.at < start) or (end is not None and step.at > end)):
            doubts.append(f"{step.kind} {step.at:%Y-%m-%d %H:%M} lies outside of the incident and is left out")
        else:
            kept.append(step)
    return kept


class Uniques:
    """Lets each incident pass once: a second time is skipped if it says the same, else refused."""

    def __init__(self, seen: SeenKeys) -> None:
        self._seen = seen

    def reading(self, understood: Understood, place: Place, refuse: Callable[[Place, str], Refused]) -> Reading:
        """What becomes of a record."""
        draft = understood.draft
        if draft is None:
            return Skipped(place, understood.skipped or "")
        digest = digest_of(draft)
        first = self._seen.first(draft.ref.encode("utf-8", "replace"), str(place), digest)
        if first is None:
            return Taken(draft, place, understood.doubts, digest)
        if first[1] == digest:
            return Skipped(place, "the same incident again, word for word")
        reason = f"id {draft.ref[:60]!r} was taken by {first[0]} and says something else here; keep one of them"
        return refuse(place, reason)


def read_json(path: Path, understand: Callable[[JsonRecord], Understood]) -> Iterator[Reading]:
    """Read the objects of JSON files, each being one incident.

    Raises:
        ConfigError: the input as a whole cannot be read.
    """
    with SeenKeys() as seen:
        uniques = Uniques(seen)
        for part in parts_of(path, JSON_SUFFIXES):
            if isinstance(part, Odd):
                place = Place(part.name)
                yield Refused(place, part.reason, {}) if part.is_fault else Skipped(place, part.reason)
            else:
                yield from read_json_part(part, understand, uniques)


def read_json_part(part: Part, understand: Callable[[JsonRecord], Understood], uniques: Uniques) -> Iterator[Reading]:
    """Read the objects of one file."""
    number = n_read = 0
    said: dict[str, int] = {}
    try:
        for record in json_records(part.open, part.name, part.suffix, told=said):
            number = record.number
            n_read += record.problem is None
            yield _json_reading(record, part.name, understand, uniques)
            if number % _RECORDS_PER_PROGRESS == 0:
                yield Progress(part.position(), part.total_bytes)
        yield from remarks_on(part.name, n_read if number else None, said)
    except TornInputError as error:
        yield torn(part, number, error)


def remarks_on(name: str, n_read: int | None, said: Mapping[str, int]) -> Iterator[Remark]:
    """What is worth a line of a file of JSON: that it holds nothing, or is one page of several.

    Args:
        n_read: how many objects; None if it holds none.
        said: what it says of itself: `total` (Jira, PagerDuty), `more` (PagerDuty), `isLast` (Jira).
    """
    if n_read is None:
        yield Remark(f"{name} holds no records")
    if said.get("total", 0) > (n_read or 0):
        told = f"{name} says that there are {said['total']:,} records and holds {n_read or 0:,}"
        yield Remark(f"{told}; import the others too")
    elif said.get("more") or not said.get("isLast", True):
        yield Remark(f"{name} says that it is not the last page; import the others too")


def torn(part: Part, number: int, error: TornInputError) -> Refused:
    """The refusal of what is missing from a torn input."""
    read = f"what stands before row {number + 1} was read" if number else "nothing of it could be read"
    return Refused(Place(part.name, number + 1), f"the file {error}; {read}; get it again and import it anew", {})


def _json_reading(
    record: JsonRecord, file: str, understand: Callable[[JsonRecord], Understood], uniques: Uniques
) -> Reading:
    place = Place(file, record.number)

    def refuse(place: Place, reason: str) -> Refused:
        return Refused(place, reason, {}, record.text)

    if record.problem is not None:
        return refuse(place, record.problem)
    try:
        understood = understand(record)
    except RecordProblemError as error:
        return refuse(Place(file, record.number, error.field), str(error))
    return uniques.reading(understood, place, refuse)


def packed(value: Any) -> bytes:
    """A value of JSON to be kept on disk; whole numbers that are too long for that are kept as words."""
    try:
        return msgspec.msgpack.encode(value, enc_hook=words_of)
    except OverflowError:
        return msgspec.msgpack.encode(_shortened(value), enc_hook=words_of)


def _shortened(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _shortened(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_shortened(inner) for inner in value]
    return str(value) if isinstance(value, int) and abs(value) >= 1 << 63 else value


def read_json_and_tables(
    path: Path,
    of_json: Callable[[JsonRecord], Understood],
    layout: Callable[[Sequence[str], str], "Columns"],
    of_row: Callable[["Columns", Sequence[Any]], Understood],
) -> Iterator[Reading]:
    """Read an export that its system writes as JSON or as a table; an archive may hold both.

    Raises:
        ConfigError: the input as a whole cannot be read.
    """
    with SeenKeys() as seen:
        uniques = Uniques(seen)
        for part in parts_of(path, SUFFIXES):
            if isinstance(part, Odd):
                place = Place(part.name)
                yield Refused(place, part.reason, {}) if part.is_fault else Skipped(place, part.reason)
            elif part.suffix in JSON_SUFFIXES:
                yield from read_json_part(part, of_json, uniques)
            else:
                yield from read_table_part(part, layout, of_row, uniques)


def read_table_part(
    part: Part,
    layout: Callable[[Sequence[str], str], "Columns"],
    understand: Callable[["Columns", Sequence[Any]], Understood],
    uniques: Uniques,
) -> Iterator[Reading]:
    """Read the rows of one table."""
    number = 0
    try:
        table = open_table(part, Layout())
        columns = layout(table.columns, table.name)
        for row in table.rows:
            number = row.number
            yield _row_reading(row, table, columns, understand, uniques)
            if number % _RECORDS_PER_PROGRESS == 0:
                yield Progress(part.position(), part.total_bytes)
    except TornInputError as error:
        yield torn(part, number, error)


def _row_reading(
    row: TableRow,
    table: Table,
    columns: "Columns",
    understand: Callable[["Columns", Sequence[Any]], Understood],
    uniques: Uniques,
) -> Reading:
    place = Place(table.name, row.number)

    def refuse(place: Place, reason: str) -> Refused:
        return Refused(place, reason, row_cells(table.columns, row.cells))

    if row.problem is not None:
        return refuse(place, row.problem)
    try:
        return uniques.reading(understand(columns, row.cells), place, refuse)
    except RecordProblemError as error:
        at = columns.at.get(error.field)
        named = error.field if at is None else table.columns[at]
        return refuse(Place(table.name, row.number, named), str(error))


def row_cells(columns: Sequence[str], cells: Sequence[Any]) -> dict[str, str]:
    """A refused row by column, as it may be written down."""
    return {
        name: legible(words_of(cells[at])) if at < len(cells) else ""
        for at, name in enumerate(columns)
        if name != ERROR_COLUMN
    }


class Columns:
    """Cells of a table by the names that a layout knows them by."""

    def __init__(self, columns: Sequence[str], aliases: dict[str, str], required: Sequence[str], table: str) -> None:
        self.at: dict[str, int] = {}
        for at, name in enumerate(columns):
            plain = name.strip().lower().replace(" ", "_").replace("-", "_")
            self.at.setdefault(aliases.get(plain, plain), at)
        missing = [name for name in required if name not in self.at]
        if missing:
            raise ConfigError(
                f"{table}, row 1: column {missing[0]!r} is missing; it has {', '.join(columns[:40])}. "
                "If this is another layout, import it as a table with a mapping"
            )

    def get(self, cells: Sequence[Any], name: str) -> str:
        """A cell as words, empty where it or its column is missing."""
        at = self.at.get(name)
        return "" if at is None or at >= len(cells) else text_of(cells[at])


def instant_reader(formats: Sequence[str], zone: ZoneInfo) -> Callable[[str, str], tuple[datetime, ...]]:
    """A reader of (cell, column) into what the time may mean; empty where it is missing."""
    read = time_reader(formats, zone)

    def instant(cell: str, column: str) -> tuple[datetime, ...]:
        if not cell:
            return ()
        try:
            return read(cell)
        except TimeProblemError as error:
            raise RecordProblemError(str(error), column) from None

    return instant
