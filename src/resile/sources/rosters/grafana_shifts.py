"""Grafana OnCall's shifts as rotations: recurring events of which each goes to the next in a list of people."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from resile.model.catalog import Kind
from resile.model.schedule import Weekday
from resile.model.time import DAY, HOUR, WEEK
from resile.sources.rosters.roster import Roster, instant_of, strings_of, text_of, title_of, whole_of
from resile.sources.rosters.split import Rotation
from resile.sources.rosters.turns import Turns, hours_of, layers_of, local_of, spans_of

_UNITS = {"hourly": HOUR, "daily": DAY, "weekly": WEEK}
_DAYS = {day.name[:2]: day for day in Weekday}
# Longer than anybody's shift: one person, without a hand-over.
_ALWAYS = 520 * WEEK

Spans = Sequence[tuple[int, int]]


class _Event(Struct, frozen=True, kw_only=True):
    """A shift as it is told, with what of it is read: its first event by the local clock of its zone."""

    told: Mapping[str, Any]
    title: str
    place: str
    zone: str
    start: datetime
    lasts: timedelta


class Shifts:
    """All shifts of an export, by id."""

    def __init__(self, roster: Roster, shifts: Mapping[str, Mapping[str, Any]]) -> None:
        self._roster = roster
        self._shifts = shifts

    def rotations(self, refs: Sequence[str], subject: str, zone: str) -> list[Rotation]:
        """Those of a schedule, but for its overrides."""
        found = []
        for ref in refs:
            shift = self._shifts.get(ref)
            if shift is None:
                self._roster.note(
                    f"{subject}: shift {ref[:40]!r} is not in the export; save GET /api/v1/on_call_shifts"
                )
            elif text_of(shift, "type") != "override":
                found += self._rotation(shift, subject, zone)
        return found

    def add_overrides(self, refs: Sequence[str], schedule: str, zone: str) -> None:
        """The overrides of a schedule."""
        for shift in (self._shifts.get(ref, {}) for ref in refs):
            if text_of(shift, "type") == "override":
                starts_at = instant_of(shift.get("start"), text_of(shift, "time_zone") or zone)
                people = self._people(shift, f"an override of schedule {schedule!r}")
                if starts_at is not None and people:
                    ends_at = starts_at + timedelta(seconds=whole_of(shift, "duration"))
                    self._roster.override(schedule, people[0], starts_at, ends_at)

    def _rotation(self, told: Mapping[str, Any], subject: str, zone: str) -> list[Rotation]:
        title = title_of(text_of(told, "name")) or text_of(told, "id")
        place = f"{subject}, shift {title!r}"
        its_zone = self._roster.zone(told.get("time_zone"), place, otherwise=zone) or zone
        start = _local(told.get("start"), its_zone)
        lasts = timedelta(seconds=whole_of(told, "duration"))
        if start is None or lasts <= timedelta(0):
            self._roster.note(f"{place} says neither when it starts nor how long it is; it is left out")
            return []
        event = _Event(told=told, title=title, place=place, zone=its_zone, start=start, lasts=lasts)
        turns, spans = self._turns(event)
        layers = [] if turns is None else layers_of(turns, now=local_of(self._roster.now, its_zone))
        if its_zone != zone:
            layers = [{**layer, "zone": its_zone} for layer in layers]
        return [Rotation(title=title, layers=layers, spans=spans, level=whole_of(told, "level"))]

    def _turns(self, event: _Event) -> tuple[Turns | None, Spans]:
        told, start = event.told, event.start
        people = self._people(told, event.place)
        if text_of(told, "type") == "single_event":
            ends = start + event.lasts
            return Turns(name=event.title, first=start, lasts=_ALWAYS, people=people[:1], ends=ends), ()
        unit = _UNITS.get(text_of(told, "frequency"))
        if unit is None or told.get("by_month") or told.get("by_monthday"):
            self._roster.note(f"{event.place} recurs by the month, which is not read; write its rotation by hand")
            return None, ()
        days = [_DAYS[day] for day in strings_of(told, "by_day") if day in _DAYS]
        first = start
        if days and unit == WEEK:
            # Who it is changes with the week, at the hour at which the shifts begin.
            week = _DAYS.get(text_of(told, "week_start"), Weekday.SUNDAY)
            first -= ((start.weekday() - week) % len(Weekday)) * DAY
        elif days:
            self._roster.note(f"{event.place}: of a rotation by the day, days that are left out count as turns")
        turns = Turns(
            name=event.title,
            first=first,
            lasts=max(whole_of(told, "interval", 1), 1) * unit,
            people=people[:1] if text_of(told, "type") == "recurrent_event" else people,
            begins=max(start, _local(told.get("rotation_start"), event.zone) or start),
            ends=_local(told.get("until"), event.zone),
        )
        return self._with_hours(event, turns, unit, days)

    def _with_hours(self, event: _Event, turns: Turns, unit: timedelta, days: Sequence[Weekday]) -> tuple[Turns, Spans]:
        """The rotation with the hours within a turn in which somebody is on duty."""
        every = turns.lasts
        if not days and event.lasts >= every:
            if event.lasts > every:
                self._roster.note(f"{event.place} is longer than its turn; each is on duty until the next takes over")
            return turns, ()
        if unit == HOUR or (every != unit and not (days and unit == WEEK)):
            self._roster.note(
                f"{event.place} is off duty within its turn, which is not said here; it is on duty throughout"
            )
            return turns, ()
        if every != unit:
            self._roster.note(f"{event.place} recurs every {every // unit} weeks; here it recurs in each of them")
        start = timedelta(hours=event.start.hour, minutes=event.start.minute)
        on = list(days) or ([Weekday(event.start.weekday())] if unit == WEEK else [])
        hours = hours_of(start, event.lasts, on)
        return replace(turns, hours=hours), spans_of(start, event.lasts, on) if hours else ()

    def _people(self, shift: Mapping[str, Any], place: str) -> list[str]:
        """Who takes turns, from the one on who begins."""
        said = shift.get("rolling_users")
        rolling = [one for one in said if isinstance(one, list) and one] if isinstance(said, list) else []
        groups = rolling or [[one] for one in strings_of(shift, "users")]
        if not rolling and len(groups) > 1:
            self._roster.note(f"{place} calls {len(groups)} people at once; the first is taken")
        if any(len(group) > 1 for group in groups):
            self._roster.note(f"{place}: of several people who have a turn together the first is taken")
        index = whole_of(shift, "start_rotation_from_user_index") % len(groups) if groups else 0
        found = []
        for group in [*groups[index:], *groups[:index]]:
            person = self._roster.known(Kind.PERSON, str(group[0]))
            if person is None:
                self._roster.note(f"{place}: the turn of somebody who is not in the export is given to the next")
            else:
                found.append(person)
        if not found:
            self._roster.note(f"{place} calls nobody; it is left out")
        return found


def _local(said: object, zone: str) -> datetime | None:
    at = instant_of(said, zone)
    return None if at is None else local_of(at, zone)
