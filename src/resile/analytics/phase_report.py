"""Where the time goes: from the first known instant of each incident to its restoration, by phase."""

from datetime import datetime

import msgspec
import numpy as np
from ibis import Table

from resile.analytics.figures import Figures, figures
from resile.analytics.grouping import Key, Observations, Population, population
from resile.analytics.ordered import Floats, Ints, order
from resile.analytics.paged_report import PAGE_QUEUED_AT, PAGED_AT, paged_statistics
from resile.analytics.phase_columns import BOUNDS, N_JOINS, contradicts, join_name, phase_columns
from resile.analytics.query import Clock, Query
from resile.analytics.results import PhaseGroup, PhasesReport, PhaseStatistics, WindowOut
from resile.analytics.words import counted
from resile.model.incident import InstantName

DEFINITION = (
    "Each restored incident's stretch from its first known instant to restoration, parted at the instants known "
    "between. Where one is missing its neighbours are joined; nothing is taken as 0. Open and contradictory incidents "
    "are left out."
)
# What is to be fetched of each incident.
NEEDS = (*BOUNDS, PAGE_QUEUED_AT, PAGED_AT)
NOTE_FEW = "fewer than 6 incidents: too few for intervals"


def phases_report(facts: Table, query: Query, *, known_until: datetime | None = None) -> PhasesReport:
    """Part the time of the query's restored incidents into phases.

    Incidents belong to the window by the start of the query's clock, or by their detection where that is later.
    """
    query = msgspec.structs.replace(query, clock=restoring(query.clock))
    return phases_of(population(facts, query, known_until, needs=NEEDS), query)


def phases_of(found: Population, query: Query) -> PhasesReport:
    """The same of what was fetched for a clock that ends with restoration, with all instants of NEEDS."""
    observed = found.grouped(query.by)
    once, n_contradictory = _parted(observed.once)
    in_groups = _parted(observed.in_groups)[0] if observed.counts_twice else once
    excluded = dict(observed.excluded)
    excluded["contradictory"] += n_contradictory
    excluded["open"] = int(observed.once.is_open.sum())
    overall = _groups(msgspec.structs.replace(once, keys=[{}], groups=np.zeros(once.n, dtype=np.int64)))
    groups = _groups(in_groups) if query.by else []
    return PhasesReport(
        window=WindowOut(query.window.start, query.window.end),
        by=list(query.by),
        groups=sorted(groups, key=lambda group: -(group.mean_s or 0)),
        overall=overall[0] if overall else PhaseGroup(key={}, n=0, mean_s=None, phases=[]),
        paged=paged_statistics(observed.once),
        excluded=excluded,
        definition=DEFINITION,
    )


def restoring(clock: Clock) -> Clock:
    """The clock that ends with restoration and starts as the given one does, or with detection if that is later."""
    return Clock.IMPACT_TO_RESTORED if clock.start is InstantName.IMPACT_BEGAN else Clock.DETECTED_TO_RESTORED


def instants_of(observations: Observations) -> Ints:
    """The instants that bound phases, one row each (len(BOUNDS), n)."""
    return np.vstack([observations.instants_us[name] for name in BOUNDS])


def _parted(observations: Observations) -> tuple[Observations, int]:
    """Those that can be parted: restored, without contradiction; and how many contradict themselves."""
    is_over = ~observations.is_open
    wrong = contradicts(instants_of(observations)) & is_over
    return observations.taken(is_over & ~wrong), int(wrong.sum())


def _groups(observations: Observations) -> list[PhaseGroup]:
    """One group per key that has incidents, its phases in the order in which they happen."""
    parts = phase_columns(instants_of(observations))
    n_cells = len(observations.keys) * N_JOINS
    cells = observations.groups[parts.incidents].astype(np.int64) * N_JOINS + parts.joins
    table = figures(order(cells, parts.lasted_us, np.zeros(len(cells), dtype=np.bool_), n_cells))
    totals_s = np.bincount(cells, weights=parts.lasted_us / 1e6, minlength=n_cells).reshape(-1, N_JOINS)
    sizes = np.bincount(observations.groups, minlength=len(observations.keys))
    return [
        _group(observations.keys[row], int(sizes[row]), table, row, totals_s[row])
        for row in np.flatnonzero(sizes).tolist()
    ]


def _group(key: Key, n: int, table: Figures, row: int, totals_s: Floats) -> PhaseGroup:
    whole_s = float(totals_s.sum())
    # The lowest bit is the first phase; of two that begin alike the shorter comes first.
    joins = sorted(np.flatnonzero(table.n_restored[row * N_JOINS :][:N_JOINS]).tolist(), key=lambda j: (j & -j, j))
    phases = [_phase(table, row * N_JOINS + join, join_name(join), float(totals_s[join]), whole_s) for join in joins]
    notes = [NOTE_FEW] if n < 6 else []  # noqa: PLR2004 - median_interval.N_LEAST
    joined = sum(phase.n for phase in phases if "+" in phase.phase)
    if joined:
        lack = "lacks" if joined == 1 else "lack"
        shown = "is" if joined == 1 else "are"
        stretches = counted(joined, "stretch", "stretches")
        notes.append(f"{stretches} {lack} the instant between two phases and {shown} shown joined")
    return PhaseGroup(key=key, n=n, mean_s=whole_s / n, phases=phases, notes=notes)


def _phase(table: Figures, cell: int, name: str, total_s: float, whole_s: float) -> PhaseStatistics:
    def known(number: float) -> float | None:
        return None if np.isnan(number) else float(number)

    return PhaseStatistics(
        phase=name,
        n=int(table.n_restored[cell]),
        total_s=total_s,
        share=total_s / whole_s if whole_s > 0 else 0.0,
        mean_s=float(table.mean_s[cell]),
        median_s=float(table.median_s[cell]),
        median_low_s=known(table.median_low_s[cell]),
        median_high_s=known(table.median_high_s[cell]),
        p90_s=known(table.p90_s[cell]),
    )
