"""Bring a delivery history in: read commits and releases, store what is new, and note what each release brought."""

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from datetime import datetime
from itertools import chain
from pathlib import Path

from msgspec import Struct

from resile.app.deliver import Recording, TakenIn, follow_first_parents
from resile.app.import_history import few_collections
from resile.app.import_summary import Kind, Kinds
from resile.model.change import Commit, DeploymentReported, DeploymentStatus
from resile.ports.delivery_source import CommitsRead, DeliverySource, ReadUpTo, ReportsRead, Unused
from resile.ports.delivery_store import DeliveryStore, Shipped
from resile.ports.source import Progress, Remark

_LOOKED_UP = 5_000


class DeliverySummary(Struct, frozen=True, kw_only=True):
    """What an import of deliveries did.

    Attributes:
        n_read, n_known: commits that the source gave, and those of them that were known.
        n_changed: deployments of which something else is said than before.
        n_changes: commits that a deployment was noted to be the first to bring.
        environments: deployments told of, new or changed, by environment.
        unused: what was found and does not count, most frequent reason first.
    """

    n_read: int
    n_commits: int
    n_deployments: int
    n_changed: int
    n_changes: int
    n_unused: int
    environments: dict[str, int]
    unused: list[Kind]
    remarks: list[str]


class DeliveryListeners(Struct, frozen=True, kw_only=True):
    """Who hears of what happens, while it happens."""

    progress: Callable[[Progress], None] | None = None
    unused: Callable[[Unused], None] | None = None
    deployment: Callable[[DeploymentReported], None] | None = None


def import_deliveries(
    source: DeliverySource,
    path: Path,
    *,
    deliveries: DeliveryStore,
    service: str,
    is_first_parent: bool | None = None,
    listeners: DeliveryListeners | None = None,
) -> DeliverySummary:
    """Take in what is new since the last time.

    Broken off at any point and run again, it gives the same state as an undisturbed run: how far it was read is noted
    last, and whatever is read twice is stored once.

    Args:
        is_first_parent: follow the service's releases by first parents alone; None: as before, at first by all.

    Raises:
        ConfigError: the input cannot be read; what was read before is kept.
        StoreError: the store cannot take more; what was read before is kept.
    """
    follow_first_parents(deliveries, service, is_first_parent=is_first_parent)
    # One thread, so that a batch is stored while git's next words are read, one after the other.
    with few_collections(), ThreadPoolExecutor(1, thread_name_prefix="import") as storing:
        run = _Run(deliveries, listeners or DeliveryListeners(), storing)
        for reading in source.read(path, deliveries.cursor(source.cursor_name(path))):
            if isinstance(reading, ReadUpTo):
                # Before the cursor: broken off in between, the next run would not know what to note.
                run.ship()
                deliveries.set_cursor(reading.name, reading.cursor)
            else:
                run.hear(reading)
        return run.summary()


class _Run:
    def __init__(self, store: DeliveryStore, listeners: DeliveryListeners, storing: Executor) -> None:
        self._store = store
        self._listeners = listeners
        self._recording = Recording(store)
        self._storing = storing
        self._under_way: Future[TakenIn] | None = None
        self._committed_at: dict[str, datetime] = {}
        self._n_read = self._n_commits = self._n_deployments = self._n_changed = self._n_changes = 0
        self._environments: Counter[str] = Counter()
        self._unused = Kinds()
        self._remarks: list[str] = []

    def hear(self, reading: CommitsRead | ReportsRead | Unused | Progress | Remark) -> None:
        """Take one reading in."""
        if isinstance(reading, CommitsRead):
            self._n_read += len(reading.commits)
            self._committed_at.update((commit.sha, commit.committed_at) for commit in reading.commits)
            self._settle()
            self._under_way = self._storing.submit(self._recording.record, reading.commits, ())
        elif isinstance(reading, ReportsRead):
            self._settle()
            self._recording.record((), reading.reports)
            for report in reading.reports:
                if isinstance(report, DeploymentReported):
                    self._count(report)
        elif isinstance(reading, Unused):
            self._unused.add(reading.place, reading.reason)
            if self._listeners.unused is not None:
                self._listeners.unused(reading)
        elif isinstance(reading, Remark):
            self._remarks.append(reading.text)
        elif self._listeners.progress is not None:
            self._listeners.progress(reading)

    def _count(self, report: DeploymentReported) -> None:
        if report.supersedes_earlier:
            self._n_changed += 1
        else:
            self._n_deployments += 1
        if report.status is DeploymentStatus.SUCCEEDED:
            self._environments[report.environment or ""] += 1
        if self._listeners.deployment is not None:
            self._listeners.deployment(report)

    def _settle(self) -> None:
        """Wait for the batch that is under way, and count it.

        Raises:
            StoreError: it could not be stored.
        """
        if self._under_way is not None:
            under_way, self._under_way = self._under_way, None
            self._n_commits += under_way.result().n_commits

    def ship(self) -> None:
        """Note what deployments brought, and say where a commit claims to be younger than what brought it."""
        self._settle()
        shipped = self._recording.ship()
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
                f"{n_younger} commits are younger than the release that brought them, such as in {examples[0]!r}: "
                "somebody's clock was wrong, or the tag was dated back; their lead time is negative"
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
            n_deployments=self._n_deployments,
            n_changed=self._n_changed,
            n_changes=self._n_changes,
            n_unused=self._unused.total(),
            environments=dict(sorted(self._environments.items())),
            unused=self._unused.listed(),
            remarks=self._remarks,
        )
