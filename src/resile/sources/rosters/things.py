"""What an export holds, told apart by kind and id, wherever in its answers it stands."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from resile.model.catalog import Kind
from resile.sources.rosters.exported import answers
from resile.sources.rosters.roster import Roster, items_of, text_of, whole_of

# By kind, as the other tool calls it, and id.
Things = dict[str, dict[str, dict[str, Any]]]


def things_in(
    roster: Roster,
    path: Path,
    kinds: Iterable[str],
    *,
    items: str,
    alone: Callable[[Any], Mapping[str, Any]],
    count: str,
    ids: Sequence[str],
    kind_of: Callable[[Mapping[str, Any]], str | None],
) -> Things:
    """All of it, of answers that do not say what they hold; of two that tell of the same, the one that says more.

    Args:
        kinds: all that there may be.
        items: field of an answer that lists several, and
        alone: what an answer holds that tells of one; empty where it does not.
        count: field that says how many there are on all pages.
        ids: fields of which the first that is there is the id.
        kind_of: by its fields; None: it is nothing that is read.
    """
    found: Things = {kind: {} for kind in kinds}
    there_are: dict[str, int] = {}
    for answer, file in answers(path):
        single = alone(answer)
        for one in [*items_of(answer, items), *([dict(single)] if single else [])]:
            kind, ref = kind_of(one), text_of(one, *ids)
            if kind is None:
                roster.note(f"{file} holds something that is not read here")
            elif ref and len(one) >= len(found[kind].get(ref, {})):
                found[kind][ref] = one
                there_are[kind] = max(there_are.get(kind, 0), whole_of(answer, count))
    for kind, n in there_are.items():
        if len(found[kind]) < n:
            roster.note(f"{len(found[kind])} of {n} {kind} are here; save the other pages too")
    return found


def name_all(roster: Roster, things: Things, kinds: Iterable[tuple[Kind, str]], *titles: str) -> None:
    """Give everything its name before anything is read that refers to it.

    Args:
        titles: fields of which the first that is there is what people call it.
    """
    for kind, its in kinds:
        for ref, told in things[its].items():
            roster.name(kind, ref, text_of(told, *titles))
