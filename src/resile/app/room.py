"""How much room is left on the disk of the data folder: without any, no alert can be taken in and no page queued."""

import shutil
from pathlib import Path

ENOUGH_BYTES = 100 * 2**20
_MEGABYTE = 10**6


def short_of_room(folder: Path) -> str | None:
    """What is left, in a few words, where that is too little to go on with for a night; None: it is enough.

    Not told where the folder cannot be looked at: whoever reads or writes it says so.
    """
    try:
        free = shutil.disk_usage(folder).free
    except OSError:
        return None
    return None if free >= ENOUGH_BYTES else f"{free // _MEGABYTE:,} MB are left"
