"""Later deployments as evidence against earlier ones: rollbacks, reverts, hotfixes, next patches."""

from enum import IntEnum

import numpy as np
from msgspec import Struct

from resile.analytics.coded import Coded
from resile.analytics.delivery_shipments import NONE, Shipments, before
from resile.analytics.delivery_versions import versions_of
from resile.analytics.ordered import Bools, Ints
from resile.model.change import DeploymentKind

_DAY_US = 86_400_000_000
_N_KINDS = 8


class Evidence(IntEnum):
    """Why a deployment counts as failed, weakest first."""

    WINDOW = 0
    NEXT_PATCH = 1
    HOTFIX = 2
    REVERT = 3
    ROLLBACK = 4
    SAID = 5


# What each is worth: an order of trust put in numbers, docs/reference/delivery.md; not a measured frequency.
CONFIDENCE = {
    Evidence.SAID: 1.0,
    Evidence.ROLLBACK: 0.9,
    Evidence.REVERT: 0.8,
    Evidence.HOTFIX: 0.7,
    Evidence.NEXT_PATCH: 0.6,
    Evidence.WINDOW: 0.4,
}


class Fixes(Struct, frozen=True):
    """Pairs of deployments: one that failed and one that shows it.

    Attributes:
        failed, by: places among the shipments (n,).
        evidence: values of Evidence (n,).
        is_unplanned: whether each shipment is an unplanned fix itself (n_shipments,).
    """

    failed: Ints
    by: Ints
    evidence: Ints
    is_unplanned: Bools


def fixes(shipped: Shipments, reverting: tuple[Ints, Ints], window_us: int) -> Fixes:
    """Whatever later deployments say of earlier ones.

    - rollback: an earlier release came back while a newer one ran, or the sender calls it a rollback: the one before
      failed, whenever that was.
    - revert: it takes back what a deployment brought: that one failed, whenever that was. Where the sender calls it a
      revert and nobody knows of what: the one before, within the window.
    - hotfix: the sender calls it one, or its version: the one before failed, within the window.
    - next_patch: a higher patch of the same minor version: the one before of that minor version failed, within the
      window.

    Args:
        reverting: places of deployments that take something back, and of those that had brought it.
        window_us: microseconds.
    """
    kinds = _kinds(shipped.unplanned)
    versions = versions_of(shipped.versions)
    is_rollback = (kinds == Evidence.ROLLBACK) | _is_back(shipped)
    by, failed = reverting
    is_earlier = _is_before(shipped, failed, by)
    by, failed = by[is_earlier], failed[is_earlier]
    names_what = np.zeros(shipped.n, dtype=np.bool_)
    names_what[reverting[0]] = True
    is_near = _is_near(shipped, shipped.before, window_us)
    has_before = shipped.before != NONE
    patched = _patched(shipped, versions.minors, versions.patches, versions.months, versions.days)
    is_patch = _is_near(shipped, patched, window_us)
    is_hotfix = (kinds == Evidence.HOTFIX) | versions.is_hotfix
    found = [
        (np.flatnonzero(is_rollback & has_before), shipped.before, Evidence.ROLLBACK),
        (np.flatnonzero((kinds == Evidence.REVERT) & ~names_what & is_near), shipped.before, Evidence.REVERT),
        (np.flatnonzero(is_hotfix & ~is_rollback & is_near), shipped.before, Evidence.HOTFIX),
        (np.flatnonzero(is_patch & ~is_rollback), patched, Evidence.NEXT_PATCH),
    ]
    is_told = np.array([value is not None for value in shipped.mends.values], dtype=np.bool_)
    return _strongest(
        np.concatenate([failed, *(of[places] for places, of, _ in found)]),
        np.concatenate([by, *(places for places, _, _ in found)]),
        np.concatenate([np.full(len(by), Evidence.REVERT), *(np.full(len(places), kind) for places, _, kind in found)]),
        (kinds > 0)
        | is_rollback
        | names_what
        | is_hotfix
        | is_patch
        | (is_told[shipped.mends.codes] if shipped.n else is_patch),
    )


def _strongest(failed: Ints, by: Ints, evidence: Ints, is_unplanned: Bools) -> Fixes:
    """Of several reasons in one pair the strongest."""
    n = len(is_unplanned)
    # In one integer, which is sorted sooner: a million squared, times as many kinds as there may be, is far from full.
    keys = np.sort((failed * n + by) * _N_KINDS + (_N_KINDS - 1 - evidence))
    pairs, weakness = np.divmod(keys, _N_KINDS)
    is_first = np.ones(len(pairs), dtype=np.bool_)
    is_first[1:] = pairs[1:] != pairs[:-1]
    failed, by = np.divmod(pairs[is_first], max(n, 1))
    return Fixes(failed, by, _N_KINDS - 1 - weakness[is_first], is_unplanned)


