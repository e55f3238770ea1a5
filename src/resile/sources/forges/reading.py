"""What the readings of all forges have in common: streams with a cursor each, of which one may be withheld."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import TypeVar

import msgspec
from msgspec import Struct

from resile.model.change import ChangeReport, Commit
from resile.model.draft import Draft
from resile.model.errors import ConfigError
from resile.ports.delivery_source import (
    BrokenOff,
    CommitsRead,
    Cursors,
    DeliveryReading,
    IncidentsRead,
    ReadUpTo,
    ReportsRead,
)
from resile.ports.source import Progress, Remark
from resile.sources.forges.client import GONE, Answer, Asking, ForgeClient, LimitedError, WithheldError
from resile.sources.forges.fit import left_out
from resile.sources.forges.rest import RestNode, UnfitError

T = TypeVar("T")
# Where items may change so long after they were made, and keep their place, the first page does not tell of it.
_SHORT = timedelta(minutes=1)


def until_limited(readings: Iterator[DeliveryReading]) -> Iterator[DeliveryReading]:
    """These readings; where the forge's limit lasts too long, its sentence in place of the rest."""
    try:
        yield from readings
    except LimitedError as error:
        yield BrokenOff(str(error))


def if_granted(what: str, readings: Iterator[DeliveryReading]) -> Iterator[DeliveryReading]:
    """These readings; where the forge withholds them, a remark, so that other streams go on.

    Args:
        what: is read, for the remark: `deployments of github.com/acme/shop`.
    """
    try:
        yield from readings
    except (WithheldError, UnfitError) as error:
        yield Remark(f"{what} are not read: {error}")


def if_fit(place: str, readings: Iterator[DeliveryReading]) -> Iterator[DeliveryReading]:
    """These readings of one item; where it is gone, or a field is not as it should be, why it is left out."""
    try:
        yield from readings
    except (UnfitError, WithheldError) as error:
        yield left_out(place, error)


class Walk(Struct):
    """How far a list that is told newest first was walked.

    Attributes:
        floor: what is older was read by an earlier walk; None: nothing was.
        top: the newest that this walk saw when it began.
        next_page: where this walk goes on; empty: none is under way.
        since: what is older was left out, as asked.
        mark: of the first page of this walk, or of the last one that ended: unchanged, nothing is new.
    """

    floor: datetime | None = None
    top: datetime | None = None
    next_page: str = ""
    since: datetime | None = None
    mark: str = ""


class Listing(Struct, frozen=True, kw_only=True):
    """A list that a forge tells newest first, page by page.

    What is new while it is walked moves the rest down: it is seen twice rather than never, and the next walk takes what
    came in above.

    Attributes:
        cursor: the name under which it is kept how far it was walked.
        unit: what is listed, for the progress bar: `pull requests`.
        path, params, needs: as ForgeClient.get has them.
        moment: by which the list is sorted.
        tell: what one item says.
        name: of an item, for a sentence on one that is left out.
        since: what is older is left out at first.
        field: of an answer, that holds the list; empty: it is the list.
        overlap: so far below the newest that was seen the next walk begins: by so much an item may change after it was
            made, or be dated before others can see it.
    """

    cursor: str
    unit: str
    path: str
    params: Mapping[str, str]
    needs: str
    moment: Callable[[RestNode], datetime]
    tell: Callable[[RestNode], Iterator[DeliveryReading]]
    name: Callable[[RestNode], str]
    since: datetime | None = None
    field: str = ""
    overlap: timedelta = timedelta(minutes=1)


def walked(client: ForgeClient, listing: Listing, cursors: Cursors) -> Iterator[DeliveryReading]:
    """What the items say that are new since the last time; broken off, it goes on with the page that it was at.

    Raises:
        ConfigError: as ForgeClient.get.
    """
    walk = decoded(cursors(listing.cursor), Walk)
    if wants_more(listing.since, walk.since):
        walk = Walk()
    while True:
        was_under_way = bool(walk.next_page)
        try:
            yield from _one_walk(client, listing, walk)
        except WithheldError as error:
            if not was_under_way or error.status not in GONE:
                raise
            # The page where an earlier run was is there no more: from the newest again.
            walk = Walk(floor=walk.floor, since=walk.since)
            continue
        if not was_under_way:
            return
        # What came in above where the earlier run began.
        walk = _ended(walk, listing)


