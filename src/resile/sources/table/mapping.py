"""The mapping file: which column of a table is what. Read and checked at the border, so that readers may trust it."""

from collections.abc import Callable, Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from msgspec import Struct

from resile.model.errors import ConfigError
from resile.model.severity import Severity, parse_severity
from resile.model.strict_yaml import yaml_documents
from resile.sources.table.cells import DEFAULT_MISSING
from resile.sources.table.patterns import PatternError, finder
from resile.sources.times import time_reader, zone_of

INSTANT_KEYS = (
    "impact_began",
    "detected",
    "acknowledged",
    "identified",
    "mitigated",
    "restored",
    "closed",
    "reopened",
)
MAX_MAPPING_BYTES = 1 << 20
_TEXT_KEYS = ("id", "title", "team", "url")
_SCALAR_KEYS = ("timezone", "origin", "encoding", "delimiter", "sheet", "records")
_RULE_KEYS = ("planned", "noise", "where")
KEYS = (
    *("timezone", "origin", "id", "title"),
    *INSTANT_KEYS,
    *("service", "services", "team", "severity", "labels", "url", *_RULE_KEYS),
    *("missing", "encoding", "delimiter", "sheet", "records"),
)


class TimeColumn(Struct, frozen=True):
    """A column of times; `formats` empty: ISO 8601 and what is unambiguous."""

    column: str
    formats: tuple[str, ...] = ()


class TextColumn(Struct, frozen=True):
    """A column of words.

    Attributes:
        values: other words for some of them.
        default: where the cell is missing.
        separator: splits a cell into several.
    """

    column: str
    values: dict[str, str] = {}
    default: str | None = None
    separator: str | None = None


class Rule(Struct, frozen=True):
    """Holds for a row whose cell is one of `equals`, or in which `matches` is found."""

    column: str
    equals: frozenset[str] = frozenset()
    matches: Callable[[str], bool] | None = None

    def holds(self, cell: str) -> bool:
        """Whether it holds for that cell; letters' case does not count."""
        return cell.casefold() in self.equals or (self.matches is not None and self.matches(cell))


class TableMapping(Struct, frozen=True, kw_only=True):
    """A mapping file that was checked.

    Attributes:
        shown: how the file is called in errors.
        planned, noise: one of the rules holding is enough.
        where: all of the rules must hold for a row to count.
        records: of a JSON document with several arrays, the one to read.
    """

    shown: str
    instants: dict[str, TimeColumn]
    timezone: str | None = None
    origin: str | None = None
    id: TextColumn | None = None
    title: TextColumn | None = None
    url: TextColumn | None = None
    team: TextColumn | None = None
    services: tuple[TextColumn, ...] = ()
    severity: TextColumn | None = None
    labels: dict[str, TextColumn] = {}
    planned: tuple[Rule, ...] = ()
    noise: tuple[Rule, ...] = ()
    where: tuple[Rule, ...] = ()
    missing: frozenset[str] = DEFAULT_MISSING
    encoding: str | None = None
    delimiter: str | None = None
    sheet: str | None = None
    records: str | None = None

    def columns(self) -> list[tuple[str, str]]:
        """Each key of the mapping that names a column, with that column."""
        texts = {"id": self.id, "title": self.title, "url": self.url, "team": self.team, "severity": self.severity}
        named = [(key, text.column) for key, text in texts.items() if text is not None]
        named += [(key, time.column) for key, time in self.instants.items()]
        named += [("service", service.column) for service in self.services]
        named += [(f"labels: {name}", label.column) for name, label in self.labels.items()]
        for key in _RULE_KEYS:
            named += [(key, rule.column) for rule in getattr(self, key)]
        return named

    def check_columns(self, columns: Iterable[str], table: str) -> None:
        """Compare with the columns that a table has.

        Raises:
            ConfigError: the mapping names one that is not there; the nearest ones are told.
        """
        there = list(columns)
        for key, column in self.columns():
            if column not in there:
                raise ConfigError(
                    f"{self.shown}: {key} names column {column!r}, which {table} does not have; "
                    f"{_nearest(column, there, 'it has')}"
                )


