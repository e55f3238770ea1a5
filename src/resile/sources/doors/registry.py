"""The doors that can be opened: whatever is installed under the entry-point group `resile.delivery_doors`.

An entry point names a function that takes DoorOptions and gives a DeliveryDoor; its module's docstring says what it
understands.
"""

from collections.abc import Callable, Mapping
from importlib.metadata import EntryPoint

from resile.ports.delivery_door import DeliveryDoor, DoorOptions
from resile.sources.installed import installed, load

GROUP = "resile.delivery_doors"
DoorFactory = Callable[[DoorOptions], DeliveryDoor]


def kinds() -> Mapping[str, EntryPoint]:
    """The installed kinds by name."""
    return installed(GROUP)


def open_door(kind: str, options: DoorOptions) -> DeliveryDoor:
    """The door of that kind.

    Raises:
        ConfigError: there is none, or the package that it comes from is broken.
    """
    factory: DoorFactory = load(GROUP, kind, many="doors of kind", one="the door")
    return factory(options)
