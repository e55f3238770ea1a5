"""The answers, as plain values: the same for the terminal, the pages, the documents and the API.

Durations are float seconds; null (None) where undefined, never 0. NaN never appears.
"""

from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct, field

# The verdicts of a comparison; the last one a trend's, too.
SHORTER, LONGER, NO_EVIDENCE = "shorter", "longer", "no evidence either way"


# There are thousands of groups, and none leads back to itself: the collector need not look at each.
class GroupStatistics(Struct, frozen=True, gc=False):
    """A group's figures; the fields and their meaning are in docs/reference/measures.md.

    Attributes:
        key: the group's values by dimension, e.g. {"severity": "SEV1"}; None for incidents without one; {} overall.
        n_open: incidents whose clock had not stopped at the window's end: censored observations.
        notes: sentences on how far to trust the figures.
    """

    key: dict[str, str | None]
    n_restored: int
    n_open: int
    mean_s: float | None = None
    mean_low_s: float | None = None
    mean_high_s: float | None = None
    median_s: float | None = None
    median_low_s: float | None = None
    median_high_s: float | None = None
    km_median_s: float | None = None
    p75_s: float | None = None
    p90_s: float | None = None
    p95_s: float | None = None
    stdev_s: float | None = None
    min_s: float | None = None
    max_s: float | None = None
    notes: list[str] = []


class PeriodStatistics(Struct, frozen=True, gc=False):
    """A period's figures; values are null where it holds no incident."""

    start: datetime
    n_restored: int
    n_open: int = 0
    mean_s: float | None = None
    mean_low_s: float | None = None
    mean_high_s: float | None = None
    median_s: float | None = None
    median_low_s: float | None = None
    median_high_s: float | None = None
    km_median_s: float | None = None
    p75_s: float | None = None
    p90_s: float | None = None
    p95_s: float | None = None
    stdev_s: float | None = None
    min_s: float | None = None
    max_s: float | None = None


class ChangePoint(Struct, frozen=True, kw_only=True):
    """A moment at which the level of log durations changed; `ratio` is the median after over the one before."""

    at: datetime
    ratio: float
    p_value: float


class Trend(Struct, frozen=True, kw_only=True):
    """How the time changes over the window.

    Attributes:
        verdict: `falling`, `rising` or `no evidence either way`.
        span_days: from the first incident's start to the last one's.
        change: factor by which the typical duration changes over that span (0.8: 20 % shorter), with its interval.
        change_per_year: the same for a year; far beyond the data where the span is much shorter.
        p_value: of no change at all, two-sided.
        detectable_change: the smallest factor's distance from 1, over the whole window, that this n could have shown
            with 80 % power, as a share (0.35: a change below 35 % could not be seen); null below n = 8.
    """

    every: str
    periods: list[PeriodStatistics]
    verdict: str
    method: str
    n: int
    span_days: float | None = None
    change: float | None = None
    change_low: float | None = None
    change_high: float | None = None
    change_per_year: float | None = None
    change_per_year_low: float | None = None
    change_per_year_high: float | None = None
    p_value: float | None = None
    detectable_change: float | None = None
    change_points: list[ChangePoint] = []


class WindowOut(Struct, frozen=True):
    """A window as reports write it."""

    start: datetime = field(name="from")
    end: datetime = field(name="to")


class RestoreReport(Struct, frozen=True, kw_only=True):
    """Time to restore by group and over time; `overall` counts each incident once."""

    measure: str
    clock: str
    unit: str = "seconds"
    window: WindowOut
    by: list[str]
    groups: list[GroupStatistics]
    overall: GroupStatistics
    trend: Trend
    excluded: dict[str, int]
    definition: str


class PhaseStatistics(Struct, frozen=True, kw_only=True):
    """One phase over the incidents in which it is known.

    Attributes:
        phase: one of detect, acknowledge, identify, mitigate, verify, or several joined by `+` whose border is unknown.
        share: of the summed time from the first known instant to restoration, over all incidents.
    """

    phase: str
    n: int
    total_s: float
    share: float
    mean_s: float
    median_s: float
    median_low_s: float | None = None
    median_high_s: float | None = None
    p90_s: float | None = None


class PhaseGroup(Struct, frozen=True, kw_only=True):
    """Where the time goes in one group."""

    key: dict[str, str | None]
    n: int
    mean_s: float | None
    phases: list[PhaseStatistics]
    notes: list[str] = []


