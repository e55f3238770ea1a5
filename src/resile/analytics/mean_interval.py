"""The interval of a mean by the bootstrap-t, for many groups at once (docs/adr/0010-mean-interval.md)."""

import math
import threading
from collections.abc import Iterator
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from resile.analytics.ordered import N_PIECE, Floats, Ints, summed
from resile.analytics.threads import share

# With fewer values resamples repeat one another too often for a quantile of 2.5 % to mean anything.
N_LEAST = 5
N_RESAMPLES = 999
# Up to this size every value is drawn by itself; above it the N_TAIL largest, the rest through its normal limit.
N_EXACT = 128
N_TAIL = 64
_RANK_LOW, _RANK_HIGH = 24, 974  # of 999, from 0: (999 + 1) · 2.5 % and 97.5 %
_SEED = 20_240_705
_N_ROWS = 128  # groups per step: statistics of 128 × 999 resamples stay in the processor's cache
_LEAST_VARIANCE = 1e-6  # of a resample, in units of the group's own variance; below it the ratio is noise
_FARTHEST = 100  # deviations from the mean at which a bound says nothing any more: some resamples hardly vary at all

Single = npt.NDArray[np.float32]
Column = Ints | Floats


def mean_intervals(durations: Column, edges: Ints, means: Floats, deviations: Floats) -> tuple[Floats, Floats]:
    """Lower and upper end for each group of sorted values; NaN where there are too few, or no bound can be given.

    For each resample t* = (mean* - mean) / s*; the interval is from mean - t*(97.5 %) · s to mean - t*(2.5 %) · s. All
    resamples of all groups of one size are two matrix products: standardised values (groups × n), and their squares,
    times how often each value is drawn (n × resamples). The draws depend on n alone, so that a group's interval is the
    same in whatever company it is computed.

    Args:
        durations: in any unit, sorted within groups, one group after the other.
        means, deviations: of each group, in the same unit; the deviation with divisor n.

    Source: Efron and Tibshirani, An Introduction to the Bootstrap, 1993, section 12.5 (the bootstrap-t interval).
    """
    sizes = np.diff(edges)
    low, high = np.full(len(sizes), np.nan), np.full(len(sizes), np.nan)
    fit = np.flatnonzero((sizes >= N_LEAST) & (deviations > 0))

    def fill(rows: Ints) -> None:
        quantiles = _studentised(durations, edges, rows, means, deviations)
        with np.errstate(invalid="ignore"):
            low[rows] = means[rows] - quantiles[1] * deviations[rows]
            high[rows] = means[rows] - quantiles[0] * deviations[rows]

    _use_one_processor_per_product()
    share(fill, _batches(sizes, fit))
    low[np.isinf(low)] = np.nan
    high[np.isinf(high)] = np.nan
    # No duration is negative, so no mean is.
    return np.where(low < 0, 0.0, low), high


@lru_cache(maxsize=1)
def _use_one_processor_per_product() -> None:
    """For the rest of the process: threads of the matrix library within ours fight over the same processors.

    They do so in a server that answers several questions at once, too; and taking the limit back while another thread
    still computes cannot be done safely.
    """
    threadpool_limits(limits=1, user_api="blas")


def _batches(sizes: Ints, chosen: Ints) -> Iterator[Ints]:
    """Groups of one size, or nearly one where they are large, at most _N_ROWS together."""
    found, kinds = np.unique(sizes[chosen], return_inverse=True)
    of_each = np.array([_size_class(int(n)) for n in found], dtype=np.int64)[kinds]
    ranked = chosen[np.argsort(of_each, kind="stable")]
    _, starts = np.unique(np.sort(of_each), return_index=True)
    for rows in np.split(ranked, starts[1:]):
        yield from (rows[first : first + _N_ROWS] for first in range(0, len(rows), _N_ROWS))


def _size_class(n: int) -> int:
    """The size for which resamples are drawn: n itself, above N_EXACT the nearest of a scale in steps of 5 %."""
    if n <= N_EXACT:
        return n
    n_steps = round(math.log(n / N_EXACT) / math.log(1.05))
    # Never N_EXACT itself: groups of that size are drawn in another way, and one step is computed in one way.
    return max(N_EXACT + 1, round(N_EXACT * math.pow(1.05, n_steps)))


def _studentised(durations: Column, edges: Ints, rows: Ints, means: Floats, deviations: Floats) -> Floats:
    """The 2.5 % and 97.5 % quantiles (2, rows) of (mean* - mean) / s*, in units of 1, not of the standard error."""
    n = int(edges[rows[0] + 1] - edges[rows[0]])
    first, second, spare = _room.arrays[:, : len(rows)]
    if n <= N_EXACT:
        places = edges[rows][:, None] + np.arange(n)
        scores = _standardised(durations, places, means[rows], deviations[rows])
        squares, drawn = np.square(scores), _drawn(n, n)
    else:
        scores, squares, drawn = _large(durations, edges, rows, means, deviations)
    np.matmul(scores, drawn, out=first)
    np.matmul(squares, drawn, out=second)
    second -= np.square(first, out=spare)
    np.maximum(second, _LEAST_VARIANCE, out=second)
    np.sqrt(second, out=second)
    first /= second
    # One rank after the other: NumPy picks a single one with vector instructions, but not two.
    first.partition(_RANK_HIGH, axis=1)
    first[:, :_RANK_HIGH].partition(_RANK_LOW, axis=1)
    quantiles: Floats = first[:, (_RANK_LOW, _RANK_HIGH)].T.astype(np.float64)
    return np.where(np.abs(quantiles) < _FARTHEST, quantiles, np.sign(quantiles) * np.inf)


