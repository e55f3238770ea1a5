"""The columnar projection of deliveries: deployments, and the changes that each first brought."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import pyarrow as pa

from resile.analytics.delivery_facts import CHANGES_SCHEMA, DELIVERY_FACTS_VERSION, DEPLOYMENTS_SCHEMA
from resile.model.change import Deployment
from resile.ports.delivery_facts import DeliveryTables
from resile.ports.delivery_store import DeliveryStore
from resile.stores.arrow_rows import Row, arrow_table
from resile.stores.delivery_rows import change_row, deployment_row, pull_request_row
from resile.stores.projection import ParquetProjection
from resile.stores.projection_shape import Shape, Told

DELIVERY_SHAPE = Shape(
    version=DELIVERY_FACTS_VERSION,
    key="deployment_id",
    tables={"deployments": DEPLOYMENTS_SCHEMA, "changes": CHANGES_SCHEMA},
    # A deployment's id stands beside each of its changes, so a dictionary of it pays.
    unlike=frozenset({"sha", "url"}),
)
# Read from the store at once: so many deployments, and so many of their commits. Few deployments, because the first
# one of every service may have shipped all that its repository holds.
_DEPLOYMENTS_AT_ONCE = 25
_COMMITS_AT_ONCE = 5_000


class ParquetDeliveryFacts(ParquetProjection):
    """The DeliveryFacts in a folder; see ParquetProjection."""

    def __init__(self, folder: Path, deliveries: DeliveryStore) -> None:
        super().__init__(folder, _Deliveries(deliveries))

    @contextmanager
    def tables(self) -> Iterator[DeliveryTables]:
        """Rows in the columns of analytics/delivery_facts.py; the same as long as the context lasts.

        A commit that is shipped but not known itself is counted to its deployment, and has no row among the changes.

        Raises:
            StoreError: the files are damaged or gone, or another version of resile wrote there in the meantime.
        """
        with self.reading() as tables:
            yield DeliveryTables(**tables)


class _Deliveries:
    """The store of deliveries as the origin of facts."""

    shape = DELIVERY_SHAPE

    def __init__(self, deliveries: DeliveryStore) -> None:
        self._deliveries = deliveries

    def last_seq(self) -> int:
        """The store's."""
        return self._deliveries.last_seq()

    def anchor(self, seq: int) -> str:
        """The store's mark."""
        return self._deliveries.mark(seq)

    def derived(self, after_seq: int, up_to_seq: int, told: Told | None = None) -> Iterator[Mapping[str, pa.Table]]:
        """The facts of deployments that changed, as the store has them now.

        That may be later than `up_to_seq`. What changed since then is told again the next time.
        """
        n_changed, n_done = 0, 0
        if told is not None:
            n_changed = sum(1 for _ in self._deliveries.deployments_changed(after_seq, up_to_seq))
        changed = self._deliveries.deployments_changed(after_seq, up_to_seq)
        while some := list(islice(changed, _DEPLOYMENTS_AT_ONCE)):
            yield from self._facts_of(some)
            n_done += len(some)
            if told is not None:
                # Others may have been told of since they were counted.
                told(min(n_done, n_changed), n_changed)

    def _facts_of(self, deployment_ids: list[str]) -> Iterator[Mapping[str, pa.Table]]:
        told = self._deliveries.deployments(deployment_ids)
        shipped = self._deliveries.shipped(deployment_ids)
        reverts = self._deliveries.taken_back(deployment_ids)
        rows = [
            deployment_row(told[name], shipped.get(name), reverts.get(name, ()))
            for name in deployment_ids
            if name in told
        ]
        if rows:
            yield {"deployments": arrow_table(rows, DEPLOYMENTS_SCHEMA)}
        brought = (
            (told[name], shipped[name].repo, sha)
            for name in deployment_ids
            if name in told and name in shipped
            for sha in shipped[name].known
        )
        while some := list(islice(brought, _COMMITS_AT_ONCE)):
            if changes := self._changes(some):
                yield {"changes": arrow_table(changes, CHANGES_SCHEMA)}

    def _changes(self, brought: Sequence[tuple[Deployment, str, str]]) -> list[Row]:
        """The rows of deployment, repository and commit, in their order."""
        by_repo: dict[str, list[str]] = {}
        for _, repo, sha in brought:
            by_repo.setdefault(repo, []).append(sha)
        commits = {repo: self._deliveries.commits(repo, shas) for repo, shas in by_repo.items()}
        pulls = {repo: self._deliveries.pull_requests_with(repo, shas) for repo, shas in by_repo.items()}
        instants = {one.id: pull_request_row(one) for found in pulls.values() for one in found.values()}
        rows = []
        for deployment, repo, sha in brought:
            commit = commits[repo].get(sha)
            if commit is not None:
                pull = pulls[repo].get(sha)
                rows.append(change_row(deployment, commit, None if pull is None else instants[pull.id]))
        return rows
