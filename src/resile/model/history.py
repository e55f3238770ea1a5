"""From a source's draft to events: at first all of them, on later imports only what the source tells differently."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any

from msgspec import UNSET, structs

from resile.model.draft import Draft, Step, incident_id_of
from resile.model.errors import ConfigError
from resile.model.event import (
    Acknowledged,
    Closed,
    Corrected,
    Declared,
    Described,
    Detected,
    Event,
    Identified,
    ImpactBegan,
    Marked,
    Mitigated,
    Noted,
    Reopened,
    Restored,
    SeverityChanged,
    Source,
    Updated,
)
from resile.model.incident import KIND_OF_CLAIM, Incident, fold, labels_of, value_of

_SIMPLE: dict[str, type[ImpactBegan | Detected | Mitigated | Restored | Closed | Reopened]] = {
    "impact_began": ImpactBegan,
    "detected": Detected,
    "mitigated": Mitigated,
    "restored": Restored,
    "closed": Closed,
    "reopened": Reopened,
}
_AT = attrgetter("at")
_WORDS = (Declared, Described, Marked, SeverityChanged)
# Who tells for an origin: the same incident may be told by an import today and at a door tomorrow.
_TELLERS = ("import:", "door:")
STEP_KINDS = frozenset({*_SIMPLE, "acknowledged", "identified", "noted", "updated"})


# Most timelines are short, and a million of them are written in one import.
_FIRST_IDS = tuple(f"{number:05d}" for number in range(50))


def event_id(number: int) -> str:
    """The id of the n-th event of a timeline (from 1); ids sort in that order."""
    return _FIRST_IDS[number] if number < len(_FIRST_IDS) else f"{number:05d}"


def record_history(
    draft: Draft, timeline: Sequence[Event], *, now: datetime, by: str, is_late: bool = False
) -> list[Event]:
    """The events to append so that the timeline says what the draft says.

    Only what was said for the origin before, by an import or at a door, is compared and corrected, so that what people
    added or changed stays theirs.

    Args:
        is_late: of a draft that only adds, whether it is of earlier than one that was heard before: what that said
            holds.

    Raises:
        ConfigError: the draft holds a step of unknown kind.
    """
    if not timeline:
        return _first_import(draft, now=now, by=by)
    mine = [event for event in timeline if event.by.startswith(_TELLERS)]
    incident = fold(incident_id_of(draft.origin, draft.ref), mine)
    common = {"at": now, "recorded_at": now, "by": by, "source": Source.REPORTED}
    words = {"at": _words_hold_from(draft, mine, now)}
    newer = _corrected_since(draft, timeline)
    if draft.adds:
        draft = _filled_in(draft, mine, incident, is_late=is_late)
    changes: list[dict[str, Any]] = [
        *({**change, **words} for change in _description_changes(draft, incident)),
        *(change for change in _step_changes(draft, mine, incident) if change.get("event_id") not in newer),
    ]
    return [
        change.pop("type")(**{**common, "id": event_id(len(timeline) + n), **change})
        for n, change in enumerate(changes, start=1)
    ]


def _filled_in(draft: Draft, mine: Sequence[Event], before: Incident, *, is_late: bool) -> Draft:
    """A draft that tells only what just happened, together with what was told before and it does not tell."""
    stands = [found[1] for event in mine if (found := _as_step(event, before)) is not None]
    known = structs.replace(
        draft,
        title=value_of(before.title, ""),
        severity=value_of(before.severity, None),
        services=value_of(before.services, ()),
        team=value_of(before.team, None),
        labels=labels_of(before),
        exclusion=value_of(before.exclusion, None),
        url=value_of(before.url, None),
    )
    first, second = (known, draft) if is_late else (draft, known)
    return structs.replace(
        draft,
        title=first.title or second.title,
        severity=first.severity or second.severity,
        services=first.services or second.services,
        team=first.team or second.team,
        labels={**second.labels, **first.labels},
        exclusion=first.exclusion or second.exclusion,
        url=first.url or second.url,
        steps=(*stands, *(step for step in draft.steps if step not in stands)),
    )


def _corrected_since(draft: Draft, timeline: Sequence[Event]) -> set[str]:
    """Events that people corrected after the draft was so: heard late, it does not undo what they said since."""
    if draft.as_of is None:
        return set()
    theirs = (event for event in timeline if isinstance(event, Corrected) and not event.by.startswith(_TELLERS))
    return {event.event_id for event in theirs if event.recorded_at > draft.as_of}


def _words_hold_from(draft: Draft, mine: Sequence[Event], now: datetime) -> datetime:
    """Of when the draft is, so that what people said since holds; not before the words that it is to replace."""
    as_of = now if draft.as_of is None else min(draft.as_of, now)
    return max([as_of, *(event.at for event in mine if isinstance(event, _WORDS))])


def _first_import(draft: Draft, *, now: datetime, by: str) -> list[Event]:
    steps = sorted(draft.steps, key=_AT)
    declared = Declared(
        id="00001",
        # Never in the future, where words that are changed before then would not yet hold.
        at=min(steps[0].at, now) if steps else now,
        recorded_at=now,
        by=by,
        source=Source.REPORTED,
        title=draft.title,
        severity=draft.severity,
        services=draft.services,
        team=draft.team,
        labels=draft.labels,
        exclusion=draft.exclusion,
        origin=draft.origin,
        ref=draft.ref,
        url=draft.url,
    )
    return [declared, *[_event(step, event_id(n), now, by) for n, step in enumerate(steps, start=2)]]


def _event(step: Step, number: str, now: datetime, by: str) -> Event:
    simple = _SIMPLE.get(step.kind)
    if simple is not None:
        return simple(id=number, at=step.at, recorded_at=now, by=by, source=step.source)
    fields = _fields(step)
    event: Event = fields.pop("type")(id=number, recorded_at=now, by=by, **fields)
    return event


def _fields(step: Step) -> dict[str, Any]:
    common = {"at": step.at, "source": step.source}
    if step.kind in _SIMPLE:
        return {"type": _SIMPLE[step.kind], **common}
    if step.kind == "acknowledged":
        return {"type": Acknowledged, **common, "who": step.text}
    if step.kind == "identified":
        return {"type": Identified, **common, "cause": step.text}
    if step.kind == "updated":
        return {"type": Updated, **common, "text": step.text or "", "status": step.status}
    if step.kind == "noted":
        return {"type": Noted, **common, "text": step.text or ""}
    raise ConfigError(f"step {step.kind!r} is unknown; use one of {', '.join(sorted(STEP_KINDS))}")


def _description_changes(draft: Draft, before: Incident) -> list[dict[str, Any]]:
    changes: list[dict[str, Any]] = []
    if not before.exists:
        changes.append({"type": Declared, "origin": draft.origin, "ref": draft.ref})
    if draft.severity != value_of(before.severity, None):
        changes.append({"type": SeverityChanged, "severity": draft.severity})
    if draft.exclusion != value_of(before.exclusion, None):
        changes.append({"type": Marked, "exclusion": draft.exclusion, "reason": "the source says so"})
    labels: dict[str, str | None] = {
        name: value for name, value in draft.labels.items() if labels_of(before).get(name) != value
    }
    labels |= dict.fromkeys(set(labels_of(before)) - set(draft.labels))
    described = {
        "title": UNSET if draft.title == value_of(before.title, "") else draft.title,
        "services": UNSET if draft.services == value_of(before.services, ()) else draft.services,
        "team": UNSET if draft.team == value_of(before.team, None) else draft.team,
        "url": UNSET if draft.url == value_of(before.url, None) else draft.url,
        "labels": labels,
    }
    if labels or any(value is not UNSET for name, value in described.items() if name != "labels"):
        changes.append({"type": Described, **described})
    return changes


def _step_changes(draft: Draft, mine: Sequence[Event], before: Incident) -> list[dict[str, Any]]:
    """Append what is new, move what the source dates differently, take back what it no longer tells."""
    stands = [found for event in mine if (found := _as_step(event, before)) is not None]
    wanted = Counter(draft.steps)
    leftover: list[tuple[str, Step]] = []
    for number, step in stands:
        if wanted[step] > 0:
            wanted[step] -= 1
        else:
            leftover.append((number, step))
    changes: list[dict[str, Any]] = []
    for step in sorted(wanted.elements(), key=lambda step: step.at):
        moved = next((pair for pair in leftover if _same_but_time(pair[1], step)), None)
        if moved is None:
            changes.append(_fields(step))
        else:
            leftover.remove(moved)
            moved_to = {"event_id": moved[0], "to": step.at, "source": step.source}
            changes.append({"type": Corrected, **moved_to, "reason": "the source changed it"})
    changes += [
        {"type": Corrected, "event_id": number, "to": None, "reason": "the source no longer says so"}
        for number, _ in leftover
    ]
    return changes


def _same_but_time(one: Step, other: Step) -> bool:
    return (one.kind, one.source, one.text, one.status) == (other.kind, other.source, other.text, other.status)


def _as_step(event: Event, before: Incident) -> tuple[str, Step] | None:
    """The event's id and the step that it tells of after corrections; None if it is no step or was taken back."""
    correction = before.corrections.get(event.id)
    at = event.at if correction is None else correction.to
    if at is None:
        return None
    match event:
        case Acknowledged():
            return event.id, Step("acknowledged", at, event.source, event.who)
        case Identified():
            return event.id, Step("identified", at, event.source, event.cause)
        case Updated():
            return event.id, Step("updated", at, event.source, event.text, event.status)
        case Noted():
            return event.id, Step("noted", at, event.source, event.text)
        case ImpactBegan() | Detected() | Mitigated() | Restored() | Closed() | Reopened():
            return event.id, Step(KIND_OF_CLAIM[type(event)], at, event.source)
        case _:
            return None
