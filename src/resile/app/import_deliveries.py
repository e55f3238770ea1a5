"""Bring a delivery history in: read what it tells, store what is new, and note what each release brought."""

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from datetime import datetime
from itertools import chain

from msgspec import Struct

from resile.app.deliver import Recording, TakenIn, follow_first_parents
from resile.app.import_history import few_collections
from resile.app.import_summary import Kind, Kinds
from resile.app.record_drafts import Outcome, record_drafts, telling_of
from resile.model.change import ChangeReport, Commit, Deployment, DeploymentReported, PullRequestReported
from resile.model.errors import ConfigError
from resile.ports.clock import Clock
from resile.ports.delivery_facts import DeliveryFacts
from resile.ports.delivery_source import (
    BrokenOff,
    CommitsRead,
    DeliveryReading,
    DeliverySource,
    IncidentsRead,
    ReadUpTo,
    ReportsRead,
    Unused,
)
from resile.ports.delivery_store import DeliveryStore, Shipped
from resile.ports.facts_store import FactsStore
from resile.ports.source import Progress, Remark
from resile.ports.timeline_store import TimelineStore

_LOOKED_UP = 5_000
# So few facts are derived in hundredths of a second, but loading the engine for it takes half a second.
LEFT_TO_OTHERS = 5_000


class DeliverySummary(Struct, frozen=True, kw_only=True):
    """What an import of deliveries did.

    Attributes:
        n_read, n_known: commits that the source gave, and those of them that were known.
        n_deployments: those that were not known before.
        n_changed: known ones of which something else is said than before.
        n_changes: commits that a deployment was noted to be the first to bring.
        n_pull_requests: told of.
        n_new_incidents, n_updated_incidents, n_unchanged_incidents: of the incidents that the source told of.
        environments: deployments that are new or changed and went out, by environment.
        unused: what was found and does not count, most frequent reason first.
        broken_off: where not all was read: why, and when to go on.
    """

    n_read: int
    n_commits: int
    n_deployments: int
    n_changed: int
    n_changes: int
    n_pull_requests: int
    n_new_incidents: int
    n_updated_incidents: int
    n_unchanged_incidents: int
    n_unused: int
    environments: dict[str, int]
    unused: list[Kind]
    remarks: list[str]
    broken_off: str | None


class DeliveryListeners(Struct, frozen=True, kw_only=True):
    """Who hears of what happens, while it happens.

    Attributes:
        deployment: hears of each that is new (True) or changed (False).
    """

    progress: Callable[[Progress], None] | None = None
    unused: Callable[[Unused], None] | None = None
    deployment: Callable[[Deployment, bool], None] | None = None


def import_deliveries(
    source: DeliverySource,
    target: str,
    *,
    deliveries: DeliveryStore,
    timelines: TimelineStore,
    clock: Clock,
    facts: FactsStore | None = None,
    service: str | None = None,
    is_first_parent: bool | None = None,
    listeners: DeliveryListeners | None = None,
) -> DeliverySummary:
    """Take in what is new since the last time.

    Broken off at any point and run again, it gives the same state as an undisturbed run: a cursor moves once what lies
    before it is stored, whatever is read twice is stored once, and what deployments brought is worked out from what the
    store knows to be unsettled.

    Args:
        target: as DeliverySource.read has it.
        timelines: where the incidents go that the source tells of.
        facts: refreshed afterwards, if anything was told of incidents.
        service: of all releases that are read; None: of each its own.
        is_first_parent: follow the service's releases by first parents alone; None: as before, at first by all.

    Raises:
        ConfigError: the input cannot be read; what was read before is kept.
        StoreError: the store cannot take more; what was read before is kept.
    """
    if service is not None:
        follow_first_parents(deliveries, service, is_first_parent=is_first_parent)
    # One thread, so that a batch is stored while git's next words are read, one after the other.
    with few_collections(), ThreadPoolExecutor(1, thread_name_prefix="import") as storing:
        run = _Run(deliveries, timelines, now=clock.now(), listeners=listeners or DeliveryListeners(), storing=storing)
        try:
            for reading in source.read(target, deliveries.cursor):
                run.hear(reading)
        except ConfigError:
            run.finish(facts)  # What was read before is good.
            raise
        run.finish(facts)
    return run.summary()


def derive_facts(
    facts: DeliveryFacts, summary: DeliverySummary, told: Callable[[int, int], None] | None = None
) -> None:
    """Derive the facts on what an import brought, where that takes long; else it is left to whoever looks next.

    Args:
        told: hears how many deployments are done, of how many.
    """
    if summary.n_commits + summary.n_deployments + summary.n_changed + summary.n_changes > LEFT_TO_OTHERS:
        facts.refresh(told)


