"""Commit to deployment, change by change, and where that time goes."""

from collections.abc import Sequence
from functools import partial

import numpy as np
import pyarrow as pa
from ibis import Table
from msgspec import Struct

from resile.analytics.batches import batches_of
from resile.analytics.delivery_results import Stage
from resile.analytics.delivery_shipments import NONE, Places
from resile.analytics.grouping import NO_INSTANT, microseconds
from resile.analytics.ordered import Ints, order, quantiles_s
from resile.analytics.threads import meanwhile

# What a change passes, in order; a stage goes from one to another, the next one that is known.
PASSED = ("commit", "opened", "review", "approval", "merge", "deployment")
_COLUMNS = ("opened_at", "ready_at", "first_review_at", "approved_at", "merged_at")
_N = len(PASSED)


class Changes(Struct, frozen=True):
    """The changes of the deployments asked for.

    Attributes:
        place: of the deployment that first brought it, among the shipments (n,).
        lead_us: commit to deployment, none negative (n,).
        skewed: places of the deployments of changes that are younger than them (n_skewed,).
        stage_place, stage, stage_us: one row for each stage of each change: place of the deployment, number of where it
            begins times 6 plus number of where it ends in PASSED, how long it took.
    """

    place: Ints
    lead_us: Ints
    skewed: Ints
    stage_place: Ints
    stage: Ints
    stage_us: Ints


def changes_of(changes: Table, places: Places, at_us: Ints, cells: Ints) -> Changes:
    """Fetch the changes of the deployments whose cell is not NONE.

    Args:
        changes: in the columns of analytics/delivery_facts.py.
        at_us: when each shipment was deployed (n_shipments,).
        cells: (n_shipments,).
    """
    wanted = changes.select("committed_at", *_COLUMNS, id_hash=changes.deployment_id.hash())
    parts = [meanwhile(partial(_part, batch, places, at_us, cells)) for batch in batches_of(wanted)]
    done = [end() for end in reversed(parts)]
    nothing = np.zeros(0, dtype=np.int64)
    return Changes(
        *(
            np.concatenate([getattr(part, name) for part in done]) if done else nothing
            for name in Changes.__struct_fields__
        )
    )


def _part(batch: pa.RecordBatch, places: Places, at_us: Ints, cells: Ints) -> Changes:
    place = places.of(np.asarray(batch["id_hash"]))
    rows = np.flatnonzero((place != NONE) & (cells[place] != NONE)) if len(cells) else np.zeros(0, dtype=np.int64)
    place = place[rows].astype(np.int32)
    committed, opened, ready, review, approved, merged = (
        microseconds(batch[name], NO_INSTANT)[rows] for name in ("committed_at", *_COLUMNS)
    )
    deployed = at_us[place]
    lead_us = deployed - committed
    is_sound = lead_us >= 0
    # Time as a draft is still time before it was put up for review.
    begun = np.maximum(opened, ready)
    passed = [column[is_sound] for column in (committed, begun, review, approved, merged, deployed)]
    stages = _stages(passed)
    return Changes(
        place=place[is_sound],
        lead_us=lead_us[is_sound],
        skewed=place[~is_sound],
        stage_place=np.concatenate([place[is_sound][rows] for rows, _, _ in stages]),
        stage=np.concatenate([stage for _, stage, _ in stages]),
        stage_us=np.concatenate([took for _, _, took in stages]),
    )


def _stages(passed: Sequence[Ints]) -> list[tuple[Ints, Ints, Ints]]:
    """Which changes, which stage, how long: they partition commit to deployment of every change.

    An instant that is not known, or lies before one that was passed already or after the deployment, ends no stage: the
    two stages beside it are one.
    """
    committed, *between, deployed = passed
    since, begins = committed.copy(), np.zeros(len(committed), dtype=np.int8)
    found = []
    for number, instant in enumerate([*between, deployed], start=1):
        rows = np.flatnonzero((instant >= since) & (instant <= deployed))
        # Narrow: there are several for each of millions of changes.
        found.append((rows, begins[rows] * np.int8(_N) + np.int8(number), instant[rows] - since[rows]))
        since[rows], begins[rows] = instant[rows], number
    return found


def stage_name(stage: int) -> str:
    """The stage's name, e.g. `opened_to_review`, or `opened_to_merge` where nobody knows of a review between."""
    begin, end = divmod(stage, _N)
    return f"{PASSED[begin]}_to_{PASSED[end]}"


def stages_by_cell(changes: Changes, cells: Ints, n_cells: int) -> list[dict[str, Stage]]:
    """For each cell its stages in order, over the changes in which they are known."""
    kinds = _N * _N
    numbers = cells[changes.stage_place].astype(np.int64) * kinds + changes.stage
    occurring = np.flatnonzero(np.bincount(numbers, minlength=n_cells * kinds)) if len(numbers) else numbers
    dense = np.zeros(n_cells * kinds, dtype=np.int32)
    dense[occurring] = np.arange(len(occurring))
    nobody = np.zeros(len(numbers), dtype=np.bool_)
    ordered = order(dense[numbers], changes.stage_us, nobody, len(occurring))
    middle, p90 = (quantiles_s(ordered.durations_us, ordered.edges, share).tolist() for share in (0.5, 0.9))
    sizes = ordered.sizes.tolist()
    found: list[dict[str, Stage]] = [{} for _ in range(n_cells)]
    for place, number in enumerate(occurring.tolist()):
        cell, stage = divmod(number, kinds)
        found[cell][stage_name(stage)] = Stage(sizes[place], middle[place], p90[place])
    return found
