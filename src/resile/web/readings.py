"""How often the same may be asked for, by whoever asks."""

from collections import OrderedDict
from collections.abc import Callable

# So many at once, and so many seconds for each after that: programs read feeds every few minutes.
BURST = 20
EVERY_S = 10.0
_MAX_KNOWN = 10_000


class Readings:
    """How often each of something was asked for lately: a feed, a form from one host.

    Args:
        elapsed_s: a clock that only runs forward, in seconds.
    """

    def __init__(self, elapsed_s: Callable[[], float]) -> None:
        self._elapsed_s = elapsed_s
        self._free_at: OrderedDict[str, float] = OrderedDict()

    def wait_s(self, name: str) -> int | None:
        """Count one; after how many seconds to come again, None: now will do."""
        now = self._elapsed_s()
        free_at = max(self._free_at.get(name, now), now) + EVERY_S
        if free_at > now + BURST * EVERY_S:
            return int(EVERY_S)
        self._free_at[name] = free_at
        self._free_at.move_to_end(name)
        if len(self._free_at) > _MAX_KNOWN:
            self._free_at.popitem(last=False)
        return None
