"""Times as senders of alerts write them: texts in ISO 8601, seconds or milliseconds since 1970, zeros for none."""

from datetime import UTC, datetime
from typing import Any

from resile.model.errors import ConfigError
from resile.model.time import EARLIEST, LATEST, from_us, parse_instant, to_us

_MAX_TEXT = 64
# What is larger than any second until 2200 counts milliseconds, what is larger than those, micro- or nanoseconds.
_MAX_SECONDS = to_us(LATEST) // 1_000_000
# The zeros of Go and .NET, and of others; of firing alerts they stand for an end that nobody knows.
_ZEROS = ("0001-01-01", "1970-01-01T00:00:00", "1970-01-01 00:00:00")


def instant_of(value: Any) -> tuple[datetime | None, bool]:
    """The instant that a value tells, and whether the value was understood: a missing one tells none, and is."""
    if value is None or value == "":
        return None, True
    if isinstance(value, str):
        return _of_text(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _of_number(value)
    return None, False


def is_without_zone(value: Any) -> bool:
    """Whether a text that tells a time of day leaves open by which clock."""
    if not isinstance(value, str) or ":" not in value:
        return False
    try:
        return datetime.fromisoformat(value[:_MAX_TEXT].strip()).tzinfo is None
    except ValueError:
        return False


def _of_text(value: str) -> tuple[datetime | None, bool]:
    text = value[: _MAX_TEXT + 1].strip()
    if not text or text.startswith(_ZEROS):
        return None, True
    if text.replace(".", "", 1).isascii() and text.replace(".", "", 1).isdigit() and len(text) <= _MAX_TEXT // 2:
        at, is_understood = _of_number(float(text) if "." in text else int(text))
        if is_understood:
            return at, True
    try:
        return parse_instant(text.removesuffix(" UTC")).astimezone(UTC), True
    except ConfigError:
        return None, False


def _of_number(value: float) -> tuple[datetime | None, bool]:
    if value == 0:
        return None, True
    if not 0 < value < _MAX_SECONDS * 1e9:  # neither negative nor endless nor no number
        return None, False
    micros = round(value * 1_000_000)
    while micros > _MAX_SECONDS * 1_000_000:
        micros //= 1_000
    at = from_us(micros)
    return (at, True) if EARLIEST <= at <= LATEST else (None, False)
