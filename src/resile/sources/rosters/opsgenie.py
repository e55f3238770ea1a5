"""Opsgenie's users, teams, schedules, escalations and services, from what its REST API v2 answers."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from resile.model.catalog import Kind
from resile.model.policy import LONGEST_WAIT, MAX_REPEAT
from resile.model.schedule import Weekday
from resile.model.time import DAY, HOUR, MINUTE, WEEK
from resile.sources.rosters.opsgenie_people import add_person
from resile.sources.rosters.roster import (
    UTC_NAME,
    Roster,
    inner,
    instant_of,
    items_of,
    text_of,
    title_of,
    whole_of,
)
from resile.sources.rosters.split import Rotation, add_schedules
from resile.sources.rosters.things import Things, name_all, things_in
from resile.sources.rosters.turns import Turns, hours_of, layers_of, local_of, spans_of

_UNITS = {"hourly": HOUR, "daily": DAY, "weekly": WEEK}
_DELAYS = {"minutes": MINUTE, "hours": HOUR, "days": DAY}
_NOT_SAID = {
    "next": "the next of the schedule is not known; whoever is on call is paged",
    "previous": "the one before on the schedule is not known; whoever is on call is paged",
    "random": "a random member is not known; the team is paged",
    "admins": "admins of a team are not known; the team is paged",
    "users": "users of a team are not told apart from its admins; the team is paged",
}

_KINDS = ("users", "teams", "schedules", "escalations", "services", "overrides", "rules")


def read(path: Path, now: datetime) -> Roster:
    """What a saved export says.

    Args:
        now: what is over by then is left out.

    Raises:
        ConfigError: the files cannot be read.
    """
    roster = Roster(now)
    things = _things(roster, path)
    kinds = ((Kind.PERSON, "users"), (Kind.TEAM, "teams"), (Kind.POLICY, "escalations"), (Kind.SERVICE, "services"))
    name_all(roster, things, kinds, "fullName", "name", "username")
    for ref, user in things["users"].items():
        add_person(roster, ref, user, list(things["rules"].values()))
    schedules = {ref: _schedule(roster, ref, one) for ref, one in things["schedules"].items()}
    for override in things["overrides"].values():
        _override(roster, override, schedules)
    for ref, team in things["teams"].items():
        _team(roster, ref, team, things, schedules)
    for ref, escalation in things["escalations"].items():
        _policy(roster, ref, escalation, schedules)
    for ref, team in things["teams"].items():
        # Once more: now its policy is known.
        _team(roster, ref, team, things, schedules)
    for ref, service in things["services"].items():
        _service(roster, ref, service)
    return roster


def _things(roster: Roster, path: Path) -> Things:
    return things_in(
        roster,
        path,
        _KINDS,
        items="data",
        alone=lambda answer: inner(answer, "data"),
        count="totalCount",
        ids=("id", "alias"),
        kind_of=_kind_of,
    )


def _kind_of(one: Mapping[str, Any]) -> str | None:
    marks = (
        ("users", ("username", "fullName")),
        ("overrides", ("alias", "startDate", "endDate")),
        ("schedules", ("timezone", "name")),
        ("rules", ("actionType",)),
        ("escalations", ("rules", "name")),
        ("services", ("teamId", "name")),
        ("teams", ("id", "name")),
    )
    return next((kind for kind, fields in marks if all(field in one for field in fields)), None)


def _schedule(roster: Roster, ref: str, schedule: Mapping[str, Any]) -> list[str]:
    title = text_of(schedule, "name")
    subject = f"schedule {roster.name(Kind.SCHEDULE, ref, title)!r}"
    zone = roster.zone(schedule.get("timezone"), subject) or UTC_NAME
    if "rotations" not in schedule:
        roster.note(f"{subject} has no rotations here; save schedules with expand=rotation")
    if schedule.get("enabled") is False:
        roster.note(f"{subject} is disabled in Opsgenie; here it counts")
    rotations = [
        found
        for number, one in enumerate(items_of(schedule, "rotations"), start=1)
        if (found := _rotation(roster, subject, one, zone, number)) is not None
    ]
    return add_schedules(roster, ref, title, zone, rotations)


def _rotation(roster: Roster, subject: str, rotation: Mapping[str, Any], zone: str, number: int) -> Rotation | None:
    title = title_of(text_of(rotation, "name")) or f"rotation {number}"
    place = f"{subject}, rotation {title!r}"
    first, ends = instant_of(rotation.get("startDate"), zone), instant_of(rotation.get("endDate"), zone)
    unit = _UNITS.get(text_of(rotation, "type"))
    if first is None or unit is None:
        roster.note(f"{place} says neither when it starts nor how long a turn is; it is left out")
        return None
    people = [_participant(roster, place, one) for one in items_of(rotation, "participants")]
    hours, spans = _hours(roster, place, inner(rotation, "timeRestriction"))
    turns = Turns(
        name=title,
        first=local_of(first, zone),
        lasts=max(whole_of(rotation, "length", 1), 1) * unit,
        people=[one for one in people if one is not None],
        ends=None if ends is None else local_of(ends, zone),
        hours=hours,
    )
    return Rotation(title=title, layers=layers_of(turns, now=local_of(roster.now, zone)), spans=spans)


def _participant(roster: Roster, place: str, one: Mapping[str, Any]) -> str | None:
    kind = text_of(one, "type")
    if kind == "user":
        person = person_of(roster, one)
        if person is None:
            roster.note(f"{place}: the turn of somebody who is not in the export is given to the next")
        return person
    what = "nobody" if kind == "none" else f"{kind} {text_of(one, 'name', 'id')!r}"
    roster.note(f"{place}: the turn of {what} is given to the next; a turn is one person's")
    return None


def person_of(roster: Roster, one: Mapping[str, Any]) -> str | None:
    """Somebody who is named; made where the export's users do not hold them."""
    ref, email = text_of(one, "id"), text_of(one, "username", "name")
    known = roster.known(Kind.PERSON, ref)
    if known is None and ref and email:
        known = roster.name(Kind.PERSON, ref, email.partition("@")[0])
        contacts = [{"name": "mail", "channel": "email", "address": email}] if "@" in email else []
        roster.add(Kind.PERSON, known, email, contacts=contacts)
        roster.note(f"person {known!r} is named, and is not among the users")
    return known