def _nearest(wanted: str, known: Iterable[str], otherwise: str) -> str:
    listed = list(known)
    lower = {name.lower(): name for name in reversed(listed)}
    near = get_close_matches(wanted.lower(), lower, n=1, cutoff=0.5)
    if near:
        return f"did you mean {lower[near[0]]!r}?"
    return f"{otherwise} {', '.join(listed[:40])}{', …' if len(listed) > 40 else ''}"  # noqa: PLR2004 - a screenful


def load_mapping(path: Path) -> TableMapping:
    """Read and check a mapping file.

    Raises:
        ConfigError: it is missing, no YAML, or says something that is not understood.
    """
    try:
        body = path.read_bytes()[: MAX_MAPPING_BYTES + 1]
    except OSError as error:
        raise ConfigError(f"mapping {path} cannot be read ({error.strerror}); check the path") from None
    if len(body) > MAX_MAPPING_BYTES:
        raise ConfigError(f"mapping {path.name} is larger than {MAX_MAPPING_BYTES} bytes; is it the table itself?")
    documents = list(yaml_documents(body, shown=f"mapping {path.name}"))
    if len(documents) > 1:
        raise ConfigError(f"mapping {path.name}, row {documents[1][1]}: another mapping begins; give it its own file")
    said = documents[0][0] if documents else None
    return parse_mapping(said, shown=path.name, default_origin=path.name.partition(".")[0])


def parse_mapping(said: object, *, shown: str, default_origin: str | None = None) -> TableMapping:
    """Check what a mapping file says.

    Raises:
        ConfigError: something in it is not understood.
    """
    if not isinstance(said, dict) or not said:
        raise ConfigError(f"{shown}: holds no mapping; start from what `resile import table FILE --guess` proposes")
    return _Reader(shown).read(said, default_origin)


