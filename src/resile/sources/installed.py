"""What is installed under an entry-point group: ours and that of packages which add to it."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from resile.model.errors import ConfigError

_OURS = "resile"


def installed(group: str) -> Mapping[str, EntryPoint]:
    """The entry points of a group, by name; of two of one name ours, else that of the first package by name."""
    found: dict[str, EntryPoint] = {}
    for point in sorted(entry_points(group=group), key=_order):
        found.setdefault(point.name, point)
    return found


def _order(point: EntryPoint) -> tuple[str, bool, str]:
    package = "" if point.dist is None else point.dist.name
    return point.name, package != _OURS, package


def load(group: str, name: str, *, many: str, one: str) -> Any:
    """What an entry point names.

    Args:
        many, one: what such things are called, for sentences: `histories of kind`, `the source`.

    Raises:
        ConfigError: there is none of that name, or the package that it comes from is broken.
    """
    known = installed(group)
    if name not in known:
        raise unknown(name, known, many=many)
    try:
        return known[name].load()
    except Exception as error:  # noqa: BLE001 - a stranger's package, which may fail in any way while it loads
        why = str(error) or type(error).__name__
        raise ConfigError(f"{one} {name!r} cannot be loaded ({why}); reinstall the package it comes from") from None


def unknown(name: str, known: Iterable[str], *, many: str) -> ConfigError:
    """The error that something of that name is not installed, with what there is."""
    names = sorted(known)
    near = get_close_matches(name, names, n=1)
    hint = f"did you mean {near[0]}?" if near else f"use one of {', '.join(names)}"
    return ConfigError(f"{many} {name!r} are unknown; {hint}")
