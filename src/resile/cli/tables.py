"""The look of tables in the terminal, and the room they have."""

from collections.abc import Sequence

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

# A drawn column is at least this wide, or says nothing; and at most this wide, or says no more.
_LEAST_DRAWN, _MOST_DRAWN = 8, 28
# Longer names are folded; where there is little room, at these.
_LEAST_NAME, _MOST_NAME = 12, 24


def plain_table(*, has_footer: bool = False, expands: bool = False) -> Table:
    """A table with a rule under its head and nothing else."""
    padding = (0, 1, 0, 0)
    return Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=padding, show_footer=has_footer, expand=expands)


def pairs_table() -> Table:
    """Names and values, without head or rules."""
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 3, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    return table


def column_widths(out: Console, names: Sequence[str], *, others: int) -> tuple[int, int]:
    """The room for a column of names, and for a drawn one, beside columns that take `others` characters.

    On a narrow terminal names are folded first; then nothing is drawn (0), so that no figure is cut off.
    """
    room = out.width - others
    longest = max(map(cell_len, names), default=0)
    name_width = min(longest, _MOST_NAME, max(room - _LEAST_DRAWN, _LEAST_NAME))
    drawn = min(_MOST_DRAWN, room - name_width)
    return name_width, drawn if drawn >= _LEAST_DRAWN else 0


def number_columns(table: Table, *names: str) -> None:
    """Columns of figures; an interval reads from the left, the rest line up at the right."""
    for name in names:
        table.add_column(name, justify="left" if name == "95 %" else "right", no_wrap=True)


def print_table(out: Console, table: Table) -> None:
    """Print the table without the empty lines that its frame leaves above and below."""
    with out.capture() as captured:
        out.print(table)
    lines = captured.get().split("\n")
    while lines and not lines[0].strip():
        lines.pop(0)
    while lines and not lines[-1].strip():
        lines.pop()
    out.print(Text.from_ansi("\n".join(line.rstrip() for line in lines)))
