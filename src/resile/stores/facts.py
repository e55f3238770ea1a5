"""The columnar projection of incident facts."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import blake2b
from itertools import islice
from pathlib import Path

import ibis
import pyarrow as pa

from resile.analytics.facts import FACTS_SCHEMA, FACTS_VERSION
from resile.model.event import encode_event
from resile.ports.timeline_store import TimelineStore
from resile.stores.facts_rows import row_of, table_of
from resile.stores.projection import ParquetProjection
from resile.stores.projection_shape import Shape, Told

_TABLE = "facts"
FACTS_SHAPE = Shape(
    version=FACTS_VERSION,
    key="incident_id",
    tables={_TABLE: FACTS_SCHEMA},
    unlike=frozenset({"incident_id", "title", "ref"}),
)
# Few enough that the rows of one go are still in the processor's cache when they become columns.
_ROWS_AT_ONCE = 2_000


class ParquetFactsStore(ParquetProjection):
    """The FactsStore in a folder; see ParquetProjection."""

    def __init__(self, folder: Path, timelines: TimelineStore) -> None:
        super().__init__(folder, _Timelines(timelines))

    @contextmanager
    def table(self) -> Iterator[ibis.Table]:
        """One row per incident in the columns of analytics/facts.py; the same rows as long as the context lasts.

        Raises:
            StoreError: the files are damaged or gone, or another version of resile wrote there in the meantime.
        """
        with self.reading() as tables:
            yield tables[_TABLE]


class _Timelines:
    """The timelines as the origin of facts."""

    shape = FACTS_SHAPE

    def __init__(self, timelines: TimelineStore) -> None:
        self._timelines = timelines

    def last_seq(self) -> int:
        """The seq of the newest event."""
        return self._timelines.last_seq()

    def anchor(self, seq: int) -> str:
        """The digest of the event at `seq`; empty if there is none, or for 0."""
        found = self._timelines.follow(seq - 1, limit=1) if seq else []
        if not found or found[0].seq != seq:
            return ""
        place = f"{found[0].incident_id}\n{found[0].version}\n".encode()
        return blake2b(place + encode_event(found[0].event), digest_size=16).hexdigest()

    def derived(self, after_seq: int, up_to_seq: int, told: Told | None = None) -> Iterator[Mapping[str, pa.Table]]:
        """The facts of incidents that got events in (after_seq, up_to_seq], in order of their ids."""
        changed, n_done = self._timelines.incidents_changed(after_seq, up_to_seq), 0
        while some := list(islice(changed, _ROWS_AT_ONCE)):
            yield {_TABLE: table_of([row_of(incident_id, events) for incident_id, events in some])}
            if told is not None:
                # An incident's earlier events are read again.
                n_done = min(n_done + sum(len(events) for _, events in some), up_to_seq - after_seq)
                told(n_done, up_to_seq - after_seq)
