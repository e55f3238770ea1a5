"""Who is on call, and the overrides by which people change it."""

from collections.abc import Callable, Sequence
from datetime import datetime

from msgspec import Struct

from resile.app.access import Identity, new_id, require
from resile.app.catalog import Catalog
from resile.app.printable import printable
from resile.model.catalog import Kind
from resile.model.errors import ConfigError
from resile.model.schedule import MAX_OVERRIDES, Override, Schedule, check_override
from resile.model.time import DAY, format_instant
from resile.ports.account_store import Scope
from resile.ports.catalog import CatalogStore, EnteredOverride
from resile.ports.clock import Clock
from resile.response.oncall import AHEAD, Duty, LostShift, Spell, duties, lost_shifts, spells
from resile.response.swap import swapped, taken

LOOKED_AHEAD = 14 * DAY
MAX_AHEAD = 366 * DAY
_MAX_REASON = 200


class Standing(Struct, frozen=True, kw_only=True):
    """How a schedule stands at an instant.

    Attributes:
        title: of the schedule.
        now: who holds it; until when is followed for forty days.
        next: who does afterwards; None: nobody else within those days.
        gaps: when nobody does, as far as they begin within fourteen days.
    """

    schedule: str
    title: str
    zone: str
    now: Spell
    next: Spell | None
    gaps: list[Duty]


class Calendar(Struct, frozen=True, kw_only=True):
    """A schedule over a span of time."""

    schedule: str
    zone: str
    starts_at: datetime
    ends_at: datetime
    duties: list[Duty]
    lost_shifts: list[LostShift]
    overrides: list[EnteredOverride]


# Hears who changed which schedule's overrides, and which held before that were not over for long.
Hear = Callable[[Identity, str, Sequence[Override]], None]