def _hours(
    roster: Roster, place: str, restriction: Mapping[str, Any]
) -> tuple[list[dict[str, Any]], list[tuple[int, int]]]:
    """Hours of duty, as documents write them and as spans of a week."""
    alone = inner(restriction, "restriction")
    found: list[dict[str, Any]] = []
    spans: list[tuple[int, int]] = []
    for one in [*items_of(restriction, "restrictions"), *([alone] if alone else [])]:
        start = _clock(one, "start")
        lasts = _clock(one, "end") - start
        days = [day for day in Weekday if day.name.lower() == text_of(one, "startDay").lower()]
        end_days = [day for day in Weekday if day.name.lower() == text_of(one, "endDay").lower()]
        if days and end_days:
            lasts += ((end_days[0] - days[0]) % len(Weekday)) * DAY
            lasts += WEEK if lasts <= timedelta(0) else timedelta(0)
        elif text_of(restriction, "type").startswith("weekday"):
            roster.note(f"{place}: a restriction without its days is left out")
            continue
        else:
            lasts += DAY if lasts <= timedelta(0) else timedelta(0)
        told = hours_of(start, lasts, days)
        if not told:
            return [], []
        found += told
        spans += spans_of(start, lasts, days)
    return found, spans


def _clock(one: Mapping[str, Any], which: str) -> timedelta:
    return timedelta(hours=whole_of(one, f"{which}Hour") % 24, minutes=whole_of(one, f"{which}Min") % 60)


def _override(roster: Roster, override: Mapping[str, Any], schedules: Mapping[str, Sequence[str]]) -> None:
    parent = inner(override, "_parent")
    names = schedules.get(text_of(parent, "id"), ())
    starts_at, ends_at = instant_of(override.get("startDate")), instant_of(override.get("endDate"))
    person = person_of(roster, inner(override, "user"))
    if not names or person is None or starts_at is None or ends_at is None:
        roster.note(f"an override {text_of(override, 'alias')!r} names no schedule or person of the export")
        return
    if len(names) > 1 or override.get("rotations"):
        roster.note(f"schedule {names[0]!r}: an override of {person} is of the first of its schedules; look whether so")
    roster.override(names[0], person, starts_at, ends_at)


