"""Moments at which the level of durations changed, by ranks, each with a permutation's p-value."""

import numpy as np
from msgspec import Struct

from resile.analytics import kaplan_meier
from resile.analytics.ordered import Bools, Floats, Ints, order

N_LEAST_BESIDE = 10  # incidents on each side of a change point
N_MOST = 5
LEVEL = 0.01
_N_PERMUTATIONS = 999
_N_BLOCKS = 500
_N_AT_ONCE = 111  # shuffles; nine times as many are all
_SEED = 7


class Found(Struct, frozen=True):
    """A change before the incident at `place`, in the order of starts."""

    place: int
    p_value: float


def change_points(durations_us: Ints, is_open: Bools) -> list[Found]:
    """Look for the strongest change, then again on either side, while p stays below 1 %; at most five, in order.

    Each incident's score says how late in the order of all durations it ended: Prentice's generalisation of Wilcoxon's
    ranks to open ones. A change shows in the running sum of scores. The largest standardised sum is held against the
    largest ones of 999 shuffles, of single incidents, or of runs of neighbours where there are more than 1,000.

    Args:
        durations_us: in the order of starts.

    Source: Page 1955, A test for a change in a parameter occurring at an unknown point, Biometrika 42; scores: Prentice
    1978, Linear rank tests with right censored data, Biometrika 65; shuffling: Antoch and Hušková 2001, Permutation
    tests in change point analysis, Statistics & Probability Letters 53.
    """
    found: list[Found] = []
    parts = [(0, len(durations_us))]
    while parts and len(found) < N_MOST:
        first, stop = parts.pop(0)
        change = _strongest(durations_us[first:stop], is_open[first:stop])
        if change is not None:
            place = first + change.place
            found.append(Found(place, change.p_value))
            parts += [(first, place), (place, stop)]
    return sorted(found, key=lambda change: change.place)


def _strongest(durations_us: Ints, is_open: Bools) -> Found | None:
    """The strongest change, if its p-value is below the level."""
    n = len(durations_us)
    if n < 2 * N_LEAST_BESIDE:
        return None
    scores = rank_scores(durations_us, is_open)
    if not np.any(scores != scores[0]):
        return None
    block = max(1, -(-n // (2 * _N_BLOCKS)))
    edges = np.arange(0, n, block)
    sums = np.add.reduceat(scores, edges)
    stops = np.minimum(edges + block, n)[:-1]
    may_split = (stops >= N_LEAST_BESIDE) & (n - stops >= N_LEAST_BESIDE)
    weights = np.where(may_split, 1 / np.sqrt(stops * (n - stops) / n), 0.0)
    sizes = np.abs(np.cumsum(sums)[:-1]) * weights
    place = int(np.argmax(sizes))
    # A hair of tolerance: the same sums in another order differ in their last digits.
    p_value = _p_value(sums, weights, sizes[place] * (1 - 1e-9), np.random.default_rng((_SEED, n)))
    return None if p_value is None else Found(int(stops[place]), p_value)


def _p_value(sums: Floats, weights: Floats, size: float, generator: np.random.Generator) -> float | None:
    """How rarely shuffles of the blocks' sums give as large a size; None as soon as it is sure to reach the level."""
    n_as_large = 0
    for _ in range(0, _N_PERMUTATIONS, _N_AT_ONCE):
        shuffled = generator.permuted(np.tile(sums, (_N_AT_ONCE, 1)), axis=1)
        np.cumsum(shuffled, axis=1, out=shuffled)
        np.abs(shuffled, out=shuffled)
        n_as_large += int(np.sum((shuffled[:, :-1] * weights).max(axis=1) >= size))
        if (1 + n_as_large) / (1 + _N_PERMUTATIONS) >= LEVEL:
            return None
    return (1 + n_as_large) / (1 + _N_PERMUTATIONS)


def rank_scores(durations_us: Ints, is_open: Bools) -> Floats:
    """A score per incident between -1 (longest) and 1 (shortest), with mean 0.

    For an ended one it is S + S₋ - 1, for an open one S - 1, with the survival just after and just before its duration.
    """
    n = len(durations_us)
    ordered = order(np.zeros(n, dtype=np.int64), durations_us, is_open, 1)
    curve = kaplan_meier.curve(ordered)
    at_us = np.rint(curve.seconds * 1e6).astype(np.int64)
    places = np.searchsorted(at_us, durations_us)
    after = curve.survival[places]
    before = np.concatenate(([1.0], curve.survival[:-1]))[places]
    scores = np.where(is_open, after - 1, after + before - 1)
    centred: Floats = scores - scores.mean()
    return centred
