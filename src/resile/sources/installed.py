"""What is installed under an entry-point group: ours and that of packages which add to it."""

from collections.abc import Mapping
from difflib import get_close_matches
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from resile.model.errors import ConfigError


def installed(group: str) -> Mapping[str, EntryPoint]:
    """The entry points of a group, by name."""
    return {point.name: point for point in sorted(entry_points(group=group), key=lambda point: point.name)}


def load(group: str, name: str, *, many: str, one: str) -> Any:
    """What an entry point names.

    Args:
        many, one: what such things are called, for sentences: `histories of kind`, `the source`.

    Raises:
        ConfigError: there is none of that name, or the package that it comes from is broken.
    """
    known = installed(group)
    if name not in known:
        near = get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"use one of {', '.join(known)}"
        raise ConfigError(f"{many} {name!r} are unknown; {hint}")
    try:
        return known[name].load()
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"{one} {name!r} cannot be loaded ({error}); reinstall the package it comes from") from None