class _Run:
    def __init__(
        self,
        store: DeliveryStore,
        timelines: TimelineStore,
        *,
        now: datetime,
        listeners: DeliveryListeners,
        storing: Executor,
    ) -> None:
        self._store = store
        self._timelines = timelines
        self._now = now
        self._listeners = listeners
        self._recording = Recording(store)
        self._storing = storing
        self._under_way: Future[TakenIn] | None = None
        self._committed_at: dict[str, datetime] = {}
        self._n_read = self._n_commits = self._n_changes = 0
        self._incidents: Counter[Outcome] = Counter()
        self._made: set[str] = set()
        self._changed: set[str] = set()
        self._went_out: dict[str, str] = {}
        self._pull_requests: set[str] = set()
        self._unused = Kinds()
        self._remarks: list[str] = []
        self._broken_off: str | None = None

    def hear(self, reading: DeliveryReading) -> None:
        """Take one reading in."""
        if isinstance(reading, CommitsRead):
            self._n_read += len(reading.commits)
            self._committed_at.update((commit.sha, commit.committed_at) for commit in reading.commits)
            self._settle()
            self._under_way = self._storing.submit(self._recording.record, reading.commits, ())
        elif isinstance(reading, ReportsRead):
            self._settle()
            self._record(reading.reports)
            self._pull_requests.update(one.subject for one in reading.reports if isinstance(one, PullRequestReported))
        elif isinstance(reading, IncidentsRead):
            self._settle()
            told = [telling_of(draft, by=f"import:{draft.origin}", heard_at=self._now) for draft in reading.drafts]
            self._incidents.update(record_drafts(self._timelines, told, now=self._now).outcomes)
        elif isinstance(reading, ReadUpTo):
            self._settle()
            self._store.set_cursor(reading.name, reading.cursor)
        else:
            self._say(reading)

    def _say(self, reading: Unused | BrokenOff | Progress | Remark) -> None:
        """Take note of what is no part of the history."""
        if isinstance(reading, Unused):
            self._unused.add(reading.place, reading.reason)
            if self._listeners.unused is not None:
                self._listeners.unused(reading)
        elif isinstance(reading, Remark):
            self._remarks.append(reading.text)
        elif isinstance(reading, BrokenOff):
            self._broken_off = reading.reason
        elif self._listeners.progress is not None:
            self._listeners.progress(reading)

    def _record(self, reports: Sequence[ChangeReport]) -> None:
        told = sorted({one.subject for one in reports if isinstance(one, DeploymentReported)})
        before = self._store.deployments(told)
        self._recording.record((), reports)
        for name, deployment in self._store.deployments(told).items():
            is_new = name not in before
            if not is_new and before[name] == deployment:
                continue
            # One that this run made, and of which a later report tells more, is still new.
            if is_new:
                self._made.add(deployment.id)
            elif deployment.id not in self._made:
                self._changed.add(deployment.id)
            if deployment.deployed_at is None:
                self._went_out.pop(deployment.id, None)
            else:
                self._went_out[deployment.id] = deployment.environment or ""
            if self._listeners.deployment is not None:
                self._listeners.deployment(deployment, is_new)

    def _settle(self) -> None:
        """Wait for the batch that is under way, and count it.

        Raises:
            StoreError: it could not be stored.
        """
        if self._under_way is not None:
            under_way, self._under_way = self._under_way, None
            self._n_commits += under_way.result().n_commits

    def finish(self, facts: FactsStore | None) -> None:
        """Note what deployments brought, and bring the facts of incidents up to date."""
        self._settle()
        self._remark(self._recording.ship())
        if facts is not None and self._incidents[Outcome.NEW] + self._incidents[Outcome.UPDATED]:
            facts.refresh()

    def _remark(self, shipped: Sequence[Shipped]) -> None:
        """Say where a commit claims to be younger than what brought it, and where nobody knows what was brought."""
        self._n_changes += sum(len(one.shas or ()) for one in shipped)
        n_holes = sum(one.shas is None and bool(one.repo) for one in shipped)
        n_younger, examples = 0, []
        deployments = self._store.deployments([one.deployment_id for one in shipped])
        for one in shipped:
            deployment = deployments.get(one.deployment_id)
            if one.shas is None or deployment is None or deployment.deployed_at is None:
                continue
            n_late = sum(at > deployment.deployed_at for at in self._times(one, one.shas))
            if n_late:
                n_younger += n_late
                examples.append(deployment.version or deployment.ref)
        if n_younger:
            self._remarks.append(
                f"{n_younger} {'commit claims' if n_younger == 1 else 'commits claim'} to be younger than the release "
                f"that first had it, such as in {examples[0]!r}: somebody's clock was wrong, or a tag was dated back; "
                "such a lead time would be negative, and is left out"
            )
        if n_holes:
            self._remarks.append(f"of {n_holes} deployments it is not known which commits they brought")

    def _times(self, shipped: Shipped, shas: Sequence[str]) -> list[datetime]:
        """Commit times of what was read now, and of what was known before."""
        unread = [sha for sha in shas if sha not in self._committed_at]
        before: list[Commit] = []
        for start in range(0, len(unread), _LOOKED_UP):
            before += self._store.commits(shipped.repo, unread[start : start + _LOOKED_UP]).values()
        read = (self._committed_at[sha] for sha in shas if sha in self._committed_at)
        return list(chain(read, (commit.committed_at for commit in before)))

    def summary(self) -> DeliverySummary:
        """The counts so far."""
        return DeliverySummary(
            n_read=self._n_read,
            n_commits=self._n_commits,
            n_deployments=len(self._made),
            n_changed=len(self._changed),
            n_changes=self._n_changes,
            n_pull_requests=len(self._pull_requests),
            n_new_incidents=self._incidents[Outcome.NEW],
            n_updated_incidents=self._incidents[Outcome.UPDATED],
            n_unchanged_incidents=self._incidents[Outcome.UNCHANGED],
            n_unused=self._unused.total(),
            environments=dict(sorted(Counter(self._went_out.values()).items())),
            unused=self._unused.listed(),
            remarks=self._remarks,
            broken_off=self._broken_off,
        )
