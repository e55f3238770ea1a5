"""Bring a history in: read drafts, compare with what was taken before, append what is new or told differently."""

import gc
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from resile.app.import_summary import ImportSummary, Tally
from resile.model.draft import incident_id_of
from resile.model.errors import ConfigError, ConflictError
from resile.model.history import record_history
from resile.ports.clock import Clock
from resile.ports.facts_store import FactsStore
from resile.ports.source import Place, Progress, Reading, Refused, Remark, Skipped, Taken, digest_of
from resile.ports.timeline_store import Append, TimelineStore

BATCH_DRAFTS = 5_000
# So many rows are remembered at most before they are told of.
MAX_UNTOLD = 20_000
# A batch is decided anew this often when others append at the same moment.
_TRIES = 5


class Outcome(StrEnum):
    """What became of a row."""

    NEW = "new"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    SKIPPED = "skipped"
    REFUSED = "refused"


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
    incident_id: str
    digest: bytes


class _Stored(Struct, frozen=True):
    """What became of a batch: of each draft, and how many incidents were appended to."""

    outcomes: list[Outcome]
    n_appended: int


class _Batch(Struct, frozen=True):
    """A batch that is being stored while the next one is read: the database works while Python reads on."""

    drafts: list[_Waiting]
    untold: list[RowOutcome | str]
    stored: Future[_Stored]


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
        incident_id = incident_id_of(draft.origin, draft.ref)
        if incident_id in self._waiting:
            # The second word on an incident is compared with the first once that is stored.
            self.flush()
        self._waiting[incident_id] = _Waiting(taken, incident_id, taken.digest or digest_of(draft))
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
                told[one.incident_id] = RowOutcome(one.taken.place, outcome, one.incident_id, doubts)
        if self._listeners.row is not None:
            for row in batch.untold:
                self._listeners.row(told[row] if isinstance(row, str) else row)

    def _store(self, batch: list[_Waiting]) -> _Stored:
        is_ledger_enough = True
        for attempt in range(_TRIES):
            appends, outcomes = self._decided(batch, is_ledger_enough=is_ledger_enough)
            if not appends or self._is_dry_run:
                break
            try:
                self._timelines.append(appends)
            except ConflictError:
                if attempt == _TRIES - 1:
                    raise
                is_ledger_enough = False
            else:
                return _Stored(outcomes, len(appends))
        return _Stored(outcomes, 0)

    def _decided(self, batch: list[_Waiting], *, is_ledger_enough: bool) -> tuple[list[Append], list[Outcome]]:
        """What to append for each draft. A draft that was never taken is believed to be new unless that went wrong."""
        known = self._known(batch)
        told = {
            one.incident_id
            for one in batch
            if (digest := known.get(one.incident_id)) != one.digest and (digest is not None or not is_ledger_enough)
        }
        timelines = self._timelines.read_many(sorted(told)) if told else {}
        appends: list[Append] = []
        outcomes: list[Outcome] = []
        for one in batch:
            if known.get(one.incident_id) == one.digest:
                outcomes.append(Outcome.UNCHANGED)
                continue
            draft = one.taken.draft
            timeline = timelines.get(one.incident_id, [])
            events = record_history(draft, timeline, now=self._now, by=f"import:{draft.origin}")
            taken = (draft.origin, draft.ref, one.digest)
            appends.append(Append(one.incident_id, len(timeline), tuple(events), taken))
            outcomes.append(_outcome(is_known=bool(timeline), says_more=bool(events)))
        return appends, outcomes

    def _known(self, batch: list[_Waiting]) -> Mapping[str, bytes]:
        refs: dict[str, list[str]] = {}
        for one in batch:
            refs.setdefault(one.taken.draft.origin, []).append(one.taken.draft.ref)
        return {
            incident_id_of(origin, ref): digest
            for origin, some in refs.items()
            for ref, digest in self._timelines.taken(origin, some).items()
        }

    def _say(self, outcome: RowOutcome) -> None:
        """Tell of a row in its turn: after those before it that wait to be stored."""
        if self._listeners.row is None:
            return
        self._untold.append(outcome)
        if len(self._untold) >= MAX_UNTOLD:
            self.flush()


def _outcome(*, is_known: bool, says_more: bool) -> Outcome:
    if not is_known:
        return Outcome.NEW
    return Outcome.UPDATED if says_more else Outcome.UNCHANGED
