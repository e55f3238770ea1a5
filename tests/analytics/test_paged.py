"""From detection to the page and on to the acknowledgement: over whom, and who counts as still waited for."""

from typing import Any

from resile.analytics.paged_report import PAGE_QUEUED_AT, PAGED_AT
from resile.analytics.phase_report import phases_report
from resile.analytics.results import DwellStatistics, PagedStatistics
from resile.analytics.sentences import paged_sentence
from tests.analytics.facts import asking, at, facts, incident, lasting


def paged(name: str, paged_s: float | None, acknowledged_s: float | None, lasted_s: float | None = 3600) -> Any:
    """An incident that was detected at START; paged and acknowledged so many seconds later."""
    known = {PAGE_QUEUED_AT: 1, PAGED_AT: paged_s, "acknowledged": acknowledged_s}
    return incident(
        name, at(), lasted_s, **{key: at(seconds=second) for key, second in known.items() if second is not None}
    )


def report_of(*rows: Any) -> PagedStatistics | None:
    return phases_report(facts(rows), asking(), known_until=at(hours=2)).paged


def test_medians_are_over_the_incidents_that_were_paged_for() -> None:
    rows = [paged("a", 2, 62), paged("b", 4, 124), paged("c", 6, 306), *lasting(60, 120)]

    found = report_of(*rows)

    assert found == PagedStatistics(
        n=3,
        detected_to_paged=DwellStatistics(n=3, n_never=0, median_s=4),
        paged_to_acknowledged=DwellStatistics(n=3, n_never=0, median_s=120),
    )
    assert paged_sentence(found) == (
        "resile paged for 3 incidents: in the median a page was handed over 4 s after detection, "
        "and it was acknowledged 2 min after that."
    )


def test_where_nobody_was_paged_nothing_is_said() -> None:
    assert report_of(*lasting(60, 120)) is None
    assert report_of() is None


def test_open_incidents_count_and_who_never_acknowledged_is_waited_for() -> None:
    found = report_of(paged("a", 2, 62), paged("b", 4, 124), paged("c", 6, None, None))

    assert found is not None
    assert found.paged_to_acknowledged == DwellStatistics(n=2, n_never=1, median_s=120, median_low_s=60)
    assert paged_sentence(found).endswith("1 without an acknowledgement counts as waiting on.")


def test_nobody_acknowledged_is_said_and_is_no_median() -> None:
    found = report_of(paged("a", 2, None, None))

    assert found is not None
    assert found.paged_to_acknowledged == DwellStatistics(n=0, n_never=1)
    assert paged_sentence(found) == (
        "resile paged for 1 incident: a page was handed over 2 s after detection, and nobody acknowledged."
    )


def test_pages_that_never_got_through_are_not_passed_over() -> None:
    found = report_of(paged("a", 2, 62), paged("b", None, None, 600), paged("c", None, None, None))

    assert found == PagedStatistics(
        n=3,
        detected_to_paged=DwellStatistics(n=1, n_never=2, median_low_s=2),
        paged_to_acknowledged=DwellStatistics(n=1, n_never=0, median_s=60),
    )
    assert "half the time no page could be handed over" in paged_sentence(found)
    assert "2 without a page that was handed over count as waiting on." in paged_sentence(found)


def test_who_acknowledged_before_any_page_went_out_has_no_length_from_the_page() -> None:
    found = report_of(paged("a", 90, 60))

    assert found == PagedStatistics(
        n=1,
        detected_to_paged=DwellStatistics(n=1, n_never=0, median_s=90),
        paged_to_acknowledged=DwellStatistics(n=0, n_never=0),
    )
    assert paged_sentence(found) == "resile paged for 1 incident: a page was handed over 1 min 30 s after detection."


def test_drills_and_noise_are_no_part_of_it() -> None:
    assert report_of(paged("a", 2, 62) | {"exclusion": "drill"}) is None
