"""iCalendar in: the events of a file become overrides of a schedule; what nobody can place is told."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import replace

from resile.app.access import Identity, require
from resile.app.catalog import Catalog
from resile.app.ics_events import IcsEvent, read_ics
from resile.app.ics_series import Occurrence, key_of, occurrences
from resile.app.oncall import MAX_AHEAD, OnCall, reason_of
from resile.model.catalog import Person
from resile.model.errors import ConfigError
from resile.model.paging_documents import contacts_of
from resile.model.schedule import Override
from resile.ports.account_store import Scope
from resile.ports.catalog import CatalogStore
from resile.ports.clock import Clock

# By this an override is known as one of a calendar: nobody enters such an id by hand.
MARK = "ics-"
MAX_PROBLEMS = 200
_PREFIX = re.compile(r"(?:currently )?on[- ]?call(?: duty| shift)?\s*[:\-–—|]?\s+", re.IGNORECASE)
_APART = re.compile(r"\s+[-–—|/]\s+|\s*[:,;()\[\]|]\s*|\s+(?:is )?on[- ]call\b|\s+for\s+", re.IGNORECASE)
_MAIL = re.compile(r"mailto:\s*", re.IGNORECASE)


class Reading(Struct, frozen=True, kw_only=True):
    """What a file would change, or changed.

    Attributes:
        added: those that are new, and those that take the place of `replaced`.
        removed: those of earlier files that this one holds no longer; removed only where that was asked for.
        n_same: that hold already.
        n_over: events that are over, and
        n_beyond: events that begin more than a year from now: neither is entered.
        problems: a sentence for each event that could not be placed, at most two hundred; `n_problems` counts all.
    """

    schedule: str
    added: tuple[Override, ...] = ()
    replaced: tuple[Override, ...] = ()
    removed: tuple[Override, ...] = ()
    n_same: int = 0
    n_over: int = 0
    n_beyond: int = 0
    problems: tuple[str, ...] = ()
    n_problems: int = 0

    @property
    def changes_nothing(self) -> bool:
        """Whether all of it holds already."""
        return not (self.added or self.replaced or self.removed)


class CalendarIn:
    """The use case of bringing a calendar in."""

    def __init__(self, catalog: Catalog, store: CatalogStore, oncall: OnCall, clock: Clock) -> None:
        self._catalog = catalog
        self._store = store
        self._oncall = oncall
        self._clock = clock

    def read(self, by: Identity, schedule: str, body: bytes, *, prunes: bool = False, tries: bool = False) -> Reading:
        """Read a file into a schedule.

        Args:
            prunes: whether what earlier files entered, is not over and stands in this one no more is removed.
            tries: only say what would change.

        Raises:
            AccessError: who asks may not write.
            ConfigError: there is no such schedule, or it is no iCalendar file, or too large.
            ConflictError: somebody else read a file into it meanwhile.
        """
        require(by, Scope.WRITE)
        told, now = self._oncall.schedule(schedule), self._clock.now()
        file = read_ics(body, zone=ZoneInfo(told.zone))
        until = now + MAX_AHEAD
        found, problems = occurrences(file.events, since=now, until=until)
        entered, unplaced = self._placed(schedule, found, by)
        broken = [*file.problems, *problems]
        if broken and prunes:
            broken.append("nothing was removed, for one of the events that cannot be read may stand for it")
        # What stands in the file but cannot be placed did not vanish from it.
        keeps = {_id(schedule, one.event, one.key) for one in found} if prunes and not broken else None
        off = {_id(schedule, one, key_of(one.recurrence)) for one in file.events if one.is_off} - entered.keys()
        reading = self._compared(schedule, entered, now, keeps=keeps, off=off)
        problems = [*broken, *unplaced]
        single = [one for one in file.events if not one.rules and not one.added and not one.is_off]
        reading = _with(reading, single, now, until, problems)
        if not tries and not reading.changes_nothing:
            self._oncall.replace(
                by, schedule, removed=[one.id for one in (*reading.replaced, *reading.removed)], added=reading.added
            )
        return reading

    def _placed(
        self, schedule: str, found: Sequence[Occurrence], by: Identity
    ) -> tuple[dict[str, Override], list[str]]:
        """Overrides by id, and a sentence for each event whose person is not known."""
        names = _Names(self._catalog.people())
        entered: dict[str, Override] = {}
        problems: dict[int, str] = {}
        for one in found:
            event = one.event
            try:
                person = names.person_of(event)
            except ConfigError as error:
                problems[event.line] = str(error)
                continue
            key = _id(schedule, event, one.key)
            entered[key] = Override(
                id=key,
                person=person,
                starts_at=one.starts_at,
                ends_at=one.ends_at,
                by=by.by,
                because=reason_of(f"calendar: {event.summary}" if event.summary else "calendar"),
            )
        return entered, list(problems.values())

    def _compared(
        self, schedule: str, entered: Mapping[str, Override], now: datetime, *, keeps: set[str] | None, off: set[str]
    ) -> Reading:
        """What is to change; removed is what was called off, and what is not among those that are kept."""
        held = {one.override.id: one.override for one in self._store.overrides(schedule, ends_after=now)}
        ours = {name: one for name, one in held.items() if name.startswith(MARK)}
        changed = [one for name, one in entered.items() if name not in ours or _differ(one, ours[name])]
        return Reading(
            schedule=schedule,
            added=tuple(changed),
            replaced=tuple(ours[one.id] for one in changed if one.id in ours),
            removed=tuple(
                one for name, one in ours.items() if name in off or (keeps is not None and name not in keeps)
            ),
            n_same=len(entered) - len(changed),
        )


def _with(
    reading: Reading, single: Sequence[IcsEvent], now: datetime, until: datetime, problems: Sequence[str]
) -> Reading:
    return replace(
        reading,
        n_over=sum((one.starts + one.lasts).replace(tzinfo=one.zone) <= now for one in single),
        n_beyond=sum(one.starts.replace(tzinfo=one.zone) >= until for one in single),
        problems=tuple(problems[:MAX_PROBLEMS]),
        n_problems=len(problems),
    )


def _id(schedule: str, event: IcsEvent, key: str) -> str:
    """The same for the same event of a schedule, however often its file is read."""
    return MARK + hashlib.sha256(f"{schedule}\n{event.uid}\n{key}".encode()).hexdigest()[:16]


def _differ(one: Override, other: Override) -> bool:
    return (one.person, one.starts_at, one.ends_at, one.because) != (
        other.person,
        other.starts_at,
        other.ends_at,
        other.because,
    )


class _Names:
    """Everybody by what calendars call them; a name of two is nobody's."""

    def __init__(self, people: Mapping[str, Person]) -> None:
        self._mails: dict[str, set[str]] = {}
        self._names: dict[str, set[str]] = {}
        for name, person in people.items():
            mails = [one.address for one in contacts_of(name, person.contacts) if one.channel == "email"]
            for mail in (*mails, person.user or name):
                self._mails.setdefault(mail.strip().casefold(), set()).add(name)
            for called in (name, person.title, person.user or "", *mails):
                if called.strip():
                    self._names.setdefault(" ".join(called.split()).casefold(), set()).add(name)

    def person_of(self, event: IcsEvent) -> str:
        """Who is on call by an event: whom it invites, else whom its title names.

        Raises:
            ConfigError: nobody whom the catalog knows, or more than one.
        """
        invited = {person for one in event.attendees for person in self._invited(one.value, one.params.get("CN", ""))}
        found = invited or self._named(event.summary)
        if len(found) == 1:
            return next(iter(found))
        called = f"event {event.summary[:60]!r}"
        if found:
            raise ConfigError(
                f"line {event.line}: {called} names {', '.join(sorted(found)[:5])}; one person is on call at a time"
            )
        asked = ", ".join(_MAIL.sub("", one.value)[:60] for one in event.attendees[:3])
        who = f" invites {asked}, whom" if asked else " names nobody whom"
        raise ConfigError(
            f"line {event.line}: {called}{who} the catalog {'does not know' if asked else 'knows'}; "
            "give that person the address as an email contact, or write their name into the title"
        )

    def _invited(self, value: str, called: str) -> set[str]:
        mail = _MAIL.sub("", value.strip()).casefold()
        return self._mails.get(mail) or self._names.get(" ".join(called.split()).casefold(), set())

    def _named(self, summary: str) -> set[str]:
        whole = " ".join(summary.split()).casefold()
        bare = _PREFIX.sub("", whole, count=1) if _PREFIX.match(whole) else whole
        for candidate in (whole, bare):
            if candidate in self._names:
                return self._names[candidate]
        parts = [part.strip() for part in _APART.split(bare)]
        return {person for part in parts for person in self._names.get(part, set())}
