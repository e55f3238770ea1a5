import pytest
from msgspec.structs import replace

from resile.analytics.band_words import band_sentence
from resile.analytics.delivery_results import RecoveryTime
from resile.analytics.dora_words import (
    METRIC_NAMES,
    busiest,
    confidence_words,
    delivery_message,
    frequency,
    headlines,
    joined,
    shares,
    stage_name,
    window_words,
)
from resile.analytics.words import UNDEFINED
from tests.documents.deliveries import delivery, unknown


@pytest.mark.parametrize(
    ("per_day", "words"),
    [
        (None, UNDEFINED),
        (4.23, "4.2 a day"),
        (31.0, "31 a day"),
        (1.0, "1 a day"),
        (0.5, "3.5 a week"),
        (1 / 7, "1 a week"),
        (0.1, "3 a month"),
        (1 / 100, "3.7 a year"),
        (0.0, "0 a year"),
    ],
)
def test_a_frequency_is_told_in_the_unit_that_reads_easiest(per_day: float | None, words: str) -> None:
    assert frequency(per_day) == words


def test_an_interval_of_shares_names_its_unit_once() -> None:
    assert shares(0.05, 0.25) == "5–25 %"
    assert shares(0.1, 0.1) == "10 %"
    assert shares(None, 0.2) == ""


def test_each_headline_has_its_value_its_interval_and_what_it_rests_on() -> None:
    told = {one.key: (one.value, one.note, one.rests_on) for one in headlines(delivery())}

    assert list(told) == list(METRIC_NAMES)
    assert told["lead_time"] == ("2.1 d", "95 % sure 1.8–2.6", "120 changes, 3 left out by their clocks")
    assert told["deployment_frequency"] == ("3.1 a week", "95 % sure 2.3–4", "40 deployments")
    assert told["change_fail_rate"] == ("10 %", "95 % sure 4–23 %", "4 of 40 deployments, 2 pending")
    assert told["recovery_time"] == ("45 min", "too few for an interval", "3 restored, 1 open")
    assert told["rework_rate"] == ("5 %", "95 % sure 1.4–17 %", "2 of 40 deployments")


def test_what_is_undefined_is_a_dash_with_the_reason() -> None:
    told = {one.key: one for one in headlines(unknown())}

    assert told["lead_time"].value == UNDEFINED
    assert told["lead_time"].note == "no commits of its deployments are known"
    assert told["recovery_time"].value == UNDEFINED


def test_the_message_says_how_often_how_safe_and_how_long() -> None:
    row = delivery()

    assert joined(delivery_message(row, names_it=True)) == (
        "checkout is deployed 3.1 a week, and 10 % of deployments fail. Half of changes arrive within 2.1 d."
    )
    never = replace(row, change_fail_rate=replace(row.change_fail_rate, failed=0, rate=0.0))
    assert "none of 40 is known to have failed" in joined(delivery_message(never))
    assert "No successful deployment" in joined(delivery_message(unknown()))
    assert "No deployment is known" in joined(delivery_message(None))


def test_production_goes_before_what_is_deployed_more_often() -> None:
    staging, production = delivery(environment="staging", n=400), delivery(environment="Production", n=4)

    assert busiest([staging, production]) is production
    assert busiest([]) is None


def test_an_upper_end_that_is_not_reached_is_said() -> None:
    row = replace(
        delivery(), recovery_time=RecoveryTime(n=9, n_open=6, median_s=60.0, km_median_s=3_600.0, median_low_s=1_800.0)
    )

    assert (headlines(row)[3].value, headlines(row)[3].note) == ("60 min", "95 % sure at least 30 min")


def test_a_median_that_open_failures_keep_from_being_known_is_not_that_of_the_few_that_recovered() -> None:
    row = replace(delivery(), recovery_time=RecoveryTime(n=2, n_open=7, median_s=60.0, median_low_s=1_800.0))

    told = headlines(row)[3]

    assert (told.value, told.note) == (UNDEFINED, "too many failures are open to tell by when half have recovered")
    assert band_sentence("recovery_time", row) == ""


def test_joined_stages_are_named_by_their_ends() -> None:
    assert stage_name("review_to_approval") == "Review"
    assert stage_name("opened_to_merge") == "Pull request to merge"
    assert stage_name("commit_to_deployment") == "Commit to deployment"


def test_lengths_and_confidences_in_words() -> None:
    assert [window_words(seconds) for seconds in (86_400.0, 5_400.0, 7 * 86_400.0)] == ["24 h", "1.5 h", "7 d"]
    assert [confidence_words(one) for one in (1.0, 0.7, 0.3)] == ["certain (100 %)", "likely (70 %)", "possible (30 %)"]


def test_bands_are_told_with_their_year_and_only_beside_a_value() -> None:
    row = delivery()

    assert band_sentence("lead_time", row) == "DORA 2024: high is 24 h to 7 d"
    assert band_sentence("deployment_frequency", row) == "DORA 2024: high is every 24 h to 7 d"
    assert band_sentence("recovery_time", row) == "DORA 2024: elite is under 60 min"
    assert band_sentence("change_fail_rate", row) == "DORA 2024: elite 5 %, medium 10 %, high 20 %, low 40 %"
    assert band_sentence("rework_rate", row) == "DORA 2025: about 22 % in the mean"
    assert [band_sentence(key, unknown()) for key in METRIC_NAMES] == [""] * 5


def test_middlewares_figures_are_told_as_middleware_has_them() -> None:
    ours = delivery()
    theirs = replace(
        ours,
        recovery_time=RecoveryTime(n=3, median_s=60.0, mean_s=7_200.0),
        deployment_frequency=replace(ours.deployment_frequency, day=0, week=3, month=12),
    )

    heads = {one.key: one for one in headlines(theirs)}

    recovery, how_often = heads["recovery_time"], heads["deployment_frequency"]
    assert (recovery.value, recovery.rests_on) == ("2 h", "3 incidents")
    assert recovery.note == "the mean, as Middleware has it"
    assert how_often.rests_on.endswith(", in whole numbers 0 a day, 3 a week, 12 a month")