def _kinds(unplanned: Coded) -> Ints:
    """What the sender calls each, as evidence; 0 where nothing."""
    of = {
        DeploymentKind.ROLLBACK.value: Evidence.ROLLBACK,
        DeploymentKind.HOTFIX.value: Evidence.HOTFIX,
        DeploymentKind.REVERT.value: Evidence.REVERT,
    }
    numbers = np.array([of.get(value or "", 0) for value in unplanned.values], dtype=np.int64)
    return numbers[unplanned.codes] if len(numbers) else np.zeros(0, dtype=np.int64)


def _is_before(shipped: Shipments, one: Ints, other: Ints) -> Bools:
    """Whether the one lies before the other, in the same service and environment."""
    found: Bools = (one < other) & (shipped.groups[one] == shipped.groups[other])
    return found


def _is_near(shipped: Shipments, earlier: Ints, window_us: int) -> Bools:
    """Whether each has an earlier one, within the window."""
    found: Bools = (earlier != NONE) & (shipped.at_us - shipped.at_us[earlier] <= window_us)
    return found


def _is_back(shipped: Shipments) -> Bools:
    """Whether each brings back a release that had run before, while one ran that had first come after it.

    Releases are told apart by commit where both this one and the one before have one, else by version: a branch's name
    as the version comes again and again, and means nothing beside a commit.
    """
    found = np.zeros(shipped.n, dtype=np.bool_)
    follows = np.flatnonzero(shipped.before != NONE)
    runs = shipped.before[follows]
    by_commit = (shipped.commits[follows] != 0) & (shipped.commits[runs] != 0)
    if by_commit.any():
        first = _first_places(shipped.lines, shipped.commits, shipped.commits != 0)
        found[follows[by_commit]] = first[follows[by_commit]] < first[runs[by_commit]]
    if not by_commit.all():
        is_told = np.array([value is not None for value in shipped.versions.values], dtype=np.bool_)
        has_version = is_told[shipped.versions.codes]
        first = _first_places(shipped.lines, shipped.versions.codes, has_version)
        rest, ran = follows[~by_commit], runs[~by_commit]
        found[rest] = has_version[rest] & has_version[ran] & (first[rest] < first[ran])
    return found


def _first_places(lines: Ints, releases: Ints, is_known: Bools) -> Ints:
    """The place at which each one's release first stood in its line; its own where the release is not known."""
    first: Ints = np.arange(len(lines))
    # Nearly all releases come once: only those that come again are put in order.
    in_order = np.sort(releases[is_known])
    again = in_order[1:][in_order[1:] == in_order[:-1]]
    rows = np.flatnonzero(is_known)
    if len(again) < len(in_order):
        again = again[np.concatenate(([True], again[1:] != again[:-1]))] if len(again) else again
        rows = rows[np.isin(releases[rows], again)]
    if not len(rows):
        return first
    ranks = rows[np.lexsort((rows, releases[rows], lines[rows]))]
    is_new = np.ones(len(ranks), dtype=np.bool_)
    is_new[1:] = (lines[ranks[1:]] != lines[ranks[:-1]]) | (releases[ranks[1:]] != releases[ranks[:-1]])
    first[ranks] = ranks[is_new][np.cumsum(is_new) - 1]
    return first


def _patched(shipped: Shipments, minors: Ints, patches: Ints, months: Ints, days: Ints) -> Ints:
    """For each the one that it patches: the one before of the same minor version in its line, or NONE."""
    found: Ints = np.full(shipped.n, NONE, dtype=np.int64)
    rows = np.flatnonzero(minors >= 0)
    if not len(rows):
        return found
    n_minors = int(minors.max()) + 1
    earlier = before(shipped.lines[rows].astype(np.int64) * n_minors + minors[rows])
    has_one = earlier != NONE
    later, earlier = rows[has_one], rows[earlier[has_one]]
    is_higher = patches[later] > patches[earlier]
    later, earlier = later[is_higher], earlier[is_higher]
    # 2024.5.14 after 2024.5.13 is the next day's release, unless the third number has nothing to do with the day.
    is_dated = days[later] != days[earlier]
    for places in (later, earlier):
        dated = np.flatnonzero(is_dated)
        its = places[dated]
        is_dated[dated] = _names_its_day(shipped.at_us[its], months[its], days[its])
    found[later[~is_dated]] = earlier[~is_dated]
    return found


def _names_its_day(at_us: Ints, months: Ints, days: Ints) -> Bools:
    """Whether second and third number are the month and day of the deployment, give or take a day."""
    found = np.zeros(len(at_us), dtype=np.bool_)
    # Most are no month and day at all.
    rows = np.flatnonzero((months >= 1) & (months <= 12) & (days >= 1) & (days <= 31))  # noqa: PLR2004 - the calendar's
    for shift in (-1, 0, 1):
        date = (at_us[rows] + shift * _DAY_US).astype("datetime64[us]").astype("datetime64[D]")
        month = date.astype("datetime64[M]")
        is_it = month.astype(np.int64) % 12 + 1 == months[rows]
        found[rows] |= is_it & ((date - month).astype(np.int64) + 1 == days[rows])
    return found
