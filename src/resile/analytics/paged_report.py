"""From detection to the page and on to the acknowledgement, over the incidents for which resile paged somebody."""

import numpy as np

from resile.analytics.figures import figures
from resile.analytics.grouping import NO_INSTANT, Observations
from resile.analytics.ordered import order
from resile.analytics.results import DwellStatistics, PagedStatistics
from resile.model.incident import InstantName

PAGE_QUEUED_AT, PAGED_AT = "page_queued_at", "paged_at"


def paged_statistics(observations: Observations) -> PagedStatistics | None:
    """Medians over the counted incidents, open ones too, for which resile queued a page; None where there is none.

    Who waits for a page that no provider took, or for an acknowledgement that never came, waits until the incident is
    over. An incident is left out of a stretch that would be negative: it was known to be paged before it was detected,
    or somebody had acknowledged it before any page went out.

    Args:
        observations: with detection, acknowledgement, PAGE_QUEUED_AT and PAGED_AT among their instants.
    """
    found = observations.taken(observations.instants_us[PAGE_QUEUED_AT] != NO_INSTANT)
    if not found.n:
        return None
    detected, acknowledged = InstantName.DETECTED.value, InstantName.ACKNOWLEDGED.value
    return PagedStatistics(
        n=found.n,
        detected_to_paged=_dwell(found, detected, PAGED_AT),
        paged_to_acknowledged=_dwell(found, PAGED_AT, acknowledged),
    )


def _dwell(found: Observations, begins: str, ends: str) -> DwellStatistics:
    began_us, ended_us = found.instants_us[begins], found.instants_us[ends]
    is_never = ended_us == NO_INSTANT
    until_us = np.where(is_never, found.started_us + found.durations_us, ended_us)
    is_known = (began_us != NO_INSTANT) & (until_us >= began_us)
    lasted_us, never = (until_us - began_us)[is_known], is_never[is_known]
    table = figures(order(np.zeros(len(lasted_us), dtype=np.int64), lasted_us, never, 1))
    n_never = int(never.sum())
    median_s = table.km_median_s if n_never else table.median_s
    return DwellStatistics(
        n=len(lasted_us) - n_never,
        n_never=n_never,
        median_s=_known(float(median_s[0])),
        median_low_s=_known(float(table.median_low_s[0])),
        median_high_s=_known(float(table.median_high_s[0])),
    )


def _known(number: float) -> float | None:
    return None if np.isnan(number) else number
