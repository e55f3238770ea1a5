"""Which commands an incident's present state allows, and the events they become."""

from datetime import datetime
from typing import Any, assert_never

from msgspec import UNSET, Struct, UnsetType

from resile.model.errors import TransitionError
from resile.model.event import (
    Absorbed,
    Acknowledged,
    Closed,
    Corrected,
    Declared,
    Described,
    Detected,
    Event,
    Exclusion,
    Identified,
    ImpactBegan,
    Marked,
    Merged,
    Mitigated,
    Noted,
    Reopened,
    Restored,
    SeverityChanged,
    Source,
    Updated,
)
from resile.model.history import event_id
from resile.model.incident import Incident, InstantName, Register, labels_of, value_of
from resile.model.phases import UNDONE_BY_REOPENING, contradictions, instants, last_reopening
from resile.model.severity import Severity

# Of one note.
MAX_PICTURES = 50
MAX_TEXT = 20_000


class Declare(Struct, frozen=True, kw_only=True):
    """Say that there is an incident; it counts as detected at `at`."""

    title: str
    severity: Severity | None = None
    services: tuple[str, ...] = ()
    team: str | None = None
    labels: dict[str, str] = {}
    exclusion: Exclusion | None = None


class Reach(Struct, frozen=True):
    """Say that an instant was reached. `text` is the cause for identified, who for acknowledged."""

    instant: InstantName
    text: str | None = None


class Reopen(Struct, frozen=True):
    """Say that it was not over."""

    reason: str | None = None


class ChangeSeverity(Struct, frozen=True):
    """Say that it is worse or less bad."""

    severity: Severity


class Describe(Struct, frozen=True, kw_only=True):
    """Give it other words."""

    title: UnsetType | str = UNSET
    services: UnsetType | tuple[str, ...] = UNSET
    team: UnsetType | str | None = UNSET
    labels: dict[str, str | None] = {}


class Mark(Struct, frozen=True):
    """Count it out of every measure, or with None in again."""

    exclusion: Exclusion | None
    reason: str | None = None


class Merge(Struct, frozen=True):
    """Say that it is the same trouble as another incident; None: not so after all."""

    into: str | None


class Absorb(Struct, frozen=True):
    """Take in what was merged into this one; `is_apart`: it stands on its own again."""

    incident_id: str
    is_apart: bool = False


class Note(Struct, frozen=True):
    """Write something down; `pictures`: ids of those that belong to it."""

    text: str
    pictures: tuple[str, ...] = ()


class Publish(Struct, frozen=True):
    """Record a status update."""

    text: str
    status: str | None = None


class Correct(Struct, frozen=True):
    """Say that the event of that id happened at `to` instead, or with None not at all, and why."""

    event_id: str
    to: datetime | None
    reason: str | None = None  # as people leave it; a correction without one is refused


Command = Declare | Reach | Reopen | ChangeSeverity | Describe | Mark | Merge | Absorb | Note | Publish | Correct

_REACHED: dict[InstantName, type[ImpactBegan | Detected | Mitigated | Restored | Closed]] = {
    InstantName.IMPACT_BEGAN: ImpactBegan,
    InstantName.DETECTED: Detected,
    InstantName.MITIGATED: Mitigated,
    InstantName.RESTORED: Restored,
    InstantName.CLOSED: Closed,
}


def decide(
    incident: Incident,
    command: Command,
    *,
    now: datetime,
    by: str,
    at: datetime | None = None,
    source: Source = Source.HUMAN,
) -> list[Event]:
    """The events that the command becomes, in order; none where it would change nothing.

    Args:
        incident: its state at the version on which the events will be appended.
        at: when it happened, if not now.

    Raises:
        TransitionError: the incident's state does not allow it, or `at` or a corrected time lies in the future.
    """
    happened_at = now if at is None else at
    corrected_to = command.to if isinstance(command, Correct) else None
    for told in (happened_at, corrected_to):
        if told is not None and told > now:
            raise TransitionError(f"incident {incident.id}: {told.isoformat()} lies in the future; give a past time")
    if incident.exists == isinstance(command, Declare):
        state = "is declared already" if incident.exists else "is not known"
        raise TransitionError(f"incident {incident.id} {state}; check its id")
    kinds = _kinds(incident, command, happened_at)
    stamp = {"at": happened_at, "recorded_at": now, "by": by, "source": source}
    return [
        kind(id=event_id(incident.n_events + number), **stamp, **fields)
        for number, (kind, fields) in enumerate(kinds, start=1)
    ]


def _kinds(  # noqa: C901, PLR0911, PLR0912 - one case per command
    incident: Incident, command: Command, at: datetime
) -> list[tuple[Any, dict[str, Any]]]:
    match command:
        case Declare():
            fields = {name: getattr(command, name) for name in command.__struct_fields__}
            return [(Declared, fields), (Detected, {})]
        case Reach():
            return _reach(incident, command, at)
        case Reopen():
            return _reopen(incident, command, at)
        case ChangeSeverity():
            if value_of(incident.severity, None) is command.severity:
                return []
            return [(SeverityChanged, {"severity": command.severity})]
        case Describe():
            fields = _described(incident, command)
            return [(Described, fields)] if fields else []
        case Mark():
            if value_of(incident.exclusion, None) is command.exclusion:
                return []
            return [(Marked, {"exclusion": command.exclusion, "reason": command.reason})]
        case Merge():
            return _merge(incident, command.into)
        case Absorb():
            if (command.incident_id in incident.absorbed) is not command.is_apart:
                return []
            return [(Absorbed, {"incident_id": command.incident_id, "is_apart": command.is_apart})]
        case Note():
            _refuse_longer(command.text, f"incident {incident.id}: the note")
            if len(command.pictures) > MAX_PICTURES:
                raise TransitionError(f"incident {incident.id}: a note has at most {MAX_PICTURES} pictures; write two")
            return [(Noted, {"text": command.text, "pictures": tuple(dict.fromkeys(command.pictures))})]
        case Publish():
            return [(Updated, {"text": command.text, "status": command.status})]
        case Correct():
            return _correct(incident, command)
        case _:
            assert_never(command)


