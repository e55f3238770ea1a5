"""Words beside upright lines of a picture, laid out so that no line crosses the words of another."""

from collections.abc import Sequence

from msgspec import Struct


class LabelPlace(Struct, frozen=True):
    """Where the words of a line stand.

    Attributes:
        row: 0 for the uppermost; the line begins at the height of its words.
        is_left: they end at the line; else they begin there.
    """

    row: int
    is_left: bool


def label_places(lines: Sequence[float], widths: Sequence[float], right: float) -> list[LabelPlace]:
    """For each line, given by its place from the left, where its words stand; in the order given.

    Words begin at their line and end before `right`, or before the next line of which the words are on its left;
    else they stand on the left of it. Those come first, from the right; then the others, from the left: so each line
    that would cross words to its left or right begins below them.

    Args:
        lines, widths: of the words, in units of the picture.
    """
    from_right = sorted(range(len(lines)), key=lambda at: -lines[at])
    edge, left = right, []
    for at in from_right:
        if lines[at] + widths[at] > edge:
            left.append(at)
            edge = lines[at]
    others = [at for at in reversed(from_right) if at not in left]
    rows = {at: row for row, at in enumerate([*left, *others])}
    return [LabelPlace(rows[at], at in left) for at in range(len(lines))]
