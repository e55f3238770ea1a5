"""What becomes of incidents in which nothing happens any more: people are asked, and what is restored is closed."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from resile.alerting.standing import firings_of
from resile.analytics.words import exact_duration
from resile.app.catalog import Catalog
from resile.app.directory import Verified
from resile.app.growing import Growing
from resile.app.persons import account_of
from resile.app.shift_notices import notice_contact
from resile.model.alert import AlertState
from resile.model.catalog import Person
from resile.model.errors import TransitionError
from resile.model.event import AlertCleared, Source
from resile.model.incident import InstantName, value_of
from resile.model.lifecycle import Reach
from resile.model.message import Message, MessageClass, message_id_of
from resile.model.paging_documents import contacts_of, notices_of
from resile.model.phases import instants, taker_of
from resile.model.policy import Contact
from resile.model.room_event import AskedIfRestored, Role
from resile.ports.paging_store import Changes, PagingStore, Timer, TimerKind
from resile.ports.timeline_store import TimelineStore
from resile.response.ending import Ending, EndingLengths, matters, next_ending

# Under which name timelines tell of what was done because nothing happened.
QUIET = "resile:quiet"


def ending_looked_at(growing: Growing) -> Changes:
    """Have it looked at how an incident ends, where something was told that may change it; part of the same commit."""
    if not any(matters(event) for event in growing.new) and not _has_cleared(growing):
        return Changes()
    return Changes(timers=(Timer(kind=TimerKind.ENDING, subject=growing.incident_id, due_at=growing.now),))


def _has_cleared(growing: Growing) -> bool:
    """Whether the last of its alerts cleared just now, as far as its timeline tells."""
    return any(isinstance(event, AlertCleared) for event in growing.new) and not firings_of(growing.events).open


class Endings:
    """The handler of TimerKind.ENDING.

    Args:
        verified: by person, the names of the contacts that were proven.
        address: where people reach this resile; None: messages carry no link.
    """

    def __init__(
        self,
        store: PagingStore,
        timelines: TimelineStore,
        catalog: Catalog,
        *,
        verified: Verified,
        lengths: EndingLengths,
        address: str | None,
    ) -> None:
        self._store = store
        self._timelines = timelines
        self._catalog = catalog
        self._verified = verified
        self._lengths = lengths
        self._address = address

    def due(self, timers: Sequence[Timer], now: datetime) -> Changes:
        """What is due of some incidents; sets or takes away each of these timers."""
        timelines = self._timelines.read_many([timer.subject for timer in timers])
        changes = Changes()
        for timer in timers:
            growing = Growing(timer.subject, timelines.get(timer.subject, []), now=now, by=QUIET)
            changes += self._of(growing)
        return changes

    def _of(self, growing: Growing) -> Changes:
        cleared_at = firings_of(growing.events).cleared_at
        stand: dict[str, Any] = {
            "is_firing": self._is_firing(growing),
            "is_watched": self._store.timer(TimerKind.CLEAR, growing.incident_id) is not None,
            "cleared_at": cleared_at,
        }
        messages: tuple[Message, ...] = ()
        due = next_ending(growing.incident, growing.events, lengths=self._lengths, **stand)
        if due is not None and due.at <= growing.now:
            if due.what is Ending.ASK:
                messages = self._ask(growing, cleared_at)
            elif not _close(growing):
                due = None
            if due is not None:
                due = next_ending(growing.incident, growing.events, lengths=self._lengths, **stand)
        due_at = None if due is None else due.at
        timer = Timer(kind=TimerKind.ENDING, subject=growing.incident_id, due_at=due_at)
        return Changes(appends=growing.appends(), messages=messages, timers=(timer,))

    def _is_firing(self, growing: Growing) -> bool:
        """Whether an alert of it, or of what was merged into it, fires."""
        its = self._store.alerts_of([growing.incident_id, *sorted(growing.incident.absorbed)])
        return any(one.alert.state is not AlertState.RESOLVED for one in its)

    def _ask(self, growing: Growing, cleared_at: datetime | None) -> tuple[Message, ...]:
        found = self._asked(growing)
        if found is None:
            because = "nobody leads it or took it who can be asked; say on its page whether it is restored"
            growing.tell(AskedIfRestored, people=(), because=because)
            return ()
        person, contact = found
        because = _why(growing, cleared_at)
        growing.tell(AskedIfRestored, people=(person,), because=because)
        title = value_of(growing.incident.title, "") or growing.incident_id
        way = (
            f"`resile incident restore {growing.incident_id}`"
            if self._address is None
            else f"{self._address.rstrip('/')}/incidents/{growing.incident_id}"
        )
        return (
            Message(
                id=message_id_of("asked if restored", growing.incident_id, growing.new[-1].id),
                message_class=MessageClass.NOTICE,
                channel=contact.channel,
                address=contact.address,
                person=person,
                contact=contact.name,
                # Of no incident: the timeline says that people were asked, and tells pages alone how far they came.
                severity=value_of(growing.incident.severity, None),
                title=f"Is {growing.incident_id} restored?",
                text=f"{title}: {because}. If it is, say so: {way}",
                queued_at=growing.now,
                due_at=growing.now,
            ),
        )

    def _asked(self, growing: Growing) -> tuple[str, Contact] | None:
        """Who leads it, else who took it, and where they want to hear of what does not ring."""
        commander = growing.room.holder(Role.COMMANDER)
        people, verified = self._catalog.people(), self._verified()
        for said in (None if commander is None else commander.person, taker_of(growing.incident)):
            name = _person_named(said, people)
            if name is None:
                continue
            contacts = contacts_of(name, people[name].contacts)
            wanted = notices_of(name, people[name].notices, contacts)
            use = None if wanted is None else wanted.use
            contact = notice_contact(contacts, use, verified.get(name, frozenset()))
            if contact is not None:
                return name, contact
        return None


def _why(growing: Growing, cleared_at: datetime | None) -> str:
    """Why people are asked now."""
    if cleared_at is not None:
        return f"its alerts cleared {_ago(growing, cleared_at)}, and nobody said that it is restored"
    mitigated = instants(growing.incident).mitigated
    ago = "" if mitigated is None else f" {_ago(growing, mitigated.at)}"
    return f"mitigated{ago}, and no alert tells whether it is restored"


def _ago(growing: Growing, at: datetime) -> str:
    return f"{exact_duration((growing.now - at).total_seconds())} ago"


def _close(growing: Growing) -> bool:
    try:
        growing.carry_out(Reach(InstantName.CLOSED), source=Source.INFERRED)
    except TransitionError:
        # Its instants do not allow it: people must mend them.
        return False
    return True


def _person_named(said: str | None, people: dict[str, Person]) -> str | None:
    """The person of the catalog whom a timeline means: by their name, or that of their account."""
    if not said:
        return None
    if said in people:
        return said
    return next((name for name, told in people.items() if account_of(name, told) == said.lower()), None)
