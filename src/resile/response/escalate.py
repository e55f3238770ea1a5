"""Who is to be paged now: policy and clock in, pages out. Pure; asked again whenever something is due or has failed."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from resile.model.escalation import Escalation, EscalationState, PathState, Ringing
from resile.model.event import (
    Acknowledged,
    Corrected,
    Escalated,
    Event,
    Exclusion,
    NobodyReachable,
    Paged,
    PagingBegan,
    PagingEvent,
)
from resile.model.incident import Incident, value_of
from resile.model.message import OVER, Message, MessageState, message_id_of
from resile.model.phases import instants
from resile.model.policy import Called, Callee, Policy, Step, Target, TargetKind, Way
from resile.model.severity import Severity

# What a step's targets come to, at the present instant.
Call = Callable[[Step], Called]
Told = tuple[type[PagingEvent], dict[str, Any]]
# Excluded so, an incident is nobody's emergency.
_NO_EMERGENCY = frozenset({Exclusion.NOISE, Exclusion.PLANNED})


class NewPage(Struct, frozen=True, kw_only=True):
    """A page that is to be sent.

    Attributes:
        id: the same, however often it is decided.
        step: from 0.
        why: `on call for payments`.
    """

    id: str
    person: str
    why: str
    way: Way
    step: int
    is_first: bool


class Advanced(Struct, frozen=True, kw_only=True):
    """What is to be done now.

    Attributes:
        escalation: as it stands then; `version` is for whoever writes it.
        told: what the timeline is to say, in order: event kinds with their fields.
        due_at: when to ask again at the latest, if nothing happens before; None: never.
    """

    escalation: Escalation
    pages: tuple[NewPage, ...] = ()
    told: tuple[Told, ...] = ()
    due_at: datetime | None = None


class Stand(Struct, frozen=True):
    """Whether an incident pages, by its timeline; the reason for people."""

    state: EscalationState
    because: str = ""
    by: str | None = None


def stand_of(incident: Incident, events: Sequence[Event]) -> Stand:
    """Whether anybody is to be paged, whatever is written elsewhere.

    Acknowledged is what was acknowledged after paging began for the last time, in the order in which it became known.
    """
    known = instants(incident)
    if value_of(incident.merged_into, None) is not None:
        return Stand(EscalationState.ENDED, f"merged into {value_of(incident.merged_into, None)}")
    excluded = value_of(incident.exclusion, None)
    if excluded in _NO_EMERGENCY:
        return Stand(EscalationState.ENDED, f"marked as {excluded}")
    if known.closed is not None or known.restored is not None:
        return Stand(EscalationState.ENDED, "restored" if known.restored is not None else "closed")
    taken_back = {event.event_id for event in events if isinstance(event, Corrected) and event.to is None}
    for event in reversed(events):
        if isinstance(event, Acknowledged) and event.id not in taken_back:
            who = event.who or event.by.partition(":")[2] or event.by
            return Stand(EscalationState.ACKNOWLEDGED, f"acknowledged by {who}", who)
        if isinstance(event, PagingBegan):
            break
    return Stand(EscalationState.RUNNING)


def begun(incident_id: str, policy: Policy, known: Escalation | None, *, now: datetime) -> Escalation:
    """Paging that begins, or begins anew where there was some before; its version is one more."""
    return Escalation(
        incident_id=incident_id,
        policy=policy,
        started_at=now,
        version=1 if known is None else known.version + 1,
        n_starts=1 if known is None else known.n_starts + 1,
        step_due_at=now + policy.steps[0].after,
    )


def is_lost(message: Message | None, now: datetime) -> bool:
    """Whether a page did not, or may not have, come through, so that the next way is due at once.

    One that was refused, alone or with others, is tried again, and the next way is due all the same, also while it is
    being tried.
    """
    if message is None:
        return False
    if message.state in OVER:
        return message.state is not MessageState.CANCELLED
    if message.state in {MessageState.QUEUED, MessageState.SENDING}:
        return message.n_tries > 0 and message.error is not None
    if message.state is MessageState.BUNDLED:
        return message.error is not None
    waits = message.state is MessageState.HANDED and message.receipt_due_at is not None
    return waits and message.receipt_due_at is not None and message.receipt_due_at <= now


def advance(escalation: Escalation, sent: Mapping[str, Message], call: Call, *, now: datetime) -> Advanced:
    """What is due now, in one go: ways of those who are being paged, then as many steps as have come.

    Args:
        sent: the escalation's pages by id, as far as they stand written.
    """
    at_work = _Advance(escalation, sent, call, now)
    at_work.ring()
    while at_work.step_is_due():
        at_work.begin_next_step()
        at_work.ring()
    return at_work.result()


class _Advance:
    """One look at one escalation."""

    def __init__(self, escalation: Escalation, sent: Mapping[str, Message], call: Call, now: datetime) -> None:
        self._escalation = escalation
        self._sent = sent
        self._call = call
        self._now = now
        self._pages: list[NewPage] = []
        self._told: list[Told] = []

    def ring(self) -> None:
        """Use every way that is due, of everybody who is being paged."""
        if self._escalation.state is EscalationState.RUNNING:
            rung = tuple(self._rung(ringing) for ringing in self._escalation.ringing)
            self._escalation = replace(self._escalation, ringing=rung)

    def _rung(self, ringing: Ringing) -> Ringing:
        paths = list(ringing.paths)
        for number, path in enumerate(paths):
            if path.message_id is not None:
                continue
            if self._all_lost(paths[:number]):
                # Brought forward: nothing that was tried has come through. The first is never brought forward.
                path = replace(path, due_at=min(path.due_at, self._now)) if number else path  # noqa: PLW2901
            if path.due_at <= self._now:
                path = self._used(ringing, number, path)  # noqa: PLW2901
            paths[number] = path
        return replace(ringing, paths=tuple(paths))

    def _all_lost(self, paths: Sequence[PathState]) -> bool:
        return all(
            path.message_id is not None and is_lost(self._sent.get(path.message_id), self._now) for path in paths
        )

    def _used(self, ringing: Ringing, number: int, path: PathState) -> PathState:
        one = self._escalation
        page_id = message_id_of("page", one.incident_id, one.n_starts, one.round, ringing.step, ringing.person, number)
        is_first = (
            not self._pages
            and one.round == 0
            and not any(other.message_id for ring in one.ringing for other in ring.paths)
        )
        page = NewPage(
            id=page_id, person=ringing.person, why=ringing.why, way=path.way, step=ringing.step, is_first=is_first
        )
        self._pages.append(page)
        fields = {
            "message_id": page_id,
            "person": ringing.person,
            "contact": path.way.contact.name,
            "channel": path.way.contact.channel,
            "because": ringing.why if path.way.is_verified else f"{ringing.why}; this address was never verified",
        }
        self._told.append((Paged, fields))
        return replace(path, message_id=page_id)

    def step_is_due(self) -> bool:
        """Whether the next step, or round, is to begin: its time has come, or nobody of this one can be reached."""
        one = self._escalation
        if one.state is not EscalationState.RUNNING or one.step_due_at is None:
            return False
        return one.step_due_at <= self._now or self._is_in_vain()

    def _is_in_vain(self) -> bool:
        """Whether nothing of the present step came through, and another step of this round is left.

        A new round waits for its time: a provider that is gone for a minute must not use them all up.
        """
        one = self._escalation
        if one.step < 0 or one.step + 1 >= len(one.policy.steps):
            return False
        return all(self._all_lost(ring.paths) for ring in one.ringing if ring.step == one.step)

    def begin_next_step(self) -> None:
        """The next step; after the last a new round, or nobody was reachable."""
        one = self._escalation
        is_early = one.step_due_at is not None and one.step_due_at > self._now
        if one.step + 1 < len(one.policy.steps):
            self._begin_step(one.step + 1, is_early=is_early)
        elif one.round < one.policy.repeat:
            first_at = self._now + one.policy.steps[0].after
            self._escalation = replace(one, round=one.round + 1, step=-1, step_due_at=first_at, ringing=())
        else:
            self._escalation = replace(one, state=EscalationState.UNREACHABLE, step_due_at=None)
            rounds = f"{one.round + 1} rounds" if one.round else "one round"
            because = f"nobody acknowledged in {rounds} of policy {one.policy.name}"
            self._told.append((NobodyReachable, {"because": because}))

    def _begin_step(self, number: int, *, is_early: bool) -> None:
        one = self._escalation
        policy = one.policy
        called = self._call(policy.steps[number])
        after = policy.steps[number + 1].after if number + 1 < len(policy.steps) else policy.last
        reached = [callee for callee in called.callees if callee.ways]
        unreached = [f"{callee.person} has no way to be reached" for callee in called.callees if not callee.ways]
        ringing = tuple(_ringing(callee, number, self._now) for callee in reached)
        self._escalation = replace(one, step=number, step_due_at=self._now + after, ringing=(*one.ringing, *ringing))
        fields = {
            "step": number + 1,
            "round": one.round + 1,
            "people": tuple(callee.person for callee in reached),
            "missing": (*called.missing, *unreached),
            "because": "nothing of the step before came through" if is_early else "",
        }
        self._told.append((Escalated, fields))

    def result(self) -> Advanced:
        """What came of it."""
        return Advanced(
            escalation=self._escalation,
            pages=tuple(self._pages),
            told=tuple(self._told),
            due_at=due_at_of(self._escalation, self._sent, now=self._now),
        )


def _ringing(callee: Callee, step: int, now: datetime) -> Ringing:
    paths = tuple(PathState(way=way, due_at=now + way.after) for way in callee.ways)
    return Ringing(person=callee.person, why=callee.why, step=step, paths=paths)


def due_at_of(escalation: Escalation, sent: Mapping[str, Message], *, now: datetime) -> datetime | None:
    """When an escalation is to be looked at next, if nothing happens before."""
    if escalation.state is not EscalationState.RUNNING:
        return None
    dues = [] if escalation.step_due_at is None else [escalation.step_due_at]
    for ringing in escalation.ringing:
        for path in ringing.paths:
            if path.message_id is None:
                dues.append(path.due_at)
                continue
            message = sent.get(path.message_id)
            if message is not None and message.state is MessageState.HANDED and message.receipt_due_at is not None:
                # What lapsed was answered by the next way already.
                dues += [message.receipt_due_at] if message.receipt_due_at > now else []
    return min(dues, default=None)


def pushed(escalation: Escalation, *, now: datetime) -> Escalation:
    """Paging that goes on with the next step at once, whatever it was waiting for; after the last, from the first."""
    is_last = escalation.step + 1 >= len(escalation.policy.steps)
    # Those who were being paged go on only where nothing begins anew: from the first step on they are paged again.
    goes_on = escalation.state is EscalationState.RUNNING and not is_last
    return replace(
        escalation,
        state=EscalationState.RUNNING,
        step=-1 if is_last else escalation.step,
        round=0 if is_last and escalation.round >= escalation.policy.repeat else escalation.round,
        n_starts=escalation.n_starts + 1,
        step_due_at=now,
        ringing=escalation.ringing if goes_on else (),
        by=None,
    )


def joined(escalation: Escalation, called: Called, *, now: datetime) -> Escalation:
    """Paging in which further people ring until the round ends, beside those of its steps."""
    beside = len(escalation.policy.steps)  # after every step, so that none waits for them, or takes them for its own
    ringing = {one.person for one in escalation.ringing}
    further = tuple(
        _ringing(callee, beside, now) for callee in called.callees if callee.ways and callee.person not in ringing
    )
    return replace(escalation, ringing=(*escalation.ringing, *further))


def is_worse(escalation: Escalation, severity: Severity | None) -> bool:
    """Whether an incident is worse than when the ways of those who are paged were chosen."""
    return severity is not None and (escalation.severity is None or severity < escalation.severity)


def widened(escalation: Escalation, severity: Severity | None, call: Call, *, now: datetime) -> Escalation:
    """Those who are being paged get, from now on, the ways that a worse severity adds to theirs."""
    if not is_worse(escalation, severity):
        return escalation
    return replace(
        escalation,
        severity=severity,
        ringing=tuple(
            replace(ringing, paths=(*ringing.paths, *_further(ringing, call, now))) for ringing in escalation.ringing
        ),
    )


def _further(ringing: Ringing, call: Call, now: datetime) -> list[PathState]:
    used = {path.way.contact.name for path in ringing.paths}
    called = call(Step(page=(Target(TargetKind.PERSON, ringing.person),)))
    ways = [way for callee in called.callees for way in callee.ways if way.contact.name not in used]
    return [PathState(way=way, due_at=now + way.after) for way in ways]


def held(escalation: Escalation, stand: Stand) -> Escalation:
    """Paging that is over, or held by somebody, as the incident stands."""
    return replace(escalation, state=stand.state, by=stand.by, step_due_at=None)
