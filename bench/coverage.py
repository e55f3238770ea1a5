"""How far the intervals and verdicts can be trusted: what they promise, held against simulated truth.

    .venv/bin/python bench/coverage.py [--histories 10000]

Prints the share of histories in which each interval holds the true value: at n = 10, 20 and 50 on log-normal, Weibull
and mixed durations; false alarms of the trend where nothing changes; and Kaplan-Meier's median in a window of 90 days.
"""

import argparse
import math
import sys
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from msgspec import Struct
from scipy.optimize import brentq
from scipy.stats import norm

from resile.analytics.change_points import change_points
from resile.analytics.figures import figures
from resile.analytics.ordered import order
from resile.analytics.rank_regression import slope

Floats = npt.NDArray[np.float64]
Drawing = Callable[[np.random.Generator, tuple[int, ...]], Floats]
HOUR = 3_600.0


class Shape(Struct, frozen=True):
    """A distribution of seconds with its true mean and median."""

    name: str
    draw: Drawing
    mean_s: float
    median_s: float


def shapes() -> list[Shape]:
    """Log-normal with sigma 1.5; Weibull with shape 0.5; nine in ten short, one in ten twenty times as long."""
    short, long, part = HOUR, 20 * HOUR, 0.1

    def mixed(rng: np.random.Generator, size: tuple[int, ...]) -> Floats:
        return np.exp(rng.standard_normal(size)) * np.where(rng.random(size) < part, long, short)

    def mixed_share(seconds: float) -> float:
        return float((1 - part) * norm.cdf(math.log(seconds / short)) + part * norm.cdf(math.log(seconds / long)) - 0.5)

    mixed_mean = math.exp(0.5) * ((1 - part) * short + part * long)
    return [
        Shape(
            "log-normal", lambda rng, size: HOUR * np.exp(1.5 * rng.standard_normal(size)), HOUR * math.exp(1.125), HOUR
        ),
        Shape("Weibull", lambda rng, size: HOUR * rng.weibull(0.5, size), 2 * HOUR, HOUR * math.log(2) ** 2),
        Shape("mixed", mixed, mixed_mean, brentq(mixed_share, 1, 1e9)),
    ]


def main() -> int:
    """Print every table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--histories", type=int, default=10_000)
    n_histories = parser.parse_args().histories
    rng = np.random.default_rng(2_024)
    print(f"Share of {n_histories:,} histories in which the 95 % interval holds the truth")
    print("  n    durations     median   mean    median width of the mean's, in means")
    for n in (10, 20, 50, 200, 1_000):
        for shape in shapes():
            print_coverage(shape, n, max(n_histories * 50 // max(n, 50), 500), rng)
    n_trends = max(n_histories // 10, 200)
    print(f"\nFalse alarms over {n_trends:,} histories without a change: trend, change point")
    for n in (20, 50, 200):
        for shape in shapes():
            print_false_alarms(shape, n, n_trends, rng)
    print_censored(max(n_histories // 20, 100), rng)
    return 0


def print_coverage(shape: Shape, n: int, n_histories: int, rng: np.random.Generator) -> None:
    """One line of the first table."""
    seconds = shape.draw(rng, (n_histories, n))
    groups = np.repeat(np.arange(n_histories), n)
    found = figures(order(groups, to_us(seconds.ravel()), np.zeros(groups.size, dtype=np.bool_), n_histories))
    holds_median = (found.median_low_s <= shape.median_s) & (shape.median_s <= found.median_high_s)
    # A bound that cannot be given is no bound: the interval is open on that side.
    low, high = np.nan_to_num(found.mean_low_s, nan=0.0), np.nan_to_num(found.mean_high_s, nan=np.inf)
    holds_mean = (low <= shape.mean_s) & (shape.mean_s <= high)
    width = np.median(high - low) / shape.mean_s
    print(f"{n:5}  {shape.name:12} {holds_median.mean():7.3f} {holds_mean.mean():7.3f}  {width:6.2f}", flush=True)


def print_false_alarms(shape: Shape, n: int, n_histories: int, rng: np.random.Generator) -> None:
    """One line of the second table: all ended, and with the newest still open."""
    line = f"{n:5}  {shape.name:12}"
    for window_s, name in ((math.inf, "all ended"), (6 * shape.median_s, "some open")):
        n_alarms = n_steps = n_open = 0
        for _ in range(n_histories):
            part = np.sort(rng.random(n))
            seconds = shape.draw(rng, (n,))
            watched_s = np.maximum((1 - part) * window_s, 1e-3) if math.isfinite(window_s) else np.full(n, np.inf)
            is_open = seconds > watched_s
            seen = np.minimum(seconds, watched_s)
            line_found = slope(part, np.log(np.maximum(seen, 1e-3)), is_open)
            n_alarms += line_found is not None and line_found.p_value < 0.05
            n_steps += bool(change_points(to_us(seen), is_open))
            n_open += int(is_open.sum())
        alarms, steps = n_alarms / n_histories, n_steps / n_histories
        line += f"   {name} ({n_open / n / n_histories:3.0%} open) {alarms:.3f} {steps:.3f}"
    print(line, flush=True)


def print_censored(n_histories: int, rng: np.random.Generator) -> None:
    """A window of 90 days, a true median of 240 h: with open incidents dropped, and counted."""
    window_s, true_s, n = 90 * 24 * HOUR, 240 * HOUR, 400
    started = rng.random((n_histories, n)) * window_s
    seconds = true_s * np.exp(1.5 * rng.standard_normal((n_histories, n)))
    is_open = started + seconds > window_s
    groups = np.repeat(np.arange(n_histories), n)
    seen = np.where(is_open, window_s - started, seconds)
    found = figures(order(groups, to_us(seen.ravel()), is_open.ravel(), n_histories))
    covered = np.mean((found.median_low_s <= true_s) & (np.nan_to_num(found.median_high_s, nan=np.inf) >= true_s))
    print(f"\n90 days, true median 240 h, n = {n}, {is_open.mean():.0%} open, averages over {n_histories} histories")
    print(f"  open ones dropped   {np.mean(found.median_s) / HOUR:6.1f} h")
    print(
        f"  Kaplan-Meier        {np.nanmean(found.km_median_s) / HOUR:6.1f} h   its interval holds 240 h: {covered:.3f}"
    )


def to_us(seconds: Floats) -> npt.NDArray[np.int64]:
    """Whole microseconds."""
    return np.rint(np.minimum(seconds, 1e12) * 1e6).astype(np.int64)


if __name__ == "__main__":
    sys.exit(main())
