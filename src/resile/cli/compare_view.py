"""Two windows or two groups side by side, drawn in the terminal, and what moved the mean."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from resile.analytics.results import Attribution, CompareReport, Side
from resile.analytics.sentences import attribution_sentence, compare_parts, typical_s
from resile.analytics.words import (
    clock_span,
    duration,
    excluded_sentence,
    interval,
    number,
    signed,
)
from resile.app.documents.phrases import attribution_rows, compares_windows, gathered, surety_rows, with_window_names
from resile.cli.drawing import signed_bar
from resile.cli.report_view import about, draw_message, draw_notes, draw_nothing
from resile.cli.tables import number_columns, pairs_table, plain_table, print_table

_HALF = 9
# Beyond these the rest is one line, so that the parts on the screen still sum to the whole.
MOST_PARTS = 12


def draw_compare(out: Console, report: CompareReport, asked: str = "") -> None:
    """The comparison: its message, both sides, how sure it is, and where the change comes from."""
    report = with_window_names(report)
    window = None if compares_windows(report) else report.b.window
    draw_message(out, compare_parts(report), about(clock_span(report.clock), window, asked))
    out.print()
    print_table(out, _sides(report))
    n = sum(side.statistics.n_restored + side.statistics.n_open for side in (report.a, report.b))
    if not n:
        draw_nothing(out, report.excluded, asked)
        return
    out.print()
    print_table(out, _surety(report))
    if report.attribution is not None and report.attribution.parts:
        _draw_attribution(out, report.attribution)
    notes = gathered([], ((side.name, side.statistics.notes) for side in (report.a, report.b)))
    draw_notes(out, [note for note in (*notes, excluded_sentence(report.excluded)) if note], report.definition)


def _sides(report: CompareReport) -> Table:
    table = plain_table()
    table.add_column("")
    number_columns(table, "Median", "95 %", "P90", "Mean", "n")
    for side in (report.a, report.b):
        table.add_row(*_side_cells(side))
    return table


def _side_cells(side: Side) -> list[Text]:
    statistics = side.statistics
    median = typical_s(statistics)
    n_open = (f" +{number(statistics.n_open)} open", "red") if statistics.n_open else ""
    return [
        Text(side.name, "bold"),
        Text(duration(median), "bold"),
        Text(interval(statistics.median_low_s, statistics.median_high_s, beside_s=median)),
        Text(duration(statistics.p90_s)),
        Text(duration(statistics.mean_s)),
        Text.assemble(number(statistics.n_restored), n_open),
    ]


def _surety(report: CompareReport) -> Table:
    table = pairs_table()
    table.add_column()
    for name, value in surety_rows(report):
        table.add_row(name, value)
    return table


def _draw_attribution(out: Console, attribution: Attribution) -> None:
    rows = attribution_rows(attribution, MOST_PARTS)
    greatest = max(abs(seconds) for _, seconds in rows)
    out.print()
    out.print(Text("What moved the mean", "bold"))
    out.print(attribution_sentence(attribution), markup=False)
    table = plain_table(has_footer=True)
    table.add_column(
        "Part", f"Sum: {duration(attribution.mean_before_s)} → {duration(attribution.mean_after_s)}", overflow="fold"
    )
    table.add_column("less │ more", "", no_wrap=True, justify="center")
    table.add_column("Change", signed(attribution.change_s), justify="right", no_wrap=True)
    for name, seconds in rows:
        style = "red" if seconds > 0 else "green"
        table.add_row(Text(name), Text(signed_bar(seconds, greatest, _HALF), style), Text(signed(seconds), "bold"))
    print_table(out, table)
