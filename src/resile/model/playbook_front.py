"""The front matter of a playbook: what it is for, whose it is, and what its steps need to know."""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from difflib import get_close_matches
from typing import Any, TypeVar

from msgspec import Struct

from resile.model.errors import ConfigError
from resile.model.matcher import Matcher, matchers_of
from resile.model.playbook import MAX_INPUTS
from resile.model.severity import Severity, parse_severity
from resile.model.strict_yaml import YamlError, yaml_documents
from resile.model.time import EARLIEST, LATEST

T = TypeVar("T")
# Facts of an incident that a step may be given.
INCIDENT_FIELDS = ("id", "number", "title", "severity", "service")
MAX_FRONT_LINES = 200
_KEYS = ("playbook", "match", "severity", "owner", "reviewed", "inputs")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_INPUT = re.compile(r"[a-z][a-z0-9_]{0,39}")
_LABEL = re.compile(r"label\.(\S{1,200})")
# Programs hear of these whatever the step says: an alert's label must not choose where their requests go.
_HEARD_OF = ("http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "no_proxy")


class Front(Struct, frozen=True, kw_only=True):
    """What the front matter says."""

    match: tuple[Matcher, ...] = ()
    severity: Severity | None = None
    owner: str | None = None
    reviewed: date | None = None
    inputs: Mapping[str, str] = {}


def front_of(name: str, lines: list[str]) -> tuple[Front, list[tuple[int, str]]]:
    """What the lines between the fences of the front matter say, and what is wrong with them: each its line and words.

    Args:
        lines: the first of them is the second of the text.
    """
    if len(lines) > MAX_FRONT_LINES:
        return Front(), [(1, f"the front matter has more than {MAX_FRONT_LINES} lines; say the rest below it")]
    try:
        # One line before them, so that rows are those of the text.
        found = list(yaml_documents("\n".join(["", *lines]).encode(errors="replace"), shown="", keeps_times=True))
    except YamlError as error:
        return Front(), [(error.row or 1, f"the front matter {error.problem}")]
    if len(found) != 1 or not isinstance(found[0][0], dict):
        return Front(), [
            (1, "the front matter is no list of names with values; write playbook: NAME and the rest below")
        ]
    said: dict[Any, Any] = found[0][0]
    reading = _Reading(lines, said)
    front = Front(
        match=reading.of("match", _match) or (),
        severity=reading.of("severity", _severity),
        owner=reading.of("owner", _owner),
        reviewed=reading.of("reviewed", _reviewed),
        inputs=reading.of("inputs", _inputs) or {},
    )
    return front, [*_unknown(said, reading), *_misnamed(said, name, reading), *reading.faults]


class _Reading:
    """Reads one key after the other, and keeps what is wrong with its line."""

    def __init__(self, lines: list[str], said: Mapping[Any, Any]) -> None:
        self._lines = lines
        self._said = said
        self.faults: list[tuple[int, str]] = []

    def line(self, key: object) -> int:
        """At which a key stands; 1 where it is written in an unusual way."""
        starts = re.compile(rf"[\"']?{re.escape(str(key))}[\"']?\s*:")
        return next((row + 2 for row, line in enumerate(self._lines) if starts.match(line)), 1)

    def of(self, key: str, read: Callable[[Any], T]) -> T | None:
        """What a key says; None where it is not there, or wrong."""
        if self._said.get(key) is None:
            return None
        try:
            return read(self._said[key])
        except ConfigError as error:
            self.faults.append((self.line(key), str(error)))
            return None


def _unknown(said: Mapping[Any, Any], reading: _Reading) -> Iterator[tuple[int, str]]:
    for key in said:
        if key not in _KEYS:
            near = get_close_matches(str(key), _KEYS, n=1)
            hint = f"did you mean {near[0]}?" if near else f"use {', '.join(_KEYS)}"
            yield reading.line(key), f"{str(key)[:40]!r} is unknown in the front matter; {hint}"


def _misnamed(said: Mapping[Any, Any], name: str, reading: _Reading) -> Iterator[tuple[int, str]]:
    told = said.get("playbook")
    if told is None:
        yield 1, f"the front matter does not say which playbook it is; add playbook: {name}"
    elif told != name:
        yield (
            reading.line("playbook"),
            (f"the front matter calls it {str(told)[:80]!r}, and it is to be {name!r}; give the file and it one name"),
        )


def _match(said: Any) -> tuple[Matcher, ...]:
    for key, value in _mapping(said, "match", "{alertname: CheckoutErrorRate, service: checkout}").items():
        if value == "":
            raise ConfigError(f"match: {key} is empty and would fit every alert without it; say what it must be")
    return matchers_of({key.removeprefix("label."): value for key, value in said.items()}, "match")


def _inputs(said: Any) -> dict[str, str]:
    told = _mapping(said, "inputs", "{service: label.service}")
    if len(told) > MAX_INPUTS:
        raise ConfigError(f"inputs: {len(told)} are more than {MAX_INPUTS}; leave out what no step needs")
    for name, source in told.items():
        if not _INPUT.fullmatch(name):
            raise ConfigError(
                f"inputs: {name[:40]!r} cannot be used; use small letters, digits and _, a letter first, at most 40"
            )
        if name in _HEARD_OF:
            raise ConfigError(f"inputs: {name} would change where programs send their requests; use another name")
        if not _LABEL.fullmatch(source) and source not in {f"incident.{field}" for field in INCIDENT_FIELDS}:
            raise ConfigError(
                f"inputs: {name} comes from {source[:60]!r}, which is unknown; "
                f"write label.NAME or incident. and one of {', '.join(INCIDENT_FIELDS)}"
            )
    return told


def _mapping(said: Any, key: str, example: str) -> dict[str, str]:
    if not isinstance(said, dict):
        raise ConfigError(f"{key} is no list of names with values; write {key}: {example}")
    for name, value in said.items():
        if not isinstance(name, str) or not isinstance(value, str):
            raise ConfigError(
                f"{key}: {str(name)[:40]} says {str(value)[:40]!r}, which is no text; put it between quotes"
            )
    return dict(said)


def _severity(said: Any) -> Severity:
    return parse_severity(_text(said, "severity"))


def _owner(said: Any) -> str:
    return _text(said, "owner")


def _reviewed(said: Any) -> date:
    text = _text(said, "reviewed")
    try:
        day = date.fromisoformat(text) if _DATE.fullmatch(text) else None
    except ValueError:
        day = None
    if day is None or not EARLIEST.year <= day.year < LATEST.year:
        raise ConfigError(f"reviewed {text[:40]!r} is no date; write it as 2026-10-01")
    return day


def _text(said: Any, key: str) -> str:
    if not isinstance(said, str) or not said.strip() or not said.isprintable():
        raise ConfigError(f"{key} {str(said)[:40]!r} is no name; put it between quotes")
    return said.strip()
