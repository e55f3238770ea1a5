"""Time to restore and its trend, drawn in the terminal: the message first, then the figures, then the pictures."""

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from resile.analytics.results import GroupStatistics, PeriodStatistics, RestoreReport, Trend, WindowOut
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
from resile.app.documents.phrases import change_sentence, gathered, period_median_s, period_words, window_words
from resile.cli.drawing import INTERVAL, MEDIAN, NOTHING, P90, LogAxis, log_axis, range_bar, sparkline
from resile.cli.tables import column_widths, number_columns, pairs_table, plain_table, print_table

MESSAGE = "bold"
FIGURE = "bold green"
# What the columns beside the drawn one take at most.
NUMBERS_WIDTH = 50
# Beyond these, a terminal scrolls its own message away; --json, --html and --pdf hold all.
MOST_GROUPS = 40
MOST_PERIODS = 60
_PERIOD_WIDTH = 11
# What stands beside the line of periods: a margin, and the least and greatest value.
_SCALE_WIDTH = 20


def draw_restore(out: Console, report: RestoreReport, asked: str = "") -> None:
    """The whole report of time to restore."""
    draw_message(out, message_parts(report), about(clock_span(report.clock), report.window, asked))
    if is_empty(report):
        draw_nothing(out, report.excluded, asked)
        return
    out.print()
    print_table(out, _headline(report))
    if report.groups:
        _draw_groups(out, report)
    _draw_sparkline(out, report.trend)
    draw_notes(out, _notes(report), report.definition)


def draw_trend(out: Console, report: RestoreReport, asked: str = "") -> None:
    """The trend alone: verdict in words, what stands behind it, and every period."""
    span = f"{clock_name(report.clock)}, {counted(len(report.trend.periods), report.trend.every)}"
    draw_message(out, _trend_message(report), about(span, report.window, asked))
    if is_empty(report):
        draw_nothing(out, report.excluded, asked)
        return
    _draw_sparkline(out, report.trend)
    _draw_periods(out, report.trend)
    draw_notes(out, [note for note in (excluded_sentence(report.excluded),) if note], report.definition)


def is_empty(report: RestoreReport) -> bool:
    """Whether no incident at all is counted."""
    return report.overall.n_restored + report.overall.n_open == 0


def about(span: str, window: WindowOut | None, asked: str) -> str:
    """What a report is about: from what to what, when, and which incidents were asked for."""
    return " · ".join(text for text in (span, "" if window is None else window_words(window), asked) if text)


def draw_message(out: Console, parts: Parts, about: str) -> None:
    """The sentence that says it all, and what it is about."""
    out.print(Text.assemble(*((text, FIGURE if is_figure else MESSAGE) for text, is_figure in parts)))
    out.print(Text(about, "dim"))


def draw_nothing(out: Console, excluded: dict[str, int], asked: str) -> None:
    """What to do where no incident is counted."""
    out.print()
    if left_out := excluded_sentence(excluded):
        out.print(Text(left_out))
    if asked:
        out.print("Widen the filters, or the window with --from and --to; resile incident list shows what there is.")
        return
    out.print("Bring in a history you have:  resile import --help")
    out.print("Or look at a simulated year:  resile demo")


def _headline(report: RestoreReport) -> Table:
    overall = report.overall
    table = pairs_table()
    table.add_column(style="bold", justify="right", no_wrap=True)
    table.add_column()
    table.add_row("Median", duration(typical_s(overall)), median_note(overall).removeprefix("median · "))
    table.add_row("P90", duration(overall.p90_s), "one in ten takes longer")
    table.add_row("Mean", duration(overall.mean_s), mean_note(overall).removeprefix("mean").removeprefix(" · "))
    table.add_row(clock_done(report.clock).capitalize(), number(overall.n_restored), "")
    open_note = "counted as not over yet, never dropped" if overall.n_open else ""
    table.add_row("Open", number(overall.n_open), open_note)
    total, _, reasons = (excluded_sentence(report.excluded) or "0 excluded").partition(" excluded")
    table.add_row("Excluded", total, reasons.removeprefix(": "))
    return table


def _draw_groups(out: Console, report: RestoreReport) -> None:
    groups = report.groups[:MOST_GROUPS]
    name_width, width = column_widths(out, [key_name(group.key) for group in groups], others=NUMBERS_WIDTH)
    axis = log_axis(
        (
            value
            for group in groups
            for value in (typical_s(group), group.median_low_s, group.median_high_s, group.p90_s)
        ),
        width,
    )
    by = " and ".join(dimension_name(name).lower() for name in report.by)
    out.print()
    legend = f"  {_legend(axis)}" if axis is not None else ""
    out.print(Text.assemble((f"By {by}, worst first", "bold"), (legend, "dim")))
    table = plain_table()
    table.add_column(" · ".join(dimension_name(name) for name in report.by), overflow="fold", min_width=name_width)
    if axis is not None:
        table.add_column("", no_wrap=True)
    number_columns(table, "Median", "95 %", "P90", "n")
    for group in groups:
        table.add_row(*_group_cells(group, axis))
    print_table(out, table)
    if len(report.groups) > MOST_GROUPS:
        out.print(
            f"… and {number(len(report.groups) - MOST_GROUPS)} more; --json, --html and --pdf hold all.", style="dim"
        )


