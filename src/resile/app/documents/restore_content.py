"""Time to restore, and its trend, as a document."""

from collections.abc import Iterable, Sequence

from resile.analytics.chart_parts import duration_domain
from resile.analytics.charts import distribution_chart, incidents_chart
from resile.analytics.results import GroupStatistics, IncidentDot, PeriodStatistics, RestoreReport, Trend, WindowOut
from resile.analytics.sentences import (
    Parts,
    detectable_sentence,
    mean_note,
    median_note,
    message_parts,
    trend_detail,
    trend_sentence,
    typical_s,
)
from resile.analytics.words import (
    VERDICT_SIGNS,
    clock_done,
    clock_name,
    clock_span,
    counted,
    dimension_name,
    duration,
    excluded_sentence,
    interval,
    key_name,
    number,
)
from resile.app.documents.content import Cell, Column, Content, Figure, Frame, Picture, Section, Table
from resile.app.documents.phrases import (
    asked_words,
    change_sentence,
    gathered,
    period_median_s,
    period_words,
    window_words,
)
from resile.app.documents.ranges import range_on

NOTHING_EXCLUDED = "No incident of this window is left out."
NUMBERS = ("Median", "95 %", "P90", "n")


def restore_content(
    report: RestoreReport, frame: Frame, incidents: Sequence[IncidentDot] = (), n_incidents: int = 0
) -> Content:
    """The whole report of time to restore."""
    sections = [section for section in (_incidents(report, incidents, n_incidents), _groups(report)) if section]
    if incidents:
        sections.append(_distribution(report, incidents, n_incidents))
    return _content(report, frame, message_parts(report), sections)


def trend_content(
    report: RestoreReport, frame: Frame, incidents: Sequence[IncidentDot] = (), n_incidents: int = 0
) -> Content:
    """Whether it changes, period by period."""
    said = trend_sentence(report.trend)
    message: Parts = [(said, False)] if said else message_parts(report)
    picture = _incidents(report, incidents, n_incidents)
    sections = [section for section in (picture, _periods(report.trend)) if section]
    return _content(report, frame, message, sections)


def _content(report: RestoreReport, frame: Frame, message: Parts, sections: list[Section]) -> Content:
    notes = gathered(report.overall.notes, ((key_name(group.key), group.notes) for group in report.groups))
    return Content(
        title=clock_name(report.clock),
        message=message,
        about=about(clock_span(report.clock), report.window, frame),
        figures=_figures(report),
        sections=sections,
        notes=notes,
        excluded=excluded_sentence(report.excluded) or NOTHING_EXCLUDED,
        definition=report.definition,
        frame=frame,
    )


def about(span: str, window: WindowOut | None, frame: Frame) -> list[str]:
    """What the document is about, piece by piece."""
    when = "" if window is None else window_words(window)
    return [text for text in (span, when, asked_words(frame.where)) if text]


def _figures(report: RestoreReport) -> list[Figure]:
    overall = report.overall
    n_open = f"{number(overall.n_open)} open, counted as not over yet" if overall.n_open else "none open"
    return [
        Figure(duration(typical_s(overall)), "median", median_note(overall).removeprefix("median · ")),
        Figure(duration(overall.p90_s), "P90", "one in ten takes longer"),
        Figure(duration(overall.mean_s), "mean", mean_note(overall).removeprefix("mean").removeprefix(" · ")),
        Figure(number(overall.n_restored), clock_done(report.clock), n_open),
    ]


def _incidents(report: RestoreReport, incidents: Sequence[IncidentDot], n_incidents: int) -> Section | None:
    trend = report.trend
    if not any(period.n_restored + period.n_open for period in trend.periods):
        return None
    described = f"Each incident as a dot by start and duration, and the median of each {trend.every} with its interval."
    verdict = f"{VERDICT_SIGNS.get(trend.verdict, '→')} {trend.verdict}"
    behind = "; ".join(text for text in (detectable_sentence(trend), trend_detail(trend)) if text)
    shown = len(incidents)
    sample = f" The picture shows {number(shown)} of {number(n_incidents)} dots." if shown < n_incidents else ""
    return Section(
        title=f"Every incident, and the median of each {trend.every}",
        aside=verdict,
        picture=Picture(
            spec=lambda width: incidents_chart(incidents, trend, width=width, height=250), description=described
        ),
        sentences=[f"{behind[:1].upper()}{behind[1:]}.{sample}" if behind else sample.strip(), change_sentence(trend)],
    )


def _distribution(report: RestoreReport, incidents: Sequence[IncidentDot], n_incidents: int) -> Section:
    overall = report.overall
    shown = f"{number(len(incidents))} of {number(n_incidents)}" if len(incidents) < n_incidents else "every incident"
    return Section(
        title="How the durations spread",
        aside=f"{shown}, logarithmic axis",
        picture=Picture(
            spec=lambda width: distribution_chart(incidents, overall, width=width, height=110),
            description=f"Durations on a logarithmic axis, {duration(overall.min_s)} to {duration(overall.max_s)}.",
        ),
    )


def _groups(report: RestoreReport) -> Section | None:
    if not report.groups:
        return None
    by = " and ".join(dimension_name(name).lower() for name in report.by)
    domain = duration_domain(_drawn(report.groups))
    columns = [
        Column(" · ".join(dimension_name(name) for name in report.by)),
        Column(f"{duration(domain[0])} … {duration(domain[1])}, log", is_drawn=True),
        *(Column(name, is_number=True) for name in NUMBERS),
    ]
    return Section(
        title=f"By {by}, slowest first",
        aside="dot median · bar 95 % · tick P90",
        table=Table(
            caption=f"Time to restore by {by}",
            columns=columns,
            rows=[[Cell(key_name(group.key), is_strong=True), *_cells(group, domain)] for group in report.groups],
        ),
    )


def _periods(trend: Trend) -> Section | None:
    if not trend.periods:
        return None
    domain = duration_domain(_drawn(trend.periods))
    columns = [
        Column(trend.every.capitalize()),
        Column(f"{duration(domain[0])} … {duration(domain[1])}, log", is_drawn=True),
        *(Column(name, is_number=True) for name in NUMBERS),
    ]
    rows = [[Cell(period_words(period.start, trend.every)), *_cells(period, domain)] for period in trend.periods]
    return Section(
        title=f"Each {trend.every}",
        aside=f"{counted(len(trend.periods), trend.every)}, oldest first; no incidents, no value",
        table=Table(caption=f"Time to restore in each {trend.every}", columns=columns, rows=rows),
    )


def _drawn(all_statistics: Iterable[GroupStatistics | PeriodStatistics]) -> list[float | None]:
    return [
        value
        for statistics in all_statistics
        for value in (_median_s(statistics), statistics.median_low_s, statistics.median_high_s, statistics.p90_s)
    ]


def _median_s(statistics: GroupStatistics | PeriodStatistics) -> float | None:
    return typical_s(statistics) if isinstance(statistics, GroupStatistics) else period_median_s(statistics)


def _cells(statistics: GroupStatistics | PeriodStatistics, domain: tuple[float, float]) -> list[Cell]:
    median = _median_s(statistics)
    return [
        Cell(range=range_on(domain, median, statistics.median_low_s, statistics.median_high_s, statistics.p90_s)),
        Cell(duration(median), is_strong=median is not None),
        Cell(interval(statistics.median_low_s, statistics.median_high_s, beside_s=median)),
        Cell(duration(statistics.p90_s)),
        Cell(number(statistics.n_restored), note=f"+{number(statistics.n_open)} open" if statistics.n_open else ""),
    ]
