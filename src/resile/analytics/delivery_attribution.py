"""Which deployment failed, why, and with which incident: each incident at one deployment's door, or at none."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from msgspec import Struct

from resile.analytics.coded import Coded
from resile.analytics.delivery_fixes import Evidence, Fixes
from resile.analytics.delivery_incidents import Failures
from resile.analytics.delivery_query import PRODUCTION
from resile.analytics.delivery_said import Said
from resile.analytics.delivery_shipments import NONE, Shipments
from resile.analytics.ordered import Bools, Ints


class Attributions(Struct, frozen=True):
    """Why deployments failed, row by row.

    Attributes:
        failed: place of the deployment.
        incident: place of the incident; NONE where a later deployment alone is the evidence. From `n_incidents` on they
            are incidents that are said to have been caused and that nobody knows here: `unknown` has their ids.
        by: place of the later deployment; NONE where an incident alone is the evidence.
        evidence: values of Evidence.
    """

    failed: Ints
    incident: Ints
    by: Ints
    evidence: Ints
    n_incidents: int
    unknown: list[str]

    def taken(self, rows: Bools) -> "Attributions":
        """Those that are marked."""
        return Attributions(
            self.failed[rows],
            self.incident[rows],
            self.by[rows],
            self.evidence[rows],
            self.n_incidents,
            self.unknown,
        )


def attributions(shipped: Shipments, failures: Failures, told: Said, fixed: Fixes, window_us: int) -> Attributions:
    """Lay each incident at one deployment: by the strongest evidence, then the latest deployment.

    What is said not to have caused an incident is never held against a deployment: neither the incident, nor a later
    deployment that mends that incident. Window evidence then goes to the deployment before, if it lies in the window.

    Args:
        window_us: how long after a deployment an incident of its service is laid at it, microseconds.
    """
    incidents = _Incidents(failures)
    said_by, said_incident = incidents.pairs(*told.caused)
    denied = _pair_numbers(*incidents.pairs(*told.not_caused), shipped.n)
    mended = incidents.of(shipped.mends, fixed.by)
    is_free = ~_is_among(_pair_numbers(fixed.failed, mended, shipped.n), denied)
    fixed_failed, fixed_by, fixed_evidence = (column[is_free] for column in (fixed.failed, fixed.by, fixed.evidence))
    mended = mended[is_free]
    near, near_incident = _in_window(shipped, failures, denied, window_us)
    is_said = ~_is_among(_pair_numbers(said_by, said_incident, shipped.n), denied)
    said_by, said_incident = said_by[is_said], said_incident[is_said]
    failed = np.concatenate([said_by, fixed_failed, near])
    incident = np.concatenate([said_incident, mended, near_incident])
    by = np.concatenate([np.full(len(said_by), NONE), fixed_by, np.full(len(near), NONE)])
    evidence = np.concatenate(
        [np.full(len(said_by), Evidence.SAID), fixed_evidence, np.full(len(near), Evidence.WINDOW)]
    ).astype(np.int64)
    # The strongest of each incident holds it; where another held it, a later deployment still is evidence without it.
    rows = np.flatnonzero(incident != NONE)
    rows = rows[np.lexsort((-by[rows], -failed[rows], -shipped.at_us[failed[rows]], -evidence[rows], incident[rows]))]
    is_first = np.ones(len(rows), dtype=np.bool_)
    is_first[1:] = incident[rows[1:]] != incident[rows[:-1]]
    holds = np.zeros(len(incident), dtype=np.bool_)
    holds[rows[is_first]] = True
    incident = np.where(holds, incident, NONE)
    found = Attributions(failed, incident, by, evidence, failures.n, incidents.unknown)
    return found.taken((incident != NONE) | (by != NONE))


class _Incidents:
    """Ids of incidents as places; those that do not count have none, those that nobody knows get one at the end."""

    def __init__(self, failures: Failures) -> None:
        self._failures = failures
        self.unknown: list[str] = []

    def pairs(self, places: Ints, ids: Coded) -> tuple[Ints, Ints]:
        """Deployments and the places of the incidents that count or are not known."""
        incident = self._places(ids.values)[ids.codes] if len(ids.codes) else np.zeros(0, dtype=np.int64)
        is_one = (places != NONE) & (incident != NONE)
        return places[is_one], incident[is_one]

    def of(self, mends: Coded, places: Ints) -> Ints:
        """The incidents that these deployments mend; NONE where that is nothing that counts."""
        found = self._places(mends.values)
        if not len(found):
            return np.full(len(places), NONE)
        mended: Ints = np.where(found >= self._failures.n, NONE, found)[mends.codes[places]]
        return mended

    def _places(self, ids: list[str | None]) -> Ints:
        wanted = pa.array(ids, pa.string())
        found = pc.fill_null(pc.index_in(wanted, value_set=self._failures.ids), NONE)
        places: Ints = np.array(found, dtype=np.int64)
        excluded = pc.is_in(wanted, value_set=self._failures.excluded_ids).to_numpy(zero_copy_only=False)
        for here in np.flatnonzero((places == NONE) & ~excluded).tolist():
            incident_id = ids[here]
            if incident_id is None:
                continue
            if incident_id not in self.unknown:
                self.unknown.append(incident_id)
            places[here] = self._failures.n + self.unknown.index(incident_id)
        return places


def _pair_numbers(places: Ints, incidents: Ints, n_shipments: int) -> Ints:
    return incidents.astype(np.int64) * max(n_shipments, 1) + places


def _is_among(pairs: Ints, few: Ints) -> Bools:
    """Whether each is one of a few, that are usually none."""
    return np.isin(pairs, few) if len(few) else np.zeros(len(pairs), dtype=np.bool_)


def _in_window(shipped: Shipments, failures: Failures, denied: Ints, window_us: int) -> tuple[Ints, Ints]:
    """The latest deployment before each incident in one of its services, no farther back than the window."""
    nothing = np.zeros(0, dtype=np.int64)
    if not shipped.n or not len(failures.of):
        return nothing, nothing
    service = _codes_among(failures.services, shipped.services)
    is_here = service != NONE
    incident, service = failures.of[is_here], service[is_here]
    wanted = _codes_among(failures.environments, shipped.environments)[incident]
    is_labelled = _names_one(shipped, failures, incident, service, wanted)
    edges = np.searchsorted(shipped.services.codes, np.arange(len(shipped.services.values) + 1))
    place = _last_until(shipped, edges, service, failures.began_us[incident])
    # A service may go to other environments a thousand times as often.
    of_production = np.maximum.accumulate(np.where(shipped.is_production, np.arange(shipped.n), NONE))
    found, found_incident = [nothing], [nothing]
    while len(place):
        place = np.where(is_labelled | (place < 0), place, of_production[place])
        is_left = (place >= edges[service]) & (
            failures.failed_us[incident] - shipped.at_us[np.maximum(place, 0)] <= window_us
        )
        place, incident, service, wanted, is_labelled = (
            column[is_left] for column in (place, incident, service, wanted, is_labelled)
        )
        fits = np.where(is_labelled, shipped.environments.codes[place] == wanted, shipped.is_production[place])
        fits &= ~_is_among(_pair_numbers(place, incident, shipped.n), denied)
        found.append(place[fits])
        found_incident.append(incident[fits])
        place, incident, service, wanted, is_labelled = (
            column[~fits] for column in (place - 1, incident, service, wanted, is_labelled)
        )
    return np.concatenate(found), np.concatenate(found_incident)


def _names_one(shipped: Shipments, failures: Failures, incident: Ints, service: Ints, wanted: Ints) -> Bools:
    """Whether incidents count for the one environment of their label; the others count for all that is production.

    One system says prod, another production: a label that means production and none of its service's environments by
    its very name is as good as none.
    """
    names = failures.environments.values
    has_label = np.array([value is not None for value in names], dtype=np.bool_)
    is_general = np.array([value in PRODUCTION for value in names], dtype=np.bool_)
    n = len(shipped.environments.values)
    there = np.unique(shipped.services.codes.astype(np.int64) * n + shipped.environments.codes)
    is_there = (wanted != NONE) & np.isin(service * n + wanted, there)
    codes = failures.environments.codes[incident]
    found: Bools = has_label[codes] & (is_there | ~is_general[codes])
    return found


def _last_until(shipped: Shipments, edges: Ints, service: Ints, at_us: Ints) -> Ints:
    """The place of the last deployment of the service no later than that; before its first where there is none."""
    low, high = edges[service], edges[service + 1]
    for _ in range(int(np.diff(edges).max(initial=0)).bit_length() + 1):
        middle = (low + high) // 2
        is_searching = low < high
        is_until = shipped.at_us[np.minimum(middle, shipped.n - 1)] <= at_us
        low = np.where(is_searching & is_until, middle + 1, low)
        high = np.where(is_searching & ~is_until, middle, high)
    return low - 1


def _codes_among(column: Coded, known: Coded) -> Ints:
    """Each row's value by its code in another column; NONE where that has no such value."""
    codes = {value: code for code, value in enumerate(known.values) if value is not None}
    found = np.array([codes.get(value or "", NONE) for value in column.values], dtype=np.int64)
    return found[column.codes] if len(found) else np.zeros(0, dtype=np.int64)
