"""The curve of what is not restored yet says the same as the figures beside it."""

import pytest

from resile.analytics.restore import restore_report
from resile.analytics.survival_report import N_POINTS_MOST, survival_report
from resile.analytics.words import duration
from resile.web.pages.pictures.survival import survival_picture
from tests.analytics.facts import START, asking, facts, incident


@pytest.mark.parametrize("n", [9, 11, 99, N_POINTS_MOST + 1, 2001])
def test_what_is_read_off_the_curve_is_the_incident_at_which_it_passes_that_share(n: int) -> None:
    table = facts(incident(str(k), START, 60.0 * k) for k in range(1, n + 1))

    survival = survival_report(table, asking())

    half, nine_in_ten = -(-n // 2), -(-9 * n // 10)
    assert [words for _, _, words in survival_picture(survival).reads] == [
        f"half within {duration(60.0 * half)}",
        f"nine in ten within {duration(60.0 * nine_in_ten)}",
    ]
    assert survival.median_s == 60.0 * half == restore_report(table, asking()).overall.median_s
    assert {60.0 * half, 60.0 * nine_in_ten} <= {point.after_s for point in survival.points}
    assert len(survival.points) <= N_POINTS_MOST + 2


def test_a_share_that_is_reached_exactly_is_reached_whatever_the_rounding_of_its_product() -> None:
    table = facts(incident(str(k), START, 60.0 * k) for k in range(1, 11))

    reads = survival_picture(survival_report(table, asking())).reads

    assert [words for _, _, words in reads] == ["half within 5 min", "nine in ten within 9 min"]
