"""Two windows or two groups side by side, drawn in the terminal, and what moved the mean."""

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from resile.analytics.results import Attribution, CompareReport, Side
from resile.analytics.sentences import attribution_sentence, compare_parts, part_name, typical_s
from resile.analytics.words import (
    clock_name,
    clock_span,
    duration,
    excluded_sentence,
    factor,
    interval,
    number,
    p_value,
    percent,
    signed,
)
from resile.cli.drawing import signed_bar
from resile.cli.report_view import draw_notes, draw_nothing, window_words

_HALF = 9
# Beyond these the rest is one line, so that the parts on the screen still sum to the whole.
MOST_PARTS = 12


def draw_compare(out: Console, report: CompareReport) -> None:
    """The comparison: its message, both sides, how sure it is, and where the change comes from."""
    parts = compare_parts(report)
    out.print(Text.assemble(*((text, "bold green" if is_figure else "bold") for text, is_figure in parts)))
    out.print(Text(f"{clock_name(report.clock)}: {clock_span(report.clock)}", "dim"))
    out.print(_sides(report))
    n = sum(side.statistics.n_restored + side.statistics.n_open for side in (report.a, report.b))
    if not n:
        draw_nothing(out, report.excluded)
        return
    out.print(_surety(report))
    if report.attribution is not None and report.attribution.parts:
        _draw_attribution(out, report.attribution)
    notes = [f"{side.name}: {note}" for side in (report.a, report.b) for note in side.statistics.notes]
    draw_notes(out, [note for note in (*notes, excluded_sentence(report.excluded)) if note], report.definition)


def _sides(report: CompareReport) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("")
    for header in ("Median", "95 %", "P90", "Mean", "n"):
        table.add_column(header, justify="left" if header == "95 %" else "right", no_wrap=True)
    for side in (report.a, report.b):
        table.add_row(*_side_cells(side))
    return table


def _side_cells(side: Side) -> list[Text]:
    statistics = side.statistics
    median = typical_s(statistics)
    n_open = (f" +{number(statistics.n_open)} open", "red") if statistics.n_open else ""
    return [
        Text.assemble((side.name, "bold"), "\n", (window_words(side.window), "dim")),
        Text(duration(median), "bold"),
        Text(interval(statistics.median_low_s, statistics.median_high_s, beside_s=median)),
        Text(duration(statistics.p90_s)),
        Text(duration(statistics.mean_s)),
        Text.assemble(number(statistics.n_restored), n_open),
    ]


def _surety(report: CompareReport) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 3, 0, 0))
    table.add_column(style="dim")
    table.add_column()
    for name, value in surety_rows(report):
        table.add_row(name, value)
    return table


def surety_rows(report: CompareReport) -> list[tuple[str, str]]:
    """How sure the comparison is, name by name."""
    rows = [("Verdict", report.verdict)]
    if report.ratio is not None:
        rows.append(("Ratio of medians", _ratio(report.ratio, report.ratio_low, report.ratio_high)))
    if report.adjusted_ratio is not None:
        ratio = _ratio(report.adjusted_ratio, report.adjusted_ratio_low, report.adjusted_ratio_high)
        rows.append(("Severity mix held equal", f"{ratio}, {factor(report.adjusted_ratio)}"))
    if report.p_value is not None:
        rows.append(("Permutation test", p_value(report.p_value)))
    if report.superiority is not None:
        rows.append(
            ("Sooner than the other", f"in {percent(report.superiority)} of pairs, {report.b.name} is over first")
        )
    if report.detectable_change is not None:
        rows.append(("Could be seen", f"a change of {percent(report.detectable_change)} or more, with 80 % power"))
    return rows


def _ratio(ratio: float, low: float | None, high: float | None) -> str:
    within = "" if low is None or high is None else f" (95 % {low:.2f} to {high:.2f})"
    return f"{ratio:.2f}{within}"


def _draw_attribution(out: Console, attribution: Attribution) -> None:
    rows = attribution_rows(attribution)
    greatest = max(abs(seconds) for _, seconds in rows)
    out.print()
    out.print(Text("What moved the mean", "bold"))
    out.print(Padding(Text(attribution_sentence(attribution)), (0, 0, 0, 0)))
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_footer=True)
    table.add_column(
        "Part", f"Sum: {duration(attribution.mean_before_s)} → {duration(attribution.mean_after_s)}", overflow="fold"
    )
    table.add_column("less │ more", "", no_wrap=True, justify="center")
    table.add_column("Change", signed(attribution.change_s), justify="right", no_wrap=True)
    for name, seconds in rows:
        style = "red" if seconds > 0 else "green"
        table.add_row(Text(name), Text(signed_bar(seconds, greatest, _HALF), style), Text(signed(seconds), "bold"))
    out.print(table)


def attribution_rows(attribution: Attribution, most: int = MOST_PARTS) -> list[tuple[str, float]]:
    """The parts by size, the small ones beyond `most` as one, so that they still sum to the whole."""
    parts = sorted(attribution.parts, key=lambda part: -abs(part.seconds))
    rows = [(part_name(p.kind, p.key, p.phase, p.n_before, p.n_after), p.seconds) for p in parts[:most]]
    rest = parts[most:]
    if rest:
        rows.append((f"{number(len(rest))} smaller parts", sum(part.seconds for part in rest)))
    return rows
