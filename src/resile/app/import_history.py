"""Bring a history in: read drafts, compare with what was taken before, append what is new or told differently."""

import gc
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime

from msgspec import Struct

from resile.app.import_summary import ImportSummary, Tally
from resile.app.record_drafts import Outcome, Recorded, Telling, record_drafts, telling_of
from resile.model.errors import ConfigError
from resile.ports.clock import Clock
from resile.ports.facts_store import FactsStore
from resile.ports.source import Place, Progress, Reading, Refused, Remark, Skipped, Taken
from resile.ports.timeline_store import TimelineStore

BATCH_DRAFTS = 5_000
# So many rows are remembered at most before they are told of.
MAX_UNTOLD = 20_000


class RowOutcome(Struct, frozen=True):
    """What became of a row, and why.

    Attributes:
        incident_id: None where no incident came of it.
        sentences: the reason of a skipped or refused row; the doubts of one that was taken.
    """

    place: Place
    outcome: Outcome
    incident_id: str | None = None
    sentences: tuple[str, ...] = ()


class Listeners(Struct, frozen=True, kw_only=True):
    """Who hears of what happens, while it happens.

    Attributes:
        stored: of each batch, how many incidents were appended to.
    """

    row: Callable[[RowOutcome], None] | None = None
    refused: Callable[[Refused], None] | None = None
    stored: Callable[[int], None] | None = None
    progress: Callable[[Progress], None] | None = None


def import_history(
    readings: Iterable[Reading],
    *,
    timelines: TimelineStore,
    facts: FactsStore | None = None,
    clock: Clock,
    listeners: Listeners | None = None,
    is_dry_run: bool = False,
) -> ImportSummary:
    """Take everything in, batch by batch; each batch is one transaction.

    Broken off at any point and run again, it gives the same state as an undisturbed run: what was taken is remembered
    together with its events. What people changed stays: only what the same import said before is corrected.

    Raises:
        ConfigError: the input as a whole cannot be read; the batches before are kept.
        StoreError: the store cannot take more; the batches before are kept.
    """
    with (
        few_collections(),
        # One thread, so that batches are decided and stored one after the other, each knowing of those before it.
        ThreadPoolExecutor(1, thread_name_prefix="import") as storing,
    ):
        run = _Run(timelines, clock.now(), listeners or Listeners(), storing, is_dry_run=is_dry_run)
        try:
            for reading in readings:
                run.hear(reading)
        except ConfigError:
            run.finish()  # What was read before is good.
            raise
        run.finish()
    if facts is not None and not is_dry_run:
        facts.refresh()
    return run.tally.summary(is_dry_run=is_dry_run)


@contextmanager
def few_collections() -> Iterator[None]:
    """Let the cycle collector look less often: drafts come by the thousand, hold no cycles, and are soon gone."""
    before = gc.get_threshold()
    gc.set_threshold(200_000, 20, 20)
    try:
        yield
    finally:
        gc.set_threshold(*before)


class _Waiting(Struct, frozen=True, gc=False):
    taken: Taken
    telling: Telling


class _Batch(Struct, frozen=True):
    """A batch that is being stored while the next one is read: the database works while Python reads on."""

    drafts: list[_Waiting]
    untold: list[RowOutcome | str]
    stored: Future[Recorded]


class _Run:
    def __init__(
        self,
        timelines: TimelineStore,
        now: datetime,
        listeners: Listeners,
        storing: Executor,
        *,
        is_dry_run: bool,
    ) -> None:
        self._timelines = timelines
        self._now = now
        self._listeners = listeners
        self._storing = storing
        self._is_dry_run = is_dry_run
        self._waiting: dict[str, _Waiting] = {}
        # What was said of rows since the last batch, in order; of rows that wait, their incident's id.
        self._untold: list[RowOutcome | str] = []
        self._under_way: _Batch | None = None
        self.tally = Tally(now)

    def hear(self, reading: Reading) -> None:
        """Take one reading in."""
        if isinstance(reading, Taken):
            self._take(reading)
        elif isinstance(reading, Progress):
            if self._listeners.progress is not None:
                self._listeners.progress(reading)
        elif isinstance(reading, Skipped):
            self.tally.skipped(reading.place, reading.reason)
            self._say(RowOutcome(reading.place, Outcome.SKIPPED, None, (reading.reason,)))
        elif isinstance(reading, Refused):
            self.tally.refused(reading.place, reading.reason)
            if self._listeners.refused is not None:
                self._listeners.refused(reading)
            self._say(RowOutcome(reading.place, Outcome.REFUSED, None, (reading.reason,)))
        elif isinstance(reading, Remark):
            self.tally.remarks.append(reading.text)

    def _take(self, taken: Taken) -> None:
        draft = taken.draft
        telling = telling_of(draft, by=f"import:{draft.origin}", heard_at=self._now, digest=taken.digest)
        incident_id = telling.incident_id
        if incident_id in self._waiting:
            # The second word on an incident is compared with the first once that is stored.
            self.flush()
        self._waiting[incident_id] = _Waiting(taken, telling)
        if self._listeners.row is not None:
            self._untold.append(incident_id)
        if len(self._waiting) >= BATCH_DRAFTS:
            self.flush()

    def flush(self) -> None:
        """Have the drafts that wait stored, in one transaction, once those before them are."""
        self._settle()
        drafts, untold = list(self._waiting.values()), self._untold
        self._waiting, self._untold = {}, []
        self._under_way = _Batch(drafts, untold, self._storing.submit(self._store, drafts))

    def finish(self) -> None:
        """Store everything that was heard."""
        self.flush()
        self._settle()

    def _settle(self) -> None:
        """Wait for the batch that is under way, count it, and tell of it.

        Raises:
            StoreError, ConflictError: it could not be stored.
        """
        if self._under_way is None:
            return
        batch, self._under_way = self._under_way, None
        stored = batch.stored.result()
        if stored.n_appended and self._listeners.stored is not None:
            self._listeners.stored(stored.n_appended)
        told = {}
        for one, outcome in zip(batch.drafts, stored.outcomes, strict=True):
            doubts = self.tally.taken(one.taken, outcome.value)
            if self._listeners.row is not None:
                told[one.telling.incident_id] = RowOutcome(one.taken.place, outcome, one.telling.incident_id, doubts)
        if self._listeners.row is not None:
            for row in batch.untold:
                self._listeners.row(told[row] if isinstance(row, str) else row)

    def _store(self, batch: list[_Waiting]) -> Recorded:
        tellings = [one.telling for one in batch]
        return record_drafts(self._timelines, tellings, now=self._now, is_dry_run=self._is_dry_run)

    def _say(self, outcome: RowOutcome) -> None:
        """Tell of a row in its turn: after those before it that wait to be stored."""
        if self._listeners.row is None:
            return
        self._untold.append(outcome)
        if len(self._untold) >= MAX_UNTOLD:
            self.flush()
