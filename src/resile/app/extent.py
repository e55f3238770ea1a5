"""How far the known history reaches; apart from the reports, for the statistics take long to load."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

import ibis

from resile.analytics import history
from resile.analytics.query import Condition, Window
from resile.app.wiring import Resile


@contextmanager
def refreshed_facts(resile: Resile) -> Iterator[ibis.Table]:
    """The facts of all that is stored, while they are being read."""
    resile.facts.refresh()
    with resile.facts.table() as facts:
        yield facts


def extent(resile: Resile, where: Sequence[Condition] = ()) -> tuple[datetime | None, datetime | None, int]:
    """The first and last instant known of the incidents that meet the conditions (None without any); their number."""
    with refreshed_facts(resile) as facts:
        return history.extent(facts, where)


def default_window(resile: Resile, where: Sequence[Condition] = ()) -> Window:
    """The whole history of the incidents that meet the conditions: from midnight before the first instant until now.

    Where nothing happened for 90 days the history is taken as finished: it then ends with the day of its last instant,
    and what is open there is not counted as running on until today.
    """
    first, last, _ = extent(resile, where)
    return history.whole_window(first, last, now=resile.clock.now())