class _Reader:
    def __init__(self, shown: str) -> None:
        self._shown = shown

    def read(self, said: dict[Any, Any], default_origin: str | None) -> TableMapping:
        self._known(said, KEYS, "the mapping")
        if "detected" not in said and "impact_began" not in said:
            raise self._wrong(
                "detected", "is not there; say which column holds the time of detection (or impact_began)"
            )
        scalars = {key: self._scalar(key, said[key]) for key in _SCALAR_KEYS if said.get(key) is not None}
        if (zone := scalars.get("timezone")) is not None:
            zone_of(zone)
        if len(delimiter := scalars.get("delimiter", ",")) != 1:
            raise self._wrong("delimiter", f"{delimiter!r} is not one character; use ',' or ';' or \"\\t\"")
        if "service" in said and "services" in said:
            raise self._wrong("services", "and service are the same; keep one")
        texts = {key: self._text(key, said[key]) for key in _TEXT_KEYS if said.get(key) is not None}
        scalars.setdefault("origin", default_origin or "table")
        return TableMapping(
            shown=self._shown,
            instants={key: self._time(key, said[key]) for key in INSTANT_KEYS if said.get(key) is not None},
            services=self._services(said.get("services") or said.get("service")),
            severity=self._severity(said.get("severity")),
            labels=self._labels(said.get("labels")),
            **{key: self._rules(key, said.get(key)) for key in _RULE_KEYS},  # type: ignore[arg-type]
            missing=self._missing(said.get("missing")),
            **scalars,  # type: ignore[arg-type]
            **texts,  # type: ignore[arg-type]
        )

    def _wrong(self, key: str, fact: str) -> ConfigError:
        return ConfigError(f"{self._shown}: {key} {fact}")

    def _known(self, said: dict[Any, Any], keys: Iterable[str], where: str) -> None:
        keys = tuple(keys)
        for key in said:
            if key not in keys:
                raise ConfigError(
                    f"{self._shown}: {str(key)!r} is no key of {where}; {_nearest(str(key), keys, 'it takes')}"
                )

    def _scalar(self, key: str, said: object) -> str:
        if isinstance(said, dict | list | bool):
            raise self._wrong(key, f"takes one word, not {said!r}")
        return str(said)

    def _column(self, key: str, said: object) -> str:
        if isinstance(said, dict | list | bool) or said is None or not str(said):
            raise self._wrong(key, f"takes a column's name, not {said!r}")
        return str(said)

    def _parts(self, key: str, said: object, keys: Iterable[str]) -> dict[str, Any]:
        """The long form `{column: …}` of what may also be just a column's name."""
        if not isinstance(said, dict):
            return {"column": self._column(key, said)}
        self._known(said, keys, key)
        if "column" not in said:
            raise self._wrong(key, "has no column; write it as {column: NAME, …}")
        return {**said, "column": self._column(key, said["column"])}

    def _time(self, key: str, said: object) -> TimeColumn:
        parts = self._parts(key, said, ("column", "format"))
        given = parts.get("format")
        formats = tuple(str(one) for one in given) if isinstance(given, list) else (str(given),) if given else ()
        try:
            time_reader(formats, zone_of("UTC"))
        except ConfigError as error:
            raise self._wrong(key, f"has a wrong format: {error}") from None
        return TimeColumn(parts["column"], formats)

    def _text(self, key: str, said: object) -> TextColumn:
        parts = self._parts(key, said, ("column", "values", "default", "separator"))
        values = parts.get("values") or {}
        if not isinstance(values, dict):
            raise self._wrong(key, "takes its values as {word in the table: word for it}")
        default, separator = parts.get("default"), parts.get("separator")
        return TextColumn(
            column=parts["column"],
            values={_folded(word): str(meant) for word, meant in values.items()},
            default=None if default is None else str(default),
            separator=None if separator is None else str(separator),
        )

    def _services(self, said: object) -> tuple[TextColumn, ...]:
        if said is None:
            return ()
        return tuple(self._text("service", one) for one in (said if isinstance(said, list) else [said]))

    def _severity(self, said: object) -> TextColumn | None:
        if said is None:
            return None
        text = self._text("severity", said)
        for meant in (*text.values.values(), *([text.default] if text.default is not None else [])):
            try:
                parse_severity(meant)
            except ConfigError:
                known = ", ".join(Severity)
                raise self._wrong("severity", f"maps to {meant!r}, which is none of {known}") from None
        return text

    def _labels(self, said: object) -> dict[str, TextColumn]:
        if said is None:
            return {}
        if isinstance(said, dict):
            return {str(name): self._text(f"labels: {name}", column) for name, column in said.items()}
        if not isinstance(said, list):
            raise self._wrong("labels", "takes a list of columns, or {label: column}")
        return {(label := self._text("labels", one)).column: label for one in said}

    def _rules(self, key: str, said: object) -> tuple[Rule, ...]:
        if said is None:
            return ()
        return tuple(self._rule(key, one) for one in (said if isinstance(said, list) else [said]))

    def _rule(self, key: str, said: object) -> Rule:
        if not isinstance(said, dict):
            raise self._wrong(key, "takes {column: NAME, equals: [words]} or {column: NAME, matches: 'pattern'}")
        parts = self._parts(key, said, ("column", "equals", "matches"))
        equals, matches = parts.get("equals"), parts.get("matches")
        if equals is None and matches is None:
            raise self._wrong(key, "says neither equals nor matches; add one")
        words = equals if isinstance(equals, list) else [] if equals is None else [equals]
        try:
            pattern = None if matches is None else finder(str(matches))
        except PatternError as error:
            raise self._wrong(key, f"has a wrong pattern {str(matches)[:60]!r}: it {error}") from None
        return Rule(parts["column"], frozenset(_folded(word) for word in words), pattern)

    def _missing(self, said: object) -> frozenset[str]:
        if said is None:
            return DEFAULT_MISSING
        words = said if isinstance(said, list) else [said]
        return frozenset({"", *("" if word is None else str(word).casefold() for word in words)})


def _folded(word: object) -> str:
    """A word of the mapping as cells are compared: YAML reads `true` and `1` as no words."""
    return str(word).strip().casefold()
