"""Opsgenie's export becomes documents by which the same people are on call, and says what it could not keep."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from resile.model.catalog import Kind
from resile.sources.rosters.opsgenie import read
from resile.sources.rosters.roster import Roster

from .world import holders, saved, times

NOW = datetime(2026, 3, 1, tzinfo=UTC)
UNTIL = NOW + timedelta(weeks=8)
PEOPLE = {"U1": "ann", "U2": "bob", "U3": "cyd"}
LENGTHS = {"hourly": timedelta(hours=1), "daily": timedelta(days=1), "weekly": timedelta(weeks=1)}
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def user(ref: str, **more: Any) -> dict[str, Any]:
    name = PEOPLE[ref]
    return {"id": ref, "username": f"{name}@example.org", "fullName": name, "role": {"name": "User"}, **more}


USERS = {"data": [user(ref) for ref in PEOPLE], "took": 0.1}


def people(*refs: str) -> list[dict[str, Any]]:
    return [{"type": "user", "id": ref, "username": f"{PEOPLE[ref]}@example.org"} for ref in refs]


def rotation(name: str, kind: str, start: str, *refs: str, **more: Any) -> dict[str, Any]:
    return {
        "id": name,
        "name": name,
        "type": kind,
        "startDate": start,
        "length": 1,
        "participants": people(*refs),
        **more,
    }


def schedule(*rotations: dict[str, Any], zone: str = "Europe/Berlin") -> dict[str, Any]:
    told = {"id": "S1", "name": "Shop", "timezone": zone, "enabled": True, "ownerTeam": {"id": "T1", "name": "Core"}}
    return {**told, "rotations": list(rotations)}


def time_of_day(starts: int, ends: int) -> dict[str, Any]:
    return {
        "type": "time-of-day",
        "restriction": {"startHour": starts, "startMin": 30, "endHour": ends, "endMin": 30},
    }


def weekdays(*spans: tuple[str, int, str, int]) -> dict[str, Any]:
    told = [
        {"startDay": day, "startHour": hour, "startMin": 0, "endDay": end_day, "endHour": end_hour, "endMin": 0}
        for day, hour, end_day, end_hour in spans
    ]
    return {"type": "weekday-and-time-of-day", "restrictions": told}


def on_call(told: Mapping[str, Any], at: datetime) -> set[str]:
    """Who is on call in Opsgenie: whoever has the turn of each of its rotations, counted on the local clock."""
    zone = ZoneInfo(told["timezone"])
    shown = at.astimezone(zone).replace(tzinfo=None)
    found = set()
    for one in told["rotations"]:
        first = datetime.fromisoformat(one["startDate"]).astimezone(zone).replace(tzinfo=None)
        ends = one.get("endDate")
        is_over = ends is not None and at >= datetime.fromisoformat(ends)
        if shown < first or is_over or not is_within(one.get("timeRestriction"), shown):
            continue
        number = (shown - first) // (one["length"] * LENGTHS[one["type"]])
        found.add(PEOPLE[one["participants"][number % len(one["participants"])]["id"]])
    return found


def is_within(restriction: Mapping[str, Any] | None, shown: datetime) -> bool:
    if restriction is None:
        return True
    if restriction["type"] == "time-of-day":
        one = restriction["restriction"]
        from_clock, to_clock = (one["startHour"], one["startMin"]), (one["endHour"], one["endMin"])
        clock = (shown.hour, shown.minute)
        return from_clock <= clock < to_clock if from_clock < to_clock else clock >= from_clock or clock < to_clock
    now = (shown.weekday(), shown.hour, shown.minute)
    for one in restriction["restrictions"]:
        begins = (DAYS.index(one["startDay"]), one["startHour"], one["startMin"])
        ends = (DAYS.index(one["endDay"]), one["endHour"], one["endMin"])
        if begins <= now < ends if begins < ends else now >= begins or now < ends:
            return True
    return False


def imported(folder: Path, **answers: Any) -> Roster:
    roster = read(saved(folder, **answers), NOW)
    roster.checked()
    return roster


def together(roster: Roster, names: Sequence[str]) -> list[set[str]]:
    """Whom a policy that pages all of these schedules would call."""
    each = [holders(roster, name, NOW, UNTIL) for name in names]
    return [{one for one in at if one is not None} for at in zip(*each, strict=True)]


@pytest.mark.parametrize(
    ("told", "names"),
    [
        (schedule(rotation("w", "weekly", "2026-01-05T09:00:00+01:00", "U1", "U2", "U3")), ["shop"]),
        (schedule(rotation("d", "daily", "2026-01-05T17:30:00Z", "U1", "U2", length=3), zone="Asia/Tokyo"), ["shop"]),
        (schedule(rotation("h", "hourly", "2026-01-05T00:00:00Z", "U1", "U2", length=12), zone="UTC"), ["shop"]),
        # By day and by night: they take turns, and are layers of one schedule.
        (
            schedule(
                rotation("day", "weekly", "2026-01-05T09:00:00Z", "U1", "U2", timeRestriction=time_of_day(8, 20)),
                rotation("night", "daily", "2026-01-05T09:00:00Z", "U3", "U2", timeRestriction=time_of_day(20, 8)),
            ),
            ["shop"],
        ),
        # Two at once: two schedules.
        (
            schedule(
                rotation("first", "weekly", "2026-01-05T09:00:00Z", "U1", "U2"),
                rotation(
                    "second", "daily", "2026-01-05T09:00:00Z", "U3", "U1",
                    timeRestriction=weekdays(("monday", 9, "friday", 17), ("saturday", 22, "sunday", 6)),
                ),
            ),
            ["shop", "shop-second"],
        ),
        (
            schedule(
                rotation(
                    "weekend", "weekly", "2026-01-05T09:00:00Z", "U1", "U2", endDate="2026-04-04T00:00:00Z",
                    timeRestriction=weekdays(("friday", 18, "monday", 8)),
                ),
                rotation(
                    "week", "weekly", "2026-01-05T09:00:00Z", "U3",
                    timeRestriction=weekdays(("monday", 8, "friday", 18)),
                ),
            ),
            ["shop"],
        ),
    ],
    ids=["weekly", "daily", "hourly", "day and night", "at once", "weekend"],
)  # fmt: skip
def test_same_people_are_on_call_for_eight_weeks(tmp_path: Path, told: dict[str, Any], names: list[str]) -> None:
    roster = imported(tmp_path, users=USERS, schedules={"data": [told]})

    assert [name for kind, name in roster.documents if kind is Kind.SCHEDULE] == names
    assert together(roster, names) == [on_call(told, at) for at in times(NOW, UNTIL)]
    assert len(roster.notes) == len(names) - 1


def test_people_keep_their_contacts_and_rules(tmp_path: Path) -> None:
    contacts = [
        {"id": "C1", "contactMethod": "email", "to": "ann@example.org", "enabled": True},
        {"id": "C2", "contactMethod": "voice", "to": "49-301234", "enabled": True},
        {"id": "C3", "contactMethod": "sms", "to": "1-5550100", "enabled": False},
        {"id": "C4", "contactMethod": "mobile", "to": "iPhone", "enabled": True},
    ]

    def step(minutes: int, method: str, to: str) -> dict[str, Any]:
        wait = {"timeAmount": minutes, "timeUnit": "minutes"}
        return {"contact": {"method": method, "to": to}, "sendAfter": wait, "enabled": True}

    rule = {
        "id": "R1",
        "actionType": "create-alert",
        "steps": [step(5, "voice", "49-301234"), step(0, "email", "ann@example.org")],
    }
    other = {"id": "R2", "actionType": "closed-alert", "steps": [step(1, "email", "ann@example.org")]}

    roster = imported(
        tmp_path, users=USERS, ann={"data": user("U1", userContacts=contacts, timeZone="Europe/Berlin")},
        rules={"data": rule}, others={"data": other},
    )  # fmt: skip

    assert roster.documents[Kind.PERSON, "ann"] == {
        "zone": "Europe/Berlin",
        "contacts": [
            {"name": "mail", "channel": "email", "address": "ann@example.org"},
            {"name": "phone", "channel": "voice", "address": "+49301234"},
        ],
        "rules": [{"use": "mail"}, {"use": "phone", "after": "5m"}],
    }
    assert roster.documents[Kind.PERSON, "bob"]["contacts"][0]["address"] == "bob@example.org"
    assert roster.notes == [
        "person 'ann': a contact by sms is disabled in Opsgenie; it is left out",
        "person 'ann': a contact by mobile is left out",
    ]


def test_escalations_page_after_the_same_times_and_say_what_they_lose(tmp_path: Path) -> None:
    def rule(minutes: int, how: str, recipient: dict[str, Any], condition: str = "if-not-acked") -> dict[str, Any]:
        delay = {"timeAmount": minutes, "timeUnit": "minutes"}
        return {"condition": condition, "notifyType": how, "recipient": recipient, "delay": delay}

    shop = {"type": "schedule", "id": "S1", "name": "Shop"}
    escalation = {
        "id": "E1",
        "name": "Core escalation",
        "ownerTeam": {"id": "T1"},
        "rules": [
            rule(10, "default", {"type": "user", "id": "U2"}),
            rule(0, "default", shop),
            rule(10, "next", shop, "if-not-closed"),
            rule(40, "all", {"type": "team", "id": "T1"}),
            rule(50, "default", {"type": "schedule", "id": "GONE", "name": "Old"}),
        ],
        "repeat": {"waitInterval": 20, "count": 3},
    }
    team = {
        "id": "T1",
        "name": "Core",
        "members": [{"user": {"id": "U1", "username": "ann@example.org"}, "role": "admin"}],
    }
    told = schedule(
        rotation("one", "weekly", "2026-01-05T09:00:00Z", "U1"), rotation("two", "weekly", "2026-01-05T09:00:00Z", "U3")
    )
    override = {
        "alias": "o1", "_parent": {"id": "S1"}, "user": people("U2")[0],
        "startDate": "2026-03-10T08:00:00Z", "endDate": "2026-03-11T08:00:00Z",
    }  # fmt: skip

    roster = imported(
        tmp_path,
        users=USERS,
        schedules={"data": [told]},
        overrides={"data": [override]},
        escalations={"data": [escalation]},
        team={"data": team},
        services={"data": [{"id": "V1", "teamId": "T1", "name": "Checkout API"}]},
    )

    both = ["schedule/shop", "schedule/shop-two"]
    assert roster.documents[Kind.POLICY, "core-escalation"] == {
        "title": "Core escalation",
        "steps": [
            {"page": both},
            {"page": ["person/bob", *both], "after": "10m"},
            {"page": ["team/core"], "after": "30m"},
        ],
        "repeat": 3,
        "last": "20m",
    }
    assert roster.documents[Kind.TEAM, "core"] == {
        "title": "Core",
        "members": ["ann"],
        "schedules": ["shop", "shop-two"],
        "policy": "core-escalation",
    }
    assert roster.documents[Kind.SERVICE, "checkout-api"]["owner"] == "core"
    assert [(one.schedule, one.person) for one in roster.overrides] == [("shop", "bob")]
    assert roster.notes[0].endswith("it became shop, shop-two, and policies page all of them")
    assert roster.notes[1:] == [
        "schedule 'shop': an override of bob is of the first of its schedules; look whether so",
        "policy 'core-escalation': the next of the schedule is not known; whoever is on call is paged",
        "policy 'core-escalation': a rule for what is not closed is one for what is not acknowledged",
        "policy 'core-escalation': schedule 'Old' is not in the export",
    ]


def test_pages_that_were_not_saved_are_told(tmp_path: Path) -> None:
    assert imported(tmp_path, users={**USERS, "totalCount": 5}).notes == [
        "3 of 5 users are here; save the other pages too"
    ]


def test_turns_of_nobody_and_of_teams_are_told(tmp_path: Path) -> None:
    others = [{"type": "none"}, {"type": "team", "id": "T1", "name": "Core"}]
    one = rotation("w", "weekly", "2026-01-05T09:00:00Z", "U1")
    told = schedule({**one, "participants": [*one["participants"], *others]}, {"name": "bad", "type": "yearly"})

    roster = imported(tmp_path, users=USERS, schedules={"data": [told]}, odd={"data": [{"id": "X"}, 4]})

    assert roster.documents[Kind.SCHEDULE, "shop"]["layers"][0]["people"] == ["ann"]
    assert len(roster.notes) == 4
    assert roster.notes[0].endswith("odd.json holds something that is not read here")