def _policy(roster: Roster, ref: str, escalation: Mapping[str, Any], schedules: Mapping[str, Sequence[str]]) -> None:
    title = text_of(escalation, "name")
    name = roster.name(Kind.POLICY, ref, title)
    by_delay: dict[timedelta, list[str]] = {}
    for rule in items_of(escalation, "rules"):
        delay = inner(rule, "delay")
        after = whole_of(delay, "timeAmount") * _DELAYS.get(text_of(delay, "timeUnit"), MINUTE)
        targets = _targets(roster, name, rule, schedules)
        if text_of(rule, "condition") == "if-not-closed":
            roster.note(f"policy {name!r}: a rule for what is not closed is one for what is not acknowledged")
        by_delay.setdefault(after, []).extend(targets)
    steps: list[dict[str, Any]] = []
    before = timedelta(0)
    for after, targets in sorted(by_delay.items()):
        if targets:
            wait = min(after - before, LONGEST_WAIT)
            told = {"after": f"{wait // MINUTE}m"} if wait else {}
            steps.append({"page": list(dict.fromkeys(targets)), **told})
            before = after
    if not steps:
        roster.note(f"policy {name!r} has no rule that pages anybody; it is left out")
        return
    repeat = inner(escalation, "repeat")
    last = min(max(whole_of(repeat, "waitInterval", 5), 1) * MINUTE, LONGEST_WAIT)
    n = min(whole_of(repeat, "count"), MAX_REPEAT)
    roster.add(Kind.POLICY, name, title, steps=steps, repeat=n, last=f"{last // MINUTE}m")


def _targets(roster: Roster, policy: str, rule: Mapping[str, Any], schedules: Mapping[str, Sequence[str]]) -> list[str]:
    recipient, how = inner(rule, "recipient"), text_of(rule, "notifyType")
    kind, ref = text_of(recipient, "type"), text_of(recipient, "id")
    if how in _NOT_SAID:
        roster.note(f"policy {policy!r}: {_NOT_SAID[how]}")
    if kind == "user" and (person := person_of(roster, recipient)):
        return [f"person/{person}"]
    if kind == "schedule" and ref in schedules:
        return [f"schedule/{name}" for name in schedules[ref]]
    if kind == "team" and (team := roster.known(Kind.TEAM, ref)):
        if how not in _NOT_SAID and how != "all":
            roster.note(f"policy {policy!r}: team {team!r} is paged by its schedules, not by its routing rules")
        return [f"team/{team}"]
    roster.note(f"policy {policy!r}: {kind or 'somebody'} {text_of(recipient, 'name', 'id')!r} is not in the export")
    return []


def _team(
    roster: Roster, ref: str, team: Mapping[str, Any], things: Things, schedules: Mapping[str, Sequence[str]]
) -> None:
    title = text_of(team, "name")
    name = roster.name(Kind.TEAM, ref, title)
    if "members" not in team:
        roster.note(f"team {name!r} has no members here; save it with GET /v2/teams/{ref}")
    members = [person_of(roster, inner(one, "user")) for one in items_of(team, "members")]
    its = [other for other, one in things["schedules"].items() if text_of(inner(one, "ownerTeam"), "id") == ref]
    policies = [
        found
        for other, one in things["escalations"].items()
        if text_of(inner(one, "ownerTeam"), "id") == ref and (found := roster.known(Kind.POLICY, other))
    ]
    if len(policies) > 1:
        roster.note(f"team {name!r} has {len(policies)} escalations; name the one for its services as policy:")
    roster.add(
        Kind.TEAM,
        name,
        title,
        members=[one for one in members if one is not None],
        schedules=[schedule for other in its for schedule in schedules[other]],
        policy=policies[0] if len(policies) == 1 else None,
    )


def _service(roster: Roster, ref: str, service: Mapping[str, Any]) -> None:
    title = text_of(service, "name")
    name = roster.name(Kind.SERVICE, ref, title)
    aliases = [title_of(title)] if title_of(title) != name else []
    roster.add(Kind.SERVICE, name, title, owner=roster.known(Kind.TEAM, text_of(service, "teamId")), aliases=aliases)
