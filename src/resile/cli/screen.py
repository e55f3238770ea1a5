"""The terminal as one stream to write to: its colours are ours alone."""

from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from resile.app.printable import printable_lines


class Screen(Console):
    """A console on which no text from outside can move the cursor, clear the screen or change a colour."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """The pieces to be written; colours are still apart from the text here."""
        for segment in super().render(renderable, options):
            if segment.control is None and not segment.text.isprintable():
                yield Segment(printable_lines(segment.text), segment.style)
            else:
                yield segment
