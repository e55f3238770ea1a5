"""PagerDuty's users, teams, schedules, escalation policies and services, from what its REST API v2 answers."""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from resile.model.catalog import Kind
from resile.model.policy import LONGEST_WAIT, MAX_REPEAT
from resile.model.schedule import Weekday
from resile.model.time import HOUR, MINUTE
from resile.sources.rosters.exported import answers
from resile.sources.rosters.pagerduty_layers import lowest_first
from resile.sources.rosters.roster import (
    UTC_NAME,
    Roster,
    inner,
    instant_of,
    items_of,
    severities_of,
    text_of,
    title_of,
    whole_of,
)
from resile.sources.rosters.split import named_apart
from resile.sources.rosters.things import Things, name_all
from resile.sources.rosters.turns import Turns, hours_of, is_whole, layers_of, local_of

_KINDS = {
    "users": "user",
    "teams": "team",
    "schedules": "schedule",
    "escalation_policies": "escalation_policy",
    "services": "service",
}
_CHANNELS = {"email_contact_method": "email", "phone_contact_method": "voice", "sms_contact_method": "sms"}
_NAMES = {"email": "mail", "voice": "phone", "sms": "sms"}
_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?")


def read(path: Path, now: datetime) -> Roster:
    """What a saved export says.

    Args:
        now: what is over by then is left out.

    Raises:
        ConfigError: the files cannot be read.
    """
    roster = Roster(now)
    things = _things(roster, path)
    kinds = (
        (Kind.PERSON, "users"),
        (Kind.TEAM, "teams"),
        (Kind.SCHEDULE, "schedules"),
        (Kind.POLICY, "escalation_policies"),
        (Kind.SERVICE, "services"),
    )
    name_all(roster, things, kinds, "name", "summary")
    for ref, user in things["users"].items():
        _person(roster, ref, user)
    for ref, schedule in things["schedules"].items():
        _schedule(roster, ref, schedule)
    for ref, policy in things["escalation_policies"].items():
        _policy(roster, ref, policy)
    for ref, team in things["teams"].items():
        _team(roster, ref, team, things)
    for ref, service in things["services"].items():
        _service(roster, ref, service)
    return roster


def _things(roster: Roster, path: Path) -> Things:
    """What the answers hold, by collection and id; of two that tell of the same, the one that says more."""
    found: Things = {plural: {} for plural in _KINDS}
    saved: set[tuple[str, int]] = set()
    missing: set[tuple[str, int]] = set()
    for answer, _ in answers(path):
        for plural, single in _KINDS.items():
            alone = inner(answer, single)
            if items_of(answer, plural):
                offset = whole_of(answer, "offset")
                saved.add((plural, offset))
                missing |= {(plural, offset + whole_of(answer, "limit"))} if answer.get("more") else set()
            for one in [*items_of(answer, plural), *([alone] if alone else [])]:
                ref = text_of(one, "id")
                if ref and len(one) >= len(found[plural].get(ref, {})):
                    found[plural][ref] = one
    for plural, offset in sorted(missing - saved):
        roster.note(f"there are more {plural} than were saved; save those with offset={offset} too")
    return found


def _person(roster: Roster, ref: str, user: Mapping[str, Any]) -> None:
    title = text_of(user, "name", "summary")
    name = roster.name(Kind.PERSON, ref, title)
    methods: dict[str, dict[str, str]] = {}
    for method in items_of(user, "contact_methods"):
        contact = _contact(roster, name, method, {one["name"] for one in methods.values()})
        if contact is not None:
            methods[text_of(method, "id")] = contact
    contacts = list(methods.values())
    email = text_of(user, "email")
    if not contacts and email:
        contacts = [{"name": "mail", "channel": "email", "address": email}]
    rules = _rules(roster, name, user, methods)
    zone = roster.zone(user.get("time_zone"), f"person {name!r}", otherwise=None)
    roster.add(Kind.PERSON, name, title, zone=zone, contacts=contacts, rules=rules)


def _contact(roster: Roster, person: str, method: Mapping[str, Any], taken: set[str]) -> dict[str, str] | None:
    kind, address = text_of(method, "type").removesuffix("_reference"), text_of(method, "address")
    channel = _CHANNELS.get(kind)
    if channel is None:
        roster.note(f"person {person!r}: a contact by {kind.removesuffix('_contact_method') or '?'} is left out")
        return None
    if channel != "email":
        digits = "".join(filter(str.isdigit, address))
        address = f"+{whole_of(method, 'country_code', 1)}{digits}" if digits else ""
    if not address:
        roster.note(
            f"person {person!r}: a contact by {channel} has no address; save users with include[]=contact_methods"
        )
        return None
    wanted, number = _NAMES[channel], 2
    name = wanted
    while name in taken:
        name, number = f"{wanted}-{number}", number + 1
    return {"name": name, "channel": channel, "address": title_of(address)}


