"""Shift notices: whoever is on call soon, now or no longer hears of it, at most once."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

import structlog
from msgspec import Struct
from msgspec.structs import replace

from resile.app.access import Identity
from resile.app.catalog import Catalog
from resile.app.message_facts import shift_facts
from resile.app.message_words import words_of
from resile.app.persons import is_person
from resile.app.templates import chosen
from resile.model.catalog import Kind
from resile.model.errors import StoreError
from resile.model.message import Message, MessageClass, message_id_of
from resile.model.paging_documents import TemplateDocument, contacts_of, leads_of, notices_of
from resile.model.policy import Contact
from resile.model.schedule import Override, Schedule
from resile.model.time import MINUTE, WEEK
from resile.ports.catalog import CatalogStore
from resile.ports.clock import Clock
from resile.ports.paging_store import Changes, PagingStore, Timer, TimerKind
from resile.response.notices import Notice, NoticeKind, Wish, next_notice_at, notices_at_once, notices_due
from resile.response.oncall import AHEAD, Spell, duties, spells

# So often a schedule is looked at where no notice is due: another process may have changed it.
LOOK_EVERY = 15 * MINUTE
# Channels that ring: nobody is rung up for a notice unless they chose it.
_RINGING = frozenset({"voice", "twilio_voice"})
# Templates word that somebody is on call, which these do not tell.
_OF_NO_DUTY = frozenset({NoticeKind.ENDS, NoticeKind.TAKEN_OFF})
_log = structlog.get_logger()


class _Told(Struct, frozen=True, kw_only=True):
    """A person as notices need them: where and when they want to hear of their shifts."""

    contact: Contact
    wish: Wish
    zone: str | None


class ShiftNotices:
    """Decides upon them; the handler of TimerKind.SHIFT.

    Args:
        verified: by person, the names of the contacts that were proven.
        address: where people reach this resile: `https://resile.example.org`; None: messages carry no link.
    """

    def __init__(
        self,
        catalog: Catalog,
        overrides: CatalogStore,
        store: PagingStore,
        clock: Clock,
        *,
        verified: Callable[[], Mapping[str, frozenset[str]]],
        address: str | None,
    ) -> None:
        self._catalog = catalog
        self._overrides = overrides
        self._store = store
        self._clock = clock
        self._verified = verified
        self._address = address

    def due(self, timers: Sequence[Timer], now: datetime) -> Changes:
        """What is due of some schedules: messages, and when to look next."""
        schedules, people = self._catalog.schedules(), self._people()
        changes = Changes()
        for timer in timers:
            schedule = schedules.get(timer.subject)
            if schedule is None:
                changes += Changes(timers=(_timer(timer.subject, None),))
                continue
            held, wishes = self._held(schedule, now), _wishes(people)
            # Looked at so long before at the latest; what was told since has its message already.
            since = (timer.due_at or now) - LOOK_EVERY
            found = notices_due(held, wishes, since=since, now=now)
            messages = self._messages(schedule, found, people, now)
            changes += Changes(messages=messages, timers=(_timer(schedule.name, _next(held, wishes, now)),))
        return changes

    def ensure_timers(self) -> None:
        """See to it that every schedule is looked at when its next notice is due; at the start, and after changes.

        A timer that is overdue stays so: what fell due while nothing ran is told if it is not older than an hour.
        A store that fails is logged, for nothing else waits for notices.
        """
        try:
            self._set_timers(self._clock.now())
        except StoreError as error:
            _log.error("shift timers not set", error=str(error))

    def _set_timers(self, now: datetime) -> None:
        known = {timer.subject: timer for timer in self._store.timers(TimerKind.SHIFT)}
        schedules, wishes = self._catalog.schedules(), _wishes(self._people())
        set_anew = [_timer(name, None) for name in known if name not in schedules]
        for name, schedule in schedules.items():
            timer = known.get(name)
            if timer is None or (timer.due_at is not None and timer.due_at > now):
                set_anew.append(_timer(name, _next(self._held(schedule, now), wishes, now)))
        if set_anew:
            self._store.commit(Changes(timers=tuple(set_anew)))

    def changed(self, by: Identity, name: str, before: Sequence[Override]) -> None:
        """Tell at once those whose duty within a day somebody else changed, and look at the schedule anew.

        The change holds, whatever becomes of the notices: a store that fails is logged.

        Args:
            before: the overrides that held before.
        """
        try:
            self._tell_at_once(by, name, before, self._clock.now())
        except StoreError as error:
            _log.error("shift notices failed", schedule=name, error=str(error))

    def _tell_at_once(self, by: Identity, name: str, before: Sequence[Override], now: datetime) -> None:
        schedule = self._catalog.schedules().get(name)
        if schedule is None:
            return
        people = self._people()
        themselves = {person for person, told in self._catalog.people().items() if is_person(by, person, told)}
        found = [
            one
            for one in notices_at_once(
                _spells(schedule, before, now), self._held(schedule, now), _wishes(people), now=now
            )
            if one.person not in themselves
        ]
        messages = self._not_sent_yet(self._messages(schedule, found, people, now))
        # Looked at now: whoever is relieved at this moment hears of it too.
        self._store.commit(Changes(messages=messages, timers=(_timer(name, now),)))

    def _not_sent_yet(self, messages: Sequence[Message]) -> tuple[Message, ...]:
        """Of those that were told the same before it was changed and changed back, under a name of their own."""
        known = self._store.messages([one.id for one in messages])
        return tuple(
            replace(one, id=message_id_of(one.id, one.queued_at.isoformat())) if one.id in known else one
            for one in messages
        )

    def _held(self, schedule: Schedule, now: datetime) -> list[Spell]:
        entered = self._overrides.overrides(schedule.name, ends_after=now - AHEAD)
        return _spells(schedule, [one.override for one in entered], now)

    def _people(self) -> dict[str, _Told]:
        """Those who want notices and can get them."""
        verified = self._verified()
        found = {}
        for name, person in self._catalog.people().items():
            contacts = contacts_of(name, person.contacts)
            wanted = notices_of(name, person.notices, contacts)
            contact = None if wanted is None else notice_contact(contacts, wanted.use, verified.get(name, frozenset()))
            if wanted is not None and contact is not None:
                wish = Wish(before=leads_of(name, wanted), ends=wanted.ends)
                found[name] = _Told(contact=contact, wish=wish, zone=person.zone)
        return found

    def _messages(
        self, schedule: Schedule, found: Sequence[Notice], people: Mapping[str, _Told], now: datetime
    ) -> tuple[Message, ...]:
        if not found:
            return ()
        templates = self._catalog.all_of(Kind.TEMPLATE, TemplateDocument)
        return tuple(self._message(schedule, one, people[one.person], templates, now) for one in found)

    def _message(
        self,
        schedule: Schedule,
        notice: Notice,
        told: _Told,
        templates: Mapping[str, TemplateDocument],
        now: datetime,
    ) -> Message:
        title, text = self._words(schedule, notice, told, templates, now)
        return Message(
            id=message_id_of("shift", schedule.name, *notice.names),
            message_class=MessageClass.NOTICE,
            channel=told.contact.channel,
            address=told.contact.address,
            person=notice.person,
            contact=told.contact.name,
            title=title,
            text=text,
            queued_at=now,
            due_at=now,
        )

    def _words(
        self,
        schedule: Schedule,
        notice: Notice,
        told: _Told,
        templates: Mapping[str, TemplateDocument],
        now: datetime,
    ) -> tuple[str, str]:
        called = self._catalog.title_of(Kind.SCHEDULE, schedule.name)
        zone = told.zone or schedule.zone
        title, text = words(notice, called, zone=ZoneInfo(zone), now=now)
        channel = told.contact.channel
        if notice.kind not in _OF_NO_DUTY and chosen(templates, "shift_notice", channel) is not None:
            shift = notice.shift
            facts = shift_facts(
                called, person=notice.person, begins_at=shift.starts_at, ends_at=shift.ends_at, now=now, zone=zone
            )
            written = words_of(facts, templates, channel=channel)
            if written.fault is None:
                title, text = written.title, written.text
            else:
                _log.warning("template not used", template="shift_notice", fault=written.fault)
        if self._address is None:
            return title, text
        return title, f"{text}\n{self._address.rstrip('/')}/oncall/{schedule.name}"


def words(notice: Notice, called: str, *, zone: ZoneInfo, now: datetime) -> tuple[str, str]:
    """Title and text of a notice: since when, until when, and who hands over to whom."""
    shift = notice.shift
    has_begun, is_open = shift.starts_at <= now, shift.ends_at >= now + AHEAD
    starts, ends = _clock(shift.starts_at, zone), _clock(shift.ends_at, zone)
    if notice.kind is NoticeKind.ENDS:
        following = notice.after or "Nobody"
        return f"Your duty for {called} is over", f"You hand over to {following}." if notice.after else (
            f"{following} is on call after you."
        )
    if notice.kind is NoticeKind.TAKEN_OFF:
        title = f"You are {'no longer' if has_begun else 'not'} on call for {called}"
        until = "" if is_open else f" until {ends} ({zone.key})"
        instead = f"{notice.after or 'Nobody'} is on call instead{until}."
        return title if has_begun else f"{title} from {starts} after all", instead
    if notice.kind is NoticeKind.STAYS:
        title = f"You stay on call for {called}{'' if is_open else f' until {ends}'}"
    else:
        title = f"You are on call for {called} {'now' if has_begun else f'from {starts}'}"
    lines = [f"From {starts}, and for the next forty days." if is_open else f"From {starts} until {ends} ({zone.key})."]
    lines += [f"You take over from {notice.before}."] if notice.before else ["Nobody is on call before you."]
    if not is_open:
        lines.append(f"You hand over to {notice.after}." if notice.after else "Nobody is on call after you.")
    return title, "\n".join(lines)


def _clock(at: datetime, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%a %Y-%m-%d %H:%M}"


def notice_contact(contacts: Sequence[Contact], use: str | None, verified: frozenset[str]) -> Contact | None:
    """Where a notice goes: to the one they chose, else by mail, else to the first that does not ring.

    Of contacts some of which are proven only to these: the others may be a stranger's.
    """
    trusted = [one for one in contacts if one.name in verified] or list(contacts)
    chosen_one = next((one for one in trusted if one.name == use), None)
    mail = next((one for one in trusted if one.channel == "email"), None)
    return chosen_one or mail or next((one for one in trusted if one.channel not in _RINGING), None)


def _spells(schedule: Schedule, overrides: Sequence[Override], now: datetime) -> list[Spell]:
    """From far enough back that a shift which runs is known from its beginning, to far enough ahead."""
    return spells(duties(schedule, overrides, now - AHEAD, now + WEEK + AHEAD))


def _wishes(people: Mapping[str, _Told]) -> dict[str, Wish]:
    return {name: told.wish for name, told in people.items()}


def _next(held: Sequence[Spell], wishes: Mapping[str, Wish], now: datetime) -> datetime:
    soon = now + LOOK_EVERY
    return min(next_notice_at(held, wishes, after=now) or soon, soon)


def _timer(schedule: str, due_at: datetime | None) -> Timer:
    return Timer(kind=TimerKind.SHIFT, subject=schedule, due_at=due_at)
