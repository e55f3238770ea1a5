"""The deployments behind a figure: exactly those that it counts, newest first."""

from collections.abc import Callable
from typing import Any

import numpy as np
from ibis import Table

from resile.analytics.delivery_figures import pending, recovering
from resile.analytics.delivery_known import Deliveries
from resile.analytics.delivery_middleware import middleware_facts
from resile.analytics.delivery_query import Definitions
from resile.analytics.delivery_shipments import NONE
from resile.analytics.ordered import Bools, Ints


def counts_as_failed(found: Deliveries) -> Bools:
    """Which failed by the definitions that are asked for, over all shipments."""
    if found.query.definitions is Definitions.MIDDLEWARE:
        return middleware_facts(found).has_failed
    return found.known.has_failed


def _marked(found: Deliveries, places: Ints) -> Bools:
    marks = np.zeros(found.shipped.n, dtype=np.bool_)
    marks[places] = True
    return marks


# Which of the successful deployments are in a state, over all shipments.
_MARKS: dict[str, Callable[[Deliveries], Bools]] = {
    "succeeded": lambda found: np.ones(found.shipped.n, dtype=np.bool_),
    "failed": counts_as_failed,
    "incident_known": lambda found: _marked(found, recovering(found.known).failed),
    "pending": lambda found: pending(found.shipped, found.known),
    "unplanned": lambda found: found.known.is_unplanned,
    "known_changes": lambda found: found.shipped.knows_changes,
    "unknown_changes": lambda found: ~found.shipped.knows_changes,
}
STATES = tuple(_MARKS)


def places_behind(found: Deliveries, state: str) -> Ints:
    """The places of the deployments asked for that are in the state, one of STATES, newest first."""
    here = np.flatnonzero(_MARKS[state](found) & (found.in_window != NONE))
    return here[np.argsort(-found.shipped.at_us[here], kind="stable")]


def rows_at(found: Deliveries, deployments: Table, places: Ints, columns: tuple[str, ...]) -> list[dict[str, Any]]:
    """These columns of the deployments at a few places, in their order."""
    if not len(places):
        return []
    hashes = found.shipped.ids[places].tolist()
    some = deployments.filter(deployments.deployment_id.hash().isin(hashes))
    rows = some.select(*columns, id_hash=some.deployment_id.hash()).to_pyarrow().to_pylist()
    by_hash = {row.pop("id_hash"): row for row in rows}
    return [by_hash[one] for one in hashes]
