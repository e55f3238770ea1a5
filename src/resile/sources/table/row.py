"""From one row of a table to one draft, as the mapping says: compiled once, called for every row."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from resile.model.draft import Draft, Step
from resile.model.errors import ConfigError
from resile.model.event import Exclusion, Source
from resile.model.severity import Severity, parse_severity
from resile.sources.table.cells import words_of
from resile.sources.table.mapping import Rule, TableMapping, TextColumn
from resile.sources.times import TimeProblemError, settle, time_reader, zone_of

MAX_REF_CHARS = 500
# So many words of a column are remembered, if they are no longer than this.
MAX_KNOWN_WORDS = 2_000
MAX_KNOWN_CHARS = 60
_Cells = Sequence[Any]
T = TypeVar("T")


class RowProblemError(Exception):
    """A row that cannot be taken: the sentence, and the column it is about."""

    def __init__(self, reason: str, column: str = "") -> None:
        super().__init__(reason)
        self.column = column


class Read(Struct, frozen=True, gc=False):
    """What a row says.

    Attributes:
        draft: its `ref` is empty where the mapping has no id.
        skipped: why the row does not count; the draft is then None.
    """

    draft: Draft | None
    doubts: tuple[str, ...] = ()
    skipped: str | None = None


def _listed(cell: str) -> list[Any] | None:
    """The list that a cell holds as JSON, as refused rows of JSON are written."""
    try:
        return msgspec.json.decode(cell, type=list[Any])
    except msgspec.DecodeError:
        return None


def _of_cell(at: int, meant: Callable[[object], T]) -> Callable[[_Cells], T]:
    """A reader of one cell that remembers what short words mean: columns mostly repeat few of them."""
    known: dict[str, T] = {}

    def read(cells: _Cells) -> T:
        cell = cells[at]
        if not isinstance(cell, str):
            return meant(cell)
        if cell in known:
            return known[cell]
        found = meant(cell)
        if len(known) < MAX_KNOWN_WORDS and len(cell) < MAX_KNOWN_CHARS:
            known[cell] = found
        return found

    return read


class RowReader:
    """Reads rows of one table.

    Raises:
        ConfigError: the mapping names a column that the table does not have.
    """

    def __init__(
        self,
        mapping: TableMapping,
        columns: Sequence[str],
        table: str,
        *,
        origin: str,
        timezone: str | None,
        aliases: Mapping[str, Severity],
    ) -> None:
        mapping.check_columns(columns, table)
        self._at = {name: at for at, name in reversed(list(enumerate(columns)))}
        self._origin = origin
        self._missing = mapping.missing
        self._aliases = dict(aliases)
        self._mapping = mapping
        zone = zone_of(timezone or mapping.timezone or "UTC")
        self._zone = zone.key
        self._instants = [
            (name, time.column, self._at[time.column], time_reader(time.formats, zone))
            for name, time in mapping.instants.items()
        ]
        self._id = self._text(mapping.id)
        self._title = self._text(mapping.title)
        self._url = self._text(mapping.url)
        self._team = self._text(mapping.team)
        self._services = [self._texts(service) for service in mapping.services]
        self._labels = [(name, self._text(label)) for name, label in mapping.labels.items()]
        self._graded = self._grades(mapping.severity)
        self._where = [(self._rule(rule), rule.column) for rule in mapping.where]
        self._exclusions = [
            *((self._rule(rule), Exclusion.PLANNED) for rule in mapping.planned),
            *((self._rule(rule), Exclusion.NOISE) for rule in mapping.noise),
        ]
        mapped = {column for _, column in mapping.columns()}
        self._mapped = sorted(self._at[column] for column in mapped)

    def read(self, cells: _Cells) -> Read:
        """One row's draft.

        Raises:
            RowProblemError: the row cannot be taken.
        """
        for holds, column in self._where:
            if not holds(cells):
                found = words_of(cells[self._at[column]])[:60]
                return Read(None, skipped=f"where: {column} is {found or 'empty'!r}")
        doubts: list[str] = []
        steps = self._steps(cells, doubts)
        draft = Draft(
            origin=self._origin,
            ref=self._ref(cells),
            title=self._title(cells) or "",
            severity=self._severity(cells, doubts),
            services=self._all_services(cells),
            team=self._team(cells),
            labels={name: word for name, read in self._labels if (word := read(cells)) is not None},
            exclusion=self._exclusion(cells),
            url=self._url(cells),
            steps=steps,
        )
        return Read(draft, tuple(doubts))

    def digest(self, cells: _Cells) -> bytes:
        """A digest of the mapped cells, by which a row without an id is known again."""
        words = [words_of(cells[at]) for at in self._mapped]
        return hashlib.blake2b(msgspec.msgpack.encode(words), digest_size=12).digest()

    def _ref(self, cells: _Cells) -> str:
        if self._mapping.id is None:
            return ""
        ref = self._id(cells)
        if ref is None:
            raise RowProblemError("the id is missing; fill it in", self._mapping.id.column)
        if len(ref) > MAX_REF_CHARS:
            raise RowProblemError(
                f"the id is longer than {MAX_REF_CHARS} characters; shorten it", self._mapping.id.column
            )
        return ref

    def _text(self, text: TextColumn | None) -> Callable[[_Cells], str | None]:
        if text is None:
            return lambda _: None
        values, default, missing = text.values, text.default, self._missing

        def meant(cell: object) -> str | None:
            word = words_of(cell)
            folded = word.casefold()
            if values and folded in values:
                return values[folded]
            return default if folded in missing else word

        return _of_cell(self._at[text.column], meant)

    def _texts(self, text: TextColumn) -> Callable[[_Cells], tuple[str, ...]]:
        values, missing, separator = text.values, self._missing, text.separator
        otherwise = () if text.default is None else (text.default,)

        def meant(cell: object) -> tuple[str, ...]:
            parts: Sequence[Any] = [cell]
            if isinstance(cell, str) and cell.startswith('["') and (listed := _listed(cell)) is not None:
                cell = listed
            if isinstance(cell, list | tuple):
                parts = [part.get("name", part) if isinstance(part, dict) else part for part in cell]
            elif separator is not None and isinstance(cell, str):
                parts = cell.split(separator)
            words = [(word, word.casefold()) for word in map(words_of, parts)]
            kept = (values.get(folded, word) for word, folded in words if folded in values or folded not in missing)
            return tuple(dict.fromkeys(kept)) or otherwise

        return _of_cell(self._at[text.column], meant)

    def _all_services(self, cells: _Cells) -> tuple[str, ...]:
        if len(self._services) == 1:
            return self._services[0](cells)
        return tuple(dict.fromkeys(service for read in self._services for service in read(cells)))

    def _severity(self, cells: _Cells, doubts: list[str]) -> Severity | None:
        severity, unknown = self._graded(cells)
        if unknown is not None:
            doubts.append(f"severity {unknown!r} is unknown, so it has none; map it under severity: values")
        return severity

    def _grades(self, text: TextColumn | None) -> Callable[[_Cells], tuple[Severity | None, str | None]]:
        """A reader of the severity, and of the word that is none."""
        if text is None:
            return lambda _: (None, None)

        def meant(cell: object) -> tuple[Severity | None, str | None]:
            word = words_of(cell)
            severity = self._parsed_severity(word, text)
            is_unknown = severity is None and word.casefold() not in self._missing
            return severity, word[:60] if is_unknown else None

        return _of_cell(self._at[text.column], meant)

    def _parsed_severity(self, word: str, text: TextColumn) -> Severity | None:
        folded = word.casefold()
        meant = text.values.get(folded)
        if meant is None:
            meant = text.default if folded in self._missing else word
        try:
            return None if meant is None else parse_severity(meant, self._aliases)
        except ConfigError:
            return None

    def _rule(self, rule: Rule) -> Callable[[_Cells], bool]:
        return _of_cell(self._at[rule.column], lambda cell: rule.holds(words_of(cell)))

    def _exclusion(self, cells: _Cells) -> Exclusion | None:
        for holds, exclusion in self._exclusions:
            if holds(cells):
                return exclusion
        return None

    def _steps(self, cells: _Cells, doubts: list[str]) -> tuple[Step, ...]:
        missing = self._missing
        found: list[tuple[str, str, tuple[datetime, ...]]] = []
        is_ambiguous = False
        for name, column, at, read in self._instants:
            cell = cells[at]
            if cell is None or (isinstance(cell, str) and cell.strip().casefold() in missing):
                continue
            if cell != cell:  # noqa: PLR0124 - NaN, as tables of numbers write a missing one
                continue
            try:
                options = read(cell)
            except TimeProblemError as error:
                raise RowProblemError(str(error), column) from None
            is_ambiguous = is_ambiguous or len(options) > 1
            found.append((name, column, options))
        if not found:
            columns = ", ".join(column for _, column, _, _ in self._instants)
            raise RowProblemError(f"no time in any of {columns}; fill one in", self._instants[0][1])
        if is_ambiguous:
            return self._settled(found, doubts)
        return tuple([Step(name, options[0], Source.REPORTED) for name, _, options in found])

    def _settled(self, found: list[tuple[str, str, tuple[datetime, ...]]], doubts: list[str]) -> tuple[Step, ...]:
        chosen, is_forced = settle([options for _, _, options in found])
        if not is_forced:
            twice = ", ".join(column for _, column, options in found if len(options) > 1)
            doubts.append(f"the clocks of {self._zone} showed the time in {twice} twice; the first time is taken")
        return tuple(Step(name, at, Source.REPORTED) for (name, _, _), at in zip(found, chosen, strict=True))
