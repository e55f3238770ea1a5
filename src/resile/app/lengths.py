"""Lengths of time as people type them: 90s, 10m, 1h, 1d."""

import re

from resile.model.errors import ConfigError

_LENGTH = re.compile(r"(\d{1,9})\s*(s|min|m|h|d)")
_SECONDS = {"s": 1, "m": 60, "min": 60, "h": 3_600, "d": 86_400}


def seconds_of(what: str, said: str | None) -> int | None:
    """A length of time in seconds.

    Args:
        what: by which option or field it is said, for the sentence.

    Raises:
        ConfigError: it is none.
    """
    if said is None:
        return None
    found = _LENGTH.fullmatch(said.strip().lower())
    if found is None:
        raise ConfigError(f"{what}: {said[:40]!r} is no length of time; write it as 90s, 10m, 1h or 1d")
    return int(found[1]) * _SECONDS[found[2]]
