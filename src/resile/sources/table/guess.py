"""Propose a mapping for a table, and say line by line why."""

import json
from collections import Counter
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from resile.model.errors import ConfigError
from resile.sources.csv_records import ERROR_COLUMN
from resile.sources.opening import Part, TornInputError, parts_of
from resile.sources.table.cells import DEFAULT_MISSING, words_of
from resile.sources.table.guess_roles import (
    NOISE,
    PLANNED,
    TEXT_WORDS,
    TIME_WORDS,
    best_column,
    severity_values,
)
from resile.sources.table.guess_times import TimeGuess, guess_times, order_by_evidence
from resile.sources.table.readers import SUFFIXES, Layout, Table, TableRow, open_table
from resile.sources.times import NAMED_FORMATS, zone_of

SAMPLED_ROWS = 20_000
_SHOWN_CHARS = 60
_MAX_VALUES = 60
_EXPECTED_ORDER = ("impact_began", "detected", "acknowledged", "identified", "mitigated", "restored", "closed")


class Column(Struct, frozen=True):
    """What the sample says of a column. `cells` are its filled ones; `values` counts them as words."""

    name: str
    cells: list[Any]
    values: Counter[str]
    times: TimeGuess | None

    @property
    def is_category(self) -> bool:
        """Whether few values come back often."""
        return 1 < len(self.values) <= _MAX_VALUES and len(self.values) <= len(self.cells) / 2


class Sample(Struct, frozen=True):
    """The rows that were looked at."""

    columns: dict[str, Column]
    rows: list[list[Any]]
    names: list[str]
    layout: Layout
    n_problems: int

    def pairs(self, start: str, end: str) -> list[tuple[str, str]]:
        """The cells of two columns in the rows where both are filled, as written."""
        first, second = self.names.index(start), self.names.index(end)
        found = ((words_of(row[first]), words_of(row[second])) for row in self.rows)
        return [(one, other) for one, other in found if not _is_missing(one) and not _is_missing(other)]


class Line(Struct, frozen=True):
    """One line of the proposed mapping and the reason for it."""

    text: str
    reason: str


def guessed_mapping(path: Path, *, timezone: str | None = None) -> str:
    """A mapping file for the table, as YAML with a reason behind each line.

    Raises:
        ConfigError: the table cannot be read, or no column of it holds times.
    """
    for part in parts_of(path, SUFFIXES):
        if isinstance(part, Part):
            return _guessed(part, timezone)
    raise ConfigError(f"{path.name} holds no table that is understood")


def _guessed(part: Part, timezone: str | None) -> str:
    sample = _sampled(part)
    if not sample.rows:
        raise ConfigError(f"{part.name} has a header but no rows; a mapping cannot be proposed")
    lines = _Guess(sample, part.name, timezone).lines()
    n_rows = f"{len(sample.rows):,}{' first' if len(sample.rows) == SAMPLED_ROWS else ''}"
    width = max((len(line.text) for line in lines if len(line.text) < 90), default=0)  # noqa: PLR2004 - long lines stand out anyway
    body = "".join(f"{line.text:<{width}}  # {line.reason}\n" for line in lines)
    used = "\n".join(line.text for line in lines)
    rest = [name for name in sample.names if _quoted(name) not in used and name != ERROR_COLUMN]
    unused = f"# Not used: {', '.join(rest)}\n".replace("\r", " ") if rest else ""
    return (
        f"# Proposed from the {n_rows} rows of {part.name}. Look each line through before you import.\n{body}{unused}"
    )


def _sampled(part: Part) -> Sample:
    layout = Layout()
    for _ in range(3):
        try:
            table = open_table(part, layout)
            break
        except ConfigError as error:
            layout = _amended(layout, str(error))
    else:
        table = open_table(part, layout)
    rows = _rows_of(table)
    n_bad_bytes = sum("is not UTF-8" in (row.problem or "") for row in rows)
    if n_bad_bytes:
        layout = replace(layout, encoding="cp1252")
        table = open_table(part, layout)
        rows = _rows_of(table)
    good = [row.cells for row in rows if row.problem is None]
    columns = {name: _column(name, [cells[at] for cells in good]) for at, name in enumerate(table.columns)}
    return Sample(columns, good, table.columns, layout, len(rows) - len(good))


