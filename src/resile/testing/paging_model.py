"""Escalations, messages and alerts of no meaning, for tests that do not care which."""

from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec.structs import replace

from resile.model.alert import Alert, AlertState, Decision, KnownAlert, Outcome, Stage, Verdict
from resile.model.escalation import Escalation, EscalationState
from resile.model.message import Message, MessageClass, MessageState
from resile.model.policy import Policy, Step, Target, TargetKind
from resile.ports.paging_store import Changes, Timer, TimerKind

START = datetime(2026, 3, 2, 9, 30, 15, 123456, tzinfo=UTC)
POLICY = Policy(name="payments", steps=(Step(page=(Target(TargetKind.SCHEDULE, "payments"),)),), version=3)


def at(minutes: float) -> datetime:
    """So many minutes after the start."""
    return START + timedelta(minutes=minutes)


def escalation(
    incident_id: str, version: int = 1, state: EscalationState = EscalationState.RUNNING, **fields: Any
) -> Escalation:
    """Paging of an incident, begun at the start."""
    told: dict[str, Any] = {"policy": POLICY, "started_at": START}
    return Escalation(incident_id=incident_id, version=version, state=state, **told | fields)


def message(name: str, due: float = 0, version: int = 1, **fields: Any) -> Message:
    """A page that belongs to no incident, queued at the start, due so many minutes later."""
    told: dict[str, Any] = {
        "message_class": MessageClass.PAGE,
        "channel": "sms",
        "address": "+4711",
        "title": "Checkout is slow",
        "text": "Since 09:30.",
        "queued_at": START,
    }
    return Message(id=name, due_at=at(due), version=version, **told | fields)


def handed(before: Message, minutes: float = 1, **fields: Any) -> Message:
    """The next version of a message, after its provider took it."""
    state: dict[str, Any] = {
        "state": MessageState.HANDED,
        "handed_at": at(minutes),
        "lease_by": None,
        "lease_until": None,
    }
    return moved(before, **state | fields)


def moved(before: Message, **fields: Any) -> Message:
    """The next version of a message."""
    return replace(before, version=before.version + 1, **fields)


def timer(subject: str, due: float | None = 0, kind: TimerKind = TimerKind.ESCALATION) -> Timer:
    """A timer so many minutes after the start; None: none any more."""
    return Timer(kind=kind, subject=subject, due_at=None if due is None else at(due))


def alert(name: str, version: int = 1, decided: float = 0, **fields: Any) -> KnownAlert:
    """What is known of an alert; fields of the telling may be given beside its own."""
    telling: dict[str, Any] = {"state": AlertState.FIRING, "title": "Checkout is slow", "told_at": START}
    known: dict[str, Any] = {"first_at": START, "outcome": Outcome.DECLARED}
    for field, value in fields.items():
        (known if field in KnownAlert.__struct_fields__ else telling)[field] = value
    told = Alert(fingerprint=name, starts_at=START, **{"door": "alertmanager"} | telling)
    return KnownAlert(id=name, alert=told, version=version, decided_at=at(decided), **known)


def decision(alert_id: str, minutes: float = 0, reason: str = "no silence fits") -> Decision:
    """A decision of so many minutes after the start."""
    return Decision(
        alert_id=alert_id,
        at=at(minutes),
        state=AlertState.FIRING,
        outcome=Outcome.JOINED,
        verdicts=(Verdict(Stage.SILENCE, ends=False, reason=reason),),
    )


def changes(*parts: Escalation | Message | Timer | KnownAlert | Decision, **fields: Any) -> Changes:
    """All of these in one commit; what else a commit may hold by its name."""
    kinds: dict[str, type] = {
        "escalations": Escalation,
        "messages": Message,
        "timers": Timer,
        "alerts": KnownAlert,
        "decisions": Decision,
    }
    told: dict[str, Any] = {
        name: tuple(part for part in parts if isinstance(part, kind)) for name, kind in kinds.items()
    }
    return Changes(**told | fields)
