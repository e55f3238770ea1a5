"""Intervals of shares and of rates: how far chance alone may have moved what was counted."""

import numpy as np
from scipy.special import gammaincinv

from resile.analytics.ordered import Floats, Ints
from resile.analytics.quantiles import normal_quantile

LEVEL = 0.95
_TAIL = (1 - LEVEL) / 2
_Z = normal_quantile(1 - _TAIL)


def wilson(n_marked: Ints, n: Ints) -> tuple[Floats, Floats, Floats]:
    """Share with the lower and the upper end of its 95 % interval, for each n; NaN where n is 0.

    Source: Wilson 1927, Probable inference, the law of succession, and statistical inference, J. Am. Stat. Assoc. 22.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        share = n_marked / n
        centre = (share + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
        half = _Z / (1 + _Z**2 / n) * np.sqrt(share * (1 - share) / n + _Z**2 / (4 * n * n))
    # At 0 and 1 the end of the interval is exactly there; rounding may leave it a hair beside.
    return share, np.clip(np.minimum(centre - half, share), 0, 1), np.clip(np.maximum(centre + half, share), 0, 1)


def poisson(n: Ints, exposure: Floats) -> tuple[Floats, Floats, Floats]:
    """Events per unit of exposure with their exact 95 % interval; the lower end is 0 for none.

    Source: Garwood 1936, Fiducial limits for the Poisson distribution, Biometrika 28.
    """
    low = np.where(n > 0, gammaincinv(np.maximum(n, 1), _TAIL), 0.0)
    return n / exposure, low / exposure, gammaincinv(n + 1.0, 1 - _TAIL) / exposure
