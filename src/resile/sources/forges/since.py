"""What was touched since: lists that are read in order of their last change, page by page, each page a place to go on.

Pages are asked for by time and not by number: whatever changes while a list is read moves to its end, and all that
stand behind it would move up a place, one of them past us.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from resile.ports.delivery_source import Unused
from resile.ports.source import Place
from resile.sources.forges.reading import wants_more
from resile.sources.forges.rest import RestNode, UnfitError

# A forge dates a change before others can see it; so long we look back, at most.
_OVERLAP = timedelta(minutes=1)


class Since(Struct):
    """How far a list was read: a cursor.

    Attributes:
        at: of the last change that was read; None: nothing so far.
        seen: what was read at about that time, by id: when it had been changed.
        asked: what was asked for; asked for otherwise, the list is read anew.
        earliest: what was last changed before it was left out; asked for earlier, the list is read anew too.
    """

    at: datetime | None = None
    seen: dict[str, datetime] = {}
    asked: str = ""
    earliest: datetime | None = None


class Item(Struct, frozen=True):
    """One thing of a list, with its id there and the time of its last change."""

    node: RestNode
    name: str
    changed_at: datetime


def items_of(nodes: Iterable[RestNode], *, changed: str, place: str) -> tuple[list[Item], list[Unused]]:
    """The things of a page, and those left out because they have no id or no time.

    Args:
        changed: the field that says when one was changed last.
        place: what they are, for sentences.
    """
    items: list[Item] = []
    unused: list[Unused] = []
    for node in nodes:
        try:
            items.append(Item(node, node["id"].name(), node[changed].needed_instant()))
        except UnfitError as error:
            unused.append(Unused(Place(place), str(error)))
    return items, unused


class ChangeWalk:
    """Goes through one list.

    Args:
        earliest: what was last changed before it is left out at first; later nothing is, for nobody would come back
            to what changed between the last reading and then.
    """

    def __init__(self, known: Since, *, asked: str, earliest: datetime | None) -> None:
        is_anew = known.at is None or known.asked != asked or wants_more(earliest, known.earliest)
        self._cursor = Since(asked=asked, earliest=earliest) if is_anew else known
        self._from = self._start()
        self._page = 1
        self.is_over = False

    @property
    def cursor(self) -> Since:
        """How far was read."""
        return self._cursor

    @property
    def since(self) -> datetime | None:
        """From when on the next page is asked for; None: from the beginning."""
        return self._from

    @property
    def page(self) -> int:
        """The number of the next page of those from then on: more than 1 only where a whole page changed at once."""
        return self._page

    def fresh(self, page: Sequence[Item], *, is_last: bool) -> list[Item]:
        """Those of a page that were not read before; the walk goes on behind them."""
        fresh = [item for item in page if self._cursor.seen.get(item.name) != item.changed_at]
        before = self._from
        if page:
            last = max(item.changed_at for item in page)
            at = last if self._cursor.at is None else max(last, self._cursor.at)
            seen = {**self._cursor.seen, **{item.name: item.changed_at for item in page}}
            kept = {name: changed for name, changed in seen.items() if changed >= at - _OVERLAP}
            self._cursor = Since(at, kept, self._cursor.asked, self._cursor.earliest)
            self._from = last if before is None else max(last, before)
        self._page = self._page + 1 if self._from == before else 1
        self.is_over = is_last
        return fresh

    def _start(self) -> datetime | None:
        return self._cursor.earliest if self._cursor.at is None else self._cursor.at - _OVERLAP
