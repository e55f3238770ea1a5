"""The doors as the running server knows them, and the count of those who were refused."""

import asyncio
from collections import Counter
from collections.abc import Callable
from time import monotonic

import structlog
from anyio import to_thread

from resile.app.doors import Doors
from resile.app.few_lines import FewLines
from resile.model.errors import StoreError
from resile.ports.door_book import Door
from resile.web.doors.refusal_log import RefusalLog

# A removed door is closed, and a new one open, after so long at the latest; likewise those that ask programs of this
# machine for no secret, once there are accounts.
_KNOWN_FOR_S = 1.0
# Whoever is not recognised has the doors looked at anew, all of them together once in so long.
_LOOK_EVERY_S = 0.1
_BUSY = 4
_COUNT_EVERY_S = 1.0
_log = structlog.get_logger()

# Every door with its secret by name: None where it has none, empty where its key is lost.
Known = dict[str, tuple[Door, str | None]]


class OpenDoors:
    """The doors with their secrets, as this process last saw them, and the count of those who were refused.

    Attributes:
        n_within: how many deliveries are being written at this moment, strangers' not among them.
        asks_all: whether everybody must show a secret, programs of this machine too: there are accounts.
        log: where refusals are said.

    Args:
        has_accounts: whether there are, asked when the doors are looked at.
    """

    def __init__(self, doors: Doors, *, has_accounts: Callable[[], bool]) -> None:
        self.n_within = 0
        self.asks_all = True
        self.log = RefusalLog()
        # What holds until somebody mends it is said once a minute.
        self._lines = FewLines(first=1)
        self._doors = doors
        self._has_accounts = has_accounts
        self._seen_at = 0.0
        self._known: Known = {}
        self._looking: asyncio.Task[None] | None = None
        self._refused: Counter[str] = Counter()
        self._n_uncounted = 0
        self._counting: asyncio.Task[None] | None = None

    def is_busy(self) -> bool:
        """Whether several are to be answered at this moment."""
        return self.n_within >= _BUSY

    async def known(self) -> Known:
        """The doors as they were a moment ago."""
        if not self._seen_at or monotonic() - self._seen_at > _KNOWN_FOR_S:
            await self._look_again()
        return self._known

    async def known_since(self, began: float) -> Known:
        """The doors; none made before `began` (monotonic clock) is missing."""
        if self._seen_at < began:
            await asyncio.sleep(max(0.0, self._seen_at + _LOOK_EVERY_S - monotonic()))
        while self._seen_at < began:
            await self._look_again()
        return self._known

    async def _look_again(self) -> None:
        """Look, or wait for the look that is under way: all who ask at the same moment share it."""
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())
        # Whoever is broken off does not take the look away from the others.
        await asyncio.shield(self._looking)

    async def _look(self) -> None:
        looked_at = monotonic()
        self._known, self.asks_all = await to_thread.run_sync(self._found)
        self._seen_at = looked_at

    def _found(self) -> tuple[Known, bool]:
        before = self._known
        found = {}
        for name, door in self._doors.all().items():
            old = before.get(name)
            found[name] = old if old is not None and old[0] == door else (door, self._secret_of(door))
        return found, self._has_accounts()

    def _secret_of(self, door: Door) -> str | None:
        try:
            return self._doors.secret_of(door)
        except StoreError as error:
            # One door whose key is lost does not close the others; without a secret that fits it refuses everybody.
            if self._lines.may_say("door has no key", door.name):
                _log.error("door has no key", door=door.name, error=str(error))
            return ""

    def refuse(self, name: str) -> None:
        """Count one who was refused; written once a second, so that nobody can busy the disk with it."""
        self._refused[name] += 1
        if self._counting is None or self._counting.done():
            self._counting = asyncio.create_task(self._write_counts_soon())

    async def _write_counts_soon(self) -> None:
        await asyncio.sleep(_COUNT_EVERY_S)
        while self._refused:
            await self.write_counts()
            await asyncio.sleep(_COUNT_EVERY_S)

    async def write_counts(self) -> None:
        """Write down who was refused since the last time."""
        refused, self._refused = self._refused, Counter()
        if not refused:
            return
        try:
            await to_thread.run_sync(self._doors.count_refused, refused)
        except StoreError as error:
            self._n_uncounted += refused.total()
            if self._lines.may_say("refusals not counted"):
                _log.warning("refusals not counted", n=self._n_uncounted, error=str(error))
                self._n_uncounted = 0

    async def close(self) -> None:
        """Write down what is not written yet; nobody is refused any more."""
        if self._counting is not None:
            self._counting.cancel()
        await self.write_counts()
        self.log.close()
