"""Updates: drafted from the timeline, agreed to, published once, with a promise of when the next one comes.

What is published is one append at the timeline's version: with it go the promise, its timer, and the rows of the outbox
that say who is to be told. Of two who press at once, one finds that the other has.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
import structlog

from resile.app.access import Identity, require
from resile.app.growing import Growing
from resile.app.printable import printable
from resile.app.tell import told_by
from resile.app.update_drafts import Drafting, Prepared, Wording, add_draft
from resile.app.update_out import UpdatesOut, updates_out
from resile.app.update_rules import UpdateRule
from resile.model.audience import Audience, audience_of
from resile.model.component import UpdatePhase
from resile.model.errors import ConflictError, TransitionError
from resile.model.event import Event, Source, Updated
from resile.model.incident import Incident, value_of
from resile.model.message import Message, MessageClass, message_id_of
from resile.model.phases import instants
from resile.model.policy import Way
from resile.model.room import KnownDraft, Room
from resile.model.room_event import UpdateAgreed, UpdateDrafted, UpdateDropped, UpdatePromised
from resile.model.severity import Severity
from resile.model.time import format_instant
from resile.ports.account_store import Scope
from resile.ports.clock import Clock
from resile.ports.paging_store import Changes, PagingStore, Timer
from resile.ports.telling_store import Telling, TellingCounts, TellingKind
from resile.ports.timeline_store import TimelineStore

_MAX_REASON = 500
_TRIES = 40
_COUNTED = 5
_log = structlog.get_logger()


class Updates:
    """The use cases of updates.

    Args:
        drafting: words them.
        ways: by which a person of the catalog is reached.
        timer: when the promises of an incident are looked at next.
        n_told: how many subscribers there are.
        counts: how far tellings have come, by their ids.
    """

    def __init__(
        self,
        timelines: TimelineStore,
        paging: PagingStore,
        clock: Clock,
        *,
        drafting: Drafting,
        ways: Callable[[str, Severity | None], tuple[Way, ...]],
        timer: Callable[[Growing], Timer],
        n_told: Callable[[], int],
        counts: Callable[[Sequence[str]], Mapping[str, TellingCounts]],
    ) -> None:
        self._timelines = timelines
        self._paging = paging
        self._clock = clock
        self._drafting = drafting
        self._ways = ways
        self._timer = timer
        self._n_told = n_told
        self._counts = counts

    def prepare(self, incident_id: str, audience: str, phase: str | None = None) -> Prepared:
        """What would be drafted now; nothing is written.

        Raises:
            ConfigError: there is no such audience or phase.
            TransitionError: there is no such incident.
        """
        now = self._clock.now()
        return self._drafting.prepared(self._growing(incident_id, "", now), audience_of(audience), phase)

    def draft(
        self, by: Identity, incident_id: str, audience: str, phase: str | None = None, said: Wording | None = None
    ) -> KnownDraft:
        """Save a draft; what is not said comes from what is known.

        Raises:
            AccessError: who asks may not write.
            ConfigError: there is no such audience, phase or state.
            TransitionError: the incident does not take it.
        """
        require(by, Scope.WRITE)
        whose = audience_of(audience)

        def decide(growing: Growing) -> Changes:
            add_draft(growing, self._drafting.prepared(growing, whose, phase), said or Wording())
            return Changes()

        return _last(self._carried(incident_id, by, decide))

    def edit(self, by: Identity, incident_id: str, draft_id: str, said: Wording) -> KnownDraft:
        """Put another draft in a draft's place; whoever agreed to what it said has not agreed to this.

        Raises:
            AccessError: who asks may not write.
            ConfigError: there is no such state.
            TransitionError: it was sent, dropped or changed meanwhile.
        """
        require(by, Scope.WRITE)

        def decide(growing: Growing) -> Changes:
            prepared = self._drafting.again(growing.incident, _waiting(growing, draft_id).draft)
            growing.tell(UpdateDropped, draft_id=draft_id, reason="changed", source=Source.HUMAN)
            add_draft(growing, prepared, said)
            return Changes()

        return _last(self._carried(incident_id, by, decide))

    def agree(self, by: Identity, incident_id: str, draft_id: str) -> KnownDraft:
        """Say that a draft may be sent; once more changes nothing.

        Raises:
            AccessError: who asks may not write.
            TransitionError: they wrote it themselves, or it waits no more.
        """
        require(by, Scope.WRITE)

        def decide(growing: Growing) -> Changes:
            known = _waiting(growing, draft_id)
            if known.draft.by == by.by:
                raise TransitionError(f"{by.name} wrote this update; somebody else has to agree to it")
            if by.by not in known.agreed:
                growing.tell(UpdateAgreed, draft_id=draft_id, source=Source.HUMAN)
            return Changes()

        return self._carried(incident_id, by, decide).room.drafts[draft_id]

    def drop(self, by: Identity, incident_id: str, draft_id: str, reason: str = "") -> KnownDraft:
        """Let a draft never be sent.

        Raises:
            AccessError: who asks may not write.
            TransitionError: it waits no more.
        """
        require(by, Scope.WRITE)

        def decide(growing: Growing) -> Changes:
            _waiting(growing, draft_id)
            why = printable(reason).strip()[:_MAX_REASON]
            growing.tell(UpdateDropped, draft_id=draft_id, reason=why, source=Source.HUMAN)
            return Changes()

        return self._carried(incident_id, by, decide).room.drafts[draft_id]

    def publish(self, by: Identity, incident_id: str, draft_id: str) -> KnownDraft:
        """Send a draft: once, whoever else does at this moment.

        Raises:
            AccessError: who asks may not write.
            TransitionError: it was sent or dropped, not enough have agreed, or the incident is over.
        """
        require(by, Scope.WRITE)

        def decide(growing: Growing) -> Changes:
            return self._publish(growing, _waiting(growing, draft_id))

        return self._carried(incident_id, by, decide).room.drafts[draft_id]

    def say(
        self, by: Identity, incident_id: str, audience: str, phase: str | None = None, said: Wording | None = None
    ) -> KnownDraft:
        """Draft and send at once, where nobody else has to agree.

        Raises:
            AccessError, ConfigError, TransitionError: as `draft` and `publish`; nothing was written then.
        """
        require(by, Scope.WRITE)
        whose = audience_of(audience)

        def decide(growing: Growing) -> Changes:
            add_draft(growing, self._drafting.prepared(growing, whose, phase), said or Wording())
            return self._publish(growing, _last(growing))

        return _last(self._carried(incident_id, by, decide))

    def withdraw(self, by: Identity, incident_id: str, audience: str) -> None:
        """Promise an audience nothing any more.

        Raises:
            AccessError: who asks may not write.
            ConfigError: there is no such audience.
            TransitionError: nothing is promised to it.
        """
        require(by, Scope.WRITE)
        whose = audience_of(audience)

        def decide(growing: Growing) -> Changes:
            if whose not in growing.room.promises:
                raise TransitionError(
                    f"incident {incident_id} promises nothing to {whose}; there is nothing to take back"
                )
            growing.tell(UpdatePromised, audience=whose.value, due_at=None, source=Source.HUMAN)
            return Changes(timers=(self._timer(growing),))

        self._carried(incident_id, by, decide)

    def seen(self, incident_id: str) -> UpdatesOut:
        """All updates of an incident, and how far subscribers were told.

        Raises:
            TransitionError: there is no such incident.
        """
        return self.of(incident_id, self._growing(incident_id, "", self._clock.now()).room)

    def of(self, incident_id: str, room: Room) -> UpdatesOut:
        """The same of a room that is known."""
        outside = [one for one in room.drafts.values() if one.sent and one.draft.audience == Audience.CUSTOMERS]
        # The newest alone: of each all copies are counted.
        ids = {telling_id(incident_id, one.id): one.id for one in outside[-_COUNTED:]}
        found = self._counts(list(ids)) if ids else {}
        return updates_out(incident_id, room, {ids[name]: counts for name, counts in found.items()})

    def _growing(self, incident_id: str, by: str, now: datetime) -> Growing:
        growing = Growing(incident_id, self._timelines.read(incident_id), now=now, by=by)
        if not growing.incident.exists:
            raise TransitionError(f"incident {incident_id[:80]} is not known; check its id")
        return growing

    def _carried(self, incident_id: str, by: Identity, decide: Callable[[Growing], Changes]) -> Growing:
        """Decide, and write what follows in one transaction; decided anew where others wrote first."""
        for _ in range(_TRIES):
            growing = self._growing(incident_id, by.by, self._clock.now())
            changes = decide(growing) + Changes(appends=growing.appends())
            try:
                if not changes.is_empty:
                    self._paging.commit(changes)
            except ConflictError:
                continue
            return growing
        raise ConflictError(f"incident {incident_id}: others keep appending; try again in a moment")

    def _publish(self, growing: Growing, known: KnownDraft) -> Changes:
        draft, incident = known.draft, growing.incident
        audience, rule = audience_of(draft.audience), self._drafting.rule(incident, audience_of(draft.audience))
        _check_open(incident, draft)
        n_agreed = len([who for who in known.agreed if who != draft.by])
        if n_agreed < max(draft.needs, rule.agree):
            n_more = max(draft.needs, rule.agree) - n_agreed
            raise TransitionError(
                f"incident {incident.id}: {n_more} more {'person has' if n_more == 1 else 'people have'} to agree to "
                "this update who did not write it; ask them"
            )
        due_at = None if draft.next_within_s is None else growing.now + timedelta(seconds=draft.next_within_s)
        is_outside = audience is Audience.CUSTOMERS
        growing.tell(
            Updated,
            source=Source.HUMAN,
            text=draft.text,
            status=draft.status,
            title=draft.title,
            audience=draft.audience,
            draft_id=known.id,
            components=draft.components,
            n_told=self._n_told() if is_outside else 0,
        )
        if due_at is not None:
            growing.tell(UpdatePromised, source=Source.HUMAN, audience=draft.audience, due_at=due_at)
        messages = self._to_people(growing, known, rule)
        if is_outside:
            messages = (*messages, told_by(_telling(growing, known, due_at)))
        _log.info("update published", incident=incident.id, audience=draft.audience, phase=draft.status)
        return Changes(timers=(self._timer(growing),), messages=messages)

    def _to_people(self, growing: Growing, known: KnownDraft, rule: UpdateRule) -> tuple[Message, ...]:
        """The message to each person whom the settings name, on their first way."""
        severity = value_of(growing.incident.severity, None)
        found = []
        for person in rule.people:
            ways = self._ways(person, severity)
            if not ways:
                _log.warning("update reaches nobody", person=person, incident=growing.incident_id)
                continue
            contact = ways[0].contact
            found.append(
                Message(
                    id=message_id_of("update", growing.incident_id, known.id, person),
                    message_class=MessageClass.UPDATE,
                    channel=contact.channel,
                    address=contact.address,
                    title=known.draft.title,
                    text=known.draft.text,
                    queued_at=growing.now,
                    due_at=growing.now,
                    incident_id=growing.incident_id,
                    person=person,
                    contact=contact.name,
                )
            )
        return tuple(found)


def telling_id(incident_id: str, draft_id: str) -> str:
    """The id by which subscribers are told of a draft that was sent."""
    return message_id_of("update", incident_id, draft_id)


def _telling(growing: Growing, known: KnownDraft, due_at: datetime | None) -> Telling:
    """What subscribers are told: nothing but what was published; not even the incident's number."""
    draft = known.draft
    body: dict[str, Any] = {
        "phase": draft.status,
        "components": draft.components,
        "published_at": format_instant(growing.now),
        "next_update_by": None if due_at is None else format_instant(due_at),
    }
    return Telling(
        id=telling_id(growing.incident_id, known.id),
        kind=TellingKind.UPDATE,
        title=draft.title,
        text=draft.text,
        components=tuple(draft.components),
        body=msgspec.json.encode(body).decode(),
        incident_id=growing.incident_id,
        made_at=growing.now,
    )


