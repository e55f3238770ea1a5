"""Which lines of the log are said that come again and again: a few each minute, and how many were left out."""

from collections.abc import Callable
from time import monotonic

from msgspec import Struct

FIRST = 10
EVERY_S = 60.0


class _Kind(Struct):
    began_s: float
    n_said: int = 1
    n_left_out: int = 0


class FewLines:
    """Counts lines by their kind, of which there are few: nothing that a stranger chooses may be part of it.

    Args:
        elapsed_s: a clock that only runs forward, in seconds.
        first: so many of a kind are said in each `every_s`.
    """

    def __init__(
        self, elapsed_s: Callable[[], float] = monotonic, *, first: int = FIRST, every_s: float = EVERY_S
    ) -> None:
        self._elapsed_s = elapsed_s
        self._first = first
        self._every_s = every_s
        self._kinds: dict[tuple[str, ...], _Kind] = {}

    def may_say(self, *kind: str) -> bool:
        """Whether one more line of that kind is said; else it is counted."""
        now = self._elapsed_s()
        told = self._kinds.get(kind)
        if told is None or now - told.began_s >= self._every_s:
            self._kinds[kind] = _Kind(now, n_left_out=0 if told is None else told.n_left_out)
            return True
        if told.n_said < self._first:
            told.n_said += 1
            return True
        told.n_left_out += 1
        return False

    def left_out(self) -> dict[tuple[str, ...], int]:
        """How many of each kind were left out since this was asked last; none: absent."""
        found = {kind: told.n_left_out for kind, told in self._kinds.items() if told.n_left_out}
        for kind in found:
            self._kinds[kind].n_left_out = 0
        return found
