"""The summary of an import, in words."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from resile.app.import_summary import ImportSummary, Kind

# So many kinds of reason are shown; the file and --explain hold all.
_SHOWN_KINDS = 8


def show_summary(out: Console, summary: ImportSummary, written: Sequence[Path]) -> None:
    """Write what was taken, what not, and why."""
    counts = Table(box=None, show_header=False, pad_edge=False)
    counts.add_column(justify="right", style="bold")
    counts.add_column()
    for count, what in _lines(summary):
        counts.add_row(f"{count:,}", what)
    out.print(counts)
    for remark in summary.remarks:
        out.print(escape(remark), soft_wrap=True)
    _show_kinds(out, "Skipped", summary.skipped)
    _show_kinds(out, "Taken with a doubt", summary.doubts)
    _show_kinds(out, "Refused", summary.refused)
    for path in written:
        out.print(f"The refused rows are in {escape(str(path))}; mend them and import that file.", soft_wrap=True)
    if summary.is_dry_run:
        out.print("Nothing was stored: this was a dry run.")


def _lines(summary: ImportSummary) -> list[tuple[int, str]]:
    lines = [
        (summary.n_incidents, "incidents read"),
        (summary.n_new, "  new"),
        (summary.n_updated, "  updated"),
        (summary.n_unchanged, "  unchanged"),
    ]
    for reason, count in summary.excluded.items():
        lines.append((count, f"of them {reason}: excluded from every measure, and counted as excluded"))
    if summary.n_contradictory:
        lines.append((summary.n_contradictory, "of them contradict themselves (an end before its start)"))
    if summary.n_doubtful:
        lines.append((summary.n_doubtful, "of them taken with a doubt"))
    lines.append((summary.n_skipped, "rows skipped"))
    lines.append((summary.n_refused, "rows refused"))
    return lines


def _show_kinds(out: Console, title: str, kinds: Sequence[Kind]) -> None:
    if not kinds:
        return
    out.print(f"\n[bold]{title}[/]")
    for kind in kinds[:_SHOWN_KINDS]:
        first = "first " if kind.count > 1 else ""
        out.print(f"{kind.count:>9,}  {escape(kind.example)} [dim]({first}{escape(kind.place)})[/]", soft_wrap=True)
    if len(kinds) > _SHOWN_KINDS:
        rest = sum(kind.count for kind in kinds[_SHOWN_KINDS:])
        out.print(f"{rest:>9,}  for {len(kinds) - _SHOWN_KINDS} other reasons; --explain shows them all")
