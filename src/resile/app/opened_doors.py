"""What understands the doors, each opened once for the same options; and what is wrong with a delivery."""

from collections.abc import Callable

from resile.app.doors import understood_by
from resile.model.errors import ResileError
from resile.ports.delivery_door import DeliveryDoor, DoorOptions
from resile.ports.door_book import Door
from resile.ports.journal import Delivery
from resile.sources.doors.registry import open_door

MAX_REASON = 500


class OpenedDoors:
    """May be used from several threads.

    Args:
        understands: gives what understands a kind of door.
    """

    def __init__(self, understands: Callable[[str, DoorOptions], DeliveryDoor] = open_door) -> None:
        self._understands = understands
        self._known: dict[str, tuple[DoorOptions, DeliveryDoor]] = {}

    def of(self, name: str, door: Door | None) -> DeliveryDoor:
        """What understands the door of that name; one that was removed has no options any more."""
        options = DoorOptions(name=name) if door is None else door.options
        known = self._known.get(name)
        if known is None or known[0] != options:
            known = self._known[name] = options, self._understands(understood_by(name), options)
        return known[1]

    def fault_in(self, door: Door, delivery: Delivery) -> str | None:
        """With which sentence a delivery will stand failed in the journal, for its sender to hear it at once.

        A fault of our own is none of the sender's: the delivery may be understood after an update.
        """
        try:
            self.of(door.name, door).understand(delivery)
        except ResileError as error:
            return str(error)[:MAX_REASON]
        except Exception:  # noqa: BLE001 - it is looked at once more out of the journal, and logged there
            return None
        return None
