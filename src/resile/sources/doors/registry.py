"""The doors that can be opened: whatever is installed under the entry-point group `resile.delivery_doors`.

An entry point names a function that takes DoorOptions and gives a DeliveryDoor; its module's docstring says what it
understands.
"""

from collections.abc import Callable
from difflib import get_close_matches
from importlib.metadata import EntryPoint, entry_points

from resile.model.errors import ConfigError
from resile.ports.delivery_door import DeliveryDoor, DoorOptions

GROUP = "resile.delivery_doors"
DoorFactory = Callable[[DoorOptions], DeliveryDoor]


def kinds() -> dict[str, EntryPoint]:
    """The installed kinds by name."""
    return {point.name: point for point in sorted(entry_points(group=GROUP), key=lambda point: point.name)}


def open_door(kind: str, options: DoorOptions) -> DeliveryDoor:
    """The door of that kind.

    Raises:
        ConfigError: there is none, or the package that it comes from is broken.
    """
    known = kinds()
    if kind not in known:
        near = get_close_matches(kind, known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"use one of {', '.join(known)}"
        raise ConfigError(f"doors of kind {kind!r} are unknown; {hint}")
    try:
        factory: DoorFactory = known[kind].load()
    except (ImportError, AttributeError) as error:
        raise ConfigError(
            f"the door {kind!r} cannot be loaded ({error}); reinstall the package it comes from"
        ) from None
    return factory(options)
