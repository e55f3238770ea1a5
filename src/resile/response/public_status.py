"""What the public sees: components, incidents and maintenance, from nothing but what was published for customers."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, time, timedelta
from enum import StrEnum
from itertools import pairwise
from zoneinfo import ZoneInfo

from msgspec import Struct

from resile.model.component import ComponentState, MaintenancePhase, UpdatePhase, worst
from resile.model.time import DAY, MINUTE
from resile.response.component_states import (
    DOWN_WEIGHTS,
    Stretch,
    Uptime,
    state_at,
    stretches,
    uptime,
    worst_named,
    worst_within,
)
from resile.response.published import Published, PublishedUpdate

N_DAYS = 90
# Incidents that have pages: the newest, and those that go on. States follow from all that are given.
MAX_SHOWN = 1_000
_UNNAMED = "Incident"
_WITHDRAWN = "Withdrawn"


class Indicator(StrEnum):
    """How the whole does, in the words of status pages."""

    NONE = "none"
    MINOR = "minor"
    MAJOR = "major"
    CRITICAL = "critical"


_OF_STATE = {
    ComponentState.OPERATIONAL: Indicator.NONE,
    ComponentState.UNDER_MAINTENANCE: Indicator.NONE,
    ComponentState.DEGRADED_PERFORMANCE: Indicator.MINOR,
    ComponentState.PARTIAL_OUTAGE: Indicator.MAJOR,
    ComponentState.MAJOR_OUTAGE: Indicator.CRITICAL,
}
_DESCRIPTIONS = {
    Indicator.NONE: "All Systems Operational",
    Indicator.MINOR: "Partially Degraded Service",
    Indicator.MAJOR: "Partial System Outage",
    Indicator.CRITICAL: "Major Service Outage",
}
_ON_PURPOSE = "Service Under Maintenance"
# Where no component is listed nobody says that any works.
_NOTHING_LISTED = "No Known Incidents"


class Listed(Struct, frozen=True, kw_only=True):
    """A component as the catalog lists it.

    Attributes:
        keys: what updates may call it: its name, and the services for which it stands.
        since: since when it is listed.
    """

    name: str
    title: str
    description: str = ""
    group: str = ""
    order: int = 0
    keys: frozenset[str]
    since: datetime


class Announced(Struct, frozen=True, kw_only=True):
    """A maintenance window that was announced.

    Attributes:
        keys: the services that are worked on.
        names: the components that it names itself.
    """

    id: str
    title: str
    text: str
    keys: frozenset[str]
    names: frozenset[str] = frozenset()
    phase: MaintenancePhase
    starts_at: datetime
    ends_at: datetime
    announced_at: datetime
    changed_at: datetime

    def is_of(self, listed: Listed) -> bool:
        """Whether a component is worked on."""
        return listed.name in self.names or bool(self.keys & listed.keys)


class DayShown(Struct, frozen=True):
    """One day of a component; None: it was not listed yet."""

    begins_at: datetime
    state: ComponentState | None


class ComponentShown(Struct, frozen=True, kw_only=True):
    """A component as the public sees it.

    Attributes:
        since: when its present state began; None: as long as anybody remembers.
        days: of the last 90, the earliest first.
    """

    listed: Listed
    state: ComponentState
    since: datetime | None
    days: tuple[DayShown, ...]
    uptime: Uptime


class UpdateShown(Struct, frozen=True, kw_only=True):
    """One update of an incident; `changes`: by component, the state from then on; all else as `PublishedUpdate`."""

    ref: tuple[str, str]
    at: datetime
    phase: UpdatePhase
    text: str
    changes: Mapping[str, ComponentState]
    corrected_at: datetime | None = None
    withdrawn_at: datetime | None = None
    reason: str = ""


class IncidentShown(Struct, frozen=True, kw_only=True):
    """An incident as the public sees it.

    Attributes:
        ids: as `Published.ids`; for making addresses of, never to be shown.
        phase: what was published last; of what is restored or over without a word of it: monitoring, resolved; resolved
            too where all of it was withdrawn.
        changed_at: when something of it was published, corrected or withdrawn last, or it was restored or over.
        restored_at: only where service is back and nobody said so yet.
        updates: the newest first.
        components: names of the components that it named.
    """

    ids: tuple[str, ...]
    title: str
    impact: Indicator
    phase: UpdatePhase
    began_at: datetime
    changed_at: datetime
    monitoring_at: datetime | None
    resolved_at: datetime | None
    restored_at: datetime | None
    updates: tuple[UpdateShown, ...]
    components: tuple[str, ...]

    @property
    def is_open(self) -> bool:
        """Whether nobody has said that it is over."""
        return self.phase is not UpdatePhase.RESOLVED


class DayOfIncidents(Struct, frozen=True):
    """The incidents that began on a day, the newest first."""

    begins_at: datetime
    incidents: tuple[IncidentShown, ...]


class PublicStatus(Struct, frozen=True, kw_only=True):
    """Everything that the public sees at a moment.

    Attributes:
        days: the last 90, today first; those without incidents too, but for those of which that is not known.
        incidents: all that are shown, the newest first.
        is_cut: there were more on these days.
        maintenances: those that go on or come, by their beginning; `past_maintenances` the last first.
        changed_at: when something was published last; None: never.
        until: when something changes though nobody publishes anything: a day begins, a window opens.
    """

    indicator: Indicator
    description: str
    components: tuple[ComponentShown, ...]
    incidents: tuple[IncidentShown, ...]
    days: tuple[DayOfIncidents, ...]
    is_cut: bool
    maintenances: tuple[Announced, ...]
    past_maintenances: tuple[Announced, ...]
    changed_at: datetime | None
    until: datetime

    @property
    def open_incidents(self) -> tuple[IncidentShown, ...]:
        """Those that nobody said are over, the newest first."""
        return tuple(one for one in self.incidents if one.is_open)


def public_status(
    incidents: Sequence[Published],
    listed: Sequence[Listed],
    windows: Sequence[Announced],
    *,
    now: datetime,
    zone: ZoneInfo,
) -> PublicStatus:
    """What the public sees at an instant; days are those of a zone."""
    told = [one for one in incidents if one.updates[0].at <= now]
    found = stretches(told)
    bounds = _days(now, zone)
    components = tuple(_component(one, found, windows, bounds, now) for one in sorted(listed, key=_place))
    shown = tuple(_incident(one, listed) for one in [*told[:MAX_SHOWN], *_going_on(told[MAX_SHOWN:])])
    # Of days before the oldest of the newest, nobody could tell by these which had none.
    since = told[MAX_SHOWN - 1].updates[0].at if len(told) > MAX_SHOWN else bounds[0]
    windows = [one for one in windows if one.phase is not MaintenancePhase.CANCELLED]
    coming = [one for one in windows if one.phase is not MaintenancePhase.COMPLETED]
    indicator = _indicator(components, shown)
    return PublicStatus(
        indicator=indicator,
        description=_description(indicator, components),
        components=components,
        incidents=shown,
        days=tuple(one for one in _by_day(shown, bounds) if one.incidents or one.begins_at >= since),
        is_cut=since > bounds[0],
        maintenances=tuple(sorted(coming, key=lambda one: (one.starts_at, one.id))),
        past_maintenances=tuple(
            sorted(
                (one for one in windows if one.phase is MaintenancePhase.COMPLETED and one.ends_at > bounds[0]),
                key=lambda one: (one.starts_at, one.id),
                reverse=True,
            )
        ),
        changed_at=max((*(one.changed_at for one in shown), *(one.changed_at for one in windows)), default=None),
        until=_until(components, coming, [*_changes_of(incidents), bounds[-1]], now),
    )


def _going_on(incidents: Iterable[Published]) -> list[Published]:
    return [one for one in incidents if one.is_open][:MAX_SHOWN]


def _place(one: Listed) -> tuple[int, str, str]:
    return one.order, one.title.casefold(), one.name


def _days(now: datetime, zone: ZoneInfo) -> list[datetime]:
    """The beginnings of the last 90 days and of tomorrow, in UTC."""
    today = now.astimezone(zone).date()
    days = (today - timedelta(days=N_DAYS - 1 - n) for n in range(N_DAYS + 1))
    return [datetime.combine(day, time(), zone).astimezone(now.tzinfo) for day in days]


def _component(
    listed: Listed,
    found: Mapping[str, Sequence[Stretch]],
    windows: Sequence[Announced],
    bounds: Sequence[datetime],
    now: datetime,
) -> ComponentShown:
    its = _together([found[key] for key in sorted(listed.keys) if key in found], now)
    state = worst((state_at(its, now), *(_on_purpose(one) for one in windows if one.is_of(listed))))
    present = next((one for one in reversed(its) if one.began_at <= now), None)
    # What was published of it before it was listed is known all the same.
    first = min([listed.since, *(one.began_at for one in its[:1])])
    its = tuple(one for one in its if one.ended_at is None or one.ended_at > bounds[0])
    since = max(first, bounds[0])
    days = [
        DayShown(begins, None if ends <= first else worst_within(its, begins, ends))
        for begins, ends in pairwise(bounds)
    ]
    return ComponentShown(
        listed=listed,
        state=state,
        since=present.began_at if present is not None and present.state is state else None,
        days=tuple(days),
        # Of less than a day a share says nothing yet.
        uptime=uptime(its, since, now) if now - since >= DAY else Uptime(since=since, until=now, share=None),
    )


def _on_purpose(window: Announced) -> ComponentState:
    is_now = window.phase is MaintenancePhase.IN_PROGRESS
    return ComponentState.UNDER_MAINTENANCE if is_now else ComponentState.OPERATIONAL


def _together(each: Sequence[Sequence[Stretch]], now: datetime) -> tuple[Stretch, ...]:
    """The worst of several at every moment up to now."""
    if len(each) == 1:
        return tuple(one for one in each[0] if one.began_at <= now)
    instants = sorted({one.began_at for some in each for one in some if one.began_at <= now})
    ends: list[datetime | None] = [*instants[1:], None]
    return tuple(
        Stretch(worst(state_at(some, at) for some in each), at, ended)
        for at, ended in zip(instants, ends, strict=False)
    )


def _incident(told: Published, listed: Sequence[Listed]) -> IncidentShown:
    standing = told.standing
    is_back = told.restored_at is not None and not told.is_resolved
    is_over = told.over_at is not None and not told.is_resolved
    named = worst_named(standing)
    impact = worst(state for key, state in named.items() if any(key in one.keys for one in listed))
    firsts = {phase: next((u.at for u in standing if u.phase is phase), None) for phase in UpdatePhase}
    last, changed_at = told.updates[-1], max(u.changed_at for u in told.updates)
    resolved_at = standing[-1].at if standing else last.withdrawn_at
    phase = standing[-1].phase if standing else UpdatePhase.RESOLVED
    return IncidentShown(
        ids=told.ids,
        title=next((u.title for u in reversed(standing) if u.title.strip()), _UNNAMED if standing else _WITHDRAWN),
        impact=_OF_STATE[impact],
        phase=UpdatePhase.RESOLVED if is_over else UpdatePhase.MONITORING if is_back else phase,
        began_at=told.updates[0].at,
        changed_at=max([changed_at, *(() if told.is_resolved else told.let_go_at)]),
        monitoring_at=firsts[UpdatePhase.MONITORING],
        resolved_at=resolved_at if told.is_resolved else told.over_at,
        restored_at=told.restored_at if is_back else None,
        updates=tuple(_update(u, listed) for u in reversed(told.updates)),
        components=tuple(one.name for one in sorted(listed, key=_place) if one.keys & named.keys()),
    )


def _update(told: PublishedUpdate, listed: Sequence[Listed]) -> UpdateShown:
    return UpdateShown(
        ref=(told.incident_id, told.event_id),
        at=told.at,
        phase=told.phase,
        text=told.text,
        changes=_changes(worst_named([told]), listed),
        corrected_at=told.corrected_at,
        withdrawn_at=told.withdrawn_at,
        reason=told.reason,
    )


def _changes(named: Mapping[str, ComponentState], listed: Sequence[Listed]) -> dict[str, ComponentState]:
    found = {one.name: [named[key] for key in named if key in one.keys] for one in listed}
    return {name: worst(states) for name, states in found.items() if states}


def _indicator(components: Iterable[ComponentShown], incidents: Iterable[IncidentShown]) -> Indicator:
    """As the worst component does; and not *none* while somebody looks for what no component shows."""
    found = _OF_STATE[worst(one.state for one in components)]
    at_work = (UpdatePhase.INVESTIGATING, UpdatePhase.IDENTIFIED)
    if found is Indicator.NONE and any(one.phase in at_work and not one.components for one in incidents):
        return Indicator.MINOR
    return found


def _description(indicator: Indicator, components: Sequence[ComponentShown]) -> str:
    if indicator is Indicator.NONE and not components:
        return _NOTHING_LISTED
    is_on_purpose = any(one.state is ComponentState.UNDER_MAINTENANCE for one in components)
    return _ON_PURPOSE if indicator is Indicator.NONE and is_on_purpose else _DESCRIPTIONS[indicator]


def _by_day(incidents: Sequence[IncidentShown], bounds: Sequence[datetime]) -> Iterator[DayOfIncidents]:
    for begins, ends in reversed(list(pairwise(bounds))):
        yield DayOfIncidents(begins, tuple(one for one in incidents if begins <= one.began_at < ends))


def _changes_of(incidents: Iterable[Published]) -> Iterator[datetime]:
    """When something of them changes: what another machine told, whose clock is ahead, is not so yet by ours."""
    for one in incidents:
        yield from (update.at for update in one.updates)
        yield from one.let_go_at


def _until(
    components: Iterable[ComponentShown], coming: Iterable[Announced], others: Iterable[datetime], now: datetime
) -> datetime:
    """When the next window opens or closes, or the day ends; while something is down its uptime falls by the minute."""
    instants = [*others, *(at for one in coming for at in (one.starts_at, one.ends_at))]
    if any(one.state in DOWN_WEIGHTS for one in components):
        instants.append(now + MINUTE)
    return min((at for at in instants if at > now), default=now + DAY)
