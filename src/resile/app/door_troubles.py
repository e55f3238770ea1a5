"""What a door could not use, with the reason, for whoever keeps the doors."""

from resile.app.access import Identity
from resile.app.doors import require_keeper
from resile.app.journal import JournalLine, line_of
from resile.app.wiring import Resile

MAX_SHOWN = 20


def newest_of(resile: Resile, by: Identity, door: str) -> list[JournalLine]:
    """The newest deliveries of a door with what became of them, without their bodies.

    Raises:
        AccessError: who asks is no admin.
        StoreError: the journal cannot be read.
    """
    require_keeper(by)
    return [line_of(entry) for entry in resile.journal.entries(door=door, limit=MAX_SHOWN, with_bodies=False)]
