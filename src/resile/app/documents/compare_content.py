"""Two windows or two groups side by side, as a document."""

from msgspec.structs import replace

from resile.analytics.charts import waterfall_chart
from resile.analytics.results import Attribution, AttributionPart, CompareReport, Side
from resile.analytics.sentences import attribution_sentence, compare_parts, typical_s
from resile.analytics.words import clock_name, clock_span, duration, excluded_sentence, factor, interval, number, signed
from resile.app.documents.content import Cell, Column, Content, Figure, Frame, Picture, Section, Spec, Table
from resile.app.documents.phrases import (
    attribution_rows,
    compares_windows,
    gathered,
    surety_rows,
    window_words,
    with_window_names,
)
from resile.app.documents.restore_content import NOTHING_EXCLUDED, about

# A picture of more bars than these cannot be read; the table beside it has more.
_MOST_BARS = 5
_MOST_ROWS = 24
# How much of the step from bar to bar its name may take.
_LABEL_SHARE = 0.95


def compare_content(report: CompareReport, frame: Frame) -> Content:
    """The comparison: both sides, how sure it is, and what moved the mean."""
    report = with_window_names(report)
    sections = [_sides(report), _surety(report)]
    if report.attribution is not None and report.attribution.parts:
        sections.append(_attribution(report.attribution, report))
    notes = gathered([], ((side.name, side.statistics.notes) for side in (report.a, report.b)))
    return Content(
        title=f"{clock_name(report.clock)}, compared",
        message=compare_parts(report),
        about=_about(report, frame),
        figures=_figures(report),
        sections=sections,
        notes=notes,
        excluded=excluded_sentence(report.excluded) or NOTHING_EXCLUDED,
        definition=report.definition,
        frame=frame,
    )


def _about(report: CompareReport, frame: Frame) -> list[str]:
    if not compares_windows(report):
        return about(clock_span(report.clock), report.b.window, frame)
    span, *asked = about(clock_span(report.clock), None, frame)
    return [span, f"{window_words(report.b.window)} against {window_words(report.a.window)}", *asked]


def _figures(report: CompareReport) -> list[Figure]:
    figures = [_median(report.a), _median(report.b)]
    for label, ratio, low, high in (
        ("ratio of medians", report.ratio, report.ratio_low, report.ratio_high),
        ("severity mix held equal", report.adjusted_ratio, report.adjusted_ratio_low, report.adjusted_ratio_high),
    ):
        if ratio is not None:
            note = "" if low is None or high is None else f"95 % sure {low:.2f}–{high:.2f}"
            figures.append(Figure(f"{ratio:.2f}", label, note))
    return figures


def _median(side: Side) -> Figure:
    statistics = side.statistics
    median = typical_s(statistics)
    sure = interval(statistics.median_low_s, statistics.median_high_s, beside_s=median)
    return Figure(duration(median), f"median, {side.name}", f"95 % sure {sure}" if median is not None else "")


def _sides(report: CompareReport) -> Section:
    columns = [Column(""), *(Column(name, is_number=True) for name in ("Median", "95 %", "P90", "Mean", "n"))]
    rows = []
    for side in (report.a, report.b):
        statistics = side.statistics
        median = typical_s(statistics)
        n_open = f"+{number(statistics.n_open)} open" if statistics.n_open else ""
        rows.append(
            [
                Cell(side.name, is_strong=True),
                Cell(duration(median), is_strong=True),
                Cell(interval(statistics.median_low_s, statistics.median_high_s, beside_s=median)),
                Cell(duration(statistics.p90_s)),
                Cell(duration(statistics.mean_s)),
                Cell(number(statistics.n_restored), note=n_open),
            ]
        )
    return Section(title="Side by side", table=Table(caption="Both sides", columns=columns, rows=rows))


def _surety(report: CompareReport) -> Section:
    rows = [[Cell(name), Cell(value, is_strong=name == "Verdict")] for name, value in surety_rows(report)]
    table = Table(caption="How sure the comparison is", columns=[Column(""), Column("")], rows=rows)
    return Section(title="How sure this is", aside=factor(report.ratio) if report.ratio else "", table=table)


def _attribution(attribution: Attribution, report: CompareReport) -> Section:
    rows = attribution_rows(attribution, _MOST_ROWS)
    greatest = max(abs(seconds) for _, seconds in rows) or 1.0
    table_rows = [
        [
            Cell(name, is_strong=True),
            Cell(bar=seconds / greatest, is_signed=True, colour="bad" if seconds > 0 else "good"),
            Cell(signed(seconds)),
        ]
        for name, seconds in rows
    ]
    columns = [Column("Part"), Column("shorter │ longer", is_drawn=True), Column("Change", is_number=True)]
    shown = replace(attribution, parts=_few(attribution.parts))
    # Under the bars there is no room for two dates.
    names = ("before", "after") if compares_windows(report) else (report.a.name, report.b.name)
    return Section(
        title="What moved the mean",
        aside="parts sum to the whole",
        sentences=[attribution_sentence(attribution)],
        picture=Picture(
            spec=lambda width: _with_long_labels(
                waterfall_chart(shown, names=names, width=width, height=200), width / (len(shown.parts) + len(names))
            ),
            description=attribution_sentence(attribution),
        ),
        table=Table(
            caption="Parts of the change in the mean",
            columns=columns,
            rows=table_rows,
            total=[Cell("In all", is_strong=True), Cell(), Cell(signed(attribution.change_s), is_strong=True)],
        ),
    )


def _with_long_labels(spec: Spec, step_px: float) -> Spec:
    """The few bars of a document stand further apart than a page's: their names have the whole step, and more lines."""
    layers = []
    for layer in spec["layer"]:
        x = layer["encoding"]["x"]
        # A stretch over several phases has a long name; the expression parts names into lines at their dots.
        names = x["axis"]["labelExpr"].replace(" to ", " · to ")
        axis = {**x["axis"], "labelExpr": names, "labelLimit": step_px * _LABEL_SHARE, "labelFontSize": 10}
        layers.append({**layer, "encoding": {**layer["encoding"], "x": {**x, "axis": axis}}})
    return {**spec, "layer": layers}


def _few(parts: list[AttributionPart]) -> list[AttributionPart]:
    """The largest parts, and the rest as one, so that the picture still ends at the mean after."""
    ordered = sorted(parts, key=lambda part: -abs(part.seconds))
    rest = ordered[_MOST_BARS:]
    if not rest:
        return ordered
    other = AttributionPart(
        kind="rate",
        key={"part": "all other"},
        phase=None,
        seconds=sum(part.seconds for part in rest),
        n_before=0,
        n_after=0,
        sentence="",
    )
    return [*ordered[:_MOST_BARS], other]
