"""A body for a door of JSON of any shape, in which each field stands where that door looks for it."""

from collections.abc import Mapping, Sequence
from typing import Any

from resile.ports.delivery_door import DoorOptions
from resile.sources.doors.json_paths import JsonPath, parse_path

_STATE = "state"
# Further back in a list nothing is put: the body would be longer than the words in it.
_MAX_PLACE = 99


def example_of(options: DoorOptions, values: Mapping[str, str]) -> dict[str, Any] | list[Any]:
    """The body.

    Args:
        values: of the fields; those that the door's options do not place stand under their own names.

    Raises:
        ConfigError: an option is no way to a value.
    """
    paths = {name: parse_path(name, text) for name, text in options.fields.items()}
    where, is_somewhere, _ = (options.resolved_when or "").rpartition("=")
    if is_somewhere:
        paths[_STATE] = parse_path("resolved_when", where.strip())
    each = next((path.each for path in paths.values() if path.each is not None), None)
    # What is not placed is looked for in each item of a list.
    is_list = each is None and any(path.steps[:1] and isinstance(path.steps[0], int) for path in paths.values())
    for name in values:
        paths.setdefault(name, JsonPath((0, name) if is_list else (name,), each))
    body: Any = None
    for name, path in paths.items():
        # A constant stands in no body.
        if path.constant is None:
            steps = path.steps if path.each is None else (*path.each, 0, *path.steps)
            body = _put(body, steps, values.get(name, f"a {name}"))
    return {} if body is None else body


def _put(at: Any, steps: Sequence[str | int], value: str) -> Any:
    """What stands there, with the value at the end of the way; what is there already and of another kind stays."""
    if not steps:
        return value if at is None else at
    step, *rest = steps
    if isinstance(step, str):
        known = {} if at is None else at
        if isinstance(known, dict):
            known[step] = _put(known.get(step), rest, value)
        return known
    known = [] if at is None else at
    if isinstance(known, list) and step <= _MAX_PLACE:
        known += [{} for _ in range(step + 1 - len(known))]
        known[step] = _put(known[step] or None, rest, value)
    return known
