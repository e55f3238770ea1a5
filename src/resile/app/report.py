"""Answers to questions about the incidents: what the terminal, the pages, the documents and the API call."""

from resile.analytics import compare as comparing
from resile.analytics import history
from resile.analytics.phase_report import phases_report
from resile.analytics.query import Condition, Query, Window, check_dimension
from resile.analytics.restore import restore_report
from resile.analytics.results import (
    CompareReport,
    IncidentDot,
    PhasesReport,
    RestoreReport,
    Survival,
    WhatIf,
)
from resile.analytics.survival_report import survival_report
from resile.analytics.what_if import what_if_report
from resile.app.extent import refreshed_facts
from resile.app.wiring import Resile


def restore(resile: Resile, query: Query) -> RestoreReport:
    """Time to restore by group and over time."""
    with refreshed_facts(resile) as facts:
        return restore_report(facts, query, known_until=resile.clock.now())


def phases(resile: Resile, query: Query) -> PhasesReport:
    """Where the time goes, from the first known instant to restoration."""
    with refreshed_facts(resile) as facts:
        return phases_report(facts, query, known_until=resile.clock.now())


def compare(resile: Resile, query: Query, a: Window, b: Window) -> CompareReport:
    """Window b against window a, and what the change in the mean is made of, by the query's dimensions.

    The query's own window plays no part. Without dimensions the change is split by severity and service.
    """
    with refreshed_facts(resile) as facts:
        return comparing.compare_windows(facts, query, a, b, known_until=resile.clock.now())


def compare_values(resile: Resile, query: Query, dimension: str, a: str, b: str) -> CompareReport:
    """Incidents with value b of a dimension against those with value a, both in the query's window.

    Raises:
        ConfigError: there is no such dimension.
    """
    name = check_dimension(dimension)
    with refreshed_facts(resile) as facts:
        return comparing.compare_values(facts, query, name, a, b, known_until=resile.clock.now())


def what_if(resile: Resile, query: Query, phase: str, minutes: float, where: tuple[Condition, ...] = ()) -> WhatIf:
    """What would have been, had a phase been so many minutes shorter where an incident meets `where`.

    Raises:
        ConfigError: there is no such phase, or the minutes are not above 0.
    """
    with refreshed_facts(resile) as facts:
        return what_if_report(facts, query, phase, minutes, where, known_until=resile.clock.now())


def survival(resile: Resile, query: Query) -> Survival:
    """Share of incidents not yet restored, by the time since their clock started."""
    with refreshed_facts(resile) as facts:
        return survival_report(facts, query, known_until=resile.clock.now())


def dots(resile: Resile, query: Query, limit: int = 5_000) -> tuple[list[IncidentDot], int]:
    """Counted incidents as dots by start, and their number; above `limit` an even sample that keeps the extremes."""
    with refreshed_facts(resile) as facts:
        return history.dots(facts, query, limit, known_until=resile.clock.now())


def dimension_values(resile: Resile, dimension: str) -> list[tuple[str | None, int]]:
    """A dimension's values over all incidents with their numbers, most frequent first; None: incidents without one.

    Raises:
        ConfigError: there is no such dimension.
    """
    name = check_dimension(dimension)
    with refreshed_facts(resile) as facts:
        return history.dimension_values(facts, name)


def label_names(resile: Resile) -> list[str]:
    """The names of all labels, sorted."""
    with refreshed_facts(resile) as facts:
        return history.label_names(facts)
