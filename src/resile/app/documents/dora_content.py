"""The five DORA metrics as a document."""

from resile.analytics.delivery_results import DoraReport, ServiceDelivery
from resile.analytics.dora_words import (
    METRIC_NAMES,
    SHORT_NAMES,
    Headline,
    busiest,
    delivery_message,
    headlines,
    name_of,
    stage_name,
    stage_order,
    window_words,
)
from resile.analytics.words import duration, number
from resile.app.documents.content import Cell, Column, Content, Figure, Frame, Section, Table
from resile.app.documents.phrases import asked_words, gathered
from resile.app.documents.phrases import window_words as window_of

_NOTHING = "No deployment is known in this window, so nothing is counted and nothing is left out."


def dora_content(report: DoraReport, frame: Frame) -> Content:
    """The whole report: the headline of the busiest service, all services side by side, stages, and what is missing."""
    rows = report.services
    first = busiest(rows)
    notes = gathered(report.missing, ((name_of(row), row.missing) for row in rows))
    undefined = gathered((), ((name_of(row), _reasons(row)) for row in rows))
    sections = [_side_by_side(rows), *_stages(rows)] if rows else []
    return Content(
        title="Delivery",
        message=delivery_message(first, names_it=len(rows) > 1),
        about=_about(report, frame, first, n_rows=len(rows)),
        figures=[] if first is None else [_figure(one) for one in headlines(first)],
        sections=sections,
        notes=[*notes, *undefined],
        excluded=_left_out(rows) if rows else _NOTHING,
        definition=" ".join(f"{METRIC_NAMES.get(key, key)}: {text}" for key, text in report.definition.items()),
        frame=frame,
    )


def _about(report: DoraReport, frame: Frame, first: ServiceDelivery | None, *, n_rows: int) -> list[str]:
    whose = f"The figures are of {name_of(first)}" if first is not None and n_rows > 1 else ""
    span = f"{report.definitions} definitions, failures within {window_words(report.attribution_window_s)}"
    return [text for text in (window_of(report.window), span, asked_words(frame.where), whose) if text]


def _figure(one: Headline) -> Figure:
    return Figure(one.value, SHORT_NAMES[one.key].lower(), one.note)


def _reasons(row: ServiceDelivery) -> list[str]:
    return [f"{one.name} is not defined: {one.why_none}" for one in headlines(row) if one.why_none]


def _left_out(rows: list[ServiceDelivery]) -> str:
    n_skewed = sum(row.lead_time.n_clock_skewed for row in rows)
    skewed = f" {number(n_skewed)} changes are younger than their deployment by their clocks." if n_skewed else ""
    return f"Deployments that did not succeed count in no metric.{skewed}"


def _side_by_side(rows: list[ServiceDelivery]) -> Section:
    columns = [Column("Service"), *(Column(name) for name in SHORT_NAMES.values())]
    return Section(
        title="Each service and environment",
        aside="value · 95 % · n",
        table=Table(caption="The five metrics of each service and environment", columns=columns, rows=_rows(rows)),
    )


def _rows(rows: list[ServiceDelivery]) -> list[list[Cell]]:
    return [
        [
            Cell(row.service or "no service", note=row.environment or "no environment", is_strong=True),
            *(Cell(one.value, note=" · ".join(filter(None, (one.interval, one.rests_on)))) for one in headlines(row)),
        ]
        for row in rows
    ]


def _stages(rows: list[ServiceDelivery]) -> list[Section]:
    told = [row for row in rows if any(stage.n for stage in row.lead_time.stages.values())]
    return [_stages_of(row) for row in told]


def _stages_of(row: ServiceDelivery) -> Section:
    stages = {key: stage for key, stage in row.lead_time.stages.items() if stage.median_s is not None}
    greatest = max((stage.median_s or 0 for stage in stages.values()), default=0) or 1
    ordered = sorted(stages, key=stage_order)
    return Section(
        title=f"Where the lead time of {name_of(row)} goes",
        aside="median of each stage",
        table=Table(
            caption=f"Stages of lead time, {name_of(row)}",
            columns=[
                Column("Stage"),
                Column("Median", is_drawn=True),
                Column("", is_number=True),
                Column("P90", is_number=True),
                Column("n", is_number=True),
            ],
            rows=[
                [
                    Cell(stage_name(key), is_strong=True),
                    Cell(bar=(stages[key].median_s or 0) / greatest),
                    Cell(duration(stages[key].median_s)),
                    Cell(duration(stages[key].p90_s)),
                    Cell(number(stages[key].n)),
                ]
                for key in ordered
            ],
        ),
    )
