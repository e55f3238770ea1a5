from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import vl_convert

from resile.analytics import charts
from resile.analytics.chart_parts import duration_domain, spread
from resile.analytics.results import (
    Attribution,
    AttributionPart,
    ChangePoint,
    GroupStatistics,
    IncidentDot,
    PeriodStatistics,
    PhaseGroup,
    PhasesReport,
    PhaseStatistics,
    Survival,
    SurvivalPoint,
    Trend,
    WindowOut,
)

START = datetime(2024, 1, 1, tzinfo=UTC)
ODD = 'it\'s \\ odd "name" · <b>\n}'


def dots() -> list[IncidentDot]:
    return [
        IncidentDot(
            incident_id=f"INC-{i}", title=ODD, started_at=START + timedelta(days=i), duration_s=float(60 * 3**i),
            is_open=i == 4, severity=None if i == 3 else f"SEV{i + 1}", service=ODD,
        )
        for i in range(5)
    ]  # fmt: skip


def trend() -> Trend:
    periods = [
        PeriodStatistics(start=START, n_restored=3, median_s=600, median_low_s=60, median_high_s=6000),
        PeriodStatistics(start=START + timedelta(days=2), n_restored=0),
        PeriodStatistics(start=START + timedelta(days=4), n_restored=1, median_s=900),
    ]
    change = ChangePoint(at=START + timedelta(days=3), ratio=0.5, p_value=0.01)
    return Trend(every="day", periods=periods, verdict="falling", method="m", n=5, change_points=[change])


def group() -> GroupStatistics:
    return GroupStatistics(
        key={"service": ODD}, n_restored=4, n_open=1, km_median_s=600, median_low_s=60, median_high_s=6000, p90_s=9000,
        mean_s=2000,
    )  # fmt: skip


def phases() -> PhasesReport:
    told = [
        PhaseStatistics(phase=name, n=4, total_s=1, share=share, mean_s=1, median_s=60)
        for name, share in (("detect", 0.25), ("acknowledge+identify", 0.5), ("verify", 0.25))
    ]
    window = WindowOut(START, START + timedelta(days=5))
    whole = PhaseGroup(key={}, n=4, mean_s=1, phases=told)
    return PhasesReport(window=window, by=[], groups=[], overall=whole, excluded={}, definition="")


def attribution() -> Attribution:
    parts = [
        AttributionPart(
            kind="rate", key={"service": ODD}, phase="verify", seconds=-300, n_before=1, n_after=2, sentence=""
        ),
        AttributionPart(kind="mix", key={"service": "a"}, phase=None, seconds=900, n_before=1, n_after=2, sentence=""),
    ]
    return Attribution(by=["service"], mean_before_s=1000, mean_after_s=1600, change_s=600, parts=parts)


def survival() -> Survival:
    points = [SurvivalPoint(0, 1, 1, 1, 5), SurvivalPoint(60, 0.6, 0.3, 0.9, 3), SurvivalPoint(600, 0.0, 0.0, 0.4, 1)]
    return Survival(n=5, n_open=0, median_s=60, median_low_s=None, median_high_s=None, points=points)


UNKNOWN = Trend(every="day", periods=[], verdict="", method="", n=0)
EVERY = {
    "incidents": lambda theme: charts.incidents_chart(dots(), trend(), theme=theme),
    "no incidents": lambda theme: charts.incidents_chart([], UNKNOWN, theme=theme),
    "groups": lambda theme: charts.groups_chart([group()], theme=theme),
    "phases": lambda theme: charts.phases_chart(phases(), theme=theme),
    "waterfall": lambda theme: charts.waterfall_chart(attribution(), theme=theme),
    "survival": lambda theme: charts.survival_chart(survival(), theme=theme),
    "distribution": lambda theme: charts.distribution_chart(dots(), group(), theme=theme),
}  # fmt: skip


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", EVERY)
def test_each_specification_can_be_drawn(name: str, theme: str) -> None:
    drawn = vl_convert.vegalite_to_svg(EVERY[name](theme))

    assert drawn.startswith("<svg")
    assert charts.PALETTES[theme]["sheet"] in drawn
    assert "NaN" not in drawn


def test_open_incidents_and_periods_without_value_stay_what_they_are() -> None:
    specification = charts.incidents_chart(dots(), trend())

    every_dot = specification["layer"][1]["data"]["values"]
    medians = specification["layer"][2]["data"]["values"]
    assert [row["state"] for row in every_dot] == ["restored"] * 4 + ["open"]
    assert [row["median"] for row in medians] == [600, None, 900]


def test_the_waterfall_starts_each_bar_where_the_last_ended() -> None:
    rows: list[dict[str, Any]] = charts.waterfall_chart(attribution())["data"]["values"]

    assert [(row["from"], row["to"]) for row in rows] == [(0, 1000), (1000, 700), (700, 1600), (0, 1600)]


def test_an_axis_of_equal_durations_still_has_room() -> None:
    low, high = duration_domain([600.0, 600.0])

    assert low < 600 < high
    assert high / low >= 4


def test_dots_are_spread_evenly_and_always_alike() -> None:
    heights = [spread(f"INC-{i}") for i in range(1000)]

    assert heights == [spread(f"INC-{i}") for i in range(1000)]
    counts = [sum(tenth / 10 <= height < (tenth + 1) / 10 for height in heights) for tenth in range(10)]
    assert min(counts) > 60
