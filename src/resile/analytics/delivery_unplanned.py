"""Which deployments were unplanned fixes of production, one by one: those behind the rework rate."""

from datetime import datetime

import numpy as np
from ibis import Table

from resile.analytics.delivery_fixes import fixes
from resile.analytics.delivery_query import DeliveryQuery
from resile.analytics.delivery_said import said
from resile.analytics.delivery_shipments import NONE, Places, shipments, successful
from resile.model.time import MICROSECOND


def unplanned_ids(deployments: Table, query: DeliveryQuery, *, known_until: datetime | None = None) -> list[str]:
    """Ids of the successful deployments of the query's environments, whenever they went out, that mended something.

    Args:
        deployments: in the columns of analytics/delivery_facts.py.
        known_until: the present instant; what came after it is not looked at.
    """
    shipped = shipments(deployments, query, known_until)
    places = Places(shipped.ids)
    told = said(deployments, query, known_until, places)
    is_unplanned = fixes(shipped, told.reverting, query.attribution_window // MICROSECOND).is_unplanned
    if not is_unplanned.any():
        return []
    table = successful(deployments, query, known_until)
    rows = table.select("deployment_id", id_hash=table.deployment_id.hash()).to_pyarrow()
    place = places.of(np.asarray(rows["id_hash"]))
    chosen = np.flatnonzero((place != NONE) & is_unplanned[place])
    return sorted(rows["deployment_id"].take(chosen).to_pylist())
