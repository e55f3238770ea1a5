"""The look of tables in the terminal, and the room they have."""

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

# A drawn column is at least this wide, or says nothing; and at most this wide, or says no more.
_LEAST_DRAWN, _MOST_DRAWN = 8, 28


def plain_table(*, has_footer: bool = False, expands: bool = False) -> Table:
    """A table with a rule under its head and nothing else."""
    padding = (0, 1, 0, 0)
    return Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=padding, show_footer=has_footer, expand=expands)


def pairs_table() -> Table:
    """Names and values, without head or rules."""
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 3, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    return table


def drawn_width(out: Console, *, others: int) -> int:
    """The room for a drawn column beside columns that take `others` characters."""
    return max(_LEAST_DRAWN, min(_MOST_DRAWN, out.width - others))


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
