"""Names and titles come from other people's systems: what of them may be shown."""

import re
from typing import Any

_SPACES = re.compile(r"[\t\n\v\f\r\x1c-\x1f\x85]+")
# What a terminal would obey instead of showing it, and what no document may hold.
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f]+")


def printable(text: str) -> str:
    """The text on one line without control characters, such as those that colour or clear a terminal."""
    return _CONTROLS.sub("", _SPACES.sub(" ", text))


def printable_lines(text: str) -> str:
    """The same, with its line breaks kept."""
    return "\n".join(map(printable, text.split("\n")))


def printable_data(value: Any) -> Any:
    """Dicts and lists with every text in them printable."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, dict):
        return {name: printable_data(one) for name, one in value.items()}
    return [printable_data(one) for one in value] if isinstance(value, list | tuple) else value
