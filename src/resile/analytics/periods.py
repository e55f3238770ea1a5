"""The calendar of a trend: which periods a window has, and to which of them a day belongs."""

from datetime import datetime, timedelta

import numpy as np

from resile.analytics.ordered import Ints
from resile.analytics.query import Every, Window, next_period, period_start
from resile.model.errors import ConfigError
from resile.model.time import EPOCH

N_PERIODS_MOST = 40_000


def periods_of(window: Window, every: Every) -> list[datetime]:
    """The start of each period that the window touches, in order.

    Raises:
        ConfigError: there are more than 40,000.
    """
    starts = [period_start(window.start, every)]
    while (following := next_period(starts[-1], every)) < window.end:
        if len(starts) == N_PERIODS_MOST:
            raise ConfigError(
                f"the window holds more than {N_PERIODS_MOST:,} {every}s; narrow it or take longer periods"
            )
        starts.append(following)
    return starts


def period_of_days(first_day: int, last_day: int, every: Every) -> tuple[list[datetime], Ints]:
    """The periods from one day to another, counted since 1970; for each day the number of its period."""
    window = Window(EPOCH + timedelta(days=first_day), EPOCH + timedelta(days=last_day + 1))
    starts = periods_of(window, every)
    days = np.arange(first_day, last_day + 1)
    return starts, np.searchsorted(days_of(starts), days, side="right") - 1


def days_of(starts: list[datetime]) -> Ints:
    """The midnights as days since 1970."""
    return np.array([(start - EPOCH).days for start in starts], dtype=np.int64)
