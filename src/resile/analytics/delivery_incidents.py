"""Incidents as deliveries see them: when they were noticed, in which services, until when."""

from datetime import datetime

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from ibis import Table
from msgspec import Struct

from resile.analytics.batches import whole
from resile.analytics.coded import Coded, coded
from resile.analytics.grouping import NO_INSTANT, microseconds
from resile.analytics.ordered import Bools, Ints
from resile.model.time import to_us


class Failures(Struct, frozen=True):
    """Incidents that count, by id.

    Attributes:
        ids: text (n,).
        excluded_ids: of incidents that do not count.
        failed_us: detected, or declared where nobody knows when it was detected.
        began_us: when the impact began, where that is known and earlier; else the same as failed_us.
        detected_us, restored_us: NO_INSTANT where unknown; not restored is whoever was only later than the present.
        is_over: closed, though nobody knows since when it was restored.
        environments: the label `environment` in lower case; None where there is none.
        of, services: one row for each service of each incident: place of the incident, service.
    """

    ids: pa.Array
    excluded_ids: pa.Array
    failed_us: Ints
    began_us: Ints
    detected_us: Ints
    restored_us: Ints
    is_over: Bools
    environments: Coded
    of: Ints
    services: Coded

    @property
    def n(self) -> int:
        """How many there are."""
        return len(self.failed_us)


def failures(incidents: Table, known_until: datetime | None) -> Failures:
    """Fetch them: planned work, drills, tests, noise and merged ones do not count; nor what nobody noticed so far.

    Args:
        incidents: in the columns of analytics/facts.py.
        known_until: the present instant.
    """
    failed_at = ibis.coalesce(incidents.detected, incidents.declared_at)
    table = incidents.filter(failed_at.notnull())
    if known_until is not None:
        table = table.filter(failed_at <= ibis.literal(known_until))
    rows = table.select(
        "incident_id",
        "service",
        "other_services",
        "impact_began",
        "detected",
        "restored",
        failed_at=failed_at,
        counts=table.exclusion.isnull(),
        is_over=table.closed.notnull() & table.restored.isnull(),
        environment=table.labels.get("environment").nullif("").lower(),
    ).to_pyarrow()
    rows = rows.combine_chunks()
    excluded = rows.filter(pc.invert(rows["counts"]))
    rows = rows.filter(rows["counts"])
    rows = rows.take(pc.sort_indices(rows["incident_id"])).combine_chunks()
    failed_us = microseconds(whole(rows["failed_at"]), 0)
    impact_us = microseconds(whole(rows["impact_began"]), NO_INSTANT)
    restored_us = microseconds(whole(rows["restored"]), NO_INSTANT)
    if known_until is not None:
        restored_us = np.where(restored_us > to_us(known_until), NO_INSTANT, restored_us)
    of, services = _services(rows)
    return Failures(
        ids=whole(rows["incident_id"]),
        excluded_ids=whole(excluded["incident_id"]),
        failed_us=failed_us,
        began_us=np.where(impact_us == NO_INSTANT, failed_us, np.minimum(impact_us, failed_us)),
        detected_us=microseconds(whole(rows["detected"]), NO_INSTANT),
        restored_us=restored_us,
        is_over=rows["is_over"].to_numpy(),
        environments=coded(whole(rows["environment"])),
        of=of,
        services=services,
    )


def _services(rows: pa.Table) -> tuple[Ints, Coded]:
    first, others = whole(rows["service"]), whole(rows["other_services"])
    of_first = np.flatnonzero(first.is_valid().to_numpy(zero_copy_only=False))
    more = pc.list_flatten(others)
    of = np.concatenate([of_first, pc.list_parent_indices(others).to_numpy(zero_copy_only=False)]).astype(np.int64)
    return of, coded(pa.concat_arrays([first.drop_null(), more.cast(first.type)]))
