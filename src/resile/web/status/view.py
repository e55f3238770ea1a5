"""The status in the words and shapes of its pages: everything is text by then, and templates only place it."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import groupby
from zoneinfo import ZoneInfo

from msgspec import Struct

from resile.app.public_ids import PublicIds
from resile.model.component import ComponentState, MaintenancePhase, UpdatePhase
from resile.model.time import format_instant
from resile.response.public_status import (
    N_DAYS,
    Announced,
    ComponentShown,
    DayOfIncidents,
    DayShown,
    IncidentShown,
    Indicator,
    PublicStatus,
    UpdateShown,
)

# Days without incidents are told one by one on the first page, for so long.
N_RECENT_DAYS = 7
_BAR, _STEP, _HEIGHT = 3, 4, 28
_STATES = {
    ComponentState.OPERATIONAL: "Operational",
    ComponentState.UNDER_MAINTENANCE: "Under maintenance",
    ComponentState.DEGRADED_PERFORMANCE: "Degraded performance",
    ComponentState.PARTIAL_OUTAGE: "Partial outage",
    ComponentState.MAJOR_OUTAGE: "Major outage",
}
_PHASES = {
    UpdatePhase.INVESTIGATING: "Investigating",
    UpdatePhase.IDENTIFIED: "Identified",
    UpdatePhase.MONITORING: "Monitoring",
    UpdatePhase.RESOLVED: "Resolved",
}
_WINDOWS = {
    MaintenancePhase.SCHEDULED: "Scheduled",
    MaintenancePhase.IN_PROGRESS: "In progress",
    MaintenancePhase.COMPLETED: "Completed",
    MaintenancePhase.CANCELLED: "Cancelled",
}
_IMPACTS = {
    Indicator.NONE: "No component affected",
    Indicator.MINOR: "Degraded performance",
    Indicator.MAJOR: "Partial outage",
    Indicator.CRITICAL: "Major outage",
}


class When(Struct, frozen=True):
    """An instant as people read it, and as machines do."""

    words: str
    iso: str


class Bar(Struct, frozen=True):
    """Days of one state in a picture; `title` where it is one day that somebody may want to know."""

    kind: str
    path: str
    title: str = ""


class ComponentView(Struct, frozen=True, kw_only=True):
    """One component: `kind` names its colour."""

    id: str
    title: str
    description: str
    kind: str
    state: str
    bars: tuple[Bar, ...]
    picture: str
    uptime: str


class GroupView(Struct, frozen=True):
    """Components that stand together; without a name they stand alone."""

    name: str
    components: tuple[ComponentView, ...]


class UpdateView(Struct, frozen=True, kw_only=True):
    """One update: paragraphs of lines; corrected or withdrawn at an instant, for a reason."""

    phase: str
    when: When
    paragraphs: tuple[str, ...]
    corrected: When | None = None
    withdrawn: When | None = None
    reason: str = ""


class IncidentView(Struct, frozen=True, kw_only=True):
    """One incident; `components`: their titles; `href`: its path as links have it."""

    path: str
    href: str
    title: str
    impact: str
    kind: str
    phase: str
    is_open: bool
    began: When
    restored: When | None
    updates: tuple[UpdateView, ...]
    components: tuple[str, ...]


class DayView(Struct, frozen=True):
    """A day and its incidents."""

    words: str
    incidents: tuple[IncidentView, ...]


class WindowView(Struct, frozen=True, kw_only=True):
    """One maintenance window."""

    id: str
    title: str
    phase: str
    paragraphs: tuple[str, ...]
    begins: When
    ends: When
    components: tuple[str, ...]


class StatusView(Struct, frozen=True, kw_only=True):
    """The whole page; `ongoing`: windows that go on; `is_cut`: there were more incidents."""

    kind: str
    description: str
    groups: tuple[GroupView, ...]
    open_incidents: tuple[IncidentView, ...]
    ongoing: tuple[WindowView, ...]
    coming: tuple[WindowView, ...]
    past_windows: tuple[WindowView, ...]
    recent: tuple[DayView, ...]
    history: tuple[DayView, ...]
    is_cut: bool
    picture_width: int
    picture_height: int


class Viewing:
    """Turns what the public sees into words, in the page's zone."""

    def __init__(self, ids: PublicIds, zone: ZoneInfo, *, root: str = "") -> None:
        self._ids = ids
        self._zone = zone
        self._root = root

    def status(self, shown: PublicStatus) -> StatusView:
        """The whole."""
        titles = {one.listed.name: one.listed.title for one in shown.components}
        days = [self._day(one, titles) for one in shown.days]
        windows = [(one.phase, self._window(one, shown.components)) for one in shown.maintenances]
        return StatusView(
            kind=shown.indicator.value,
            description=shown.description,
            groups=tuple(self._groups(shown.components)),
            open_incidents=tuple(self.incident(one, titles) for one in shown.open_incidents),
            ongoing=tuple(one for phase, one in windows if phase is MaintenancePhase.IN_PROGRESS),
            coming=tuple(one for phase, one in windows if phase is MaintenancePhase.SCHEDULED),
            past_windows=tuple(self._window(one, shown.components) for one in shown.past_maintenances),
            recent=tuple(days[:N_RECENT_DAYS]),
            history=tuple(one for one in days if one.incidents),
            is_cut=shown.is_cut,
            picture_width=N_DAYS * _STEP - (_STEP - _BAR),
            picture_height=_HEIGHT,
        )

    def incident(self, one: IncidentShown, titles: dict[str, str]) -> IncidentView:
        """One incident, given what its components are called."""
        path = f"/incidents/{self._ids.incident(one.ids[0])}"
        return IncidentView(
            path=path,
            href=f"{self._root}{path}",
            title=one.title,
            impact=_IMPACTS[one.impact],
            kind=one.impact.value,
            phase=_PHASES[one.phase],
            is_open=one.is_open,
            began=self.when(one.began_at),
            restored=None if one.restored_at is None else self.when(one.restored_at),
            updates=tuple(map(self._update, one.updates)),
            components=tuple(titles[name] for name in one.components),
        )

    def _update(self, one: UpdateShown) -> UpdateView:
        return UpdateView(
            phase=_PHASES[one.phase] if one.withdrawn_at is None else "Withdrawn",
            when=self.when(one.at),
            paragraphs=_paragraphs(one.text),
            corrected=None if one.corrected_at is None else self.when(one.corrected_at),
            withdrawn=None if one.withdrawn_at is None else self.when(one.withdrawn_at),
            reason=one.reason,
        )

    def when(self, at: datetime) -> When:
        """An instant in the page's zone."""
        return When(f"{at.astimezone(self._zone):%-d %B %Y, %H:%M %Z}", format_instant(at))

    def _day_words(self, at: datetime) -> str:
        return f"{at.astimezone(self._zone):%-d %B %Y}"

    def _groups(self, components: Sequence[ComponentShown]) -> Iterable[GroupView]:
        """Groups in the order of their first component."""
        places: dict[str, int] = {}
        for place, one in enumerate(components):
            # Those without a group stand alone, each in its place.
            places.setdefault(one.listed.group or f"\0{place}", place)
        keyed = [
            (places[one.listed.group or f"\0{place}"], one.listed.group, self._component(one))
            for place, one in enumerate(components)
        ]
        for (_, name), some in groupby(sorted(keyed, key=lambda one: one[0]), key=lambda one: one[:2]):
            yield GroupView(name, tuple(view for _, _, view in some))

    def _component(self, one: ComponentShown) -> ComponentView:
        share = one.uptime.share
        figure = "" if share is None else f"{_percent(share)} % uptime"
        n_bad = sum(day.state not in (None, ComponentState.OPERATIONAL) for day in one.days)
        troubled = "no day with trouble" if not n_bad else f"{n_bad} day{'' if n_bad == 1 else 's'} with trouble"
        return ComponentView(
            id=self._ids.component(one.listed.name),
            title=one.listed.title,
            description=one.listed.description,
            kind=one.state.value,
            state=_STATES[one.state],
            bars=tuple(self._bars(one.days)),
            picture=f"{one.listed.title}, last {len(one.days)} days: {troubled}",
            uptime=f"{figure} since {self._day_words(one.uptime.since)}" if figure else "",
        )

    def _bars(self, days: Sequence[DayShown]) -> Iterable[Bar]:
        """All quiet days as one path each kind, and every other day by itself, with its date."""
        places: dict[str, list[int]] = {}
        for place, day in enumerate(days):
            if day.state is None or day.state is ComponentState.OPERATIONAL:
                places.setdefault("unknown" if day.state is None else day.state.value, []).append(place)
        for kind, some in places.items():
            yield Bar(kind, "".join(map(_bar, some)))
        for place, day in enumerate(days):
            if day.state is not None and day.state is not ComponentState.OPERATIONAL:
                title = f"{self._day_words(day.begins_at)}: {_STATES[day.state].lower()}"
                yield Bar(day.state.value, _bar(place), title)

    def _day(self, one: DayOfIncidents, titles: dict[str, str]) -> DayView:
        return DayView(self._day_words(one.begins_at), tuple(self.incident(i, titles) for i in one.incidents))

    def _window(self, one: Announced, components: Sequence[ComponentShown]) -> WindowView:
        return WindowView(
            id=self._ids.maintenance(one.id),
            title=one.title,
            phase=_WINDOWS[one.phase],
            paragraphs=_paragraphs(one.text),
            begins=self.when(one.starts_at),
            ends=self.when(one.ends_at),
            components=tuple(shown.listed.title for shown in components if one.is_of(shown.listed)),
        )


def _bar(place: int) -> str:
    return f"M{place * _STEP} 0h{_BAR}v{_HEIGHT}h-{_BAR}z"


def _percent(share: float) -> str:
    """Two places, cut off: 99.999 must not look as if nothing had been."""
    hundredths = int(share * 10_000)
    return f"{hundredths // 100}" if hundredths % 100 == 0 else f"{hundredths / 100:.2f}"


def _paragraphs(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.replace("\r\n", "\n").split("\n\n") if part.strip())
