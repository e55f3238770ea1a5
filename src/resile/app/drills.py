"""Ring drills: everybody on call is paged to try the way, and who answered how fast is on record.

Each person gets an incident of their own, kept out of every measure, and an escalation that pages them alone. Nothing
else is special about it: what pages for a drill is what pages at night.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta

import structlog
from msgspec import Struct

from resile.app.growing import Growing
from resile.app.paging import RING_DRILL, SYSTEM, Paging
from resile.app.weekly import Weekly
from resile.model.errors import ConfigError
from resile.model.escalation import EscalationState
from resile.model.event import Exclusion, Noted, Source
from resile.model.incident import InstantName
from resile.model.lifecycle import Declare, Reach
from resile.model.message import Message
from resile.model.policy import Policy, Step, Target, TargetKind
from resile.model.time import HOUR, MINUTE
from resile.ports.clock import Clock
from resile.ports.paging_store import Changes, PagingStore, Timer, TimerKind
from resile.ports.timeline_store import TimelineStore
from resile.response.escalate import stand_of

ANSWERS_WITHIN = 15 * MINUTE
# The escalation ends by itself first, so that the timeline tells that nobody was reached.
_CLOSES_AFTER = ANSWERS_WITHIN + timedelta(seconds=5)
PUT_OFF_BY = HOUR
# A drill that is later than this, because resile did not run, would come at an hour that nobody chose.
_TOO_LATE = HOUR + 5 * MINUTE
# Subjects of timers; those of drills under way are ids of incidents.
WEEKLY, ONCE = "weekly", "once"
LABEL, PERSON_LABEL = "drill", "drill_person"
TITLE = "Ring drill: nothing is wrong, please acknowledge"
_log = structlog.get_logger()


class Rung(Struct, frozen=True, kw_only=True):
    """A drill that began.

    Attributes:
        people: with the incident of each.
        gaps: of each schedule that nobody holds, one sentence.
    """

    people: dict[str, str]
    gaps: tuple[str, ...]


class RingDrills:
    """The use cases of ring drills.

    Args:
        schedules: names of all schedules.
        weekly: when one begins by itself; None: never.
    """

    def __init__(
        self,
        paging: Paging,
        store: PagingStore,
        timelines: TimelineStore,
        clock: Clock,
        *,
        schedules: Callable[[], Iterable[str]],
        weekly: Weekly | None,
    ) -> None:
        self._paging = paging
        self._store = store
        self._timelines = timelines
        self._clock = clock
        self._schedules = schedules
        self._weekly = weekly

    def ring(self, *, by: str) -> Rung | datetime:
        """Begin one now; or, while somebody is really being paged, when it begins instead.

        Raises:
            ConfigError: one is under way, or nobody is on call.
        """
        now = self._clock.now()
        if self._is_paging(is_drill=True):
            raise ConfigError("a ring drill is under way; wait until everybody answered, or fifteen minutes passed")
        if self._is_paging(is_drill=False):
            put_off = Timer(kind=TimerKind.DRILL, subject=ONCE, due_at=now + PUT_OFF_BY)
            self._store.commit(Changes(timers=(put_off,)))
            return now + PUT_OFF_BY
        rung, changes = self._begun(now, by=by)
        if not rung.people:
            raise ConfigError(
                f"nobody is on call ({'; '.join(rung.gaps) or 'there are no schedules'}); nobody was paged"
            )
        self._store.commit(changes)
        return rung

    def would_ring(self) -> Rung:
        """Whom one would page now."""
        return self._rung(self._clock.now())

    def next_at(self) -> datetime | None:
        """When the next one begins by itself; None: none does."""
        waiting = [one.due_at for one in self._store.timers(TimerKind.DRILL) if one.subject in {WEEKLY, ONCE}]
        return min((at for at in waiting if at is not None), default=None)

    def arm(self) -> None:
        """Have the next one begin when the settings say. One that was put off stays so."""
        now = self._clock.now()
        known = next((one for one in self._store.timers(TimerKind.DRILL) if one.subject == WEEKLY), None)
        if known is not None and known.due_at is not None and now <= known.due_at <= now + PUT_OFF_BY:
            return
        due_at = None if self._weekly is None else self._weekly.after(now)
        if due_at != (None if known is None else known.due_at):
            self._store.commit(Changes(timers=(Timer(kind=TimerKind.DRILL, subject=WEEKLY, due_at=due_at),)))

    def due(self, timers: Sequence[Timer], now: datetime) -> Changes:
        """What is due for drills; sets or takes away each of these timers."""
        changes = Changes()
        for timer in timers:
            if timer.subject in {WEEKLY, ONCE}:
                # Two that are due at one moment must not page everybody twice.
                has_begun = bool(changes.escalations)
                changes += _put_off(timer, now) if has_begun else self._begins(timer, now)
        for timer in timers:
            changes += Changes() if timer.subject in {WEEKLY, ONCE} else self._ends(timer, now)
        return changes

    def _begins(self, timer: Timer, now: datetime) -> Changes:
        is_weekly = timer.subject == WEEKLY
        after = self._weekly.after(now) if is_weekly and self._weekly is not None else None
        done = Changes(timers=(Timer(kind=TimerKind.DRILL, subject=timer.subject, due_at=after),))
        if is_weekly and self._weekly is None:
            return done
        if timer.due_at is not None and timer.due_at < now - _TOO_LATE:
            _log.warning("ring drill left out", was_due_at=timer.due_at.isoformat(), why="nothing ran at its time")
            return done
        if self._is_paging(is_drill=False) or self._is_paging(is_drill=True):
            _log.info("ring drill put off", why="somebody is being paged", until=(now + PUT_OFF_BY).isoformat())
            return _put_off(timer, now)
        rung, begun = self._begun(now, by=SYSTEM)
        _log.info("ring drill began", n_people=len(rung.people), gaps=rung.gaps)
        return begun + done

    def _is_paging(self, *, is_drill: bool) -> bool:
        return any(
            one.state is EscalationState.RUNNING and (one.policy.name == RING_DRILL) is is_drill
            for one in self._store.open_escalations()
        )

    def _rung(self, now: datetime) -> Rung:
        targets = [Target(TargetKind.SCHEDULE, name) for name in self._schedules()]
        called = self._paging.called(targets, now=now)
        return Rung(people={one.person: "" for one in called.callees}, gaps=called.missing)

    def _begun(self, now: datetime, *, by: str) -> tuple[Rung, Changes]:
        rung, changes = self._rung(now), Changes()
        people: dict[str, str] = {}
        for person in rung.people:
            incident_id = people[person] = f"INC-{self._timelines.next_number()}"
            growing = Growing(incident_id, [], now=now, by=by)
            labels = {LABEL: f"{now:%Y-%m-%dT%H:%M:%SZ}", PERSON_LABEL: person}
            growing.carry_out(Declare(title=TITLE, exclusion=Exclusion.DRILL, labels=labels), source=Source.MEASURED)
            policy = Policy(
                name=RING_DRILL,
                steps=(Step(page=(Target(TargetKind.PERSON, person),)),),
                repeat=0,
                last=ANSWERS_WITHIN,
            )
            changes += self._paging.begin_by(growing, None, policy, because="a ring drill")
            closes = Timer(kind=TimerKind.DRILL, subject=incident_id, due_at=now + _CLOSES_AFTER)
            changes += Changes(appends=growing.appends(), timers=(closes,))
        return Rung(people=people, gaps=rung.gaps), changes

    def _ends(self, timer: Timer, now: datetime) -> Changes:
        """Close one to which nobody answered; what was answered closed itself."""
        incident_id = timer.subject
        gone = Changes(timers=(Timer(kind=TimerKind.DRILL, subject=incident_id, due_at=None),))
        growing = Growing(incident_id, self._timelines.read(incident_id), now=now, by=SYSTEM)
        if not growing.incident.exists:
            return gone
        known = self._store.escalations([incident_id]).get(incident_id)
        messages: Sequence[Message] = self._store.messages_of([incident_id])
        state = stand_of(growing.incident, growing.events).state
        if state is EscalationState.RUNNING:
            growing.tell(Noted, text=f"Nobody answered within {ANSWERS_WITHIN // MINUTE} minutes.")
        if state is not EscalationState.ENDED:
            growing.carry_out(Reach(InstantName.CLOSED), source=Source.MEASURED)
        ended = self._paging.ended(growing, known, messages, because="the drill is over")
        return gone + ended + Changes(appends=growing.appends())


def _put_off(timer: Timer, now: datetime) -> Changes:
    return Changes(timers=(Timer(kind=TimerKind.DRILL, subject=timer.subject, due_at=now + PUT_OFF_BY),))
