"""The doors that can be opened: whatever is installed under the entry-point group `resile.delivery_doors`.

An entry point names a function that takes DoorOptions and gives a DeliveryDoor; its module's docstring says what it
understands.
"""

from collections.abc import Callable, Mapping
from importlib.metadata import EntryPoint

from msgspec.structs import replace

from resile.ports.delivery_door import DeliveryDoor, DoorOptions, Understood
from resile.ports.journal import Delivery
from resile.sources.doors import slack_events
from resile.sources.installed import installed, load

GROUP = "resile.delivery_doors"
DoorFactory = Callable[[DoorOptions], DeliveryDoor]


def kinds() -> Mapping[str, EntryPoint]:
    """The installed kinds by name."""
    return installed(GROUP)


# Written by the server, never taken from a sender: which of a door's addresses it was, and whether it is a test.
ADDRESS = "x-resile-address"
TEST = "x-resile-test"
# One key opens them, and one door is found by it.
# Nobody makes these: the server writes into the journal what came to it otherwise.
_WITHIN: Mapping[str, DoorFactory] = {slack_events.DOOR: slack_events.open_door}
_BY_ADDRESS = {"pagerduty": {"": "pagerduty_change", "change": "pagerduty_change", "events": "pagerduty_events"}}


def open_door(kind: str, options: DoorOptions) -> DeliveryDoor:
    """The door of that kind.

    Raises:
        ConfigError: there is none, or the package that it comes from is broken.
    """
    if kind in _WITHIN:
        return _WITHIN[kind](options)
    if kind in _BY_ADDRESS:
        return _Several(_BY_ADDRESS[kind], options)
    factory: DoorFactory = load(GROUP, kind, many="doors of kind", one="the door")
    return _Tried(factory(options))


class _Tried:
    """Marks the alerts of a test as such, so that no door need know of tests."""

    def __init__(self, door: DeliveryDoor) -> None:
        self._door = door

    def understand(self, delivery: Delivery) -> Understood:
        """What the body says."""
        told = self._door.understand(delivery)
        if TEST not in delivery.headers or not told.alerts:
            return told
        return replace(told, alerts=tuple(replace(alert, is_test=True) for alert in told.alerts))


class _Several:
    """What one door receives at several addresses, each understood by a kind of its own; opened when one arrives."""

    def __init__(self, by_address: Mapping[str, str], options: DoorOptions) -> None:
        self._by_address = by_address
        self._options = options
        self._opened: dict[str, DeliveryDoor] = {}

    def understand(self, delivery: Delivery) -> Understood:
        """What the body says, as its address has it."""
        kind = self._by_address[delivery.headers.get(ADDRESS, "")]
        if kind not in self._opened:
            self._opened[kind] = open_door(kind, self._options)
        return self._opened[kind].understand(delivery)
