"""What customers were told of an incident: its updates, when service was back, and when it was over; nothing else."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from resile.model.component import UpdatePhase
from resile.model.event import Event, Exclusion, Updated
from resile.model.incident import Incident, fold, value_of
from resile.model.phases import instants
from resile.model.room_event import Withdrawn

CUSTOMERS = "customers"
# Nobody's customers are told of these, whatever somebody published by mistake.
NEVER_OUTSIDE = frozenset({Exclusion.DRILL, Exclusion.TEST})


class PublishedUpdate(Struct, frozen=True, kw_only=True):
    """One update as customers read it.

    Attributes:
        components: by name, the state shown from then on.
        corrected_at: when other words were put in the place of those that were published first.
        withdrawn_at: from when on it says nothing any more; its phase is that of the one before.
        reason: why it was corrected or withdrawn.
    """

    incident_id: str
    event_id: str
    at: datetime
    phase: UpdatePhase
    text: str
    title: str = ""
    components: Mapping[str, str] = {}
    corrected_at: datetime | None = None
    withdrawn_at: datetime | None = None
    reason: str = ""

    @property
    def changed_at(self) -> datetime:
        """When it was published, corrected or withdrawn."""
        return max(at for at in (self.at, self.corrected_at, self.withdrawn_at) if at is not None)


class Published(Struct, frozen=True, kw_only=True):
    """One incident as customers were told of it.

    Attributes:
        ids: its own, and those of the incidents that were merged into it and of which customers were told before.
        updates: the oldest first; at least one.
        restored_at: when service was back, as far as the timeline says.
        over_at: when it was closed or found to be noise, whether or not a word of it was published.
        let_go_at: when what was published of components ceased to be so: as of when, and when that was said.
    """

    ids: tuple[str, ...]
    updates: tuple[PublishedUpdate, ...]
    restored_at: datetime | None = None
    over_at: datetime | None = None
    let_go_at: tuple[datetime, ...] = ()

    @property
    def standing(self) -> tuple[PublishedUpdate, ...]:
        """The updates that were not withdrawn."""
        return tuple(one for one in self.updates if one.withdrawn_at is None)

    @property
    def is_resolved(self) -> bool:
        """Whether customers were told that it is over, or all that they were told was withdrawn."""
        return all(one.phase is UpdatePhase.RESOLVED for one in self.standing[-1:])

    @property
    def is_open(self) -> bool:
        """Whether it goes on, as far as customers know."""
        return not self.is_resolved and self.over_at is None


class ToldOf(Struct, frozen=True, kw_only=True):
    """What one timeline says of what customers were told; `merged_into`: the incident that carries on for it."""

    incident_id: str
    updates: tuple[PublishedUpdate, ...]
    restored_at: datetime | None = None
    over_at: datetime | None = None
    let_go_at: tuple[datetime, ...] = ()
    merged_into: str | None = None


def told_of(incident_id: str, timeline: Sequence[Event]) -> ToldOf:
    """What customers were told by one timeline; without updates where they were told nothing."""
    incident = fold(incident_id, timeline)
    into = value_of(incident.merged_into, None)
    if value_of(incident.exclusion, None) in NEVER_OUTSIDE:
        return ToldOf(incident_id=incident_id, updates=(), merged_into=into)
    updates, known = _updates(incident, timeline), instants(incident)
    said_at = {event.id: event.recorded_at for event in timeline}
    ends = [(one.at, said_at[one.event_id]) for one in (known.restored, known.closed) if one is not None]
    over_at = None if known.closed is None else known.closed.at
    if incident.exclusion is not None and incident.exclusion.value is Exclusion.NOISE:
        marked_at, marked_said_at, _ = incident.exclusion.stamp
        goes_on = [one for one in updates if one.withdrawn_at is None and one.phase is not UpdatePhase.RESOLVED]
        # Whoever publishes afterwards that it goes on takes it for an incident again.
        if all(one.at <= marked_said_at for one in goes_on):
            ends.append((marked_at, marked_said_at))
            over_at = over_at or marked_at
    return ToldOf(
        incident_id=incident_id,
        updates=updates,
        restored_at=None if known.restored is None else known.restored.at,
        over_at=over_at,
        let_go_at=tuple(sorted({at for end in ends for at in end})),
        merged_into=into,
    )


def _updates(incident: Incident, timeline: Sequence[Event]) -> tuple[PublishedUpdate, ...]:
    withdrawn = {event.event_id: event for event in timeline if isinstance(event, Withdrawn)}
    later = {event.corrects: event for event in timeline if isinstance(event, Updated) and event.corrects is not None}
    found: list[tuple[datetime, datetime, Updated]] = []
    for event in timeline:
        if isinstance(event, Updated) and event.audience == CUSTOMERS and event.corrects is None:
            correction = incident.corrections.get(event.id)
            at = event.at if correction is None else correction.to
            if at is not None:
                found.append((at, event.recorded_at, event))
    phase, updates = UpdatePhase.INVESTIGATING, []
    for at, _, event in sorted(found, key=lambda one: (one[0], one[1], one[2].id)):
        taken_back, words = withdrawn.get(event.id), event
        # Whatever the clocks of those say who wrote them.
        while words.id in later:
            words = later.pop(words.id)
        phase = phase if taken_back is not None else _phase(event.status, phase)
        update = PublishedUpdate(
            incident_id=incident.id, event_id=event.id, at=at, phase=phase, text="", reason=words.reason
        )
        if taken_back is not None:
            updates.append(replace(update, withdrawn_at=taken_back.at, reason=taken_back.reason))
            continue
        update = replace(update, text=words.text, title=words.title, components=words.components)
        updates.append(update if words is event else replace(update, corrected_at=words.at))
    return tuple(updates)


def _phase(said: str | None, before: UpdatePhase) -> UpdatePhase:
    """A word of another kind, or none, says nothing new of how far it has come."""
    try:
        return UpdatePhase((said or "").strip().casefold())
    except ValueError:
        return before


def published(told: Iterable[ToldOf]) -> list[Published]:
    """One for each incident of which customers were told anything; what was merged is one with what carries on."""
    known = {one.incident_id: one for one in told}
    parts: dict[str, list[ToldOf]] = {}
    for one in known.values():
        parts.setdefault(_root(one, known), []).append(one)
    found = []
    for root, some in parts.items():
        updates = sorted((u for one in some for u in one.updates), key=lambda u: (u.at, u.incident_id, u.event_id))
        if updates:
            carrying = known.get(root, some[0])
            others = sorted(one.incident_id for one in some if one.incident_id != root and one.updates)
            found.append(
                Published(
                    ids=(root, *others),
                    updates=tuple(updates),
                    restored_at=carrying.restored_at,
                    over_at=carrying.over_at,
                    let_go_at=carrying.let_go_at,
                )
            )
    return sorted(found, key=lambda one: (one.updates[0].at, one.ids[0]), reverse=True)


def _root(one: ToldOf, known: Mapping[str, ToldOf]) -> str:
    """The incident that carries on for it; each is visited once, for nothing forbids a circle."""
    seen = {one.incident_id}
    while one.merged_into is not None and one.merged_into not in seen:
        seen.add(one.merged_into)
        if one.merged_into not in known:
            return one.merged_into
        one = known[one.merged_into]
    # In a circle everybody must come to the same.
    return one.incident_id if one.merged_into is None else min(seen)
