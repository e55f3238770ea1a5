"""Commit to deployment, change by change, and where that time goes."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from itertools import product

import ibis
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from ibis import Table
from msgspec import Struct

from resile.analytics.batches import batches_of
from resile.analytics.coded import Coded, Value, coded
from resile.analytics.delivery_query import DeliveryQuery
from resile.analytics.delivery_results import Stage
from resile.analytics.delivery_shipments import NONE, is_one_of, successful
from resile.analytics.grouping import NO_INSTANT, microseconds
from resile.analytics.ordered import Bools, Ints, order, quantiles_s
from resile.analytics.query import Window
from resile.analytics.threads import meanwhile, share

# What a change passes, in order; a stage goes from one to another, the next one that is known.
PASSED = ("commit", "opened", "review", "approval", "merge", "deployment")
_COLUMNS = ("opened_at", "ready_at", "first_review_at", "approved_at", "merged_at")
_N = len(PASSED)
Narrow = npt.NDArray[np.int8]


class Stages(Struct, frozen=True):
    """The stages of changes that end with one and the same of PASSED.

    Attributes:
        begins: number in PASSED of where each change's stage begins; NONE where it has none that ends here (n,).
        took_us: how long it took; undefined where there is none (n,).
    """

    begins: Narrow
    took_us: Ints


class Changes(Struct, frozen=True):
    """The changes of the deployments asked for.

    Attributes:
        cells: the cell of the deployment that first brought each (n,).
        deployed_us: when that was, microseconds since 1970 (n,).
        lead_us: commit to deployment, none negative (n,).
        skewed_cells, skewed_us: cells and instants of the deployments of changes that are younger than them.
        stages: by where they end, from PASSED[1] on; none where they were not asked for.
    """

    cells: Ints
    deployed_us: Ints
    lead_us: Ints
    skewed_cells: Ints
    skewed_us: Ints
    stages: list[Stages]

    def taken(self, rows: Bools, skewed: Bools) -> "Changes":
        """Those that are marked, zero being their cell."""
        nothing = np.zeros_like
        return Changes(
            cells=nothing(self.cells[rows]),
            deployed_us=self.deployed_us[rows],
            lead_us=self.lead_us[rows],
            skewed_cells=nothing(self.skewed_cells[skewed]),
            skewed_us=self.skewed_us[skewed],
            stages=[Stages(one.begins[rows], one.took_us[rows]) for one in self.stages],
        )


_NOTHING: Ints = np.zeros(0, dtype=np.int64)
NO_CHANGES = Changes(_NOTHING, _NOTHING, _NOTHING, _NOTHING, _NOTHING, [])


def changes_of(
    changes: Table,
    query: DeliveryQuery,
    window: Window,
    rows: Mapping[tuple[Value, ...], int],
    *,
    known_until: datetime | None = None,
    with_stages: bool = True,
) -> Changes:
    """Fetch the changes that were deployed in the window; their cells are rows of the answer.

    Args:
        changes: in the columns of analytics/delivery_facts.py.
        rows: by service and environment, in lower case, the row of the answer.
        known_until: the present instant.
    """
    names = ("committed_at", *(_COLUMNS if with_stages else ()))
    table = successful(changes, known_until)
    table = table.filter(
        table.deployed_at >= ibis.literal(window.start),
        table.deployed_at < ibis.literal(window.end),
        is_one_of(table.environment.lower(), query.environments),
        is_one_of(table.service, query.services),
    )
    wanted = table.select("service", "deployed_at", *names, environment=table.environment.lower())
    parts = [meanwhile(partial(_part, batch, rows, with_stages=with_stages)) for batch in batches_of(wanted)]
    return _joined([end() for end in reversed(parts)], with_stages=with_stages)


def _joined(parts: Sequence[Changes], *, with_stages: bool) -> Changes:
    def stages(number: int) -> Stages:
        mine = [part.stages[number] for part in parts]
        return Stages(
            np.concatenate([_NOTHING.astype(np.int8), *(one.begins for one in mine)]),
            np.concatenate([_NOTHING, *(one.took_us for one in mine)]),
        )

    def column(name: str) -> Ints:
        return np.concatenate([_NOTHING, *(getattr(part, name) for part in parts)])

    return Changes(
        cells=column("cells"),
        deployed_us=column("deployed_us"),
        lead_us=column("lead_us"),
        skewed_cells=column("skewed_cells"),
        skewed_us=column("skewed_us"),
        stages=share(stages, range(_N - 1 if with_stages else 0)),
    )


def _part(batch: pa.RecordBatch, rows: Mapping[tuple[Value, ...], int], *, with_stages: bool) -> Changes:
    cells = _cells(coded(batch["service"]), coded(batch["environment"]), rows)
    is_mine = cells != NONE
    deployed, committed = (microseconds(batch[name], NO_INSTANT) for name in ("deployed_at", "committed_at"))
    lead_us = deployed - committed
    is_skewed = is_mine & (lead_us < 0)
    kept = is_mine & ~is_skewed
    all_are = bool(kept.all())

    def taken(column: Ints) -> Ints:
        return column if all_are else column[kept]

    stages: list[Stages] = []
    if with_stages:
        opened, ready, review, approved, merged = (taken(microseconds(batch[name], NO_INSTANT)) for name in _COLUMNS)
        # Time as a draft is still time before it was put up for review.
        begun = np.maximum(opened, ready)
        stages = _stages((taken(committed), begun, review, approved, merged, taken(deployed)))
    return Changes(taken(cells), taken(deployed), taken(lead_us), cells[is_skewed], deployed[is_skewed], stages)


def _cells(services: Coded, environments: Coded, rows: Mapping[tuple[Value, ...], int]) -> Ints:
    """The row of the answer that each belongs to; NONE of others."""
    pairs = product(services.values, environments.values)
    table: Ints = np.array([rows.get(pair, NONE) for pair in pairs], dtype=np.int64)
    table = table.reshape(len(services.values), len(environments.values))
    found: Ints = table[services.codes, environments.codes] if table.size else np.zeros(0, dtype=np.int64)
    return found


def _stages(passed: Sequence[Ints]) -> list[Stages]:
    """Which stage, how long, by where it ends: they partition commit to deployment of every change.

    An instant that is not known, or lies before one that was passed already or after the deployment, ends no stage: the
    two stages beside it are one.
    """
    since, *between, deployed = passed
    begins: Narrow = np.zeros(len(since), dtype=np.int8)
    found = []
    for number, instant in enumerate([*between, deployed], start=1):
        ends_here = (instant >= since) & (instant <= deployed)
        found.append(Stages(np.where(ends_here, begins, np.int8(NONE)), instant - since))
        since = np.where(ends_here, instant, since)
        begins = np.where(ends_here, np.int8(number), begins)
    return found


def stage_name(begin: int, end: int) -> str:
    """The stage's name, e.g. `opened_to_review`, or `opened_to_merge` where nobody knows of a review between."""
    return f"{PASSED[begin]}_to_{PASSED[end]}"


