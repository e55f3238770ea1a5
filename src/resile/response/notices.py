"""Which notices of shifts are due: told to whoever is about to be on call, begins to be, or is no longer."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise

from msgspec import Struct

from resile.model.time import DAY, HOUR
from resile.response.oncall import Spell

# A notice that is older helps nobody any more: after a standstill it is left out.
LATEST = HOUR
# Whoever is put on duty within so long is told at once.
SOON = DAY


class NoticeKind(StrEnum):
    """What a notice tells."""

    BEGINS = "begins"  # so long before a shift, or at its beginning
    ENDS = "ends"
    PUT_ON = "put_on"  # somebody put them on duty


class Wish(Struct, frozen=True):
    """When a person wants to hear of their shifts.

    Attributes:
        before: so long before each; 0: at its beginning.
        ends: whether at its end too.
    """

    before: tuple[timedelta, ...] = (DAY, timedelta(0))
    ends: bool = True


class Notice(Struct, frozen=True, kw_only=True):
    """One notice to one person.

    Attributes:
        at: when it is due.
        lead: how long before the shift; of a shift that ends 0.
        shift: without a break, whatever the reasons.
        before, after: who is on duty before and after it; None: nobody, or it is not known.
    """

    person: str
    kind: NoticeKind
    at: datetime
    shift: Spell
    lead: timedelta = timedelta(0)
    before: str | None = None
    after: str | None = None

    @property
    def names(self) -> tuple[object, ...]:
        """What makes it this one and no other, however often it is decided upon."""
        anchor = self.shift.ends_at if self.kind is NoticeKind.ENDS else self.shift.starts_at
        return (self.kind, self.person, anchor.isoformat(), self.lead // timedelta(seconds=1))


def notices(held: Sequence[Spell], wishes: Mapping[str, Wish]) -> Iterable[Notice]:
    """All notices of a schedule's shifts, but for where the window begins and ends, where no shift does.

    Args:
        held: spells in order, without holes.
        wishes: of those who want any.
    """
    for number, (shift, following) in enumerate(pairwise(held)):
        begins_in_it = number > 0
        before = held[number - 1].person if begins_in_it else None
        yield from _of(shift, wishes, before=before, after=following.person, begins=begins_in_it, ends=True)
    if len(held) > 1:
        yield from _of(held[-1], wishes, before=held[-2].person, after=None, begins=True, ends=False)


def _of(
    shift: Spell, wishes: Mapping[str, Wish], *, before: str | None, after: str | None, begins: bool, ends: bool
) -> Iterable[Notice]:
    person = shift.person
    wish = None if person is None else wishes.get(person)
    if person is None or wish is None:
        return
    for lead in dict.fromkeys(wish.before) if begins else ():
        at = shift.starts_at - lead
        yield Notice(person=person, kind=NoticeKind.BEGINS, at=at, shift=shift, lead=lead, before=before, after=after)
    if ends and wish.ends:
        yield Notice(person=person, kind=NoticeKind.ENDS, at=shift.ends_at, shift=shift, before=before, after=after)


def notices_due(held: Sequence[Spell], wishes: Mapping[str, Wish], *, since: datetime, now: datetime) -> list[Notice]:
    """Those that fell due in (since, now], the earliest first; none that is older than an hour."""
    first = max(since, now - LATEST)
    return sorted((one for one in notices(held, wishes) if first < one.at <= now), key=lambda one: one.at)


def next_notice_at(held: Sequence[Spell], wishes: Mapping[str, Wish], *, after: datetime) -> datetime | None:
    """When the next one is due; None: none within the window."""
    return min((one.at for one in notices(held, wishes) if one.at > after), default=None)


def notice_at_once(
    held: Sequence[Spell], wishes: Mapping[str, Wish], person: str, *, starts_at: datetime, now: datetime
) -> Notice | None:
    """What somebody hears at once who was put on duty from `starts_at` on; None: nothing.

    Nothing where the duty begins later than a day from now, is over, or was theirs before. A notice that this one
    makes needless counts as sent with it: it has the same names.

    Args:
        held: as it is with the change.
    """
    wish = wishes.get(person)
    number = next((n for n, one in enumerate(held) if one.starts_at <= starts_at < one.ends_at), None)
    if wish is None or number is None or starts_at > now + SOON:
        return None
    shift = held[number]
    if shift.person != person or shift.starts_at < starts_at or shift.ends_at <= now:
        return None
    passed = [lead for lead in wish.before if shift.starts_at - lead <= now]
    return Notice(
        person=person,
        kind=NoticeKind.BEGINS if passed else NoticeKind.PUT_ON,
        at=now,
        shift=shift,
        lead=min(passed, default=timedelta(0)),
        before=held[number - 1].person if number else None,
        after=held[number + 1].person if number + 1 < len(held) else None,
    )
