"""Which notices of shifts are due: told to whoever is about to be on call, begins to be, or is no longer."""

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise

from msgspec import Struct
from msgspec.structs import replace

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
    STAYS = "stays"  # their duty lasts longer than it did
    TAKEN_OFF = "taken_off"  # what was theirs is another's, or nobody's


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
        before, after: who is on duty before and after it, or instead of who was taken off; None: nobody, or it is not
            known.
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


def notices_at_once(
    before: Sequence[Spell], after: Sequence[Spell], wishes: Mapping[str, Wish], *, now: datetime
) -> list[Notice]:
    """What those hear at once whose duty was changed, where that begins within a day from now.

    Whoever is on duty where they were not, and whoever no longer is; but for those who hold right up to there, who hear
    of it as it ends. A notice that one of these makes needless counts as sent with it: it has the same names.

    Args:
        before, after: the change, over one window that holds now; in order, without holes.
    """
    pieces = [one for one in _pieces(before, after, now) if one.was != one.is_now]
    gained = (_gained(run, before, after, wishes, now) for run in _runs(pieces, lambda one: one.is_now))
    lost = (_lost(run, before, after, wishes, now) for run in _runs(pieces, lambda one: one.was))
    # Of several spans that are one shift's it is told once.
    return list({one.names: one for one in (*gained, *lost) if one is not None}.values())


class _Piece(Struct, frozen=True, kw_only=True):
    """A span in which one person was on duty and one is now; None: nobody."""

    starts_at: datetime
    ends_at: datetime
    was: str | None
    is_now: str | None


def _pieces(before: Sequence[Spell], after: Sequence[Spell], now: datetime) -> Iterable[_Piece]:
    """Both, cut where one of them changes hands, from now on."""
    was, is_now = (deque(one for one in held if one.ends_at > now) for held in (before, after))
    starts_at = now
    while was and is_now:
        ends_at = min(was[0].ends_at, is_now[0].ends_at)
        yield _Piece(starts_at=starts_at, ends_at=ends_at, was=was[0].person, is_now=is_now[0].person)
        for held in (was, is_now):
            if held[0].ends_at == ends_at:
                held.popleft()
        starts_at = ends_at


def _runs(pieces: Sequence[_Piece], whose: Callable[[_Piece], str | None]) -> Iterable[Spell]:
    """Spans that are one person's without a break; those of nobody are left out."""
    run: Spell | None = None
    for one in pieces:
        person = whose(one)
        if run is not None and run.person == person and run.ends_at == one.starts_at:
            run = replace(run, ends_at=one.ends_at)
            continue
        if run is not None:
            yield run
        run = None
        if person is not None:
            run = Spell(starts_at=one.starts_at, ends_at=one.ends_at, person=person, duties=())
    if run is not None:
        yield run


def _gained(
    run: Spell, before: Sequence[Spell], after: Sequence[Spell], wishes: Mapping[str, Wish], now: datetime
) -> Notice | None:
    person, wish = run.person, wishes.get(run.person or "")
    if person is None or wish is None or run.starts_at > now + SOON:
        return None
    number = next(n for n, one in enumerate(after) if one.starts_at <= run.starts_at < one.ends_at)
    shift = after[number]
    kind, lead, whom = NoticeKind.PUT_ON, timedelta(0), after[number - 1].person if number else None
    is_back = any(one.person == person and one.starts_at == shift.starts_at for one in before)
    if shift.starts_at == run.starts_at or (run.starts_at == now and not is_back):
        # Their duty begins there, or began lately, where who entered it says so.
        passed = [one for one in wish.before if shift.starts_at - one <= now]
        kind, lead = (NoticeKind.BEGINS if passed else kind), min(passed, default=lead)
    elif run.starts_at > now:
        kind = NoticeKind.STAYS
    else:
        # As if they had been on duty all along, now that an override is gone: it is from now on that they are.
        shift = replace(shift, starts_at=now)
        whom = next((one.person for one in before if one.starts_at <= now < one.ends_at), None)
    return Notice(
        person=person,
        kind=kind,
        at=now,
        shift=shift,
        lead=lead,
        before=whom,
        after=after[number + 1].person if number + 1 < len(after) else None,
    )


def _lost(
    run: Spell, before: Sequence[Spell], after: Sequence[Spell], wishes: Mapping[str, Wish], now: datetime
) -> Notice | None:
    person, wish = run.person, wishes.get(run.person or "")
    if person is None or wish is None or run.starts_at > now + SOON:
        return None
    its = [one for one in after if one.person == person]
    if any(one.ends_at == run.starts_at for one in its):
        return None
    instead = next((one.person for one in after if one.starts_at <= run.starts_at < one.ends_at), None)
    ran = next((one.starts_at for one in before if one.person == person and one.starts_at <= now < one.ends_at), None)
    cut = next((one for one in its if one.starts_at == ran and one.ends_at <= now), None)
    if cut is not None and run.starts_at == now and wish.ends:
        # It ended lately, as who took it away says: what falls due of that is the same notice.
        return Notice(person=person, kind=NoticeKind.ENDS, at=now, shift=cut, after=instead)
    return Notice(person=person, kind=NoticeKind.TAKEN_OFF, at=now, shift=run, after=instead)
