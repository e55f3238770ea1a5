"""The five DORA metrics drawn in the terminal: the message, a row per service, and what is not known."""

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from resile.analytics.delivery_results import DoraReport, ServiceDelivery, Stage
from resile.analytics.dora_words import (
    METRIC_NAMES,
    SHORT_NAMES,
    Headline,
    busiest,
    delivery_message,
    headlines,
    stage_name,
    window_words,
)
from resile.analytics.words import UNDEFINED, duration, number
from resile.app.documents.phrases import gathered, missing_sentences, stage_path
from resile.app.dora import Rhythm
from resile.cli.drawing import count_line
from resile.cli.report_view import MOST_GROUPS, MOST_PERIODS, about, draw_message, draw_notes
from resile.cli.tables import number_columns, pairs_table, plain_table, print_table

_MOST_DRAWN = 12
# Below this many columns the five metrics stand one below the other.
_LEAST_WIDE = 96


def draw_dora(out: Console, report: DoraReport, asked: str = "", rhythm: Rhythm | None = None) -> None:
    """The whole report."""
    rows = report.services
    span = f"{report.definitions} definitions, failures within {window_words(report.attribution_window_s)}"
    draw_message(out, delivery_message(busiest(rows), names_it=len(rows) > 1), about(span, report.window, asked))
    if not rows:
        _draw_nothing(out, asked)
        return
    out.print()
    shown = rows[:MOST_GROUPS]
    if out.width >= _LEAST_WIDE:
        print_table(out, _wide(shown, rhythm))
    else:
        _draw_narrow(out, shown, rhythm)
    if len(rows) > len(shown):
        out.print(f"… and {number(len(rows) - len(shown))} more; --json, --html and --pdf hold all.", style="dim")
    if len(rows) == 1 and rows[0].lead_time.stages:
        _draw_stages(out, rows[0].lead_time.stages)
    notes = missing_sentences(report, shown)
    reasons = gathered((), ((_name(row), _reasons(row)) for row in shown))
    draw_notes(out, [*notes, *reasons], "", most=12)
    for key, text in report.definition.items():
        out.print(Text(f"{METRIC_NAMES.get(key, key)}: {text}", "dim"))


def _name(row: ServiceDelivery) -> str:
    return " · ".join((row.service or "no service", row.environment or "no environment"))


def _reasons(row: ServiceDelivery) -> list[str]:
    return [f"{one.name} is not defined: {one.why_none}" for one in headlines(row) if one.why_none]


def _draw_nothing(out: Console, asked: str) -> None:
    out.print()
    if asked:
        out.print("Widen the filters, or the window with --from and --to.")
        return
    out.print("Read the releases of a repository:  resile import git PATH --service NAME")
    out.print("Or tell of each deployment as it happens:  POST /api/v1/deployments, see docs/how-to/read-delivery.md")


def _wide(rows: Sequence[ServiceDelivery], rhythm: Rhythm | None) -> Table:
    table = plain_table()
    table.add_column("Service", overflow="fold", min_width=12)
    for name in SHORT_NAMES.values():
        table.add_column(name, overflow="fold")
    if rhythm is not None:
        table.add_column(f"Each {rhythm.every}", no_wrap=True, style="green")
    for row in rows:
        told = [_cell(one) for one in headlines(row)]
        drawn = [] if rhythm is None else [Text(count_line(rhythm.of(row.service, row.environment, most=_MOST_DRAWN)))]
        table.add_row(_service(row), *told, *drawn)
    return table


def _service(row: ServiceDelivery) -> Text:
    return Text.assemble((row.service or "no service", "bold"), "\n", (row.environment or "no environment", "dim"))


def _cell(one: Headline) -> Text:
    value = Text(one.value, "bold" if one.value != UNDEFINED else "dim")
    return Text.assemble(
        value, "\n", one.interval or ("" if one.why_none else "no interval"), "\n", (one.rests_on, "dim")
    )


def _draw_narrow(out: Console, rows: Sequence[ServiceDelivery], rhythm: Rhythm | None) -> None:
    for at, row in enumerate(rows):
        if at:
            out.print()
        out.print(
            Text.assemble((row.service or "no service", "bold"), (f" · {row.environment or 'no environment'}", "dim"))
        )
        table = pairs_table()
        table.add_column(style="bold", justify="right", no_wrap=True)
        table.add_column(no_wrap=True)
        table.add_column(style="dim", overflow="fold")
        for one in headlines(row):
            table.add_row(SHORT_NAMES[one.key], one.value, one.interval, one.rests_on)
        print_table(out, table)
        if rhythm is not None:
            values = rhythm.of(row.service, row.environment, most=min(MOST_PERIODS, max(out.width - 30, 1)))
            line = Text.assemble((f"Deployments each {rhythm.every}  ", "dim"), (count_line(values), "green"))
            out.print(line, no_wrap=True)


def _draw_stages(out: Console, stages: Mapping[str, Stage]) -> None:
    out.print()
    out.print(Text("Where lead time goes", "bold"))
    table = plain_table()
    table.add_column("Stage", no_wrap=True)
    number_columns(table, "Median", "P90", "n")
    path, beside = stage_path(stages)
    for key in [*path, *beside]:
        stage = stages[key]
        name = Text(stage_name(key), "" if key in path else "dim")
        table.add_row(name, duration(stage.median_s), duration(stage.p90_s), number(stage.n))
    print_table(out, table)
    if beside:
        named = ", ".join(stage_name(key).lower() for key in beside)
        out.print(Text(f"Of changes in which a border between is not known: {named}.", "dim"))
