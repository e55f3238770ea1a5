"""Silences in memory: a whole SilenceBook for tests, that keeps nothing when it is gone."""

import threading
from collections.abc import Mapping
from datetime import datetime

from msgspec.structs import replace

from resile.model.errors import ConflictError
from resile.model.silence import Silence


class MemorySilenceBook:
    """The SilenceBook in memory."""

    def __init__(self) -> None:
        self._guard = threading.RLock()
        self._silences: dict[str, Silence] = {}

    def silences(self, *, now: datetime) -> list[Silence]:
        """Those that are not over, in the order in which they were made."""
        with self._guard:
            return [one for one in self._silences.values() if not one.is_over(now)]

    def newest(self, *, limit: int = 100) -> list[Silence]:
        """All that ever were, the one made last first."""
        with self._guard:
            return list(self._silences.values())[::-1][:limit]

    def silence(self, silence_id: str) -> Silence | None:
        """The one of that id, over or not."""
        with self._guard:
            return self._silences.get(silence_id)

    def add(self, silence: Silence) -> None:
        """Make one."""
        with self._guard:
            if silence.id in self._silences:
                raise ConflictError(f"there is a silence {silence.id} already; try again")
            self._silences[silence.id] = silence

    def end(self, silence_id: str, *, at: datetime, by: str) -> bool:
        """Let it mute nothing any more."""
        with self._guard:
            known = self._silences.get(silence_id)
            if known is None or known.is_over(at):
                return False
            self._silences[silence_id] = replace(known, ended_at=at, ended_by=by)
            return True

    def count_muted(self, muted: Mapping[str, int], *, at: datetime) -> None:
        """Add to how often each muted an alert, and when last."""
        with self._guard:
            for name in self._silences.keys() & muted.keys():
                known = self._silences[name]
                latest = at if known.muted_at is None else max(known.muted_at, at)
                self._silences[name] = replace(known, n_muted=known.n_muted + muted[name], muted_at=latest)
