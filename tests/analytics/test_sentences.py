from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from resile.analytics import sentences
from resile.analytics.results import (
    Attribution,
    AttributionPart,
    CompareReport,
    GroupStatistics,
    PhaseGroup,
    PhasesReport,
    PhaseStatistics,
    RestoreReport,
    Side,
    Trend,
    WhatIf,
    WindowOut,
)

WINDOW = WindowOut(datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 4, 1, tzinfo=UTC))


def group(n: int = 30, n_open: int = 0, **figures: float) -> GroupStatistics:
    return GroupStatistics(key={}, n_restored=n, n_open=n_open, **figures)  # type: ignore[arg-type]


def trend(verdict: str = "no evidence either way", n: int = 30, **more: float) -> Trend:
    return Trend(every="week", periods=[], verdict=verdict, method="a test", n=n, **({"p_value": 0.5} | more))  # type: ignore[arg-type]


def report(overall: GroupStatistics, its_trend: Trend, clock: str = "detected_to_restored") -> RestoreReport:
    return RestoreReport(
        measure="time_to_restore", clock=clock, window=WINDOW, by=[], groups=[], overall=overall, trend=its_trend,
        excluded={}, definition="",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("overall", "its_trend", "said"),
    [
        (
            group(median_s=2280),
            trend(),
            "Half of incidents are restored within 38 min. No evidence that this is changing.",
        ),
        (
            group(median_s=2280),
            trend("falling", change_per_year=0.8),
            "Half of incidents are restored within 38 min. It is falling: about 20 % shorter each year.",
        ),
        (
            group(n_open=5, median_s=100, km_median_s=7200),
            trend("rising", change_per_year=1.5),
            "Half of incidents are restored within 2 h. It is rising: about 50 % longer each year.",
        ),
        (
            group(3, 4),
            trend(n=7),
            "Fewer than half of these 7 incidents are restored. Too few incidents to speak of a trend.",
        ),
        (
            group(0, 1),
            trend(n=1),
            "1 incident is open and none is restored yet. Too few incidents to speak of a trend.",
        ),
        (group(0), trend(n=0), "No incident of this window has a known time to restore."),
    ],
)
def test_the_message_is_computed_from_the_report(overall: GroupStatistics, its_trend: Trend, said: str) -> None:
    assert sentences.message(report(overall, its_trend)) == said


def test_another_clock_has_another_verb() -> None:
    said = sentences.message(report(group(median_s=60), trend(), "detected_to_acknowledged"))

    assert said.startswith("Half of incidents are acknowledged within 60 s.")


def test_what_could_not_be_seen_is_said() -> None:
    said = sentences.detectable_sentence(trend(detectable_change=0.35))
    assert said == "a change below 35 % over the whole window could not be seen with this many incidents"
    assert sentences.detectable_sentence(trend(n=3)) == "too few incidents to see any change"


def test_the_longest_phase_is_named() -> None:
    phases = [
        PhaseStatistics(phase=name, n=12, total_s=1, share=share, mean_s=1, median_s=1020)
        for name, share in (("detect", 0.3), ("identify", 0.6), ("verify", 0.1))
    ]
    found = PhasesReport(
        window=WINDOW, by=[], groups=[], overall=PhaseGroup(key={}, n=12, mean_s=1, phases=phases), excluded={},
        definition="",
    )  # fmt: skip

    assert sentences.phases_sentence(found) == (
        "Most of the time, 60 %, goes into finding the cause: 17 min in the median, 12 incidents."
    )


def test_the_largest_parts_of_a_change_are_named_first() -> None:
    parts = [
        AttributionPart(kind="rate", key={"service": name}, phase=None, seconds=s, n_before=1, n_after=1, sentence="")
        for name, s in (("a", 60.0), ("b", -600.0), ("c", 1200.0))
    ]
    attribution = Attribution(by=["service"], mean_before_s=1000, mean_after_s=1660, change_s=660, parts=parts)

    assert sentences.attribution_sentence(attribution) == "The mean rose by 11 min: c +20 min; b −10 min."


@pytest.mark.parametrize(
    ("counts", "shares", "said"),
    [
        ((10, 20), (0.1, 0.2), "more search"),
        ((20, 10), (0.2, 0.1), "fewer search"),
        ((10, 20), (0.5, 0.2), "smaller share of search"),
        ((20, 10), (0.2, 0.5), "larger share of search"),
        ((10, 10), (0.2, 0.5), "larger share of search"),
        ((10, 20), (0.5, 0.5), "equal share of search"),
    ],
)
def test_a_mix_is_named_by_the_share_that_makes_it(
    counts: tuple[int, int], shares: tuple[float, float], said: str
) -> None:
    part = AttributionPart(
        kind="mix", key={"service": "search"}, phase=None, seconds=1, n_before=counts[0], n_after=counts[1],
        sentence="", share_before=shares[0], share_after=shares[1],
    )  # fmt: skip

    assert sentences.part_name(part) == said


