"""What an alert must be like: a label, or one of its fields as if it were a label, with what it must say."""

import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache

from msgspec import Struct

from resile.model.alert import MAX_LABEL_NAME, MAX_LABEL_VALUE, Alert
from resile.model.errors import ConfigError
from resile.model.severity import parse_severity

MAX_MATCHERS = 50
MAX_PATTERN = 1_000
_MAX_STEPS = 2_000
_MEMORY_BYTES = 1 << 20
_WRITTEN = re.compile(r"([^=!~\s][^=!~]*?)\s*(=~|!~|!=|=)\s*(.*)", re.DOTALL)
# What can be asked for as if it were a label; an alert that has a label of that name may say it by either.
FIELDS = ("service", "severity", "door", "title")


class Matcher(Struct, frozen=True):
    """What one label must say. A label that an alert does not have says nothing: it is as an empty one.

    Attributes:
        value: the whole of what it says; or a pattern, as RE2 has it, for the whole of it.
        is_not: anything but that.
    """

    name: str
    value: str
    is_pattern: bool = False
    is_not: bool = False

    def __str__(self) -> str:
        sign = ("!~" if self.is_not else "=~") if self.is_pattern else ("!=" if self.is_not else "=")
        return f"{self.name}{sign}{self.value}"

    def fits(self, alert: Alert) -> bool:
        """Whether the alert is like that."""
        return self.fits_values(values_of(alert, self.name))

    def fits_values(self, values: Iterable[str]) -> bool:
        """Whether one of the values is what is wanted; or none of them, where anything but that is."""
        return any(self._is_said_by(value) for value in values) is not self.is_not

    def _is_said_by(self, value: str) -> bool:
        return _whole(self.value)(value) if self.is_pattern else value == self.value


def fit_all(matchers: Iterable[Matcher], alert: Alert) -> bool:
    """Whether an alert is like all of them say."""
    return all(matcher.fits(alert) for matcher in matchers)


def values_of(alert: Alert, name: str) -> tuple[str, ...]:
    """What an alert says under a name: its label, and its field of that name; empty text where it says nothing."""
    label = alert.labels.get(name)
    field = _field(alert, name) if name in FIELDS else None
    found = tuple(value for value in (label, field) if value)
    return found or ("",)


def _field(alert: Alert, name: str) -> str | None:
    if name == "severity":
        return None if alert.severity is None else alert.severity.value
    return {"service": alert.service, "door": alert.door, "title": alert.title}[name]


def matchers_of(told: Mapping[str, str], subject: str) -> tuple[Matcher, ...]:
    """As documents say it: `{service: payments, host: "~db-.*", env: "!test", zone: "!~eu-.*"}`.

    Raises:
        ConfigError: a name or a pattern will not do, or there are too many.
    """
    if len(told) > MAX_MATCHERS:
        raise ConfigError(f"{subject}: {len(told)} labels to match are more than {MAX_MATCHERS}; leave some out")
    found = []
    for name, said in told.items():
        is_not = said.startswith("!")
        rest = said[1:] if is_not else said
        is_pattern = rest.startswith("~")
        found.append(_checked(Matcher(name, rest[1:] if is_pattern else rest, is_pattern, is_not), subject))
    return tuple(found)


def matcher_of(said: str, subject: str) -> Matcher:
    """As a command line says it: `service=payments`, `host=~db-.*`, `env!=test`, `zone!~eu-.*`.

    Raises:
        ConfigError: it is written otherwise, or the pattern will not do.
    """
    found = _WRITTEN.fullmatch(said.strip())
    if found is None:
        raise ConfigError(
            f"{subject}: {said[:80]!r} is not understood; write service=payments, host=~db-.*, env!=test or env!~test.*"
        )
    return _checked(Matcher(found[1], found[3], "~" in found[2], found[2].startswith("!")), subject)


def _checked(matcher: Matcher, subject: str) -> Matcher:
    if not 0 < len(matcher.name) <= MAX_LABEL_NAME or not matcher.name.isprintable():
        raise ConfigError(f"{subject}: {matcher.name[:40]!r} is no label's name; give 1 to {MAX_LABEL_NAME} characters")
    most = MAX_PATTERN if matcher.is_pattern else MAX_LABEL_VALUE
    if len(matcher.value) > most:
        raise ConfigError(f"{subject}: what {matcher.name} must say is longer than {most} characters; shorten it")
    if matcher.is_pattern:
        try:
            _whole(matcher.value)
        except ValueError as error:
            raise ConfigError(f"{subject}: pattern {matcher.value[:80]!r} of {matcher.name} {error}") from None
        return matcher
    return _severity_named(matcher)


def _severity_named(matcher: Matcher) -> Matcher:
    """`severity: sev-2` as `severity: SEV2`; another word is what an alert's own label may say."""
    if matcher.name == "severity" and matcher.value.strip().casefold().startswith(("sev", "p")):
        try:
            return Matcher(matcher.name, parse_severity(matcher.value).value, is_not=matcher.is_not)
        except ConfigError:
            return matcher
    return matcher


@lru_cache(maxsize=1_024)
def _whole(pattern: str) -> Callable[[str], bool]:
    """Whether a pattern fits a whole text, in time that grows with the text and never with the ways in which it may."""
    import re2  # noqa: PLC0415 - loads with the first pattern

    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MEMORY_BYTES
    try:
        compiled = re2.compile(pattern.encode("utf-8", "replace"), options)
    except re2.error as error:
        said = error.args[0] if error.args else error
        words = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
        raise ValueError(
            f"cannot be read ({words}); correct it (as RE2 has it: no look-around, no references back)"
        ) from None
    if compiled.programsize > _MAX_STEPS:
        raise ValueError(f"has {compiled.programsize:,} steps where {_MAX_STEPS:,} are the most; shorten it")
    fits = compiled.fullmatch
    return lambda text: fits(text.encode("utf-8", "replace")) is not None
