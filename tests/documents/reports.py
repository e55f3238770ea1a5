"""Small reports with figures that are easy to recognise on a page."""

from datetime import UTC, datetime, timedelta

from resile.analytics.query import Condition
from resile.analytics.results import (
    Attribution,
    AttributionPart,
    ChangePoint,
    CompareReport,
    GroupStatistics,
    IncidentDot,
    PeriodStatistics,
    PhaseGroup,
    PhasesReport,
    PhaseStatistics,
    RestoreReport,
    Side,
    Trend,
    WindowOut,
)
from resile.app.documents.content import Frame

START, END = datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 7, 1, tzinfo=UTC)
MIDDLE = datetime(2024, 4, 1, tzinfo=UTC)
MADE_AT = datetime(2024, 7, 3, 9, 30, tzinfo=UTC)
WINDOW = WindowOut(START, END)
MINUTE_S = 60.0
# Names that break whoever forgets to escape: for HTML, for Typst, for Rich.
AWKWARD = '<script>alert("x")</script> #let x = $1 [red] *b* _i_ @ref \\ `code` & ü Ω Ж'


def frame(*, is_simulated: bool = False) -> Frame:
    where = (Condition("severity", ("SEV1", "SEV2")),)
    return Frame(made_at=MADE_AT, where=where, is_simulated=is_simulated)


def group(key: dict[str, str | None], median_min: float, n: int = 40, n_open: int = 0) -> GroupStatistics:
    median = median_min * MINUTE_S
    return GroupStatistics(
        key=key,
        n_restored=n,
        n_open=n_open,
        mean_s=median * 2.5,
        mean_low_s=median * 2,
        mean_high_s=median * 4,
        median_s=median,
        median_low_s=median * 0.8,
        median_high_s=median * 1.3,
        km_median_s=median if n_open else None,
        p75_s=median * 2,
        p90_s=median * 5,
        p95_s=median * 7,
        stdev_s=median,
        min_s=median / 10,
        max_s=median * 9,
        notes=["the mean rests on fewer than 50 incidents"] if n < 50 else [],
    )


def dots(n: int = 60) -> list[IncidentDot]:
    return [
        IncidentDot(
            incident_id=f"INC-{number}",
            title=AWKWARD,
            started_at=START + timedelta(days=3 * number),
            duration_s=60.0 * (1 + number * 7 % 400),
            is_open=number == n - 1,
            severity=f"SEV{1 + number % 5}",
            service="search",
        )
        for number in range(n)
    ]


def trend() -> Trend:
    months = [datetime(2024, month, 1, tzinfo=UTC) for month in range(1, 7)]
    known = [
        PeriodStatistics(
            start=at,
            n_restored=20,
            median_s=600.0 + 60 * at.month,
            median_low_s=500.0,
            median_high_s=900.0,
            p90_s=4000.0,
        )
        for at in months
    ]
    # In March nothing happened.
    known[2] = PeriodStatistics(start=months[2], n_restored=0)
    return Trend(
        every="month",
        periods=known,
        verdict="no evidence either way",
        method="regression of log durations",
        n=100,
        change_per_year=0.9,
        change_per_year_low=0.7,
        change_per_year_high=1.2,
        p_value=0.34,
        detectable_change=0.31,
        change_points=[ChangePoint(at=MIDDLE, ratio=0.8, p_value=0.02)],
    )


def restore_report(groups: list[GroupStatistics] | None = None) -> RestoreReport:
    return RestoreReport(
        measure="time_to_restore",
        clock="detected_to_restored",
        window=WINDOW,
        by=["service"],
        groups=[group({"service": AWKWARD}, 71), group({"service": "search"}, 13, n_open=1)]
        if groups is None
        else groups,
        overall=group({}, 38, n=247, n_open=2),
        trend=trend(),
        excluded={"planned": 20, "drill": 0, "noise": 11, "contradictory": 0, "without_start": 0},
        definition="Time to restore: from detection until the service is fully operational.",
    )


def empty_report() -> RestoreReport:
    nothing = GroupStatistics(key={}, n_restored=0, n_open=0)
    quiet = Trend(every="week", periods=[], verdict="no evidence either way", method="none", n=0)
    return RestoreReport(
        measure="time_to_restore",
        clock="detected_to_restored",
        window=WINDOW,
        by=["service"],
        groups=[],
        overall=nothing,
        trend=quiet,
        excluded={"planned": 0},
        definition="Time to restore.",
    )


def phase(name: str, share: float, median_min: float) -> PhaseStatistics:
    median = median_min * MINUTE_S
    return PhaseStatistics(
        phase=name,
        n=90,
        total_s=90 * median,
        share=share,
        mean_s=median * 2,
        median_s=median,
        median_low_s=median * 0.7,
        median_high_s=median * 1.4,
        p90_s=median * 4,
    )


def phases_report() -> PhasesReport:
    phases = [phase("detect", 0.2, 9), phase("identify", 0.5, 17), phase("identify+mitigate", 0.3, 31)]
    return PhasesReport(
        window=WINDOW,
        by=["service"],
        groups=[PhaseGroup(key={"service": AWKWARD}, n=12, mean_s=3000.0, phases=phases)],
        overall=PhaseGroup(key={}, n=90, mean_s=2700.0, phases=phases, notes=["joined phases are shown as one"]),
        excluded={"planned": 4},
        definition="Phases partition the time from the first known instant to restoration.",
    )


def compare_report(n_parts: int = 3) -> CompareReport:
    before, after = group({}, 40), group({}, 30)
    parts = [
        AttributionPart(
            kind="rate" if number % 2 else "mix",
            key={"service": f"service-{number}"},
            phase="identify" if number % 2 else None,
            seconds=-120.0 * (number + 1) if number % 3 else 180.0,
            n_before=10,
            n_after=7,
            sentence="",
        )
        for number in range(n_parts)
    ]
    change = sum(part.seconds for part in parts)
    attribution = Attribution(
        by=["service"], mean_before_s=6000.0, mean_after_s=6000.0 + change, change_s=change, parts=parts
    )
    return CompareReport(
        clock="detected_to_restored",
        a=Side(name="January to March", window=WindowOut(START, MIDDLE), statistics=before),
        b=Side(name="April to June", window=WindowOut(MIDDLE, END), statistics=after),
        ratio=0.75,
        ratio_low=0.61,
        ratio_high=0.93,
        p_value=0.008,
        superiority=0.58,
        detectable_change=0.27,
        adjusted_ratio=0.79,
        adjusted_ratio_low=0.64,
        adjusted_ratio_high=0.98,
        verdict="shorter",
        attribution=attribution,
        excluded={"planned": 1},
        definition="Time to restore, compared.",
    )
