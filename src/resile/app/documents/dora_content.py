"""The five DORA metrics as a document."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from resile.analytics.delivery_charts import DeploymentMark, delivery_chart, strips_chart, trend_chart
from resile.analytics.delivery_results import DeliveryTrend, DoraReport, FailureLink, ServiceDelivery
from resile.analytics.dora_words import (
    METRIC_NAMES,
    SHORT_NAMES,
    Headline,
    busiest,
    delivery_message,
    headlines,
    name_of,
    stage_name,
    window_words,
)
from resile.analytics.words import duration, number
from resile.app.documents.content import Cell, Column, Content, Figure, Frame, Picture, Section, Table
from resile.app.documents.phrases import asked_words, gathered, missing_sentences, stage_path
from resile.app.documents.phrases import window_words as window_of

_NOTHING = "No deployment is known in this window, so nothing is counted and nothing is left out."


class Drawn(Struct, frozen=True, kw_only=True):
    """What the pictures show.

    Attributes:
        marks: the newest of `n_marks` successful deployments.
        until: the present: incidents that are open last until here.
        trend: of the busiest service.
    """

    marks: Sequence[DeploymentMark]
    n_marks: int
    links: Sequence[FailureLink]
    until: datetime
    trend: DeliveryTrend | None


def dora_content(report: DoraReport, frame: Frame, drawn: Drawn | None = None) -> Content:
    """The whole report: the busiest service, pictures, all services side by side, stages, and what is missing."""
    rows = report.services
    first = busiest(rows)
    notes = missing_sentences(report, rows)
    undefined = gathered((), ((name_of(row), _reasons(row)) for row in rows))
    pictures = [] if drawn is None or first is None else [*_strips(drawn), *_over_time(drawn, first)]
    sections = [*pictures, _side_by_side(rows), *_stages(rows)] if rows else []
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


def _strips(drawn: Drawn) -> list[Section]:
    if not drawn.marks:
        return []
    fewer = f" The picture shows the newest {number(len(drawn.marks))} of {number(drawn.n_marks)} deployments."
    told = (
        "Each mark a successful deployment, crossed where it failed; the bars are the incidents that it caused, until "
        "they were restored, paler where they are open."
    )
    return [
        Section(
            title="Every deployment, and the incidents they caused",
            picture=Picture(
                spec=lambda width: strips_chart(drawn.marks, drawn.links, until=drawn.until, width=width),
                description=told,
            ),
            sentences=[told + (fewer if len(drawn.marks) < drawn.n_marks else "")],
        )
    ]


def _over_time(drawn: Drawn, first: ServiceDelivery) -> list[Section]:
    trend = drawn.trend
    if trend is None:
        return []
    described = f"The five metrics of {name_of(first)} by the {trend.every}, each with its 95 % interval."
    return [
        Section(
            title=f"The five metrics of {name_of(first)} over time",
            aside=f"by the {trend.every}, band 95 %",
            picture=Picture(spec=lambda width: trend_chart(trend, width=width), description=described),
        )
    ]


def _side_by_side(rows: list[ServiceDelivery]) -> Section:
    columns = [Column("Service"), *(Column(name) for name in SHORT_NAMES.values())]
    return Section(
        title="Each service and environment",
        aside="value · 95 % · n",
        picture=Picture(
            spec=lambda width: delivery_chart(rows, width=width),
            description="Lead time and change fail rate of each service and environment, with their 95 % intervals.",
        ),
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
    stages = row.lead_time.stages
    path, beside = stage_path(stages)
    ordered = [*path, *beside]
    greatest = max((stages[key].median_s or 0 for key in ordered), default=0) or 1
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
                    Cell(
                        stage_name(key), note="" if key in path else "border between not known", is_strong=key in path
                    ),
                    Cell(bar=(stages[key].median_s or 0) / greatest),
                    Cell(duration(stages[key].median_s)),
                    Cell(duration(stages[key].p90_s)),
                    Cell(number(stages[key].n)),
                ]
                for key in ordered
            ],
        ),
    )
