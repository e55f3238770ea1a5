"""What people and systems say outright: this caused that incident, this did not, this takes that deployment back."""

from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
from ibis import Table
from msgspec import Struct

from resile.analytics.batches import whole
from resile.analytics.coded import Coded, coded
from resile.analytics.delivery_query import DeliveryQuery
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


def said(deployments: Table, query: DeliveryQuery, known_until: datetime | None, places: Places) -> Said:
    """Fetch them; few deployments have any."""
    table = successful(deployments, query, known_until)

    def told(name: str) -> tuple[Ints, Coded]:
        rows = _unnested(table, name)
        return places.of(np.asarray(rows["id_hash"])), coded(whole(rows["other"]))

    reverts = _unnested(table, "reverts")
    by, failed = places.of(np.asarray(reverts["id_hash"])), places.of(np.asarray(reverts["other_hash"]))
    is_here = failed != NONE
    return Said(told("caused"), told("not_caused"), (by[is_here], failed[is_here]))


def _unnested(table: Table, name: str) -> pa.Table:
    """One row for each value of a list: hash of the deployment's id, the value, its hash."""
    some: Any = table.filter(table[name].notnull())
    rows = some.select(id_hash=some.deployment_id.hash(), other=some[name].unnest())
    return rows.mutate(other_hash=rows.other.hash()).to_pyarrow()