def _legend(axis: LogAxis) -> str:
    return f"{duration(axis.low_s)} … {duration(axis.high_s)}, log; {MEDIAN} median {INTERVAL} 95 % {P90} P90"


def _group_cells(group: GroupStatistics, axis: LogAxis | None) -> list[Text]:
    median = typical_s(group)
    cells = [Text(key_name(group.key), "bold")]
    if axis is not None:
        cells.append(_colored(range_bar(axis, median, group.median_low_s, group.median_high_s, group.p90_s)))
    n_open = Text(f" +{number(group.n_open)} open", "red") if group.n_open else Text("")
    cells += [
        Text(duration(median), "bold"),
        Text(interval(group.median_low_s, group.median_high_s, beside_s=median)),
        Text(duration(group.p90_s)),
        Text.assemble(number(group.n_restored), n_open),
    ]
    return cells


def _colored(bar: str) -> Text:
    text = Text(bar, "dim")
    for at, cell in enumerate(bar):
        if cell in (MEDIAN, INTERVAL):
            text.stylize("not dim green", at, at + 1)
        elif cell == P90:
            text.stylize("not dim", at, at + 1)
    return text


def _draw_sparkline(out: Console, trend: Trend) -> None:
    medians = [period_median_s(period) for period in trend.periods]
    known = [value for value in medians if value is not None]
    if not known:
        return
    most = min(MOST_PERIODS, max(out.width - _SCALE_WIDTH, 1))
    shown = medians[-most:]
    sign = VERDICT_SIGNS.get(trend.verdict, "→")
    cut = f", the last {most}" if len(medians) > most else ""
    out.print()
    out.print(Text.assemble((f"Median of each {trend.every}{cut}", "bold"), (f"  {NOTHING} no value", "dim")))
    known_shown = [value for value in shown if value is not None]
    scale = interval(min(known_shown), max(known_shown)) if known_shown else ""
    # no_wrap: a line cut in two would be read as two.
    out.print(Text.assemble("  ", (sparkline(shown), "green"), (f"  {scale}", "dim")), no_wrap=True)
    verdict = f"{sign} {trend.verdict}"
    behind = "; ".join(filter(None, (detectable_sentence(trend), trend_detail(trend))))
    out.print(Padding(Text.assemble((verdict, "bold"), (f" — {behind}" if behind else "", "dim")), (0, 0, 0, 2)))
    if changes := change_sentence(trend):
        out.print(Padding(Text(changes, "dim"), (0, 0, 0, 2)))


def _trend_message(report: RestoreReport) -> Parts:
    said = trend_sentence(report.trend)
    return [(said, False)] if said else message_parts(report)


def _draw_periods(out: Console, trend: Trend) -> None:
    shown = trend.periods[-MOST_PERIODS:]
    _, width = column_widths(out, [], others=NUMBERS_WIDTH + _PERIOD_WIDTH)
    axis = log_axis(
        (value for p in shown for value in (period_median_s(p), p.median_low_s, p.median_high_s, p.p90_s)), width
    )
    out.print()
    table = plain_table()
    table.add_column(trend.every.capitalize(), no_wrap=True)
    if axis is not None:
        ends = f"{duration(axis.low_s)} … {duration(axis.high_s)}, log"
        table.add_column(ends if len(ends) <= axis.width else "log", no_wrap=True)
    number_columns(table, "Median", "95 %", "P90", "n")
    for period in shown:
        table.add_row(*_period_cells(period, trend.every, axis))
    print_table(out, table)
    if len(trend.periods) > len(shown):
        out.print(f"… {number(len(trend.periods) - len(shown))} earlier ones in --json, --html and --pdf.", style="dim")


def _period_cells(period: PeriodStatistics, every: str, axis: LogAxis | None) -> list[Text]:
    median = period_median_s(period)
    has_any = period.n_restored + period.n_open > 0
    drawn = []
    if axis is not None:
        bar = range_bar(axis, median, period.median_low_s, period.median_high_s, period.p90_s) if has_any else ""
        drawn = [_colored(bar)]
    n_open = Text(f" +{number(period.n_open)} open", "red") if period.n_open else Text("")
    return [
        Text(period_words(period.start, every)),
        *drawn,
        Text(duration(median), "bold" if median is not None else "dim"),
        Text(interval(period.median_low_s, period.median_high_s, beside_s=median)),
        Text(duration(period.p90_s)),
        Text.assemble(number(period.n_restored), n_open),
    ]


def _notes(report: RestoreReport) -> list[str]:
    return gathered(report.overall.notes, ((key_name(group.key), group.notes) for group in report.groups[:MOST_GROUPS]))


def draw_notes(out: Console, notes: list[str], definition: str, *, most: int = 6) -> None:
    """How far to trust the figures, and what they are."""
    out.print()
    for note in notes[:most]:
        out.print(Text(f"• {note}", "dim"))
    if len(notes) > most:
        out.print(Text(f"• … and {len(notes) - most} more notes in --json, --html and --pdf", "dim"))
    if definition:
        out.print(Text(definition, "dim"))
