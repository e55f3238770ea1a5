"""All repositories of an owner, one after the other."""

from collections.abc import Callable, Iterable, Iterator

from resile.ports.delivery_source import DeliveryReading, Unused
from resile.ports.source import Place, Progress, Remark
from resile.sources.forges.reading import if_fit
from resile.sources.forges.rest import RestNode


def read_several(
    found: Iterable[tuple[str, RestNode, str | None]],
    read: Callable[[RestNode], Iterator[DeliveryReading]],
    *,
    n: int,
) -> Iterator[DeliveryReading]:
    """What each of the repositories tells; one that was named by itself is read whatever it is.

    Args:
        found: with a name for sentences, and why it is left out among others, if it is.
        n: how many they are.
    """
    n_left_out = 0
    for number, (name, node, why_left_out) in enumerate(found, start=1):
        if n > 1:
            yield Progress(number, n, "repositories")
            if why_left_out is not None:
                n_left_out += 1
                yield Unused(Place(name), why_left_out)
                continue
        # A generator of its own, so that a field which is not as it should be is told of this one alone.
        yield from if_fit(name, _readings(node, read))
    if n > 1:
        yield Remark(f"{n - n_left_out} repositories were read, {n_left_out} left out as forks or archived")


def _readings(node: RestNode, read: Callable[[RestNode], Iterator[DeliveryReading]]) -> Iterator[DeliveryReading]:
    yield from read(node)