def stages_by_cell(changes: Changes, n_cells: int) -> list[dict[str, Stage]]:
    """For each cell its stages, in order of where they begin, then end, over the changes in which they are known."""
    figures = share(lambda stages: _figures(changes.cells, stages, n_cells), changes.stages)
    found: list[dict[str, Stage]] = [{} for _ in range(n_cells)]
    for begin in range(_N):
        for end, of in enumerate(figures, start=1):
            name = stage_name(begin, end)
            for cell in np.flatnonzero(of.sizes[:, begin]).tolist():
                middle, p90 = of.middle[cell, begin].item(), of.p90[cell, begin].item()
                found[cell][name] = Stage(int(of.sizes[cell, begin]), middle, p90)
    return found


class _Figures(Struct, frozen=True):
    """Numbers, medians and ninth deciles of stages that end alike, by cell and by where they begin (n_cells, n)."""

    sizes: Ints
    middle: npt.NDArray[np.float64]
    p90: npt.NDArray[np.float64]


def _figures(cells: Ints, stages: Stages, n_cells: int) -> _Figures:
    ends_here = stages.begins != NONE
    groups, took_us = cells * _N + stages.begins, stages.took_us
    if not ends_here.all():
        groups, took_us = groups[ends_here], took_us[ends_here]
    ordered = order(groups, took_us, np.zeros(len(groups), dtype=np.bool_), n_cells * _N)
    middle, p90 = (quantiles_s(ordered.durations_us, ordered.edges, share_below) for share_below in (0.5, 0.9))
    shape = (n_cells, _N)
    return _Figures(ordered.sizes.reshape(shape), middle.reshape(shape), p90.reshape(shape))
