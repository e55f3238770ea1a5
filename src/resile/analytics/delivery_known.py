"""Everything that a question about deliveries needs, fetched once."""

from datetime import datetime

import numpy as np
from ibis import Table
from msgspec import Struct
from msgspec.structs import replace

from resile.analytics.coded import Value
from resile.analytics.delivery_attribution import attributions
from resile.analytics.delivery_figures import Evidenced
from resile.analytics.delivery_fixes import fixes
from resile.analytics.delivery_incidents import failures
from resile.analytics.delivery_lead_time import NO_CHANGES, Changes, changes_of
from resile.analytics.delivery_query import DeliveryQuery
from resile.analytics.delivery_said import said
from resile.analytics.delivery_shipments import NONE, Places, Shipments, shipments
from resile.analytics.grouping import observable
from resile.analytics.ordered import Ints
from resile.analytics.query import Window
from resile.analytics.threads import meanwhile
from resile.model.time import MICROSECOND, to_us

Key = tuple[Value, Value]


class Deliveries(Struct, frozen=True):
    """What was found.

    Attributes:
        window: the query's, up to the present instant at most.
        keys: service and environment of each row of the answer.
        rows: the row of each shipment that is asked for, whenever it went out; NONE of others (n_shipments,).
        in_window: the same, NONE for those outside of the window too.
    """

    query: DeliveryQuery
    window: Window
    shipped: Shipments
    known: Evidenced
    changes: Changes
    keys: list[Key]
    rows: Ints
    in_window: Ints

    def only(self, row: int) -> "Deliveries":
        """One row of the answer."""
        kept = self.changes.cells == row
        return replace(
            self,
            changes=self.changes.taken(kept, self.changes.skewed_cells == row),
            keys=[self.keys[row]],
            rows=np.where(self.rows == row, 0, NONE),
            in_window=np.where(self.in_window == row, 0, NONE),
        )


def deliveries(
    deployments: Table,
    changes: Table | None,
    incidents: Table,
    query: DeliveryQuery,
    known_until: datetime | None,
    *,
    with_stages: bool = True,
) -> Deliveries:
    """Fetch what the query is about.

    What caused what is found over all services and environments, so that no filter changes it.

    Args:
        changes: None where nothing is asked of them.
        with_stages: of the changes, where their time went is asked too.
    """
    window = observable(query.window, known_until)
    shipped = shipments(deployments, known_until)
    places = Places(shipped.ids)
    told = said(deployments, known_until, places)
    failed = failures(incidents, known_until)
    window_us = query.attribution_window // MICROSECOND

    def why() -> Evidenced:
        fixed = fixes(shipped, told.reverting, window_us)
        found = attributions(shipped, failed, told, fixed, window_us)
        has_failed = np.zeros(shipped.n, dtype=np.bool_)
        has_failed[found.failed] = True
        present_us = to_us(window.end if known_until is None else known_until)
        return Evidenced(failed, found, has_failed, fixed.is_unplanned, present_us, window_us)

    evidenced = meanwhile(why)
    keys, of_groups = _asked(shipped, query, to_us(window.end))
    rows = of_groups[shipped.groups]
    is_within = (shipped.at_us >= to_us(window.start)) & (shipped.at_us < to_us(window.end))
    in_window = np.where(is_within, rows, NONE)
    of_keys = {key: row for key, row in zip(shipped.keys, of_groups.tolist(), strict=True) if row != NONE}
    brought = NO_CHANGES
    if changes is not None:
        brought = changes_of(changes, query, window, of_keys, known_until=known_until, with_stages=with_stages)
    return Deliveries(query, window, shipped, evidenced(), brought, keys, rows, in_window)


def _asked(shipped: Shipments, query: DeliveryQuery, end_us: int) -> tuple[list[Key], Ints]:
    """The rows of the answer, by name, and which of them each group of shipments belongs to.

    A service has one from its first deployment on: one that is silent now is to be told of too.
    """
    has_begun = np.zeros(len(shipped.keys), dtype=np.bool_)
    has_begun[shipped.groups[shipped.at_us < end_us]] = True
    groups = [(key, group) for group, key in enumerate(shipped.keys) if has_begun[group] and is_asked(query, key)]
    if query.is_blended:
        rows = np.full(len(shipped.keys), NONE, dtype=np.int64)
        rows[[group for _, group in groups]] = 0
        return [(None, None)], rows
    groups.sort(key=lambda one: [(value is None, value or "") for value in one[0]])
    rows = np.full(len(shipped.keys), NONE, dtype=np.int64)
    rows[[group for _, group in groups]] = np.arange(len(groups))
    found: list[Key] = [(key[0], key[1]) for key, _ in groups]
    present = {key[0] or "" for key in found}
    # Who asks for a service gets a row for it, if only to be told that nothing is known of it.
    found += [(name or None, None) for name in dict.fromkeys(query.services) if name not in present]
    return found, rows


def is_asked(query: DeliveryQuery, key: tuple[Value, ...]) -> bool:
    """Whether a question is about this service in this environment."""
    service, environment = (value or "" for value in key)
    return (not query.services or service in query.services) and (
        not query.environments or environment in query.environments
    )
