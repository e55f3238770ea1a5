"""What pages draw of a question's incidents, fetched with as few looks into the store as a quick page allows."""

from msgspec.structs import replace

from resile.analytics.grouping import Population, population
from resile.analytics.moved import Moved
from resile.analytics.moved import moved as _moved
from resile.analytics.phase_report import NEEDS, phases_of, restoring
from resile.analytics.query import Query, Window
from resile.analytics.results import PhasesReport
from resile.app import report
from resile.app.wiring import Resile


def everyone(resile: Resile, query: Query) -> Population:
    """The question's counted incidents, for figures by its dimensions, by service or by severity, and for pictures."""
    resile.facts.refresh()
    with resile.facts.table() as facts:
        return population(facts, query, resile.clock.now(), needs=NEEDS, also_by=("service", "severity"))


def phases(resile: Resile, found: Population) -> PhasesReport:
    """Where the time of these incidents goes, over all of them."""
    query = replace(found.query, by=())
    if restoring(query.clock) is query.clock:
        return phases_of(found, query)
    return report.phases(resile, query)


def moved(resile: Resile, query: Query, before: Window, after: Window) -> Moved:
    """What moved the mean from one window to the other."""
    with resile.facts.table() as facts:
        return _moved(facts, query, before, after, known_until=resile.clock.now())