def _rules(
    roster: Roster, person: str, user: Mapping[str, Any], methods: Mapping[str, dict[str, str]]
) -> list[dict[str, Any]]:
    """Rules by urgency become rules by severity; those that are the same for both are said once."""
    told: dict[str, list[tuple[int, str]]] = {"high": [], "low": []}
    for rule in items_of(user, "notification_rules"):
        method = methods.get(text_of(inner(rule, "contact_method"), "id"))
        if method is not None and text_of(rule, "urgency") in told:
            told[text_of(rule, "urgency")].append((whole_of(rule, "start_delay_in_minutes"), method["name"]))
    high, low = (sorted(dict.fromkeys(told[urgency])) for urgency in ("high", "low"))
    if high == low or not (high and low):
        return [_rule(after, use) for after, use in high or low]
    roster.note(f"person {person!r}: rules for high urgency are for SEV1 and SEV2, those for low urgency for the rest")
    return [
        {**_rule(after, use), "severities": severities_of(is_urgent)}
        for rules, is_urgent in ((high, True), (low, False))
        for after, use in rules
    ]


def _rule(after: int, use: str) -> dict[str, Any]:
    return {"use": use, "after": f"{after}m"} if after else {"use": use}


def _schedule(roster: Roster, ref: str, schedule: Mapping[str, Any]) -> None:
    title = text_of(schedule, "name", "summary")
    name = roster.name(Kind.SCHEDULE, ref, title)
    zone = roster.zone(schedule.get("time_zone"), f"schedule {name!r}") or UTC_NAME
    layers: list[dict[str, Any]] = []
    if "schedule_layers" not in schedule:
        roster.note(f"schedule {name!r} has no layers here; save it with GET /schedules/{ref}")
    for number, layer in enumerate(lowest_first(schedule), start=1):
        layers += _layers(roster, f"schedule {name!r}", layer, zone, number)
    roster.add(Kind.SCHEDULE, name, title, zone=zone, layers=named_apart(layers))
    for entry in items_of(inner(schedule, "override_subschedule"), "rendered_schedule_entries"):
        starts_at, ends_at = instant_of(entry.get("start"), zone), instant_of(entry.get("end"), zone)
        person = _known_person(roster, inner(entry, "user"))
        if person and starts_at and ends_at:
            roster.override(name, person, starts_at, ends_at)


def _layers(roster: Roster, subject: str, layer: Mapping[str, Any], zone: str, number: int) -> list[dict[str, Any]]:
    title = title_of(text_of(layer, "name")) or f"layer {number}"
    place = f"{subject}, layer {title!r}"
    first = instant_of(layer.get("rotation_virtual_start") or layer.get("start"), zone)
    begins, ends = instant_of(layer.get("start"), zone), instant_of(layer.get("end"), zone)
    lasts = timedelta(seconds=whole_of(layer, "rotation_turn_length_seconds"))
    people = [_known_person(roster, inner(entry, "user")) for entry in items_of(layer, "users")]
    if first is None or not lasts:
        roster.note(f"{place} says neither when it starts nor how long a turn is; it is left out")
        return []
    if None in people:
        roster.note(f"{place}: the turn of somebody who was deleted is given to the next")
    if not is_whole(lasts):
        roster.note(f"{place}: a turn of {lasts} is said in whole hours")
        lasts = max(1, round(lasts / HOUR)) * HOUR
    turns = Turns(
        name=title,
        first=local_of(first, zone),
        lasts=lasts,
        people=[one for one in people if one is not None],
        begins=None if begins is None else local_of(begins, zone),
        ends=None if ends is None else local_of(ends, zone),
        hours=_hours(roster, place, layer),
    )
    return layers_of(turns, now=local_of(roster.now, zone))


def _hours(roster: Roster, place: str, layer: Mapping[str, Any]) -> list[dict[str, Any]]:
    found = []
    for restriction in items_of(layer, "restrictions"):
        clock = _TIME.fullmatch(text_of(restriction, "start_time_of_day"))
        lasts = timedelta(seconds=whole_of(restriction, "duration_seconds"))
        if clock is None or not lasts:
            roster.note(f"{place}: a restriction without a time or a duration is left out")
            continue
        if clock[3] not in {None, "00"} or lasts % MINUTE:
            roster.note(f"{place}: a restriction is said in whole minutes")
        weekday = whole_of(restriction, "start_day_of_week")
        days = [Weekday((weekday - 1) % len(Weekday))] if text_of(restriction, "type").startswith("weekly") else []
        told = hours_of(timedelta(hours=int(clock[1]), minutes=int(clock[2])), lasts, days)
        if not told:
            return []
        found += told
    return found


