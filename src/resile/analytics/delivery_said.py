"""What people and systems say outright: this caused that incident, this did not, this takes that deployment back."""

from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from ibis import Table
from msgspec import Struct

from resile.analytics.batches import whole
from resile.analytics.coded import Coded, coded
from resile.analytics.delivery_shipments import NONE, Places, successful
from resile.analytics.ordered import Ints


class Said(Struct, frozen=True):
    """Pairs as they were told, places among the shipments on the one side.

    Attributes:
        caused, not_caused: place and id of the incident, row by row.
        reverting: places of deployments that take something back, and of those that had brought it.
    """

    caused: tuple[Ints, Coded]
    not_caused: tuple[Ints, Coded]
    reverting: tuple[Ints, Ints]


def said(deployments: Table, known_until: datetime | None, places: Places) -> Said:
    """Fetch them; few deployments have any."""
    table: Any = successful(deployments, known_until)
    some = table.filter(table.caused.notnull() | table.not_caused.notnull() | table.reverts.notnull())
    rows = some.select(
        "caused", "not_caused", reverts=some.reverts.notnull(), id_hash=some.deployment_id.hash()
    ).to_pyarrow()
    place = places.of(np.asarray(rows["id_hash"]))

    def told(name: str) -> tuple[Ints, Coded]:
        column = whole(rows[name])
        of = pc.list_parent_indices(column).to_numpy(zero_copy_only=False)
        return place[of], coded(pc.list_flatten(column))

    return Said(told("caused"), told("not_caused"), _reverting(table, places, has_some=rows["reverts"]))


def _reverting(table: Any, places: Places, *, has_some: pa.ChunkedArray) -> tuple[Ints, Ints]:
    if not pc.any(has_some).as_py():
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    some = table.filter(table.reverts.notnull())
    pairs = some.select(id_hash=some.deployment_id.hash(), other=some.reverts.unnest())
    hashes = pairs.select("id_hash", other_hash=pairs.other.hash()).to_pyarrow()
    by, failed = (places.of(np.asarray(hashes[name])) for name in ("id_hash", "other_hash"))
    is_here = failed != NONE
    return by[is_here], failed[is_here]