def _described(incident: Incident, command: Describe) -> dict[str, Any]:
    """What is said otherwise than it stands: what two people describe at once is kept of both."""
    fields: dict[str, Any] = {}
    if command.title is not UNSET and not _is(incident.title, command.title):
        fields["title"] = command.title
    if command.services is not UNSET and not _is(incident.services, command.services):
        fields["services"] = command.services
    if command.team is not UNSET and not _is(incident.team, command.team):
        fields["team"] = command.team
    known = labels_of(incident)
    labels = {name: value for name, value in command.labels.items() if value != known.get(name)}
    return {**fields, "labels": labels} if labels else fields


def _is(register: Register[Any] | None, value: object) -> bool:
    return register is not None and bool(register.value == value)


def _merge(incident: Incident, into: str | None) -> list[tuple[Any, dict[str, Any]]]:
    present = value_of(incident.merged_into, None)
    if into == incident.id:
        raise TransitionError(f"incident {incident.id} cannot be merged into itself; name another one")
    if into == present:
        return []
    if into is not None and present is not None:
        raise TransitionError(f"incident {incident.id} was merged into {present}; set it apart first")
    return [(Merged, {"into": into})]


def _refuse_longer(text: str, subject: str) -> None:
    if len(text) > MAX_TEXT:
        raise TransitionError(f"{subject} has {len(text):,} characters; write at most {MAX_TEXT:,}")


def _reach(incident: Incident, command: Reach, at: datetime) -> list[tuple[Any, dict[str, Any]]]:
    name = command.instant
    if value_of(incident.merged_into, None) is not None:
        into = value_of(incident.merged_into, None)
        raise TransitionError(f"incident {incident.id} was merged into {into}; go on there")
    known = instants(incident).get(name)
    if known is not None and name is not InstantName.ACKNOWLEDGED:
        or_reopen = ", or reopen it first" if _would_be_undone(incident, name) else ""
        raise TransitionError(
            f"incident {incident.id}: {name} is known already ({known.at.isoformat()}); "
            f"correct event {known.event_id}{or_reopen}"
        )
    if name is InstantName.ACKNOWLEDGED:
        fields: list[tuple[Any, dict[str, Any]]] = [(Acknowledged, {"who": command.text})]
    elif name is InstantName.IDENTIFIED:
        fields = [(Identified, {"cause": command.text})]
    else:
        fields = [(_REACHED[name], {})]
    _refuse_undone(incident, name, at)
    _refuse_contradiction(incident, name, at)
    return fields


def _would_be_undone(incident: Incident, name: InstantName) -> bool:
    """Whether the incident could be reopened, and the instant would no longer hold then."""
    known = instants(incident)
    return name.value in UNDONE_BY_REOPENING and (known.restored or known.closed) is not None


def _refuse_undone(incident: Incident, name: InstantName, at: datetime) -> None:
    reopened = last_reopening(incident)
    if reopened is not None and name.value in UNDONE_BY_REOPENING and at <= reopened.at:
        raise TransitionError(
            f"incident {incident.id}: it was reopened only at {reopened.at.isoformat()}, {name} would not hold; "
            f"give a later time or correct event {reopened.event_id}"
        )


def _refuse_contradiction(incident: Incident, name: InstantName, at: datetime) -> None:
    order = list(InstantName)
    known = instants(incident)
    if contradictions(known):
        return  # It contradicts itself already: whatever is said now may be what mends it.
    for other in InstantName:
        there = known.get(other)
        if there is None or other is name:
            continue
        wrong = at < there.at if order.index(other) < order.index(name) else at > there.at
        if wrong:
            side = "before" if at < there.at else "after"
            is_over = side == "after" and other in {InstantName.RESTORED, InstantName.CLOSED}
            or_reopen = "reopen it first, or " if is_over else ""
            raise TransitionError(
                f"incident {incident.id}: {name} {at.isoformat()} would be {side} {other} {there.at.isoformat()}; "
                f"{or_reopen}correct event {there.event_id} or give another time"
            )


def _reopen(incident: Incident, command: Reopen, at: datetime) -> list[tuple[Any, dict[str, Any]]]:
    known = instants(incident)
    over = known.restored or known.closed
    if over is None:
        raise TransitionError(f"incident {incident.id} is still open; nothing to reopen")
    if at < over.at:
        raise TransitionError(f"incident {incident.id}: it was over only at {over.at.isoformat()}; give a later time")
    return [(Reopened, {"reason": command.reason})]


def _correct(incident: Incident, command: Correct) -> list[tuple[Any, dict[str, Any]]]:
    known = {claim.event_id for claims in incident.claims.values() for claim in claims}
    if command.event_id not in known:
        listed = ", ".join(sorted(known)) or "none"
        raise TransitionError(
            f"incident {incident.id} has no instant with event id {command.event_id!r}; it has {listed}"
        )
    reason = (command.reason or "").strip()
    if not reason:
        raise TransitionError(f"incident {incident.id}: an instant is corrected for a reason; say why it was otherwise")
    return [(Corrected, {"event_id": command.event_id, "to": command.to, "reason": reason})]