def _one_walk(client: ForgeClient, listing: Listing, walk: Walk) -> Iterator[DeliveryReading]:
    n_told, address = 0, walk.next_page
    # At first alone: of what was touched since the last reading nothing is skipped, for nobody would come back to it.
    floor = walk.floor if walk.floor is not None else listing.since
    while True:
        answer = yield from _page(client, listing, address, walk.mark)
        if answer.is_unchanged:
            return
        if not address:
            walk.mark = answer.mark if listing.overlap <= _SHORT else ""
        n_below = 0
        wanted: list[RestNode] = []
        for item in items_of(answer, listing.field):
            try:
                moment = listing.moment(item)
            except UnfitError as error:
                yield left_out(listing.name(item), error)
                continue
            if floor is not None and moment < floor:
                n_below += 1
                continue
            if not walk.next_page and (walk.top is None or moment > walk.top):
                walk.top = moment
            wanted.append(item)
        yield from gathered(if_fit(listing.name(item), listing.tell(item)) for item in wanted)
        n_told += len(wanted)
        yield Progress(n_told, None, listing.unit)
        address = "" if n_below else answer.next_page or ""
        if not address:
            yield ReadUpTo(listing.cursor, encoded(_ended(walk, listing)))
            return
        walk.next_page = address
        if walk.floor is None:
            walk.since = listing.since
        yield ReadUpTo(listing.cursor, encoded(walk))


def _page(client: ForgeClient, listing: Listing, address: str, mark: str) -> Asking:
    if not address:
        return (yield from client.get(listing.path, listing.params, needs=listing.needs, mark=mark))
    return (yield from client.get(address, needs=listing.needs))


def _ended(walk: Walk, listing: Listing) -> Walk:
    top = walk.top or walk.floor
    reached = None if top is None else max(top - listing.overlap, walk.floor or top - listing.overlap)
    return Walk(floor=reached, since=listing.since if walk.floor is None else walk.since, mark=walk.mark)


def gathered(many: Iterator[Iterator[DeliveryReading]]) -> Iterator[DeliveryReading]:
    """The readings of many items, with all their reports together, for one transaction."""
    reports: list[ChangeReport] = []
    drafts: list[Draft] = []
    commits: list[Commit] = []
    for readings in many:
        for reading in readings:
            if isinstance(reading, ReportsRead):
                reports += reading.reports
            elif isinstance(reading, IncidentsRead):
                drafts += reading.drafts
            elif isinstance(reading, CommitsRead):
                commits += reading.commits
            else:
                yield reading
    if commits:
        yield CommitsRead(tuple(commits))
    if reports:
        yield ReportsRead(tuple(reports))
    if drafts:
        yield IncidentsRead(tuple(drafts))


def items_of(answer: Answer, field: str = "") -> Iterator[RestNode]:
    """The items of a page.

    Raises:
        ConfigError: the answer is no list, so that nothing can be made of it.
    """
    try:
        page = answer.json()
        return (page[field] if field else page).needed().items()
    except UnfitError as error:
        raise ConfigError(f"{str(error).partition('; ')[0]}; check that the address is a forge's API") from None


def wants_more(since: datetime | None, was: datetime | None) -> bool:
    """Whether more is wanted than was read, when what came before `was` was left out; None: nothing is."""
    return was is not None and (since is None or since < was)


def decoded(cursor: bytes | None, kind: type[T]) -> T:
    """What an earlier reading left; where there is nothing, the kind's defaults.

    Raises:
        ConfigError: a newer resile left it.
    """
    if not cursor:
        return kind()
    try:
        return msgspec.msgpack.decode(cursor, type=kind)
    except msgspec.MsgspecError:
        raise ConfigError(
            "what an earlier import of this repository remembered cannot be read by this resile; update resile"
        ) from None


def encoded(cursor: object) -> bytes:
    """A cursor as it is kept."""
    return msgspec.msgpack.encode(cursor)
