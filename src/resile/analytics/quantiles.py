"""The few probabilities that the statistics need: scipy.special alone loads in a fraction of scipy.stats' time."""

from typing import Any

import numpy as np
from scipy.special import bdtr, bdtrik, ndtr, ndtri, stdtr, stdtrit


def normal_quantile(probability: float) -> float:
    """The standard normal's value below which it lies with that probability."""
    return float(ndtri(probability))


def normal_tail(value: float) -> float:
    """Probability that a standard normal exceeds the value."""
    return float(ndtr(-value))


def student_quantile(probability: float, degrees: float) -> float:
    """Student's t: the value below which it lies with that probability."""
    return float(stdtrit(degrees, probability))


def student_tail(value: float, degrees: float) -> float:
    """Probability that Student's t exceeds the value."""
    return float(stdtr(degrees, -value))


def fair_coin_cumulative(heads: int, n: int) -> float:
    """Probability of at most so many heads in n throws of a fair coin; 0 for fewer than none."""
    return float(bdtr(heads, n, 0.5)) if heads >= 0 else 0.0


def fair_coin_quantile(probability: float, n: Any) -> Any:
    """For each n, the least number of heads whose cumulative probability reaches the given one."""
    # bdtrik inverts the continuous extension; rounding may leave it one too high.
    above = np.maximum(np.ceil(bdtrik(probability, n, 0.5)), 0)
    below = np.maximum(above - 1, 0)
    return np.where(bdtr(below, n, 0.5) >= probability, below, above)
