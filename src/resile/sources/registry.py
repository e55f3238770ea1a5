"""The kinds of history that can be read: whatever is installed under the entry-point group `resile.sources`.

An entry point names a function that takes SourceOptions and gives a Source; its module's docstring says what it reads.
"""

import sys
from collections.abc import Callable
from difflib import get_close_matches
from importlib.metadata import EntryPoint, entry_points

from resile.model.errors import ConfigError
from resile.ports.source import Source, SourceOptions

GROUP = "resile.sources"
SourceFactory = Callable[[SourceOptions], Source]


def kinds() -> dict[str, EntryPoint]:
    """The installed kinds by name."""
    return {point.name: point for point in sorted(entry_points(group=GROUP), key=lambda point: point.name)}


def open_source(kind: str, options: SourceOptions) -> Source:
    """The source of that kind.

    Raises:
        ConfigError: there is none, or the options do not fit it.
    """
    known = kinds()
    if kind not in known:
        near = get_close_matches(kind, known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"use one of {', '.join(known)}"
        raise ConfigError(f"histories of kind {kind!r} are unknown; {hint}")
    try:
        factory: SourceFactory = known[kind].load()
    except (ImportError, AttributeError) as error:
        raise ConfigError(
            f"the source {kind!r} cannot be loaded ({error}); reinstall the package it comes from"
        ) from None
    return factory(options)


def descriptions() -> dict[str, str]:
    """What each kind reads, in one line."""
    lines = {}
    for name, point in kinds().items():
        point.load()
        document = sys.modules[point.module].__doc__ or ""
        lines[name] = document.strip().partition("\n")[0].rstrip(".")
    return lines
