"""Two sets of durations beside each other: which is longer, by how much, how sure, and what could have been seen."""

import math

import numpy as np
from msgspec import Struct

from resile.analytics import kaplan_meier
from resile.analytics.change_points import rank_scores
from resile.analytics.ordered import Bools, Floats, Ints, order
from resile.analytics.quantiles import fair_coin_cumulative, normal_quantile, normal_tail

_Z = normal_quantile(0.975)
_N_SHUFFLED_MOST = 2_000
_N_PERMUTATIONS = 9_999
_SEED = 11
# Durations of no length have no logarithm; a millisecond is below what any clock of incidents tells apart.
_SHORTEST_US = 1_000


class Sample(Struct, frozen=True):
    """Durations up to the end, or up to the horizon for open ones."""

    durations_us: Ints
    is_open: Bools

    @property
    def n(self) -> int:
        """How many, open ones too."""
        return len(self.durations_us)

    @property
    def logs(self) -> Floats:
        """Logarithms of seconds."""
        return np.log(np.maximum(self.durations_us, _SHORTEST_US) / 1e6)


class Ratio(Struct, frozen=True):
    """A ratio with its 95 % interval; None where it cannot be told."""

    estimate: float | None = None
    low: float | None = None
    high: float | None = None


def ratio_of_medians(a: Sample, b: Sample) -> Ratio:
    """Median of b over median of a; None where one of them is 0, as no length can be compared with none.

    The interval is symmetric on the logarithm; each median's standard error there is read off the width of its own
    distribution-free interval, the order-statistic one, or Brookmeyer and Crowley's where incidents are open.

    Source: Price and Bonett 2002, Distribution-free confidence intervals for difference and ratio of medians, Journal
    of Statistical Computation and Simulation 72.
    """
    (log_a, error_a), (log_b, error_b) = _log_median(a), _log_median(b)
    if log_a is None or log_b is None:
        return Ratio()
    difference = log_b - log_a
    if error_a is None or error_b is None:
        return Ratio(math.exp(difference))
    reach = _Z * math.hypot(error_a, error_b)
    return Ratio(math.exp(difference), math.exp(difference - reach), math.exp(difference + reach))


def _log_median(sample: Sample) -> tuple[float | None, float | None]:
    """Logarithm of the median, and its standard error; None where it is not reached or 0."""
    if sample.n == 0:
        return None, None
    if sample.is_open.any():
        ordered = order(np.zeros(sample.n, dtype=np.int64), sample.durations_us, sample.is_open, 1)
        median, low, high = (float(column[0]) for column in kaplan_meier.medians(ordered))
        if math.isnan(median) or median == 0:
            return None, None
        error = None if math.isnan(low) or math.isnan(high) else (_log(high) - _log(low)) / (2 * _Z)
        return _log(median), error
    logs = np.sort(sample.logs)
    n = len(logs)
    median_s = float(np.median(sample.durations_us)) / 1e6
    if median_s == 0:
        return None, None
    median_log = _log(median_s)
    rank = max(round((n + 1) / 2 - math.sqrt(n)), 1)
    if n - rank < rank:
        return median_log, None
    level = 2 * fair_coin_cumulative(rank - 1, n)
    reach = normal_quantile(1 - level / 2)
    return median_log, float(logs[n - rank] - logs[rank - 1]) / (2 * reach)


def _log(seconds: float) -> float:
    return math.log(max(seconds, _SHORTEST_US / 1e6))


