"""Where the time goes, as a document."""

from resile.analytics.charts import phases_chart
from resile.analytics.results import PhaseGroup, PhasesReport
from resile.analytics.sentences import paged_sentence, phases_sentence
from resile.analytics.words import (
    counted,
    dimension_name,
    duration,
    excluded_sentence,
    interval,
    key_name,
    number,
    percent,
    phase_name,
)
from resile.app.documents.content import Cell, Column, Content, Figure, Frame, Picture, Section, Spec, Table
from resile.app.documents.phrases import gathered
from resile.app.documents.restore_content import NOTHING_EXCLUDED, about

_COLUMNS = [
    Column("Phase"),
    Column("Share of the time", is_drawn=True),
    Column("", is_number=True),
    Column("Median", is_number=True),
    Column("95 %", is_number=True),
    Column("P90", is_number=True),
    Column("Mean", is_number=True),
    Column("n", is_number=True),
]


def phases_content(report: PhasesReport, frame: Frame) -> Content:
    """The phases over all incidents, then group by group."""
    sections = [_whole(report)] if report.overall.phases else []
    by = ", ".join(dimension_name(name).lower() for name in report.by)
    sections += [_group(group, f"{key_name(group.key)}", by) for group in report.groups if group.phases]
    notes = gathered(report.overall.notes, ((key_name(group.key), group.notes) for group in report.groups))
    if report.paged:
        notes = [paged_sentence(report.paged), *notes]
    return Content(
        title="Where the time goes",
        message=[(phases_sentence(report), False)],
        about=about("First known instant → fully operational", report.window, frame),
        figures=_figures(report),
        sections=sections,
        notes=notes,
        excluded=excluded_sentence(report.excluded) or NOTHING_EXCLUDED,
        definition=report.definition,
        frame=frame,
    )


def _figures(report: PhasesReport) -> list[Figure]:
    longest = sorted(report.overall.phases, key=lambda phase: -phase.share)[:3]
    figures = [
        Figure(duration(phase.median_s), phase_name(phase.phase).lower(), f"median; {percent(phase.share)} of all time")
        for phase in longest
    ]
    whole = Figure(number(report.overall.n), "incidents", f"mean {duration(report.overall.mean_s)} in all phases")
    return [*figures, whole]


def _whole(report: PhasesReport) -> Section:
    return Section(
        title="All incidents",
        aside="share of the summed time",
        picture=Picture(
            spec=lambda width: _without_legend(phases_chart(report, width=width, height=56)),
            description="; ".join(f"{phase_name(p.phase)} {percent(p.share)}" for p in report.overall.phases),
        ),
        table=_table(report.overall, "Phases over all incidents"),
    )


def _without_legend(spec: Spec) -> Spec:
    """The table right below names every colour, and more phases than a legend has room for."""
    colour = {**spec["encoding"]["color"], "legend": None}
    return {**spec, "encoding": {**spec["encoding"], "color": colour}}


def _group(group: PhaseGroup, name: str, by: str) -> Section:
    aside = f"{counted(group.n, 'incident')}, mean {duration(group.mean_s)}"
    return Section(title=name, aside=aside, table=_table(group, f"Phases of {name}, by {by}"))


def _table(group: PhaseGroup, caption: str) -> Table:
    greatest = max((phase.share for phase in group.phases), default=0.0) or 1.0
    rows = [
        [
            Cell(phase_name(phase.phase), is_strong=True),
            Cell(bar=phase.share / greatest, colour="whole" if "+" in phase.phase else phase.phase),
            Cell(percent(phase.share)),
            Cell(duration(phase.median_s), is_strong=True),
            Cell(interval(phase.median_low_s, phase.median_high_s, beside_s=phase.median_s)),
            Cell(duration(phase.p90_s)),
            Cell(duration(phase.mean_s)),
            Cell(number(phase.n)),
        ]
        for phase in group.phases
    ]
    return Table(caption=caption, columns=_COLUMNS, rows=rows)
