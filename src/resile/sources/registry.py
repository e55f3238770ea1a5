"""The kinds of history that can be read: whatever is installed under the entry-point group `resile.sources`.

An entry point names a function that takes SourceOptions and gives a Source; its module's docstring says what it reads.
"""

import sys
from collections.abc import Callable, Mapping
from importlib.metadata import EntryPoint

from resile.ports.source import Source, SourceOptions
from resile.sources.installed import installed, load

GROUP = "resile.sources"
SourceFactory = Callable[[SourceOptions], Source]


def kinds() -> Mapping[str, EntryPoint]:
    """The installed kinds by name."""
    return installed(GROUP)


def open_source(kind: str, options: SourceOptions) -> Source:
    """The source of that kind.

    Raises:
        ConfigError: there is none, or the options do not fit it.
    """
    factory: SourceFactory = load(GROUP, kind, many="histories of kind", one="the source")
    return factory(options)


def descriptions() -> dict[str, str]:
    """What each kind reads, in one line."""
    lines = {}
    for name, point in kinds().items():
        point.load()
        document = sys.modules[point.module].__doc__ or ""
        lines[name] = document.strip().partition("\n")[0].rstrip(".")
    return lines