class OnCall:
    """The use cases of on-call duty.

    Args:
        hear: called after each change of overrides.
    """

    def __init__(self, catalog: Catalog, store: CatalogStore, clock: Clock, *, hear: Hear | None = None) -> None:
        self._catalog = catalog
        self._store = store
        self._clock = clock
        self._hear = hear

    def standings(self, at: datetime | None = None) -> list[Standing]:
        """How every schedule stands, by name."""
        instant = self._clock.now() if at is None else at
        return [self._standing(schedule, instant) for schedule in self._catalog.schedules().values()]

    def _standing(self, schedule: Schedule, at: datetime) -> Standing:
        held = duties(schedule, self._overrides(schedule.name, at), at, at + AHEAD)
        now, *later = spells(held)
        soon = at + LOOKED_AHEAD
        return Standing(
            schedule=schedule.name,
            title=self._catalog.title_of(Kind.SCHEDULE, schedule.name),
            zone=schedule.zone,
            now=now,
            next=later[0] if later else None,
            gaps=[duty for duty in held if duty.person is None and duty.starts_at < soon],
        )

    def calendar(self, name: str, starts_at: datetime, ends_at: datetime) -> Calendar:
        """A schedule over a span of time.

        Raises:
            ConfigError: there is no such schedule, or the span is none or too long.
        """
        schedule = self.schedule(name)
        if ends_at <= starts_at:
            raise ConfigError(f"a calendar cannot end {format_instant(ends_at)} before it starts; swap the two")
        if ends_at - starts_at > MAX_AHEAD:
            raise ConfigError(f"a calendar of {(ends_at - starts_at).days} days is too long; ask for {MAX_AHEAD.days}")
        entered = self._store.overrides(name, ends_after=starts_at)
        overrides = [one.override for one in entered]
        return Calendar(
            schedule=name,
            zone=schedule.zone,
            starts_at=starts_at,
            ends_at=ends_at,
            duties=duties(schedule, overrides, starts_at, ends_at),
            lost_shifts=lost_shifts(schedule, starts_at, ends_at),
            overrides=[one for one in entered if one.override.starts_at < ends_at],
        )

    def override(
        self, by: Identity, name: str, person: str | None, *, starts_at: datetime, ends_at: datetime, because: str = ""
    ) -> list[Override]:
        """Put somebody on duty, or nobody, from one instant to another.

        Raises:
            AccessError: who asks may not write.
            ConfigError: schedule or person are unknown, or the times are wrong.
        """
        require(by, Scope.WRITE)
        self.schedule(name)
        entry = self._entry(by, because)
        entered = Override(
            id=entry.id, person=person, starts_at=starts_at, ends_at=ends_at, by=entry.by, because=entry.because
        )
        check_override(entered)
        return self._enter(by, name, [entered])

    def take(self, by: Identity, name: str, person: str, because: str = "") -> list[Override]:
        """Put a person on duty from now until the present duty ends.

        Raises:
            AccessError: who asks may not write.
            ConfigError: schedule or person are unknown, or they are on duty already.
        """
        require(by, Scope.WRITE)
        schedule, now = self.schedule(name), self._clock.now()
        present = spells(duties(schedule, self._overrides(name, now), now, now + AHEAD))[0]
        return self._enter(by, name, [taken(present, person, now=now, entry=self._entry(by, because))])

    def swap(
        self, by: Identity, name: str, first_at: datetime, second_at: datetime, because: str = ""
    ) -> list[Override]:
        """Let the two who are on duty at two instants exchange their whole duties, as far as they are to come.

        Raises:
            AccessError: who asks may not write.
            ConfigError: there is nothing to exchange.
        """
        require(by, Scope.WRITE)
        schedule = self.schedule(name)
        first, second = (self._whole(schedule, at) for at in (first_at, second_at))
        entries = [self._entry(by, because), self._entry(by, because)]
        return self._enter(by, name, swapped(first, second, now=self._clock.now(), entries=entries))

    def _whole(self, schedule: Schedule, at: datetime) -> Spell:
        """Whose duty an instant lies in, from its beginning to its end, at most forty days to either side."""
        overrides = self._overrides(schedule.name, at - AHEAD)
        around = spells(duties(schedule, overrides, at - AHEAD, at + AHEAD))
        return next(spell for spell in around if spell.starts_at <= at < spell.ends_at)

    def remove(self, by: Identity, override_id: str) -> None:
        """Let an override hold no longer.

        Raises:
            AccessError: who asks may not write.
            ConfigError: there is none of that id.
        """
        require(by, Scope.WRITE)
        known = self._store.override(override_id)
        before = [] if known is None else self._before(known.schedule)
        if known is None or not self._store.remove_override(override_id, at=self._clock.now(), by=by.by):
            raise ConfigError(f"no override {override_id[:40]!r} holds; look at those that do")
        self._tell(by, known.schedule, before)

    def replace(self, by: Identity, name: str, *, removed: Sequence[str], added: Sequence[Override]) -> None:
        """Let some overrides hold no longer and others in their place, all of it or nothing.

        Raises:
            AccessError: who asks may not write.
            ConfigError: schedule or a person are unknown, or there would be too many.
            ConflictError: one of those that are added holds already, or one that is removed does not.
        """
        require(by, Scope.WRITE)
        self.schedule(name)
        for one in added:
            check_override(one)
        now = self._check_room(name, added, n_removed=len(removed))
        before = self._before(name)
        self._store.replace_overrides(name, removed=removed, added=added, at=now, by=by.by)
        self._tell(by, name, before)

    def _enter(self, by: Identity, name: str, entered: Sequence[Override]) -> list[Override]:
        now = self._check_room(name, entered)
        before = self._before(name)
        self._store.add_overrides(name, entered, at=now)
        self._tell(by, name, before)
        return list(entered)

    def _before(self, name: str) -> list[Override]:
        """What holds before a change, for whoever hears of it."""
        return [] if self._hear is None else self._overrides(name, self._clock.now() - AHEAD)

    def _tell(self, by: Identity, name: str, before: Sequence[Override]) -> None:
        if self._hear is not None:
            self._hear(by, name, before)

    def _check_room(self, name: str, entered: Sequence[Override], *, n_removed: int = 0) -> datetime:
        people = self._catalog.people()
        for one in entered:
            if one.person is not None and one.person not in people:
                raise ConfigError(f"person {one.person[:64]!r} is not in the catalog; add them first")
        now = self._clock.now()
        if len(self._overrides(name, now)) + len(entered) - n_removed > MAX_OVERRIDES:
            raise ConfigError(
                f"schedule {name!r} has {MAX_OVERRIDES} overrides that are not over; change its rotations instead"
            )
        return now

    def _entry(self, by: Identity, because: str) -> Override:
        now = self._clock.now()
        return Override(id=new_id(), person=None, starts_at=now, ends_at=now, by=by.by, because=reason_of(because))

    def _overrides(self, name: str, since: datetime) -> list[Override]:
        return [one.override for one in self._store.overrides(name, ends_after=since)]

    def schedule(self, name: str) -> Schedule:
        """The rules of a schedule.

        Raises:
            ConfigError: there is none of that name.
        """
        schedules = self._catalog.schedules()
        if name not in schedules:
            listed = f"use one of {', '.join(list(schedules)[:20])}" if schedules else "add one to the catalog first"
            raise ConfigError(f"schedule {name[:64]!r} is unknown; {listed}")
        return schedules[name]


def reason_of(said: str) -> str:
    """Why somebody is on duty, on one line of bounded length."""
    return " ".join(printable(said).split())[:_MAX_REASON]
