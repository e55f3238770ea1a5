"""What a document says, before it is known whether it becomes HTML or PDF."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from msgspec import Struct

from resile.analytics.query import Condition
from resile.analytics.sentences import Parts

Spec = dict[str, Any]


class Figure(Struct, frozen=True):
    """A number of the headline, what it is, and how far to trust it."""

    value: str
    label: str
    note: str = ""


class Range(Struct, frozen=True):
    """A median in its interval, and P90, on the table's logarithmic axis: shares of its width; None where undefined."""

    median: float | None
    low: float | None
    high: float | None
    p90: float | None


class Cell(Struct, frozen=True, omit_defaults=True):
    """One cell of a table.

    Attributes:
        note: said after the text, more quietly.
        bar: a bar of this share of the width, in `colour`; negative to the left of the middle where `is_signed`.
    """

    text: str = ""
    note: str = ""
    is_strong: bool = False
    range: Range | None = None
    bar: float | None = None
    is_signed: bool = False
    colour: str = "accent"


class Column(Struct, frozen=True):
    """A column's heading, and whether its cells are numbers or drawn."""

    title: str
    is_number: bool = False
    is_drawn: bool = False


class Table(Struct, frozen=True, kw_only=True):
    """Rows of cells; the first column names the row."""

    caption: str
    columns: list[Column]
    rows: list[list[Cell]]
    total: list[Cell] = []


class Picture(Struct, frozen=True, kw_only=True):
    """A chart, made for a theme and a width in pixels, and what it shows in words for those who cannot see it."""

    spec: Callable[[int], Spec]
    description: str


class Section(Struct, frozen=True, kw_only=True):
    """A heading with a picture, a table, sentences, or several of them."""

    title: str
    aside: str = ""
    sentences: list[str] = []
    picture: Picture | None = None
    table: Table | None = None


class Frame(Struct, frozen=True, kw_only=True):
    """What stands around every document: when it was made, of which incidents, and whether they are simulated."""

    made_at: datetime
    where: tuple[Condition, ...] = ()
    is_simulated: bool = False


class Content(Struct, frozen=True, kw_only=True):
    """A whole document.

    Attributes:
        about: from what to what, over which window, which incidents: said under the message.
        notes: sentences on how far to trust the figures.
        excluded: what is not counted and why, or that nothing is left out.
    """

    title: str
    message: Parts
    about: list[str]
    figures: list[Figure]
    sections: list[Section]
    notes: list[str]
    excluded: str
    definition: str
    frame: Frame
