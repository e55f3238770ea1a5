"""What pages draw of a question's incidents, fetched with as few looks into the store as a quick page allows."""

from resile.analytics.dot_columns import DotColumns
from resile.analytics.dot_columns import dot_columns as _dot_columns
from resile.analytics.moved import Moved
from resile.analytics.moved import moved as _moved
from resile.analytics.query import Query, Window
from resile.app.wiring import Resile


def dot_columns(resile: Resile, query: Query) -> DotColumns:
    """Every counted incident of the question, as columns."""
    with resile.facts.table() as facts:
        return _dot_columns(facts, query, known_until=resile.clock.now())


def moved(resile: Resile, query: Query, before: Window, after: Window) -> Moved:
    """What moved the mean from one window to the other."""
    with resile.facts.table() as facts:
        return _moved(facts, query, before, after, known_until=resile.clock.now())