class DwellStatistics(Struct, frozen=True, kw_only=True):
    """How long it took from one instant to the next, over the incidents in which the first is known.

    Attributes:
        n: incidents in which the next one came.
        n_never: those in which it had not come by their end, or has not yet; they count as lasting at least so long.
        median_s: over all of them; None where half of them did not come to it.
    """

    n: int
    n_never: int
    median_s: float | None = None
    median_low_s: float | None = None
    median_high_s: float | None = None


class PagedStatistics(Struct, frozen=True, kw_only=True):
    """From detection to the first page that a provider took, and from there to the acknowledgement.

    Attributes:
        n: incidents for which resile queued a page; open ones too.
    """

    n: int
    detected_to_paged: DwellStatistics
    paged_to_acknowledged: DwellStatistics


class PhasesReport(Struct, frozen=True, kw_only=True):
    """Where the time goes, from the first known instant to restoration; phases partition it."""

    measure: str = "phases"
    unit: str = "seconds"
    window: WindowOut
    by: list[str]
    groups: list[PhaseGroup]
    overall: PhaseGroup
    paged: PagedStatistics | None = None
    excluded: dict[str, int]
    definition: str


class Side(Struct, frozen=True, kw_only=True):
    """One side of a comparison."""

    name: str
    window: WindowOut
    statistics: GroupStatistics


class AttributionPart(Struct, frozen=True, kw_only=True):
    """A part of the change in the mean.

    Attributes:
        kind: `mix` (more or fewer incidents of the class) or `rate` (longer or shorter in the class).
        key: the class, by dimension.
        phase: for rate, the phase(s); None for mix.
        seconds: signed; all parts sum to the change.
        n_before, n_after: incidents of the class.
        share_before, share_after: the same as a share of their side's incidents, which is what makes a mix.
    """

    kind: str
    key: dict[str, str | None]
    phase: str | None
    seconds: float
    n_before: int
    n_after: int
    sentence: str
    share_before: float | None = None
    share_after: float | None = None


class Attribution(Struct, frozen=True, kw_only=True):
    """Where a change in the mean comes from; exact: the parts sum to mean_after_s − mean_before_s."""

    by: list[str]
    mean_before_s: float
    mean_after_s: float
    change_s: float
    parts: list[AttributionPart]


class CompareReport(Struct, frozen=True, kw_only=True):
    """Two windows, or two groups in one window.

    Attributes:
        ratio: median of b over median of a, with its 95 % interval.
        p_value: permutation test on log durations.
        superiority: probability that a random incident of b is restored sooner than one of a; ties count half.
        detectable_change: smallest change in the typical duration that these n could show with 80 % power, as a share.
        adjusted_ratio: ratio of typical (geometric) durations with the severity mix held equal, with its interval.
    """

    measure: str = "compare"
    clock: str
    unit: str = "seconds"
    a: Side
    b: Side
    ratio: float | None = None
    ratio_low: float | None = None
    ratio_high: float | None = None
    p_value: float | None = None
    superiority: float | None = None
    detectable_change: float | None = None
    adjusted_ratio: float | None = None
    adjusted_ratio_low: float | None = None
    adjusted_ratio_high: float | None = None
    verdict: str
    attribution: Attribution | None = None
    excluded: dict[str, int]
    definition: str


class WhatIf(Struct, frozen=True, kw_only=True):
    """What would have been, had a phase been shorter for a class.

    Attributes:
        clock: by which it was computed; not always the one asked for.
        n: restored ones, over which all medians and means are taken.
        n_open: open ones, which stand in none of them.
    """

    clock: str
    phase: str
    minutes_sooner: float
    where: dict[str, list[str]]
    n_changed: int
    n: int
    n_open: int
    median_before_s: float | None
    median_after_s: float | None
    mean_before_s: float | None
    mean_after_s: float | None
    saved_s: float
    saved_per_year_s: float | None


class SurvivalPoint(Struct, frozen=True):
    """Share of incidents still not restored after so many seconds, with its 95 % interval."""

    after_s: float
    share: float
    low: float
    high: float
    n_at_risk: int


class Survival(Struct, frozen=True, kw_only=True):
    """Kaplan–Meier curve; medians null where never reached."""

    n: int
    n_open: int
    median_s: float | None
    median_low_s: float | None
    median_high_s: float | None
    points: list[SurvivalPoint]


class IncidentDot(Struct, frozen=True, kw_only=True):
    """One incident in a picture."""

    incident_id: str
    title: str
    started_at: datetime
    duration_s: float
    is_open: bool
    severity: str | None
    service: str | None


_encoder = msgspec.json.Encoder()


def to_json(report: Any) -> bytes:
    """A report as JSON: RFC 3339 times with Z, null where undefined."""
    return _encoder.encode(report)
