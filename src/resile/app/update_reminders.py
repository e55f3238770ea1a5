"""Promised updates: whoever is to write one is reminded before it is due, and once when it is late."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from resile.app.growing import Growing
from resile.app.persons import account_of
from resile.model.audience import Audience
from resile.model.catalog import Person
from resile.model.event import Acknowledged, Exclusion
from resile.model.incident import value_of
from resile.model.message import Message, MessageClass, message_id_of
from resile.model.phases import instants, taker_of
from resile.model.policy import Way
from resile.model.room_event import Role, UpdatePromised, UpdateReminded
from resile.model.severity import Severity
from resile.model.time import MINUTE, format_instant
from resile.ports.paging_store import Changes, Timer, TimerKind
from resile.ports.timeline_store import TimelineStore
from resile.response.published import NEVER_OUTSIDE

BY = "resile"
LEAD = 5 * MINUTE


class UpdateReminders:
    """The handler of TimerKind.UPDATE.

    Args:
        people: of the catalog, by name.
        ways: by which a person is reached.
    """

    def __init__(
        self,
        timelines: TimelineStore,
        *,
        people: Callable[[], Mapping[str, Person]],
        ways: Callable[[str, Severity | None], tuple[Way, ...]],
    ) -> None:
        self._timelines = timelines
        self._people = people
        self._ways = ways

    def due(self, timers: Sequence[Timer], now: datetime) -> Changes:
        """Remind, and take back what is promised for incidents that are over; sets or takes away each timer."""
        timelines = self._timelines.read_many([timer.subject for timer in timers])
        changes = Changes()
        for timer in timers:
            growing = Growing(timer.subject, timelines.get(timer.subject, []), now=now, by=BY)
            messages: list[Message] = []
            for audience, due_at in growing.room.promises.items():
                if over_because(growing, audience) is not None:
                    growing.tell(UpdatePromised, audience=audience, due_at=None)
                elif (is_late := _is_due(growing, audience, due_at)) is not None:
                    messages += self._remind(growing, audience, due_at, is_late=is_late)
            changes += Changes(appends=growing.appends(), timers=(timer_of(growing),), messages=tuple(messages))
        return changes

    def _remind(self, growing: Growing, audience: str, due_at: datetime, *, is_late: bool) -> list[Message]:
        found = self._reached(growing)
        people = () if found is None else (found[0],)
        growing.tell(UpdateReminded, audience=audience, due_at=due_at, people=people, is_late=is_late)
        if found is None:
            return []
        person, contact = found[0], found[1].contact
        title = value_of(growing.incident.title, "") or growing.incident_id
        return [
            Message(
                id=message_id_of("reminder", growing.incident_id, audience, format_instant(due_at), is_late),
                message_class=MessageClass.NOTICE,
                channel=contact.channel,
                address=contact.address,
                title=f"Update for {audience} {'is overdue' if is_late else 'is due soon'}: {title}",
                text=_text(growing, audience, due_at),
                queued_at=growing.now,
                due_at=growing.now,
                expires_at=None if is_late else due_at,
                incident_id=growing.incident_id,
                person=person,
                contact=contact.name,
            )
        ]

    def _reached(self, growing: Growing) -> tuple[str, Way] | None:
        """The liaison, else the commander, else who acknowledged: the first who can be reached, and how."""
        room, severity = growing.room, value_of(growing.incident.severity, None)
        holders = [room.holder(role) for role in (Role.LIAISON, Role.COMMANDER)]
        acknowledged = [event.by for event in growing.events if isinstance(event, Acknowledged)]
        told = [*(one.person for one in holders if one is not None), taker_of(growing.incident), *acknowledged[-1:]]
        for words in filter(None, told):
            person = self._named(words)
            ways = self._ways(person, severity)
            if ways:
                return person, ways[0]
        return None

    def _named(self, words: str) -> str:
        """What the catalog calls somebody, where it knows them."""
        for name, person in self._people().items():
            account = account_of(name, person)
            if words.lower() in {name, f"person:{name}", f"user:{account}", account}:
                return name
        return words


def timer_of(growing: Growing) -> Timer:
    """When the promises of an incident are to be looked at next."""
    next_at: list[datetime] = []
    for audience, due_at in growing.room.promises.items():
        told = _told(growing, audience, due_at)
        if False not in told and True not in told:
            next_at.append(due_at - _lead(growing, audience, due_at))
        elif True not in told:
            next_at.append(due_at)
    return Timer(kind=TimerKind.UPDATE, subject=growing.incident_id, due_at=min(next_at, default=None))


def over_because(growing: Growing, audience: str) -> str | None:
    """Why nothing is promised any more; None: it goes on. What is restored still owes its last update."""
    incident = growing.incident
    if not incident.exists or value_of(incident.merged_into, None) is not None:
        return "merged"
    exclusion = value_of(incident.exclusion, None)
    if exclusion is Exclusion.NOISE or (exclusion in NEVER_OUTSIDE and audience == Audience.CUSTOMERS):
        return exclusion
    return None if instants(incident).closed is None else "closed"


def _is_due(growing: Growing, audience: str, due_at: datetime) -> bool | None:
    """Whether to remind that it is late (True), or due soon (False); None: neither, or that was done."""
    told = _told(growing, audience, due_at)
    if growing.now >= due_at:
        return None if True in told else True
    is_soon = growing.now >= due_at - _lead(growing, audience, due_at)
    return False if is_soon and not told else None


def _told(growing: Growing, audience: str, due_at: datetime) -> set[bool]:
    """Which reminders of a promise there were."""
    return {
        event.is_late
        for event in growing.events
        if isinstance(event, UpdateReminded) and event.audience == audience and event.due_at == due_at
    }


def _lead(growing: Growing, audience: str, due_at: datetime) -> timedelta:
    """How long before: of a promise of a few minutes when half of it has passed."""
    promised = [
        event.at
        for event in growing.events
        if isinstance(event, UpdatePromised) and event.audience == audience and event.due_at == due_at
    ]
    return min(LEAD, (due_at - max(promised, default=due_at - 2 * LEAD)) / 2)


def _text(growing: Growing, audience: str, due_at: datetime) -> str:
    told = f"The next update for {audience} is promised by {due_at:%Y-%m-%d %H:%M} UTC."
    if instants(growing.incident).restored is not None:
        told += " The incident is restored: publish that it is resolved, or take the promise back."
    return (
        f"{told} Write it on the incident's page, or with: "
        f"resile incident update {growing.incident_id} --audience {audience} --publish"
    )
