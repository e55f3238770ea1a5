"""Where the time goes, drawn in the terminal: phases as bars."""

from rich.console import Console
from rich.text import Text

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
from resile.cli.drawing import share_bar
from resile.cli.incident_view import PHASE_STYLES
from resile.cli.report_view import MOST_GROUPS, NUMBERS_WIDTH, about, draw_message, draw_notes, draw_nothing
from resile.cli.tables import column_widths, number_columns, plain_table, print_table


def draw_phases(out: Console, report: PhasesReport, asked: str = "") -> None:
    """The phases over all incidents, then group by group."""
    span = "First known instant → fully operational, in phases"
    draw_message(out, [(phases_sentence(report), False)], about(span, report.window, asked))
    paged = paged_sentence(report.paged) if report.paged else ""
    if not report.overall.n and paged:
        out.print(Text(paged), soft_wrap=True)
    if not report.overall.n:
        draw_nothing(out, report.excluded, asked)
        return
    out.print()
    _draw_group(out, report.overall)
    for group in report.groups[:MOST_GROUPS]:
        out.print()
        out.print(Text(key_name(group.key), "bold"))
        _draw_group(out, group)
    if len(report.groups) > MOST_GROUPS:
        out.print(
            f"… and {number(len(report.groups) - MOST_GROUPS)} more; --json, --html and --pdf hold all.", style="dim"
        )
    by = ", ".join(dimension_name(name).lower() for name in report.by)
    notes = [
        paged,
        *report.overall.notes,
        *([f"groups by {by}, worst first"] if by else []),
        excluded_sentence(report.excluded),
    ]
    draw_notes(out, [note for note in notes if note], report.definition)


def _draw_group(out: Console, group: PhaseGroup) -> None:
    out.print(Text(f"{counted(group.n, 'incident')}, mean {duration(group.mean_s)}", "dim"))
    names = [phase_name(phase.phase) for phase in group.phases]
    name_width, width = column_widths(out, names, others=NUMBERS_WIDTH)
    table = plain_table()
    table.add_column("Phase", overflow="fold", min_width=name_width)
    table.add_column("Share of the time" if width else "Share", no_wrap=True)
    number_columns(table, "Median", "95 %", "P90", "n")
    greatest = max((phase.share for phase in group.phases), default=0.0) or 1.0
    for phase in group.phases:
        style = PHASE_STYLES.get(phase.phase, "grey50")
        share = Text(f"{percent(phase.share):>5}")
        if width:
            share = Text.assemble((share_bar(phase.share / greatest, width).ljust(width), style), " ", share)
        table.add_row(
            Text(phase_name(phase.phase)),
            share,
            Text(duration(phase.median_s), "bold"),
            Text(interval(phase.median_low_s, phase.median_high_s, beside_s=phase.median_s)),
            Text(duration(phase.p90_s)),
            Text(number(phase.n)),
        )
    print_table(out, table)
