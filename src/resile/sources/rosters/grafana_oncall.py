"""Grafana OnCall's users, teams, schedules and escalation chains, from what its HTTP API v1 answers."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from resile.model.catalog import Kind
from resile.model.policy import LONGEST_WAIT
from resile.model.time import MINUTE
from resile.sources.rosters.grafana_shifts import Shifts
from resile.sources.rosters.roster import UTC_NAME, Roster, severities_of, strings_of, text_of, whole_of
from resile.sources.rosters.split import add_schedules
from resile.sources.rosters.things import Things, name_all, things_in

# OnCall begins a chain anew so often where its last step says so.
_REPEATS = 5
_NOT_SAID = {
    "notify_whole_channel": "a message to a whole chat channel",
    "notify_user_group": "a user group of Slack",
    "trigger_webhook": "a webhook",
    "resolve": "resolving by itself",
    "notify_if_time_from_to": "a condition of the time of day",
    "notify_if_num_alerts_in_window": "a condition of how many alerts there are",
    "declare_incident": "declaring an incident, which resile has done by then,",
}

_KINDS = ("users", "teams", "schedules", "shifts", "chains", "policies", "rules", "routes")


def read(path: Path, now: datetime) -> Roster:
    """What a saved export says.

    Args:
        now: what is over by then is left out.

    Raises:
        ConfigError: the files cannot be read.
    """
    roster = Roster(now)
    things = _things(roster, path)
    kinds = ((Kind.PERSON, "users"), (Kind.TEAM, "teams"), (Kind.POLICY, "chains"))
    name_all(roster, things, kinds, "username", "name", "email")
    for ref, user in things["users"].items():
        its = [one for one in things["rules"].values() if text_of(one, "user_id") == ref]
        _person(roster, ref, user, its)
    shifts = Shifts(roster, things["shifts"])
    schedules = {ref: _schedule(roster, ref, one, shifts) for ref, one in things["schedules"].items()}
    for ref, team in things["teams"].items():
        _team(roster, ref, team, things, schedules)
    for ref, chain in things["chains"].items():
        its = [one for one in things["policies"].values() if text_of(one, "escalation_chain_id") == ref]
        _policy(roster, ref, chain, sorted(its, key=lambda one: whole_of(one, "position")), schedules)
    return roster


def _things(roster: Roster, path: Path) -> Things:
    # An answer that tells of one is that one.
    return things_in(
        roster,
        path,
        _KINDS,
        items="results",
        alone=lambda answer: answer if isinstance(answer, dict) and "results" not in answer else {},
        count="count",
        ids=("id",),
        kind_of=_kind_of,
    )


def _kind_of(one: Mapping[str, Any]) -> str | None:
    marks = (
        ("policies", ("escalation_chain_id", "type", "position")),
        ("routes", ("escalation_chain_id",)),
        ("rules", ("user_id", "type")),
        ("shifts", ("start", "duration", "type")),
        ("schedules", ("type", "on_call_now")),
        ("schedules", ("type", "shifts")),
        ("users", ("username",)),
        ("teams", ("name", "avatar_url")),
        ("teams", ("name", "email")),
        ("chains", ("name", "team_id")),
    )
    return next((kind for kind, fields in marks if all(field in one for field in fields)), None)


def _person(roster: Roster, ref: str, user: Mapping[str, Any], rules: Sequence[Mapping[str, Any]]) -> None:
    title, email = text_of(user, "username", "email"), text_of(user, "email")
    name = roster.name(Kind.PERSON, ref, title)
    contacts = [{"name": "mail", "channel": "email", "address": email}] if email else []
    told = {important: _rules(roster, name, rules, important, has_mail=bool(email)) for important in (True, False)}
    if told[True] == told[False] or not (told[True] and told[False]):
        its = told[True] or told[False]
    else:
        roster.note(f"person {name!r}: important rules are for SEV1 and SEV2, the default ones for the rest")
        its = [
            {**rule, "severities": severities_of(important)} for important in (True, False) for rule in told[important]
        ]
    zone = roster.zone(user.get("timezone"), f"person {name!r}", otherwise=None)
    roster.add(Kind.PERSON, name, title, zone=zone, contacts=contacts, rules=its)


def _rules(
    roster: Roster, person: str, rules: Sequence[Mapping[str, Any]], important: bool, *, has_mail: bool
) -> list[dict[str, Any]]:
    its = [one for one in rules if bool(one.get("important")) is important]
    found: list[dict[str, Any]] = []
    wait = timedelta(0)
    for one in sorted(its, key=lambda rule: whole_of(rule, "position")):
        kind = text_of(one, "type")
        if kind == "wait":
            wait += timedelta(seconds=whole_of(one, "duration"))
        elif kind == "notify_by_email" and has_mail:
            rule = {"use": "mail", "after": f"{wait // MINUTE}m"} if wait else {"use": "mail"}
            found += [rule] if rule not in found else []
        else:
            way = kind.removeprefix("notify_by_").replace("_", " ") or "?"
            roster.note(
                f"person {person!r}: a rule by {way} is left out, for the API tells no address; "
                "add a contact and a rule for it"
            )
    return found


def _schedule(roster: Roster, ref: str, schedule: Mapping[str, Any], shifts: Shifts) -> list[str]:
    title = text_of(schedule, "name")
    subject = f"schedule {roster.name(Kind.SCHEDULE, ref, title)!r}"
    zone = roster.zone(schedule.get("time_zone"), subject) or UTC_NAME
    if text_of(schedule, "type") == "ical":
        roster.note(f"{subject} is a calendar from elsewhere, which is not read; write its rotation by hand")
    if schedule.get("ical_url_overrides"):
        roster.note(f"{subject} takes overrides from a calendar, which is not read; enter those that are to come")
    refs = strings_of(schedule, "shifts")
    rotations = shifts.rotations(refs, subject, zone)
    names = add_schedules(roster, ref, title, zone, rotations)
    shifts.add_overrides(refs, names[0], zone)
    return names


def _team(
    roster: Roster, ref: str, team: Mapping[str, Any], things: Things, schedules: Mapping[str, Sequence[str]]
) -> None:
    title = text_of(team, "name")
    name = roster.name(Kind.TEAM, ref, title)
    members = [
        person
        for other, user in things["users"].items()
        if ref in strings_of(user, "teams") and (person := roster.known(Kind.PERSON, other))
    ]
    if not members:
        roster.note(f"team {name!r}: the API does not say who is in it; name its members")
    its = [names for other, names in schedules.items() if text_of(things["schedules"][other], "team_id") == ref]
    roster.add(Kind.TEAM, name, title, members=members, schedules=[one for names in its for one in names])


def _policy(
    roster: Roster,
    ref: str,
    chain: Mapping[str, Any],
    policies: Sequence[Mapping[str, Any]],
    schedules: Mapping[str, Sequence[str]],
) -> None:
    title = text_of(chain, "name")
    name = roster.name(Kind.POLICY, ref, title)
    steps: list[dict[str, Any]] = []
    wait, repeat = timedelta(0), 0
    for one in policies:
        kind = text_of(one, "type")
        if kind == "wait":
            wait += timedelta(seconds=whole_of(one, "duration"))
            continue
        if kind == "repeat_escalation":
            repeat = _REPEATS
            continue
        targets = _targets(roster, name, one, schedules)
        if not targets:
            continue
        if steps and not wait:
            steps[-1]["page"] = list(dict.fromkeys([*steps[-1]["page"], *targets]))
        else:
            after = {"after": f"{min(wait, LONGEST_WAIT) // MINUTE}m"} if wait >= MINUTE else {}
            steps.append({"page": list(dict.fromkeys(targets)), **after})
        wait = timedelta(0)
    if not steps:
        roster.note(f"policy {name!r} has no step that pages anybody; it is left out")
        return
    last = {"last": f"{min(max(wait, MINUTE), LONGEST_WAIT) // MINUTE}m"} if wait else {}
    roster.add(Kind.POLICY, name, title, steps=steps, repeat=repeat, **last)


def _targets(roster: Roster, policy: str, one: Mapping[str, Any], schedules: Mapping[str, Sequence[str]]) -> list[str]:
    kind = text_of(one, "type")
    if kind in _NOT_SAID:
        roster.note(f"policy {policy!r}: {_NOT_SAID[kind]} is left out")
        return []
    if kind == "notify_person_next_each_time":
        roster.note(f"policy {policy!r}: a person who is another each time is not known; the step pages all")
    people = [*strings_of(one, "persons_to_notify"), *strings_of(one, "persons_to_notify_next_each_time")]
    found = [f"person/{person}" for ref in people if (person := roster.known(Kind.PERSON, ref))]
    team = roster.known(Kind.TEAM, text_of(one, "team_to_notify", "notify_team_members"))
    found += [f"team/{team}"] if team else []
    schedule = text_of(one, "notify_on_call_from_schedule")
    found += [f"schedule/{name}" for name in schedules.get(schedule, ())]
    if not found:
        roster.note(f"policy {policy!r}: a step {kind or '?'} pages nobody of the export; it is left out")
    return found