def _amended(layout: Layout, problem: str) -> Layout:
    """What the reader's own way out says: of several sheets or arrays the first, the encoding it recognised.

    Raises:
        ConfigError: it names none.
    """
    for key in ("sheet", "records", "encoding"):
        _, found, said = problem.partition(f"`{key}: ")
        if found:
            return replace(layout, **{key: said.partition("`")[0]})
    raise ConfigError(problem)


def _rows_of(table: Table) -> list[TableRow]:
    try:
        return list(islice(table.rows, SAMPLED_ROWS))
    except TornInputError:
        return []


def _is_missing(word: str) -> bool:
    return word.casefold() in DEFAULT_MISSING


def _column(name: str, cells: Sequence[Any]) -> Column:
    filled = [cell for cell in cells if not _is_missing(words_of(cell))]
    words = [words_of(cell) for cell in filled]
    values = Counter(word[:200] for word in words)
    written = [_as_written(cell, word) for cell, word in zip(filled, words, strict=True)]
    return Column(name, filled, values, guess_times(written, name))


def _as_written(cell: Any, word: str) -> Any:
    return cell if not isinstance(cell, int | float | str) else word


def _quoted(word: str) -> str:
    """A word that YAML reads back as it stands: JSON's strings are YAML's."""
    return json.dumps(word, ensure_ascii=False)


