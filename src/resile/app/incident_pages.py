"""The paging of one incident: who was paged by which way, how far each page came, who answered, and what comes next."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from msgspec import Struct

from resile.app.incidents import IncidentView
from resile.app.wiring import Resile
from resile.model.alert import AlertState, KnownAlert
from resile.model.escalation import Escalation, EscalationState
from resile.model.event import Event, Paged
from resile.model.message import Message, MessageClass, MessageState, shown_address
from resile.model.phases import taker_of

# Of a flood, so many are listed; the page *Alerts* has all.
MAX_ALERTS = 200


class PageOut(Struct, frozen=True, kw_only=True):
    """One page: to whom, by which way, and how far it came.

    Attributes:
        address: shortened: enough to know which one it is.
        why: for what reason this person.
        handed_after_s: from when it was due until a provider took it.
        error: why the last try failed.
    """

    message_id: str
    person: str | None
    contact: str | None
    channel: str
    address: str
    why: str
    state: MessageState
    queued_at: datetime
    due_at: datetime
    handed_at: datetime | None
    delivered_at: datetime | None
    handed_after_s: float | None
    n_tries: int
    is_repeat: bool
    error: str | None


class StepOut(Struct, frozen=True, kw_only=True):
    """A step of the policy as it was when the paging began.

    Attributes:
        after_s: how long after the step before.
        targets: `schedule/payments`.
        begins_at: of the next one alone.
    """

    number: int
    after_s: float
    targets: list[str]
    has_begun: bool
    runs: bool
    begins_at: datetime | None


class RungOut(Struct, frozen=True, kw_only=True):
    """A person who is being paged, and the next way to them that was not used yet."""

    person: str
    why: str
    next_contact: str | None
    next_at: datetime | None


class DwellOut(Struct, frozen=True, kw_only=True):
    """How long each took, measured; null where it has not come to that."""

    detected_at: datetime | None
    first_queued_at: datetime | None
    first_handed_at: datetime | None
    first_delivered_at: datetime | None
    acknowledged_at: datetime | None
    detected_to_handed_s: float | None
    handed_to_acknowledged_s: float | None
    detected_to_acknowledged_s: float | None


class AlertOfIncident(Struct, frozen=True, kw_only=True):
    """An alert that belongs to it."""

    alert_id: str
    title: str
    door: str
    state: AlertState
    first_at: datetime
    n_fired: int


class IncidentPages(Struct, frozen=True, kw_only=True):
    """The paging of one incident.

    Attributes:
        state: null: it never paged.
        round, rounds, step: from 1; step 0: none has begun.
        next_at: when the next step or round begins, or, after the last one, nobody reachable is declared.
        acknowledged_by: who answered.
        pages, other_messages: the oldest first.
        alerts: the first `MAX_ALERTS` that came; `n_alerts`: how many came in all.
    """

    incident_id: str
    state: EscalationState | None
    policy: str | None
    policy_version: int | None
    started_at: datetime | None
    round: int
    rounds: int
    step: int
    next_at: datetime | None
    is_last: bool
    acknowledged_by: str | None
    steps: list[StepOut]
    ringing: list[RungOut]
    pages: list[PageOut]
    other_messages: list[PageOut]
    alerts: list[AlertOfIncident]
    n_alerts: int
    dwell: DwellOut


def incident_pages(resile: Resile, view: IncidentView) -> IncidentPages:
    """How the paging of an incident stands."""
    incident_id = view.incident.id
    escalation = resile.paging.escalations([incident_id]).get(incident_id)
    messages = resile.paging.messages_of([incident_id])
    whys = _whys(view.timeline)
    pages = [one for one in messages if one.message_class is MessageClass.PAGE]
    return IncidentPages(
        incident_id=incident_id,
        state=None if escalation is None else escalation.state,
        policy=None if escalation is None else escalation.policy.name,
        policy_version=None if escalation is None else escalation.policy.version,
        started_at=None if escalation is None else escalation.started_at,
        round=0 if escalation is None else escalation.round + 1,
        rounds=0 if escalation is None else escalation.policy.repeat + 1,
        step=0 if escalation is None else escalation.step + 1,
        next_at=_next_at(escalation),
        is_last=escalation is not None and _is_last(escalation),
        acknowledged_by=(escalation.by if escalation is not None else None) or taker_of(view.incident),
        steps=[] if escalation is None else _steps(escalation),
        ringing=[] if escalation is None else _ringing(escalation),
        pages=[_page(one, whys) for one in pages],
        other_messages=[_page(one, whys) for one in messages if one.message_class is not MessageClass.PAGE],
        alerts=[_alert(one) for one in resile.paging.alerts_of([incident_id], limit=MAX_ALERTS)],
        n_alerts=resile.paging.n_alerts_of(incident_id),
        dwell=_dwell(view, pages),
    )


def _whys(timeline: Sequence[Event]) -> dict[str, str]:
    return {event.message_id: event.because for event in timeline if isinstance(event, Paged)}


def _page(one: Message, whys: Mapping[str, str]) -> PageOut:
    handed_after = None if one.handed_at is None else (one.handed_at - one.due_at).total_seconds()
    return PageOut(
        message_id=one.id,
        person=one.person,
        contact=one.contact,
        channel=one.channel,
        address=shown_address(one.address),
        why=whys.get(one.id, ""),
        state=one.state,
        queued_at=one.queued_at,
        due_at=one.due_at,
        handed_at=one.handed_at,
        delivered_at=one.delivered_at,
        handed_after_s=None if handed_after is None else max(0.0, handed_after),
        n_tries=one.n_tries,
        is_repeat=one.is_repeat,
        error=one.error,
    )


def _next_at(escalation: Escalation | None) -> datetime | None:
    runs = escalation is not None and escalation.state is EscalationState.RUNNING
    return escalation.step_due_at if runs and escalation is not None else None


def _is_last(escalation: Escalation) -> bool:
    """Whether nothing follows but that nobody is reachable."""
    policy = escalation.policy
    return escalation.step + 1 >= len(policy.steps) and escalation.round >= policy.repeat


def _steps(escalation: Escalation) -> list[StepOut]:
    runs = escalation.state is EscalationState.RUNNING
    return [
        StepOut(
            number=index + 1,
            after_s=step.after.total_seconds(),
            targets=[str(target) for target in step.page],
            has_begun=index <= escalation.step,
            runs=runs and index == escalation.step,
            begins_at=escalation.step_due_at if runs and index == escalation.step + 1 else None,
        )
        for index, step in enumerate(escalation.policy.steps)
    ]


def _ringing(escalation: Escalation) -> list[RungOut]:
    if escalation.state is not EscalationState.RUNNING:
        return []
    found = []
    for one in escalation.ringing:
        unused = next((path for path in one.paths if path.message_id is None), None)
        found.append(
            RungOut(
                person=one.person,
                why=one.why,
                next_contact=None if unused is None else unused.way.contact.name,
                next_at=None if unused is None else unused.due_at,
            )
        )
    return found


def _alert(known: KnownAlert) -> AlertOfIncident:
    return AlertOfIncident(
        alert_id=known.id,
        title=known.alert.title,
        door=known.alert.door,
        state=known.alert.state,
        first_at=known.first_at,
        n_fired=known.n_fired,
    )


def _dwell(view: IncidentView, pages: Sequence[Message]) -> DwellOut:
    detected = None if view.instants.detected is None else view.instants.detected.at
    acknowledged = None if view.instants.acknowledged is None else view.instants.acknowledged.at
    handed = min((one.handed_at for one in pages if one.handed_at is not None), default=None)
    return DwellOut(
        detected_at=detected,
        first_queued_at=min((one.queued_at for one in pages), default=None),
        first_handed_at=handed,
        first_delivered_at=min((one.delivered_at for one in pages if one.delivered_at is not None), default=None),
        acknowledged_at=acknowledged,
        detected_to_handed_s=_between(detected, handed),
        handed_to_acknowledged_s=_between(handed, acknowledged),
        detected_to_acknowledged_s=_between(detected, acknowledged),
    )


def _between(began: datetime | None, ended: datetime | None) -> float | None:
    # A negative one would be no dwell: it was acknowledged before any page was handed over.
    return None if began is None or ended is None or ended < began else (ended - began).total_seconds()
