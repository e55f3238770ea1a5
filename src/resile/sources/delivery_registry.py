"""The kinds of delivery history that can be read: what is installed under the entry-point group below.

An entry point names a DeliveryKind; its module's docstring says what it reads.
"""

from collections.abc import Mapping
from importlib.metadata import EntryPoint

from resile.model.errors import ConfigError
from resile.ports.delivery_source import DeliveryKind
from resile.sources.installed import installed, load

GROUP = "resile.delivery_sources"


def kinds() -> Mapping[str, EntryPoint]:
    """The installed kinds by name."""
    return installed(GROUP)


def delivery_kind(name: str) -> DeliveryKind:
    """The kind of that name.

    Raises:
        ConfigError: there is none, or the package that it comes from is broken.
    """
    kind = load(GROUP, name, many="histories of kind", one="the source")
    if not isinstance(kind, DeliveryKind):
        raise ConfigError(f"the source {name!r} names no DeliveryKind; update the package it comes from")
    return kind
