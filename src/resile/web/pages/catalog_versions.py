"""Versions of a document side by side: what each changed, and the difference between two."""

from collections.abc import Sequence

from msgspec import Struct

from resile.model.catalog import Kind
from resile.ports.catalog import Version
from resile.sources.catalog_folder import difference

_LINES = {"+": "added", "-": "gone", "@": "place"}


class Step(Struct, frozen=True, kw_only=True):
    """A version, and what it changed.

    Attributes:
        lines: of the difference from the version before, each with what it is: added, gone, place or empty.
    """

    version: Version
    lines: Sequence[tuple[str, str]]
    n_added: int
    n_gone: int


def steps_of(kind: Kind, name: str, versions: Sequence[Version]) -> list[Step]:
    """Each version with what it changed; what follows the last is taken for the version before it."""
    found = []
    for number, one in enumerate(versions):
        before = versions[number + 1].body if number + 1 < len(versions) else None
        lines = marked_lines(difference(kind, name, before, one.body))
        marks = [mark for mark, _ in lines]
        found.append(Step(version=one, lines=lines, n_added=marks.count("added"), n_gone=marks.count("gone")))
    return found


def compared_versions(
    kind: Kind, name: str, versions: Sequence[Version], *, numbers: Sequence[int]
) -> tuple[int, int, Sequence[tuple[str, str]]] | None:
    """Two versions that were asked for, and the difference from the one to the other; None: there are not both."""
    chosen = [next((one for one in versions if one.number == number), None) for number in numbers]
    if chosen[0] is None or chosen[1] is None:
        return None
    return numbers[0], numbers[1], marked_lines(difference(kind, name, chosen[0].body, chosen[1].body))


def marked_lines(lines: Sequence[str]) -> list[tuple[str, str]]:
    """Without the two lines that name files: the page says of which document it is."""
    return [(_LINES.get(line[:1], ""), line) for line in lines[2:]]
