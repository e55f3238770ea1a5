"""Rotations that hold at once: layers of one schedule where they take turns, several schedules where they overlap."""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from resile.model.catalog import Kind
from resile.sources.rosters.roster import Roster, title_of
from resile.sources.rosters.turns import week_of


class Rotation(Struct, frozen=True, kw_only=True):
    """One rotation of another tool.

    Attributes:
        layers: what it comes to; empty: it is over.
        spans: when within a week it is on duty, as `week_of` takes them; empty: always.
        level: of two that overlap, the higher overrules; those of the same are on duty at once.
    """

    title: str
    layers: Sequence[dict[str, Any]]
    spans: Sequence[tuple[int, int]] = ()
    level: int = 0


def add_schedules(roster: Roster, ref: str, title: str, zone: str, rotations: Sequence[Rotation]) -> list[str]:
    """Write as many schedules as people are on duty at once.

    Returns:
        Their names; whoever is to page the one is to page all of these.
    """
    groups = _groups([one for one in rotations if one.layers])
    names = []
    for number, group in enumerate(groups or [[]]):
        its_title = title if number == 0 else f"{title} – {group[0].title}"
        name = roster.name(Kind.SCHEDULE, ref if number == 0 else f"{ref}/{number}", title_of(its_title))
        layers = [layer for one in sorted(group, key=lambda one: one.level) for layer in one.layers]
        roster.add(Kind.SCHEDULE, name, its_title, zone=zone, layers=named_apart(layers))
        names.append(name)
    if len(names) > 1:
        roster.note(
            f"schedule {names[0]!r} calls several at once, which one schedule of resile does not; "
            f"it became {', '.join(names)}, and policies page all of them"
        )
    return names


def _groups(rotations: Sequence[Rotation]) -> list[list[Rotation]]:
    """Rotations of which no two of the same level are on duty at the same time."""
    groups: list[list[Rotation]] = []
    weeks: list[dict[int, set[int]]] = []
    for one in rotations:
        week = week_of(one.spans)
        for group, taken in zip(groups, weeks, strict=True):
            if not taken.get(one.level, set()) & week:
                group.append(one)
                taken[one.level] = taken.get(one.level, set()) | week
                break
        else:
            groups.append([one])
            weeks.append({one.level: week})
    return groups


def named_apart(layers: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Layers of a schedule must not be called the same."""
    taken: set[str] = set()
    found = []
    for layer in layers:
        name, number = layer["name"], 2
        while name in taken:
            name, number = f"{layer['name'][:190]} {number}", number + 1
        taken.add(name)
        found.append({**layer, "name": name})
    return found