class _Guess:
    def __init__(self, sample: Sample, shown: str, timezone: str | None) -> None:
        self._sample = sample
        self._shown = shown
        self._timezone = timezone
        self._left = [name for name in sample.names if name != ERROR_COLUMN and sample.columns[name].cells]

    def lines(self) -> list[Line]:
        """The mapping's lines."""
        times = self._times()
        lines = [*self._zone(times), *self._file()]
        lines += [line for role in ("id", "title") for line in self._text(role)]
        lines += [self._time(role, name) for role, name in times.items()]
        lines += [line for role in ("service", "team") for line in self._text(role)]
        lines += [*self._severity(), *self._text("url"), *self._rules(), *self._labels()]
        return lines

    def _times(self) -> dict[str, str]:
        """The columns of times by role: by name, and where no name tells, by which comes first."""
        candidates = [name for name in self._left if self._sample.columns[name].times is not None]
        if not candidates:
            raise ConfigError(
                f"{self._shown}: no column looks like times, so no mapping can be proposed; "
                f"its columns are {', '.join(self._sample.names[:40])}"
            )
        found: dict[str, str] = {}
        for role, words in TIME_WORDS.items():
            name = best_column([name for name in candidates if name not in found.values()], words)
            if name is not None:
                found[role] = name
        rest = [name for name in candidates if name not in found.values()]
        if "detected" not in found and "impact_began" not in found:
            found["detected"] = rest.pop(0) if rest else found.pop(next(iter(found)))
        if "restored" not in found and "closed" in found and not rest:
            found["restored"] = found.pop("closed")
        elif "restored" not in found and rest:
            found["restored"] = rest[-1]
        self._decide_order(found)
        self._left = [name for name in self._left if name not in found.values()]
        return {role: found[role] for role in (*_EXPECTED_ORDER, "reopened") if role in found}

    def _decide_order(self, found: dict[str, str]) -> None:
        """Day or month first where a column alone does not tell: by another column, or by starts and ends."""
        columns = self._sample.columns
        guesses = {name: guess for name in found.values() if (guess := columns[name].times) is not None}
        proven = next(
            (guess for guess in guesses.values() if guess.other is None and _is_day_month(guess.format)), None
        )
        start, end = found.get("detected") or found.get("impact_began"), found.get("restored") or found.get("closed")
        verdict: tuple[bool, str] | None = None
        if proven is not None and proven.format is not None:
            verdict = proven.format.startswith("%d"), "day and month stand as in the other columns"
        elif start is not None and end is not None:
            verdict = order_by_evidence(self._sample.pairs(start, end), guesses[start], guesses[end])
        if verdict is None:
            return
        is_day_first, reason = verdict
        for name, guess in guesses.items():
            if guess.other is not None:
                chosen = guess.format if is_day_first else guess.other
                columns[name] = replace(columns[name], times=replace(guess, format=chosen, reason=reason, other=None))

    def _zone(self, times: dict[str, str]) -> list[Line]:
        guesses = [self._sample.columns[name].times for name in times.values()]
        if all(guess is not None and guess.has_offset for guess in guesses):
            return []
        if self._timezone is not None:
            return [Line(f"timezone: {_quoted(zone_of(self._timezone).key)}", "as you said")]
        return [
            Line('timezone: "UTC"', "the times carry no offset; write the zone in which they were noted, LOOK AT THIS")
        ]

    def _file(self) -> list[Line]:
        layout = self._sample.layout
        reasons = {
            "sheet": "the first of its sheets",
            "records": "the first of its arrays",
            "encoding": "it is not UTF-8; this is what Windows writes",
        }
        return [
            Line(f"{key}: {_quoted(said)}", reason)
            for key, reason in reasons.items()
            if (said := getattr(layout, key)) is not None
        ]

    def _take(self, name: str) -> Column:
        self._left.remove(name)
        return self._sample.columns[name]

    def _text(self, role: str) -> list[Line]:
        names = [name for name in self._left if self._sample.columns[name].times is None]
        n_rows = len(self._sample.rows)
        if role == "id":
            # An id that comes twice, or is missing, would lose incidents.
            unique = [
                n for n in names if len(self._sample.columns[n].values) == n_rows == len(self._sample.columns[n].cells)
            ]
            name = best_column(unique, TEXT_WORDS[role])
            if name is None:
                return []
            self._take(name)
            return [Line(f"id: {_quoted(name)}", f"by its name; all {n_rows:,} cells are filled and different")]
        name = best_column(names, TEXT_WORDS[role])
        if name is None:
            return []
        column = self._take(name)
        some = ", ".join(value[:20] for value, _ in column.values.most_common(3)).replace("\n", " ")
        return [Line(f"{role}: {_quoted(name)}", f"by its name; {len(column.values):,} values such as {some}"[:160])]

    def _time(self, role: str, name: str) -> Line:
        column = self._sample.columns[name]
        guess = column.times
        assert guess is not None  # noqa: S101 - only columns of times are asked for
        n_rows = len(self._sample.rows)
        text = f"{role}: {_quoted(name)}"
        if guess.format is not None:
            shown = guess.format if guess.format in NAMED_FORMATS else _quoted(guess.format)
            text = f"{role}: {{column: {_quoted(name)}, format: {shown}}}"
        missing = f"; {n_rows - len(column.cells):,} of {n_rows:,} are missing" if len(column.cells) < n_rows else ""
        odd = f"; {guess.n_filled - guess.n_times:,} cells are no such time" if guess.n_times < guess.n_filled else ""
        return Line(text, f"{guess.reason}{odd}{missing}")

    def _severity(self) -> list[Line]:
        names = [name for name in self._left if len(self._sample.columns[name].values) <= _MAX_VALUES]
        while (name := best_column(names, TEXT_WORDS["severity"])) is not None:
            values = severity_values(self._sample.columns[name].values)
            if values is None:
                names.remove(name)
                continue
            self._take(name)
            shown = ", ".join(f"{_quoted(value)}: {meant.value}" for value, meant in sorted(values.items()))
            unknown = [value for value in self._sample.columns[name].values if value not in values]
            rest = f"; without a meaning: {', '.join(unknown)[:80]}" if unknown else ""
            return [
                Line(f"severity: {{column: {_quoted(name)}, values: {{{shown}}}}}", f"by its name and values{rest}")
            ]
        return []

    def _rules(self) -> list[Line]:
        lines = []
        for key, pattern, what in (("planned", PLANNED, "planned work"), ("noise", NOISE, "no incidents at all")):
            for name in self._sample.names:
                column = self._sample.columns[name]
                if not column.is_category:
                    continue
                found = sorted(value for value in column.values if pattern.search(value))
                if found and len(found) < len(column.values):
                    n = sum(column.values[value] for value in found)
                    words = ", ".join(map(_quoted, found))
                    text = f"{key}: {{column: {_quoted(name)}, equals: [{words}]}}"
                    lines.append(Line(text, f"{n:,} rows that look like {what}; they will be excluded and counted"))
                    break
        return lines

    def _labels(self) -> list[Line]:
        names = [name for name in self._left if self._sample.columns[name].is_category][:12]
        if not names:
            return []
        return [
            Line(f"labels: [{', '.join(map(_quoted, names))}]", "columns of few values, to group by: --by label:NAME")
        ]


def _is_day_month(name: str | None) -> bool:
    return name is not None and name[:2] in {"%d", "%m"} and "%b" not in name