def _known_person(roster: Roster, user: Mapping[str, Any]) -> str | None:
    """Somebody whom a schedule or policy names; made where the export's users do not hold them."""
    ref, title = text_of(user, "id"), text_of(user, "summary", "name")
    if not ref:
        return None
    known = roster.known(Kind.PERSON, ref)
    if known is None:
        if user.get("deleted_at") or not title:
            return None
        known = roster.name(Kind.PERSON, ref, title)
        roster.add(Kind.PERSON, known, title)
        roster.note(f"person {known!r} is named, and is not among the users: they have no contacts yet")
    return known


def _policy(roster: Roster, ref: str, policy: Mapping[str, Any]) -> None:
    title = text_of(policy, "name", "summary")
    name = roster.name(Kind.POLICY, ref, title)
    steps: list[dict[str, Any]] = []
    wait = timedelta(0)
    for number, rule in enumerate(items_of(policy, "escalation_rules"), start=1):
        targets = [target for one in items_of(rule, "targets") if (target := _target(roster, one))]
        strategy = text_of(inner(rule, "escalation_rule_assignment_strategy"), "type")
        if strategy == "round_robin":
            roster.note(f"policy {name!r}, step {number}: round robin is not known; the step pages all")
        if targets:
            steps.append({"page": list(dict.fromkeys(targets)), **_after(roster, f"policy {name!r}", wait)})
            wait = timedelta(0)
        else:
            roster.note(f"policy {name!r}, step {number} pages nobody who is known; it is left out")
        wait += timedelta(minutes=whole_of(rule, "escalation_delay_in_minutes", 30))
    if not steps:
        roster.note(f"policy {name!r} has no step that pages anybody; it is left out")
        return
    last = min(max(wait, MINUTE), LONGEST_WAIT)
    loops = min(whole_of(policy, "num_loops"), MAX_REPEAT)
    roster.add(Kind.POLICY, name, title, steps=steps, repeat=loops, last=f"{last // MINUTE}m")


def _after(roster: Roster, subject: str, wait: timedelta) -> dict[str, str]:
    if wait > LONGEST_WAIT:
        roster.note(f"{subject}: a step after {wait} comes after 24 hours")
    return {"after": f"{min(wait, LONGEST_WAIT) // MINUTE}m"} if wait else {}


def _target(roster: Roster, target: Mapping[str, Any]) -> str | None:
    kind = text_of(target, "type").removesuffix("_reference")
    if kind == "user":
        person = _known_person(roster, target)
        return None if person is None else f"person/{person}"
    schedule = roster.known(Kind.SCHEDULE, text_of(target, "id"))
    if kind != "schedule" or schedule is None:
        roster.note(f"a {kind or 'target'} {text_of(target, 'summary', 'id')!r} of a policy is not in the export")
        return None
    return f"schedule/{schedule}"


def _refs(one: Mapping[str, Any], field: str) -> set[str]:
    return {text_of(team, "id") for team in items_of(one, field)}


def _names(roster: Roster, kind: Kind, things: Mapping[str, Mapping[str, Any]], team: str) -> list[str]:
    """Of the things of a kind, those that belong to a team."""
    refs: Iterable[str] = (ref for ref, one in things.items() if team in _refs(one, "teams"))
    return [name for ref in refs if (name := roster.known(kind, ref))]


def _team(roster: Roster, ref: str, team: Mapping[str, Any], things: Things) -> None:
    title = text_of(team, "name", "summary")
    policies = _names(roster, Kind.POLICY, things["escalation_policies"], ref)
    roster.add(
        Kind.TEAM,
        roster.name(Kind.TEAM, ref, title),
        title,
        members=_names(roster, Kind.PERSON, things["users"], ref),
        schedules=_names(roster, Kind.SCHEDULE, things["schedules"], ref),
        policy=policies[0] if len(policies) == 1 else None,
    )


def _service(roster: Roster, ref: str, service: Mapping[str, Any]) -> None:
    title = text_of(service, "name", "summary")
    name = roster.name(Kind.SERVICE, ref, title)
    teams = [known for one in items_of(service, "teams") if (known := roster.known(Kind.TEAM, text_of(one, "id")))]
    if len(teams) > 1:
        roster.note(f"service {name!r} belongs to {len(teams)} teams; the first, {teams[0]!r}, owns it")
    roster.add(
        Kind.SERVICE,
        name,
        title,
        owner=teams[0] if teams else None,
        policy=roster.known(Kind.POLICY, text_of(inner(service, "escalation_policy"), "id")),
        aliases=[title_of(title)] if title_of(title) not in {"", name} else [],
    )
