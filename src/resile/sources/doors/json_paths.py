"""Ways to a value in JSON of any shape, as people write them: `data.alert.name`, `alerts[].title`, `=checkout`."""

import re
from collections.abc import Sequence

from msgspec import Struct

from resile.model.errors import ConfigError
from resile.sources.doors.body import Node

MAX_STEPS = 16
_MAX_PATH = 500
_SEGMENT = re.compile(r"([^\[\]]*)((?:\[\d{0,4}\])*)")
_BRACKET = re.compile(r"\[(\d*)\]")


class JsonPath(Struct, frozen=True):
    """A way to a value.

    Attributes:
        each: the way to a list of which every item is one alert; None: there is no such list on it.
        steps: names of fields and places in lists, from the item, else from the body.
        constant: the value itself; None: the steps lead to it.
    """

    steps: tuple[str | int, ...] = ()
    each: tuple[str | int, ...] | None = None
    constant: str | None = None


def parse_path(field: str, text: str) -> JsonPath:
    """Read a way.

    Raises:
        ConfigError: it is none.
    """
    if text.startswith("="):
        return JsonPath(constant=text[1:])
    steps: list[str | int] = []
    each: tuple[str | int, ...] | None = None
    for segment in text.strip().removeprefix("$").removeprefix(".").split(".") if len(text) <= _MAX_PATH else [""]:
        found = _SEGMENT.fullmatch(segment)
        if found is None or not segment:
            raise ConfigError(
                f"field {field!r} of the door: {text[:60]!r} is no way to a value; "
                "write one such as data.alert.name, alerts[].title or =checkout"
            )
        steps += [found[1]] if found[1] else []
        for place in _BRACKET.findall(found[2]):
            if place:
                steps.append(int(place))
            elif each is not None:
                raise ConfigError(f"field {field!r} of the door: {text[:60]!r} has two lists []; write one of them [0]")
            else:
                each, steps = tuple(steps), []
    if len(steps) + len(each or ()) > MAX_STEPS:
        raise ConfigError(f"field {field!r} of the door: {text[:60]!r} has more than {MAX_STEPS} steps; shorten it")
    return JsonPath(tuple(steps), each)


def follow(node: Node, steps: Sequence[str | int]) -> Node:
    """The value at the end of a way; missing where the way ends earlier."""
    for step in steps:
        value = node.value
        if isinstance(step, str):
            known = value.get(step) if isinstance(value, dict) else None
            node = Node(node.sender, f"{node.path}.{step}" if node.path else step, known)
        else:
            there = value[step] if isinstance(value, list) and step < len(value) else None
            node = Node(node.sender, f"{node.path}[{step}]", there)
    return node