def test_a_trend_that_could_not_be_tested_is_not_called_steady() -> None:
    untested = Trend(every="week", periods=[], verdict="no evidence either way", method="a test", n=30)

    assert sentences.trend_sentence(untested).startswith("Too little is known")


def test_incidents_of_no_length_do_not_make_fantastic_sentences() -> None:
    steep = trend("rising", change_per_year=4e5, change_per_year_low=2e5, change_per_year_high=8e5)
    level = trend(change_per_year=1, change_per_year_low=1, change_per_year_high=1, detectable_change=1e-5)
    nothing = PhaseStatistics(phase="detect", n=9, total_s=0, share=0, mean_s=0, median_s=0)
    phases = PhasesReport(
        window=WINDOW, by=[], groups=[], overall=PhaseGroup(key={}, n=9, mean_s=0, phases=[nothing]), excluded={},
        definition="",
    )  # fmt: skip

    assert sentences.trend_detail(steep) == sentences.trend_detail(level) == "p = 0.50 · a test"
    assert sentences.detectable_sentence(level) == ""
    assert "0 %" not in sentences.phases_sentence(phases)


def test_a_median_of_nothing_is_not_called_not_reached() -> None:
    assert sentences.median_note(group(0)) == "median"
    assert sentences.median_note(group(0, 3)) == "median · not reached"


def test_a_median_without_an_upper_bound_has_a_lower_one() -> None:
    said = sentences.median_note(group(50, 40, km_median_s=7200, median_low_s=3600))

    assert said == "median · 95 % sure at least 60 min"


@pytest.mark.parametrize(
    ("p", "end"), [(0.2, "than before, 2 h. Chance alone could have done that."), (0.001, "than before, 2 h.")]
)
def test_a_comparison_says_when_chance_would_do(p: float, end: str) -> None:
    sides = [
        Side(name=name, window=WINDOW, statistics=group(median_s=s)) for name, s in (("before", 7200), ("after", 5760))
    ]
    found = CompareReport(
        clock="detected_to_restored",
        a=sides[0],
        b=sides[1],
        ratio=0.8,
        p_value=p,
        verdict="",
        excluded={},
        definition="",
    )

    assert sentences.compare_sentence(found) == f"after: 1.6 h in the median, 20 % shorter {end}"


def compared(a_s: float, b_s: float, **found: float | str) -> CompareReport:
    sides = [
        Side(name=name, window=WINDOW, statistics=group(median_s=s)) for name, s in (("before", a_s), ("after", b_s))
    ]
    return CompareReport(
        clock="detected_to_restored", a=sides[0], b=sides[1], excluded={}, definition="", **found,  # type: ignore[arg-type]
    )  # fmt: skip


def test_a_comparison_whose_median_goes_against_the_rest_says_so() -> None:
    found = compared(7200, 5760, ratio=0.8, p_value=0.001, verdict="no evidence either way")

    assert sentences.compare_sentence(found).endswith("Short and long incidents differ in opposite ways, though.")


def test_nothing_is_so_many_times_as_long_as_nothing() -> None:
    found = compared(0, 60, p_value=0.001, verdict="longer")

    assert sentences.compare_sentence(found) == (
        "after: 60 s in the median, before: 0 s. No length can be compared with none."
    )


def test_what_if_tells_before_after_and_saved() -> None:
    answer = WhatIf(
        clock="impact_to_restored", phase="detect", minutes_sooner=5, where={}, n_changed=120, n=130, n_open=0,
        median_before_s=2280, median_after_s=2040,
        mean_before_s=1, mean_after_s=1, saved_s=23_400, saved_per_year_s=93_600,
    )  # fmt: skip

    assert sentences.what_if_sentence(answer) == (
        "Median time to restore from impact 38 min → 34 min: 6.5 h of waiting saved in 120 incidents of this window; "
        "at that rate 26 h a year."
    )
    # Of a window of about a year the same time is not told twice.
    assert "a year" not in sentences.what_if_sentence(replace(answer, saved_per_year_s=23_500))
    assert sentences.what_if_sentence(replace(answer, n_changed=1, saved_per_year_s=None)) == (
        "Median time to restore from impact 38 min → 34 min: 6.5 h of waiting saved in 1 incident of this window."
    )


def test_what_if_says_that_its_median_is_not_the_headlines_where_some_are_open() -> None:
    answer = WhatIf(
        clock="detected_to_restored", phase="verify", minutes_sooner=5, where={}, n_changed=120, n=130, n_open=40,
        median_before_s=2280, median_after_s=2040, mean_before_s=1, mean_after_s=1, saved_s=23_400,
        saved_per_year_s=None,
    )  # fmt: skip

    assert sentences.what_if_sentence(answer) == (
        "Median time to restore 38 min → 34 min, over the 130 restored without the 40 still open: "
        "6.5 h of waiting saved in 120 incidents of this window."
    )


def test_a_mean_far_above_the_median_is_called_pulled() -> None:
    said = sentences.mean_note(group(mean_s=6120, mean_low_s=4680, mean_high_s=9360, median_s=2280))

    assert said == "mean · 1.3–2.6, pulled by a heavy tail"