def _last(growing: Growing) -> KnownDraft:
    """The draft that was added last."""
    drafted = [event for event in growing.new if isinstance(event, UpdateDrafted)]
    return growing.room.drafts[drafted[-1].id]


def _waiting(growing: Growing, draft_id: str) -> KnownDraft:
    """A draft that may yet be sent.

    Raises:
        TransitionError: it was sent or dropped, or there is none.
    """
    subject, known = f"incident {growing.incident_id}", growing.room.drafts.get(draft_id)
    if known is None:
        raise TransitionError(f"{subject} has no draft {draft_id[:40]!r}; look again")
    ended: Event | None = known.sent or known.dropped
    if ended is not None:
        what = "sent" if known.sent is not None else "dropped or changed"
        raise TransitionError(f"{subject}: this update was {what} by {ended.by} {format_instant(ended.at)}; look again")
    return known


def _check_open(incident: Incident, draft: UpdateDrafted) -> None:
    into = value_of(incident.merged_into, None)
    if into is not None:
        raise TransitionError(f"incident {incident.id} was merged into {into}; publish the update there")
    is_resolved = draft.status == UpdatePhase.RESOLVED
    known = instants(incident)
    if known.closed is not None and not is_resolved:
        raise TransitionError(
            f"incident {incident.id} was closed {format_instant(known.closed.at)}; "
            "publish that it is resolved, or reopen it first"
        )
    if is_resolved and known.restored is None and draft.audience == Audience.CUSTOMERS:
        raise TransitionError(
            f"incident {incident.id} is not restored, so that it cannot be published as resolved; restore it first"
        )
