"""Why deployments count as failed, one by one, in words: for a deployment's page."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import numpy as np
from ibis import Table
from msgspec import Struct

from resile.analytics.coded import Value
from resile.analytics.delivery_attribution import Attributions
from resile.analytics.delivery_fixes import CONFIDENCE, Evidence
from resile.analytics.delivery_incidents import Failures
from resile.analytics.delivery_known import Deliveries, deliveries
from resile.analytics.delivery_query import DeliveryQuery
from resile.analytics.delivery_results import FailureLink
from resile.analytics.delivery_shipments import NONE, Places, Shipments
from resile.analytics.grouping import NO_INSTANT
from resile.analytics.ordered import Ints
from resile.analytics.words import exact_duration
from resile.model.time import from_us

# So few are asked for one by one; the names of more are read with all others.
_N_BY_NAME = 1_000


def failure_links(
    deployments: Table,
    incidents: Table,
    query: DeliveryQuery,
    *,
    known_until: datetime | None = None,
    deployment_id: str | None = None,
) -> list[FailureLink]:
    """Every attribution of the window's deployments, or of one deployment whenever it went out.

    In the order of deployments, then of strength. The change fail rate counts the deployments that have one. A link's
    `failed_at` is when the incident was detected; where a later deployment is the evidence, when that went out.

    Args:
        deployments: in the columns of analytics/delivery_facts.py.
        incidents: in the columns of analytics/facts.py.
        known_until: the present instant; what came after it is not looked at.
    """
    found = deliveries(deployments, None, incidents, query, known_until)
    if deployment_id is None:
        return links_on(found, deployments)
    one = deployments.filter(deployments.deployment_id == deployment_id)
    its_hash = one.select(id_hash=one.deployment_id.hash()).to_pyarrow()["id_hash"]
    return links_on(found, deployments, Places(found.shipped.ids).of(np.asarray(its_hash)))


def links_on(found: Deliveries, deployments: Table, places: Ints | None = None) -> list[FailureLink]:
    """The same, of what is at hand already; or those of the deployments at these places."""
    shipped, failed, attributed = found.shipped, found.known.failures, found.known.attributed
    is_asked = found.in_window[attributed.failed] != NONE if places is None else np.isin(attributed.failed, places)
    attributed = attributed.taken(is_asked)
    named = _named(deployments, Places(shipped.ids), shipped.ids, np.concatenate([attributed.failed, attributed.by]))
    order = np.lexsort((attributed.by, attributed.incident, -attributed.evidence, shipped.at_us[attributed.failed]))
    return [_link(attributed, row, shipped, failed, named) for row in order.tolist()]


def _link(
    found: Attributions, row: int, shipped: Shipments, failed: Failures, named: Mapping[int, "_Named"]
) -> FailureLink:
    """One attribution, told."""
    place, incident, by = int(found.failed[row]), int(found.incident[row]), int(found.by[row])
    evidence = Evidence(int(found.evidence[row]))
    incident_id, detected_us, restored_us = None, None, None
    if incident >= failed.n:
        incident_id = found.unknown[incident - failed.n]
    elif incident != NONE:
        incident_id = failed.ids[incident].as_py()
        detected_us, restored_us = int(failed.failed_us[incident]), int(failed.restored_us[incident])
    at_us = int(shipped.at_us[place])
    by_us = int(shipped.at_us[by]) if by != NONE else None
    seen_us = detected_us if detected_us is not None else by_us
    failed_us = at_us if seen_us is None else seen_us
    after_s = ((failed_us if by_us is None else by_us) - at_us) / 1e6
    is_restored = restored_us is not None and restored_us != NO_INSTANT
    return FailureLink(
        deployment_id=named[place].id,
        incident_id=incident_id,
        by_deployment_id=named[by].id if by != NONE else None,
        evidence=evidence.name.lower(),
        confidence=CONFIDENCE[evidence],
        reason=_reason(evidence, named[place], named.get(by), incident_id, after_s),
        failed_at=from_us(failed_us),
        restored_at=from_us(restored_us) if is_restored and restored_us is not None else None,
    )


class _Named(Struct, frozen=True):
    """What a sentence calls a deployment."""

    id: str
    version: Value
    sha: Value
    unplanned: Value

    @property
    def release(self) -> str:
        return self.version or (self.sha[:9] if self.sha else self.id)


def _named(table: Any, places: Places, ids: Ints, needed: Ints) -> dict[int, _Named]:
    """What deployments at these places are called."""
    needed = np.unique(needed[needed != NONE])
    if len(needed) <= _N_BY_NAME:
        table = table.filter(table.deployment_id.hash().isin(ids[needed].tolist()))
    rows = table.select("deployment_id", "version", "sha", "unplanned", id_hash=table.deployment_id.hash()).to_pyarrow()
    place = places.of(np.asarray(rows["id_hash"]))
    chosen = np.flatnonzero(np.isin(place, needed))
    columns = rows.take(chosen).to_pydict()
    return {
        where: _Named(*of)
        for where, *of in zip(
            place[chosen].tolist(),
            *(columns[name] for name in ("deployment_id", "version", "sha", "unplanned")),
            strict=True,
        )
    }


def _reason(evidence: Evidence, failed: _Named, by: _Named | None, incident_id: str | None, after_s: float) -> str:
    """One sentence."""
    after = exact_duration(after_s)
    mends = f", to mend incident {incident_id}" if by is not None and incident_id is not None else ""
    release = "" if by is None else by.release
    match evidence:
        case Evidence.SAID:
            return f"It was said to have caused incident {incident_id}."
        case Evidence.ROLLBACK if by is not None and by.unplanned == "rollback":
            return f"{release} was deployed {after} later as a rollback{mends}."
        case Evidence.ROLLBACK:
            return f"{release}, which had run before, came back {after} later in place of {failed.release}{mends}."
        case Evidence.REVERT:
            return f"{release}, deployed {after} later, takes back a change that it brought{mends}."
        case Evidence.HOTFIX:
            return f"{release} was deployed {after} later as a hotfix{mends}."
        case Evidence.NEXT_PATCH:
            return f"{release}, the next patch of {failed.release}, was deployed {after} later{mends}."
        case Evidence.WINDOW:
            return (
                f"Incident {incident_id} of the same service was detected {after} later, and no other deployment "
                "of it lies between that could have caused it."
            )
