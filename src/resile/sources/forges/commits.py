"""The commits of a branch, as a forge lists them: what came since the last reading, to go on with wherever it ends."""

import re
from collections.abc import Callable, Generator, Iterator
from functools import partial

from msgspec import Struct

from resile.model.change import Commit
from resile.ports.delivery_source import CommitsRead, Cursors, DeliveryReading, ReadUpTo, Unused
from resile.ports.source import Progress, Remark
from resile.sources.forges.client import WithheldError
from resile.sources.forges.fit import told_or_unused
from resile.sources.forges.reading import decoded, encoded
from resile.sources.forges.rest import RestNode
from resile.sources.git_commits import MAX_AUTHOR, MAX_SUBJECT, inert

_NOT_THERE = 404
_BLANK_LINE = re.compile(r"\n[ \t\r]*\n")


class Branch(Struct):
    """How far a branch was read: a cursor.

    Attributes:
        head: everything up to this commit was read.
        goal, address: what is being read now, and the address of its next page.
    """

    head: str = ""
    goal: str = ""
    address: str = ""


class Page(Struct, frozen=True):
    """Some commits, and the address of more; None: that is all."""

    nodes: list[RestNode]
    address: str | None


# Asks for a page of what `goal` holds and `head` does not (empty: of all).
Ask = Callable[[Branch], Generator[Progress, None, Page]]


def subject_of(message: str) -> str:
    """What git itself calls a commit's subject: the first paragraph, on one line."""
    return inert(_BLANK_LINE.split(message.strip(), maxsplit=1)[0], MAX_SUBJECT)


def author_of(name: str | None) -> str | None:
    """A commit's author as git tells it."""
    return inert(name or "", MAX_AUTHOR) or None


def read_branch(
    name: str, cursors: Cursors, newest: str, ask: Ask, tell: Callable[[RestNode], Commit], *, place: str
) -> Iterator[DeliveryReading]:
    """Read up to the newest commit.

    Args:
        name: of the cursor.
        place: of what, for sentences.

    Raises:
        WithheldError: the forge does not show its commits.
    """
    known = decoded(cursors(name), Branch)
    if known.goal:
        # Broken off in the middle the last time; what one commit holds and another does not stays the same.
        known = yield from _gone_on(name, known, ask, tell, place)
    if newest != known.head:
        yield from _up_to(name, Branch(known.head, newest), ask, tell, place)


def _gone_on(
    name: str, known: Branch, ask: Ask, tell: Callable[[RestNode], Commit], place: str
) -> Generator[DeliveryReading, None, Branch]:
    """Read the rest of what was begun; from anew, where the commit that was to be reached is gone by now."""
    try:
        yield from _up_to(name, known, ask, tell, place)
    except WithheldError as error:
        if error.status != _NOT_THERE:
            raise
        return Branch(known.head)
    return Branch(known.goal)


def _up_to(
    name: str, branch: Branch, ask: Ask, tell: Callable[[RestNode], Commit], place: str
) -> Generator[DeliveryReading, None, None]:
    n_read = 0
    try:
        n_read = yield from _pages(name, branch, ask, tell, place)
    except WithheldError as error:
        if error.status != _NOT_THERE or not branch.head:
            raise
    if not n_read and branch.head:
        # The forge knows the old commit no more, or finds nothing between them.
        yield Remark(
            f"{place}: the history was rewritten; it is read anew, and what no branch holds any more counts only in so "
            "far as a deployment contains it"
        )
        yield from _pages(name, Branch("", branch.goal), ask, tell, place)
    yield ReadUpTo(name, encoded(Branch(branch.goal)))


def _pages(
    name: str, branch: Branch, ask: Ask, tell: Callable[[RestNode], Commit], place: str
) -> Generator[DeliveryReading, None, int]:
    n_read = 0
    while True:
        page = yield from ask(branch)
        told = [told_or_unused(place, partial(tell, node)) for node in page.nodes]
        yield from (one for one in told if isinstance(one, Unused))
        yield CommitsRead(tuple(one for one in told if isinstance(one, Commit)))
        n_read += len(told)
        yield Progress(n_read, None, "commits")
        if page.address is None:
            return n_read
        branch = Branch(branch.head, branch.goal, page.address)
        yield ReadUpTo(name, encoded(branch))