def permutation_p(a: Sample, b: Sample) -> float | None:
    """Probability that shuffling who belongs to which set makes them differ at least so much; None if one is empty.

    What is compared is the mean logarithm, which shuffling tests exactly, heavy tails or not. With open incidents it is
    the mean of Prentice's rank scores in its place, since their logarithms are not known yet. Up to 2,000 incidents
    there are 9,999 shuffles; beyond, the distribution over all shuffles is normal with known variance.

    Source: Good, Permutation, Parametric and Bootstrap Tests of Hypotheses, 3rd ed. 2005; the limit:
    Hoeffding 1951, A combinatorial central limit theorem, Annals of Mathematical Statistics 22.
    """
    if a.n == 0 or b.n == 0:
        return None
    scores = _scores(a, b)
    n = len(scores)
    seen = abs(float(scores[: a.n].sum()))
    squares = float(np.sum(scores * scores))
    if squares == 0:
        return 1.0
    if n > _N_SHUFFLED_MOST:
        variance = a.n * b.n * squares / (n * (n - 1))
        return 2 * normal_tail(seen / math.sqrt(variance))
    smaller = min(a.n, b.n)
    # In an order of their own: the same incidents give the same probability, however they were stored.
    scores.sort()
    generator = np.random.default_rng((_SEED, n, smaller))
    n_as_large = 0
    for n_rows in np.diff(np.unique(np.append(np.arange(0, _N_PERMUTATIONS, 500), _N_PERMUTATIONS))):
        # The scores sum to 0, so the smaller set tells as much as the larger one.
        shuffled = generator.permuted(np.tile(scores, (int(n_rows), 1)), axis=1)[:, :smaller].sum(axis=1)
        n_as_large += int(np.sum(np.abs(shuffled) >= seen * (1 - 1e-9)))
    return (1 + n_as_large) / (1 + _N_PERMUTATIONS)


def shift(a: Sample, b: Sample) -> float:
    """What `permutation_p` tests, as b less a: above 0 where b takes longer; 0 if one is empty."""
    if a.n == 0 or b.n == 0:
        return 0.0
    scores = _scores(a, b)
    return float(scores[a.n :].mean() - scores[: a.n].mean())


def _scores(a: Sample, b: Sample) -> Floats:
    """A score per incident, those of a first, larger for longer ones, that sum to 0."""
    is_open = np.concatenate((a.is_open, b.is_open))
    if is_open.any():
        scores = -rank_scores(np.concatenate((a.durations_us, b.durations_us)), is_open)
    else:
        scores = np.concatenate((a.logs, b.logs))
    centred: Floats = scores - scores.mean()
    return centred


def superiority(a: Sample, b: Sample) -> float | None:
    """Probability that a random incident of b is over sooner than a random one of a; ties count half.

    Summed over the falls of both survival curves; without open incidents it is the share of pairs, as in Mann and
    Whitney's test. Pairs of which neither end is known yet count half.

    Source: Efron 1967, The two sample problem with censored data, Proc. Fifth Berkeley Symposium 4.
    """
    if a.n == 0 or b.n == 0:
        return None
    (at_a, share_a), (at_b, share_b) = _falls(a), _falls(b)
    times = np.union1d(at_a, at_b)
    after_a, before_a = _read(at_a, share_a, times)
    after_b, before_b = _read(at_b, share_b, times)
    sooner = float(np.sum((before_b - after_b) * (after_a + before_a) / 2))
    return sooner + float(after_a[-1] * after_b[-1]) / 2


def _falls(sample: Sample) -> tuple[Ints, Floats]:
    ordered = order(np.zeros(sample.n, dtype=np.int64), sample.durations_us, sample.is_open, 1)
    curve = kaplan_meier.curve(ordered)
    return np.rint(curve.seconds * 1e6).astype(np.int64), curve.survival


def _read(at: Ints, share: Floats, times: Ints) -> tuple[Floats, Floats]:
    """A curve just after and just before each time."""
    steps = np.concatenate(([1.0], share))
    return steps[np.searchsorted(at, times, side="right")], steps[np.searchsorted(at, times, side="left")]


def detectable_change(a: Sample, b: Sample) -> float | None:
    """The smallest relative change of the typical duration that such n show with 80 % power; None: too few or equal.

    From the two-sample comparison of mean logarithms: (1.96 + 0.84) · s · √(1/n_a + 1/n_b).

    Source: Lachin 1981, Introduction to sample size determination and power analysis, Controlled Clinical Trials 2.
    """
    if a.n < 2 or b.n < 2:  # noqa: PLR2004 - no spread within one incident
        return None
    within = (a.n - 1) * float(np.var(a.logs, ddof=1)) + (b.n - 1) * float(np.var(b.logs, ddof=1))
    if within == 0:
        return None
    spread = math.sqrt(within / (a.n + b.n - 2))
    return 1 - math.exp(-(_Z + normal_quantile(0.8)) * spread * math.sqrt(1 / a.n + 1 / b.n))