class _Room(threading.local):
    """Where a thread computes, step after step: memory asked for anew each time costs as much as the computing."""

    def __init__(self) -> None:
        self.arrays: Single = np.empty((3, _N_ROWS, N_RESAMPLES), dtype=np.float32)


_room = _Room()


def _standardised(durations: Column, places: Ints, means: Floats, deviations: Floats) -> Single:
    scores = durations[places] - means[:, None]
    scores /= deviations[:, None]
    return scores.astype(np.float32)


@lru_cache(maxsize=1024)
def _drawn(n: int, n_distinct: int) -> Single:
    """How often each of `n_distinct` of n values is drawn in each resample (n_distinct, N_RESAMPLES), as a share of n.

    The same numbers whenever asked for: the generator starts from n.
    """
    generator = np.random.default_rng((_SEED, n))
    if n_distinct == n:
        picks = generator.integers(0, n, size=(N_RESAMPLES, n))
        picks += np.arange(N_RESAMPLES)[:, None] * n
        counts = np.bincount(picks.ravel(), minlength=N_RESAMPLES * n).reshape(N_RESAMPLES, n)
        return np.ascontiguousarray(counts.T / n, dtype=np.float32)
    totals = generator.binomial(n, n_distinct / n, size=N_RESAMPLES)
    counts = generator.multinomial(totals, np.full(n_distinct, 1 / n_distinct))
    return np.ascontiguousarray(counts.T / n, dtype=np.float32)


@lru_cache(maxsize=1024)
def _drawn_of_large(n: int) -> Single:
    """What `_large` is multiplied with (N_TAIL + 3, N_RESAMPLES): draws of the tail, the share of the others, normals.

    The normals are scaled by the root of that share, as the deviation of a sum grows.
    """
    tail = _drawn(n, N_TAIL)
    others = np.maximum(1 - tail.sum(axis=0), 0)
    normals = np.random.default_rng((_SEED, n, 2)).standard_normal((2, N_RESAMPLES)).astype(np.float32)
    return np.vstack((tail, others, np.sqrt(others) * normals))


def _large(
    durations: Column, edges: Ints, rows: Ints, means: Floats, deviations: Floats
) -> tuple[Single, Single, Single]:
    """Large groups as two matrices (rows, N_TAIL + 3) which, times the third, give their resamples' moments.

    The N_TAIL largest values, of which a heavy tail's sum consists, are drawn one by one; what is drawn of the many
    others is a sum of at least n - N_TAIL bounded terms, taken from its normal limit with the exact means, variances
    and covariance of value and square.
    """
    sizes = edges[rows + 1] - edges[rows]
    places = edges[rows + 1][:, None] - np.arange(N_TAIL, 0, -1)
    tail = _standardised(durations, places, means[rows], deviations[rows])
    mean, mean_square, spread, spread_square, shared = _moments_of_bulk(durations, edges, rows, means, deviations)
    root = np.sqrt(sizes)[:, None]
    # The draws are those of another size, nearly the same: with them, too, resamples are centred on the group's mean.
    kind = _size_class(int(sizes[0]))
    mean *= (sizes[:, None] - N_TAIL) / (kind - N_TAIL)
    scores = np.hstack((tail, mean, spread / root, np.zeros_like(mean)), dtype=np.float32)
    squares = np.hstack((np.square(tail), mean_square, shared / root, spread_square / root), dtype=np.float32)
    return scores, squares, _drawn_of_large(kind)


def _moments_of_bulk(
    durations: Column, edges: Ints, rows: Ints, means: Floats, deviations: Floats
) -> tuple[Floats, ...]:
    """For all but the N_TAIL largest, standardised: mean, mean square, and the Cholesky factor of their covariance."""
    starts, stops = edges[rows], edges[rows + 1] - N_TAIL
    powers = np.zeros((4, len(rows)))
    for piece in _pieces(starts.tolist(), stops.tolist()):
        of, first, last = (list(column) for column in zip(*piece, strict=True))
        inner = np.concatenate(([0], np.cumsum(np.subtract(last, first))))
        bulks = [durations[start:stop] for start, stop in zip(first, last, strict=True)]
        scores = np.concatenate(bulks).astype(np.float64)
        scores -= np.repeat(means[rows[of]], np.diff(inner))
        scores /= np.repeat(deviations[rows[of]], np.diff(inner))
        squares = scores * scores
        for place, power in enumerate((scores, squares, squares * scores, squares * squares)):
            powers[place, of] += summed(power, inner)
    m1, m2, m3, m4 = powers / (stops - starts)
    spread = np.sqrt(np.maximum(m2 - m1 * m1, 0))
    with np.errstate(divide="ignore", invalid="ignore"):
        shared = np.where(spread > 0, (m3 - m1 * m2) / spread, 0)
    spread_square = np.sqrt(np.maximum(m4 - m2 * m2 - shared * shared, 0))
    return tuple(column[:, None] for column in (m1, m2, spread, spread_square, shared))


def _pieces(starts: list[int], stops: list[int]) -> Iterator[list[tuple[int, int, int]]]:
    """Stretches of the ranges from starts to stops, each with its range's place; about N_PIECE values at a time."""
    piece: list[tuple[int, int, int]] = []
    n = 0
    for place, (start, stop) in enumerate(zip(starts, stops, strict=True)):
        for first in range(start, stop, N_PIECE):
            last = min(first + N_PIECE, stop)
            piece.append((place, first, last))
            n += last - first
            if n >= N_PIECE:
                yield piece
                piece, n = [], 0
    if piece:
        yield piece
