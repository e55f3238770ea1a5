"""What the items of a list tell: one that is bad spoils no history."""

from collections.abc import Callable, Generator, Iterable, Iterator
from typing import TypeVar

from resile.model.change import ChangeReport
from resile.model.draft import Draft
from resile.ports.delivery_source import DeliveryReading, IncidentsRead, ReportsRead, Unused
from resile.ports.source import Place, Progress
from resile.sources.forges.client import GONE, WithheldError
from resile.sources.forges.rest import UnfitError

T = TypeVar("T")
_MAX_PLACE = 400

# What one item tells, or why it is left out.
Tells = tuple[ChangeReport | Draft, ...] | Unused


def told_or_unused(place: str, tell: Callable[[], T]) -> T | Unused:
    """What is told; where a field is not as it should be, why it is left out."""
    try:
        return tell()
    except UnfitError as error:
        return left_out(place, error)


def left_out(place: str, error: UnfitError | WithheldError) -> Unused:
    """Why one item is left out: a field is not as it should be, or it is there no more.

    Raises:
        WithheldError: it is withheld for another reason, and so are others.
    """
    if isinstance(error, WithheldError) and error.status not in GONE:
        raise error
    return Unused(Place(place[:_MAX_PLACE]), str(error))


def cut_at(limit: int, place: str) -> Unused:
    """Says of a list that only its first entries were read: each page is a question, and only robots write so much."""
    return Unused(Place(place[:_MAX_PLACE]), f"there are more than {limit:,} entries; the others are left out")


def unless_gone(
    place: str, asking: Generator[Progress | Unused, None, Tells]
) -> Generator[Progress | Unused, None, Tells]:
    """What one item tells; where it was deleted since, or a field is not as it should be, why it is left out."""
    try:
        return (yield from asking)
    except (UnfitError, WithheldError) as error:
        return left_out(place, error)


def readings_of(told: Iterable[Tells]) -> Iterator[DeliveryReading]:
    """What several items tell, in one go."""
    reports: list[ChangeReport] = []
    drafts: list[Draft] = []
    for tells in told:
        if isinstance(tells, Unused):
            yield tells
            continue
        drafts += [one for one in tells if isinstance(one, Draft)]
        reports += [one for one in tells if not isinstance(one, Draft)]
    if reports:
        yield ReportsRead(tuple(reports))
    if drafts:
        yield IncidentsRead(tuple(drafts))
