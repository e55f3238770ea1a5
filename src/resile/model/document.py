"""What all documents of the catalog have in common."""

import re
from datetime import timedelta

from msgspec import Struct

from resile.model.errors import ConfigError

_LENGTH = re.compile(r"(\d{1,6})\s*(s|sec|seconds?|m|min|minutes?|h|hours?|d|days?)?")
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


class DocumentBase(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What every document may say.

    Attributes:
        title: as pages call it; else the name.
    """

    title: str = ""


def length_of(said: str, subject: str, *, most: timedelta, least: timedelta = timedelta(0)) -> timedelta:
    """A length of time as people write it in documents: `90s`, `5m`, `2 hours`; `0` needs no unit.

    Raises:
        ConfigError: it is none, or out of bounds.
    """
    found = _LENGTH.fullmatch(said.strip().lower())
    if found is None or (found[2] is None and int(found[1])):
        raise ConfigError(f"{subject}: length {said[:40]!r} is not understood; write 90s, 5m or 2h")
    length = timedelta(seconds=int(found[1]) * _SECONDS[(found[2] or "s")[0]])
    if not least <= length <= most:
        bounds = f"{_as_written(least)} to {_as_written(most)}"
        raise ConfigError(f"{subject}: {said!r} lies outside {bounds}; give a length between them")
    return length


def _as_written(length: timedelta) -> str:
    """As people write it: in the largest unit that leaves nothing over."""
    seconds = length // timedelta(seconds=1)
    unit = next((unit for unit, size in reversed(_SECONDS.items()) if seconds and seconds % size == 0), "")
    return f"{seconds // _SECONDS[unit]}{unit}" if unit else "0"
