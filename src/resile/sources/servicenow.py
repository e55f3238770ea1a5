"""ServiceNow's incident event log: one row per update of an incident, or one row per incident.

Rows of one incident may stand anywhere in the file: they are brought together on disk. Of an incident's fields the last
row holds; from the rows before come when its state left New (acknowledged) and when it was reopened.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from resile.model.draft import Draft, Step
from resile.model.event import Source
from resile.model.severity import Severity
from resile.ports.source import Place, Progress, Reading, Refused, Skipped, SourceOptions, Taken
from resile.sources.known import (
    Columns,
    RecordProblemError,
    instant_reader,
    packed,
    row_cells,
    severity_or_none,
    torn,
    within,
)
from resile.sources.opening import Odd, Part, TornInputError, parts_of
from resile.sources.seen import TOO_MANY, Sorter, beginning_of
from resile.sources.table.readers import SUFFIXES, Layout, open_table
from resile.sources.times import settle, zone_of

# ServiceNow writes dates as its users have set; month first cannot be told from day first and is not tried.
FORMATS = (
    "%d/%m/%Y %H:%M",
    "%d/%m/%Y %H:%M:%S",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%d %H:%M",
    "%d-%m-%Y %H:%M:%S",
    "%d-%m-%Y %H:%M",
    "%d.%m.%Y %H:%M:%S",
    "%d.%m.%Y %H:%M",
    "%Y-%m-%dT%H:%M:%S",
    "iso",
)
MAX_UPDATES = 10_000
_NAMELESS = "the incident's number is missing; fill it in, and import the row together with the incident's others"
_ALIASES = {
    "ident_state": "state",
    "incident_state": "state",
    "opened": "opened_at",
    "resolved": "resolved_at",
    "closed": "closed_at",
    "updated": "sys_updated_at",
    "subcategory": "category_2",
    "u_subcategory": "category_2",
    "configuration_item": "cmdb_ci",
    "channel": "contact_type",
    "resolution_code": "close_code",
    "closed_code": "close_code",
}
_LABELS = {
    "category": "category",
    "subcategory": "category_2",
    "contact_type": "contact_type",
    "closed_code": "close_code",
    "made_sla": "made_sla",
    "location": "location",
    "impact": "impact",
    "urgency": "urgency",
    "configuration_item": "cmdb_ci",
    "reopen_count": "reopen_count",
    "reassignment_count": "reassignment_count",
}
_ROWS_PER_PROGRESS = 2_000
_INSTANT_COLUMNS = ("opened_at", "resolved_at", "closed_at")
# What is known to have happened before a restore within the same minute is put this much before it.
_JUST_BEFORE = timedelta(microseconds=1)
_RESTING = {"resolved", "closed"}


class _Row(Struct, array_like=True, gc=False):
    """A row as it is kept on disk."""

    part: int
    number: int
    problem: str | None
    cells: list[Any]


class _Update(Struct, frozen=True, gc=False):
    """What one row of an incident says."""

    state: str
    at: datetime | None
    n_reopened: int
    said: tuple[tuple[str, str], ...]


def open_source(options: SourceOptions) -> "ServiceNowSource":
    """The door for ServiceNow with these options."""
    return ServiceNowSource(options)


class ServiceNowSource:
    """Reads ServiceNow's incident event log."""

    def __init__(self, options: SourceOptions) -> None:
        self._origin = options.name or "servicenow"
        self._instant = instant_reader(FORMATS, zone_of(options.timezone or "UTC"))
        self._aliases = dict(options.severity_aliases)
        self._tables: list[tuple[str, list[str], Columns]] = []

    def read(self, path: Path) -> Iterator[Reading]:
        """Bring each incident's rows together, then read incident by incident."""
        self._tables = []
        decoder = msgspec.msgpack.Decoder(_Row)
        n_rows, size = 0, path.stat().st_size if path.is_file() else 0
        with Sorter() as sorter:
            for part in parts_of(path, SUFFIXES):
                if isinstance(part, Odd):
                    place = Place(part.name)
                    yield Refused(place, part.reason, {}) if part.is_fault else Skipped(place, part.reason)
                    continue
                for row in self._rows(part):
                    if not isinstance(row, _Row):
                        yield row
                        continue
                    n_rows += 1
                    number = self._tables[row.part][2].get(row.cells, "number")
                    if number:
                        sorter.add(
                            number, self._rank(row), n_rows, packed([row.part, row.number, row.problem, row.cells])
                        )
                    else:
                        yield self._refused(row, row.problem or _NAMELESS, "number")
                    if n_rows % _ROWS_PER_PROGRESS == 0:
                        yield Progress(part.position() // 2, size)
            n_done = 0
            for number, bodies in sorter.groups():
                kept, is_all = beginning_of(bodies, MAX_UPDATES)
                n_done += len(kept)
                rows = [decoder.decode(body) for body in kept]
                if is_all:
                    yield from self._incident(number, rows)
                else:
                    reason = f"incident {number!r} has {TOO_MANY.format(MAX_UPDATES)}; shorten its log"
                    for row in chain(rows, map(decoder.decode, bodies)):
                        yield self._refused(row, reason, "number")
                yield Progress((size + size * n_done // n_rows) // 2, size)

    def _rows(self, part: Part) -> Iterator[_Row | Refused]:
        number = 0
        try:
            table = open_table(part, Layout())
            self._tables.append(
                (table.name, table.columns, Columns(table.columns, _ALIASES, ("number", "opened_at"), table.name))
            )
            for row in table.rows:
                number = row.number
                yield _Row(len(self._tables) - 1, row.number, row.problem, list(row.cells))
        except TornInputError as error:
            yield torn(part, number, error)

    def _rank(self, row: _Row) -> int:
        """The place of a row among its incident's: the count of modifications; where there is none, as in the file."""
        count = self._tables[row.part][2].get(row.cells, "sys_mod_count")
        return _counted(count)

    def _incident(self, number: str, rows: list[_Row]) -> Iterator[Reading]:
        """One incident's draft; if any of its rows is bad, all are refused, so that they are mended together."""
        last = rows[-1]
        place = Place(self._tables[last.part][0], last.number)
        current = rows[0]
        try:
            updates = []
            for current in rows:
                updates.append(self._update(current))
            yield self._taken(number, last, updates, place)
        except RecordProblemError as error:
            yield self._refused(current, str(error), error.field)
            others = f"row {current.number} of the same incident {number!r} is refused; mend that and import both"
            for row in rows:
                if row is not current:
                    yield self._refused(row, others, "")

    def _refused(self, row: _Row, reason: str, column: str) -> Refused:
        name, columns, known = self._tables[row.part]
        at = known.at.get(column)
        return Refused(
            Place(name, row.number, column if at is None else columns[at]), reason, row_cells(columns, row.cells)
        )

    def _update(self, row: _Row) -> _Update:
        if row.problem is not None:
            raise RecordProblemError(row.problem)
        get = self._tables[row.part][2].get
        for column in _INSTANT_COLUMNS:
            self._instant(get(row.cells, column), column)
        updated = self._instant(get(row.cells, "sys_updated_at"), "sys_updated_at")
        count = get(row.cells, "reopen_count")
        return _Update(
            state=get(row.cells, "state"),
            at=updated[0] if updated else None,
            n_reopened=_counted(count),
            said=tuple((name, get(row.cells, name)) for name in ("state", "priority", "assignment_group")),
        )

    def _taken(self, number: str, last: _Row, updates: list[_Update], place: Place) -> Taken:
        get = self._tables[last.part][2].get
        cells = last.cells
        doubts: list[str] = []
        ends = self._ends(cells, get, doubts)
        steps = [Step(kind, at) for kind, at in ends.items()]
        steps += _reopenings(updates, ends)
        acknowledged = next(
            (update.at for update in updates if update.state and update.state.casefold() != "new"), None
        )
        if acknowledged is not None:
            steps.append(Step("acknowledged", acknowledged))
        steps += _notes(updates)
        end = ends.get("restored")
        labels = {name: word for name, column in _LABELS.items() if (word := get(cells, column))}
        service = get(cells, "business_service") or get(cells, "service_offering") or get(cells, "cmdb_ci")
        draft = Draft(
            origin=self._origin,
            ref=number,
            title=get(cells, "short_description"),
            severity=self._severity(get(cells, "priority"), doubts),
            services=(service,) if service else (),
            team=get(cells, "assignment_group") or None,
            labels=labels,
            steps=tuple(within(steps, start=ends.get("detected"), end=end, doubts=doubts)),
        )
        return Taken(draft, place, tuple(doubts))

    def _ends(self, cells: Sequence[Any], get: Any, doubts: list[str]) -> dict[str, datetime]:
        """When it was opened, resolved and closed, by the names that resile gives these."""
        columns = {"detected": "opened_at", "restored": "resolved_at", "closed": "closed_at"}
        found = {kind: at for kind, column in columns.items() if (at := self._instant(get(cells, column), column))}
        if "detected" not in found:
            raise RecordProblemError("the time of opening is missing; fill it in", "opened_at")
        chosen, is_forced = settle(list(found.values()))
        if not is_forced and any(len(options) > 1 for options in found.values()):
            doubts.append("the clocks showed one of its times twice; the first time is taken")
        return dict(zip(found, chosen, strict=True))

    def _severity(self, priority: str, doubts: list[str]) -> Severity | None:
        """Of `3` or `3 - Moderate`, the figure."""
        head = priority.partition("-")[0].strip()
        return severity_or_none(head if head.isdigit() else priority, {}, self._aliases, doubts)


def _counted(word: str) -> int:
    """A count; one that is none, or fits no integer column, is taken as 0."""
    return int(word) if word.isdecimal() and len(word) < 10 else 0  # noqa: PLR2004 - nine figures fit


def _reopenings(updates: Sequence[_Update], ends: dict[str, datetime]) -> Iterator[Step]:
    """Each rise of the count of reopenings, with the restore before it.

    ServiceNow keeps the last resolution only, so it comes after every reopening; where both stand in the same minute
    (or the log was written later), the reopening is put just before it.
    """
    end = ends.get("restored") or ends.get("closed")
    n_reopened = updates[0].n_reopened
    rested_at: datetime | None = None
    for update in updates:
        if update.n_reopened > n_reopened and update.at is not None:
            n_reopened = update.n_reopened
            is_late = end is not None and update.at >= end
            at = end - _JUST_BEFORE if end is not None and is_late else update.at
            if at < ends["detected"]:
                continue
            if rested_at is not None and ends["detected"] <= rested_at < at:
                yield Step("restored", rested_at)
            yield Step("reopened", at, Source.INFERRED if is_late else Source.REPORTED)
            rested_at = None
        if update.state.casefold() in _RESTING and rested_at is None:
            rested_at = update.at


def _notes(updates: Sequence[_Update]) -> Iterator[Step]:
    """What changed from row to row in state, priority and group."""
    before: dict[str, str] = {}
    for update in updates:
        changed = [
            f"{name.replace('_', ' ')} {word}" for name, word in update.said if word and before.get(name) != word
        ]
        before = dict(update.said)
        if changed and update.at is not None:
            yield Step("noted", update.at, text="; ".join(changed))
