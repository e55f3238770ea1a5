"""Lists that a forge gives newest first, in no order of their last change: read down to what is known.

What had not ended when it was read is asked for once more by its name, for it stands where it began.
"""

from collections.abc import Callable, Generator, Iterator
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from resile.ports.delivery_source import Cursors, DeliveryReading, ReadUpTo
from resile.ports.source import Progress
from resile.sources.forges.client import GONE, WithheldError
from resile.sources.forges.reading import decoded, encoded, wants_more
from resile.sources.forges.rest import RestNode

# Two that began at about the same time may be seen in the other order.
_OVERLAP = timedelta(minutes=1)
_MAX_OPEN = 1_000


class Known(Struct):
    """How far a list was read: a cursor.

    Attributes:
        at: of the newest that was read, when everything older was too.
        seen: those of about that time, by name and time.
        open: names of those that had not ended.
        earliest: what began before it was left out; asked for earlier, the list is read anew.
        goal, goal_seen: what `at` and `seen` will be once the pages from `address` on are read as well.
    """

    at: datetime | None = None
    seen: list[str] = []
    open: list[str] = []
    earliest: datetime | None = None
    goal: datetime | None = None
    goal_seen: list[str] = []
    address: str = ""


class Began(Struct, frozen=True):
    """One thing of a list.

    Attributes:
        at: by which the list is ordered: when it began, or when it was changed last; None: it has not begun.
        has_ended: whether nothing will change in it any more.
    """

    node: RestNode
    name: str
    at: datetime | None
    has_ended: bool


class NewestFirst(Struct, frozen=True, kw_only=True):
    """How one list is read.

    Attributes:
        cursor: its name.
        ask: asks for the first page, or for that at an address; gives it with the address of the next.
        ask_one: asks for one by its name.
        tell: what some of them tell.
        earliest: what began before is left out at first.
    """

    cursor: str
    ask: Callable[[str], Generator[Progress, None, tuple[list[Began], str | None]]]
    ask_one: Callable[[str], Generator[Progress, None, Began]]
    tell: Callable[[list[RestNode]], Iterator[DeliveryReading]]
    earliest: datetime | None

    def readings(self, cursors: Cursors) -> Iterator[DeliveryReading]:
        """Everything new, and what became of those that had not ended."""
        known = decoded(cursors(self.cursor), Known)
        if wants_more(self.earliest, known.earliest):
            known = Known(open=known.open)
        if known.at is None:
            known = replace(known, earliest=self.earliest)
        known = yield from self._reopened(known)
        if known.address:
            known = yield from self._down(known)
        known = yield from self._down(known)
        yield ReadUpTo(self.cursor, encoded(known))

    def _reopened(self, known: Known) -> Generator[DeliveryReading, None, Known]:
        still_open: list[str] = []
        for name in known.open:
            try:
                one = yield from self.ask_one(name)
            except WithheldError as error:
                if error.status not in GONE:
                    raise
                continue  # It was deleted.
            yield from self.tell([one.node])
            if not one.has_ended:
                still_open.append(name)
        return replace(known, open=still_open)

    def _down(self, known: Known) -> Generator[DeliveryReading, None, Known]:
        """Read page by page until all of a page is known."""
        while True:
            page, address = yield from self.ask(known.address)
            began = [one for one in page if one.at is not None and not _is_early(one.at, known)]
            fresh = [one for one in began if _mark(one) not in known.seen and not _is_older(one.at, known.at)]
            yield from self.tell([one.node for one in fresh])
            known = _with(known, fresh)
            if address is None or (not fresh and _descends(page)):
                break
            known = replace(known, address=address)
            yield ReadUpTo(self.cursor, encoded(known))
        at = known.goal if known.goal is not None else known.at
        seen = known.goal_seen if known.goal is not None else known.seen
        return Known(at=at, seen=seen, open=known.open, earliest=known.earliest)


def _is_early(at: datetime, known: Known) -> bool:
    # Of what began since the last reading nothing is skipped, for nobody would come back to it.
    return known.at is None and known.earliest is not None and at < known.earliest


def _mark(one: Began) -> str:
    return f"{one.name} {'' if one.at is None else one.at.isoformat()}"


def _descends(page: list[Began]) -> bool:
    """Whether a page shows by itself that what follows it is older still: a forge may not mind the order asked for."""
    times = [one.at for one in page if one.at is not None]
    return bool(times) and times[0] > times[-1]


def _is_older(at: datetime | None, known_at: datetime | None) -> bool:
    return at is None or (known_at is not None and at < known_at - _OVERLAP)


def _with(known: Known, fresh: list[Began]) -> Known:
    """The cursor once these were told."""
    goal, seen = known.goal, dict.fromkeys(known.goal_seen or known.seen)
    times = [one.at for one in fresh if one.at is not None]
    newest = max([*times, *([goal] if goal is not None else [])], default=None)
    names = [_mark(one) for one in fresh if newest is not None and not _is_older(one.at, newest)]
    return replace(
        known,
        goal=newest,
        goal_seen=[*seen, *(name for name in names if name not in seen)][-_MAX_OPEN:],
        open=[*known.open, *(one.name for one in fresh if not one.has_ended and one.name not in known.open)][
            -_MAX_OPEN:
        ],
    )
