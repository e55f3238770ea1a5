"""Updates: drafted from the timeline, agreed to, published once, with a promise of when the next one comes.

What is published is one append at the timeline's version: with it go the promise, its timer, and the rows of the outbox
that say who is to be told. Of two who press at once, one finds that the other has.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from msgspec import UNSET, UnsetType

from resile.app.access import Identity, require
from resile.app.growing import Growing
from resile.app.printable import printable
from resile.app.update_corrections import CHANGED, MAX_REASON, check_differs, check_seen, correction_of, standing
from resile.app.update_drafts import Drafting, Prepared, Wording, add_draft
from resile.app.update_out import UpdatesOut, updates_out
from resile.app.update_publishing import Publishing, telling_id
from resile.model.audience import Audience, audience_of
from resile.model.errors import ConflictError, TransitionError
from resile.model.event import Event, Source
from resile.model.room import KnownDraft, Room
from resile.model.room_event import UpdateAgreed, UpdateDrafted, UpdateDropped, UpdatePromised
from resile.model.time import format_instant
from resile.ports.account_store import Scope
from resile.ports.clock import Clock
from resile.ports.paging_store import Changes, PagingStore, Timer
from resile.ports.telling_store import TellingCounts
from resile.ports.timeline_store import TimelineStore

_TRIES = 40
# Whoever writes an update could agree to it with a token of their own.
_PROGRAM = "token:"
_COUNTED = 5


class Updates:
    """The use cases of updates.

    Args:
        drafting: words them.
        publishing: sends them.
        timer: when the promises of an incident are looked at next.
        counts: how far tellings have come, by their ids.
        may_be_one: whether two under whose names timelines tell who did something may be the same human.
    """

    def __init__(
        self,
        timelines: TimelineStore,
        paging: PagingStore,
        clock: Clock,
        *,
        drafting: Drafting,
        publishing: Publishing,
        timer: Callable[[Growing], Timer],
        counts: Callable[[Sequence[str]], Mapping[str, TellingCounts]],
        may_be_one: Callable[[str, str], bool],
    ) -> None:
        self._timelines = timelines
        self._paging = paging
        self._clock = clock
        self._drafting = drafting
        self._publishing = publishing
        self._timer = timer
        self._counts = counts
        self._may_be_one = may_be_one

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
            growing.tell(UpdateDropped, draft_id=draft_id, reason=CHANGED, source=Source.HUMAN)
            add_draft(growing, prepared, said)
            return Changes()

        return _last(self._carried(incident_id, by, decide))

    def agree(self, by: Identity, incident_id: str, draft_id: str) -> KnownDraft:
        """Say that a draft may be sent; once more changes nothing.

        Raises:
            AccessError: who asks may not write.
            TransitionError: they wrote it themselves, are a program, or it waits no more; or nobody can tell whether
                they are another than who wrote it, or agreed already.
        """
        require(by, Scope.WRITE)

        def decide(growing: Growing) -> Changes:
            known = _waiting(growing, draft_id)
            if by.by.startswith(_PROGRAM):
                raise TransitionError(f"{by.name} is a program's token; a person has to agree, logged in")
            if known.draft.by == by.by:
                raise TransitionError(f"{by.name} wrote this update; somebody else has to agree to it")
            if by.by not in known.agreed:
                self._check_another(by, (known.draft.by, *known.agreed))
                growing.tell(UpdateAgreed, draft_id=draft_id, source=Source.HUMAN)
            return Changes()

        return self._carried(incident_id, by, decide).room.drafts[draft_id]

    def _check_another(self, by: Identity, others: Sequence[str]) -> None:
        same = next((one for one in others if self._may_be_one(one, by.by)), None)
        if same is not None:
            raise TransitionError(
                f"{by.by} and {same} may be one person; have somebody else agree, or write the account of each as "
                "`user` into their document in the catalog"
            )

    def drop(self, by: Identity, incident_id: str, draft_id: str, reason: str = "") -> KnownDraft:
        """Let a draft never be sent.

        Raises:
            AccessError: who asks may not write.
            TransitionError: it waits no more.
        """
        require(by, Scope.WRITE)

        def decide(growing: Growing) -> Changes:
            _waiting(growing, draft_id)
            why = printable(reason).strip()[:MAX_REASON]
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
            return self._publishing.of(growing, _waiting(growing, draft_id))

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
            return self._publishing.of(growing, _last(growing))

        return _last(self._carried(incident_id, by, decide))

    def correct(
        self,
        by: Identity,
        incident_id: str,
        draft_id: str,
        said: Wording,
        reason: str,
        *,
        is_sent: bool = False,
        seen: datetime | UnsetType | None = UNSET,
    ) -> KnownDraft:
        """Save other words for an update that was published, to be agreed to and published like any other.

        Args:
            reason: why; who reads the update reads it as well.
            is_sent: publish it at once, where nobody else has to agree.
            seen: when the words were corrected last that whoever corrects has before them; None: never.

        Raises:
            AccessError: who asks may not write.
            ConfigError: there is no such state of a component.
            TransitionError: it was not published, was withdrawn, or corrected since; no reason is given; nothing is
                different.
        """
        require(by, Scope.WRITE)

        def decide(growing: Growing) -> Changes:
            if seen is not UNSET:
                check_seen(growing, draft_id, seen)
            add_draft(growing, correction_of(growing, draft_id, self._drafting, reason), said)
            check_differs(growing, _last(growing))
            return self._publishing.of(growing, _last(growing)) if is_sent else Changes()

        return _last(self._carried(incident_id, by, decide))

    def retract(self, by: Identity, incident_id: str, draft_id: str, reason: str) -> KnownDraft:
        """Take back an update that was published: what it said is shown no more, and who was told is told so.

        Nobody has to agree: what must not be read must not wait.

        Args:
            reason: why; who read the update reads it.

        Raises:
            AccessError: who asks may not write.
            TransitionError: it was not published, or withdrawn already; no reason is given.
        """
        require(by, Scope.WRITE)

        def decide(growing: Growing) -> Changes:
            return self._publishing.retracted(growing, standing(growing, draft_id), reason)

        return self._carried(incident_id, by, decide).room.drafts[draft_id]

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
