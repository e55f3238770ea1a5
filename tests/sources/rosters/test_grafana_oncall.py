"""Grafana OnCall's export becomes documents by which the same people are on call, and says what it could not keep."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from resile.model.catalog import Kind
from resile.sources.rosters.grafana_oncall import read
from resile.sources.rosters.roster import Roster

from .world import holders, saved, times

NOW = datetime(2026, 3, 1, tzinfo=UTC)
UNTIL = NOW + timedelta(weeks=8)
PEOPLE = {"U1": "ann", "U2": "bob", "U3": "cyd"}
DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
LENGTHS = {"hourly": timedelta(hours=1), "daily": timedelta(days=1), "weekly": timedelta(weeks=1)}


def page(*results: dict[str, Any]) -> dict[str, Any]:
    return {"count": len(results), "next": None, "previous": None, "results": list(results)}


USERS = page(
    *({"id": ref, "username": name, "email": f"{name}@example.org", "slack": []} for ref, name in PEOPLE.items())
)


def shift(name: str, start: str, hours: float, *refs: str, frequency: str = "weekly", **more: Any) -> dict[str, Any]:
    return {
        "id": name,
        "name": name,
        "type": "rolling_users",
        "team_id": None,
        "time_zone": None,
        "level": 0,
        "start": start,
        "duration": int(hours * 3600),
        "frequency": frequency,
        "interval": 1,
        "until": None,
        "week_start": "MO",
        "by_day": None,
        "rolling_users": [[ref] for ref in refs],
        "start_rotation_from_user_index": None,
        **more,
    }


def schedule(*shifts: str, zone: str = "Europe/Berlin", **more: Any) -> dict[str, Any]:
    told = {"id": "S1", "name": "Shop", "type": "calendar", "team_id": "T1", "time_zone": zone, "on_call_now": []}
    return {**told, "shifts": list(shifts), "ical_url_overrides": None, **more}


def on_call(told: Mapping[str, Any], shifts: tuple[dict[str, Any], ...], at: datetime) -> str | None:
    """Who is on call in OnCall: of the shifts that have an event then, the one of the highest level."""
    running = [(one["level"], who) for one in shifts if (who := whose(told, one, at)) is not None]
    return max(running)[1] if running else None


def whose(told: Mapping[str, Any], one: Mapping[str, Any], at: datetime) -> str | None:
    """By each event that a shift ever had: it is whose turn it was when it began."""
    shown = at.astimezone(ZoneInfo(one["time_zone"] or told["time_zone"])).replace(tzinfo=None)
    start, lasts = datetime.fromisoformat(one["start"]), timedelta(seconds=one["duration"])
    if one["type"] == "single_event":
        return PEOPLE[one["users"][0]] if start <= shown < start + lasts else None
    every = one["interval"] * LENGTHS[one["frequency"]]
    until = datetime.fromisoformat(one["until"]) if one["until"] else datetime(9999, 1, 1)  # noqa: DTZ001 - by the local clock
    people = [group[0] for group in one["rolling_users"]]
    index = one["start_rotation_from_user_index"] or 0
    monday = start - timedelta(days=(start.weekday() - DAYS.index(one["week_start"])) % 7)
    first = monday if one["by_day"] else start
    frame = first
    while frame <= shown:
        who = PEOPLE[people[(index + (frame - first) // every) % len(people)]]
        days = [(DAYS.index(day) - DAYS.index(one["week_start"])) % 7 for day in one["by_day"] or ()]
        for begins in [frame + timedelta(days=day) for day in days] or [frame]:
            if start <= begins <= shown < min(begins + lasts, until):
                return who
        frame += every
    return None


def imported(folder: Path, **answers: Any) -> Roster:
    roster = read(saved(folder, **answers), NOW)
    roster.checked()
    return roster


WEEKDAYS = ["MO", "TU", "WE", "TH", "FR"]


@pytest.mark.parametrize(
    ("shifts", "zone"),
    [
        ((shift("week", "2026-01-05T09:00:00", 168, "U1", "U2", "U3"),), "Europe/Berlin"),
        ((shift("week", "2026-01-05T09:00:00", 168, "U1", "U2", "U3", start_rotation_from_user_index=2),), "UTC"),
        ((shift("day", "2026-01-05T17:30:00", 24, "U1", "U2", frequency="daily"),), "America/New_York"),
        ((shift("office", "2026-01-05T09:00:00", 8, "U1", "U2", frequency="daily"),), "Europe/Berlin"),
        ((shift("half", "2026-01-05T00:00:00", 12, "U1", "U2", "U3", frequency="hourly", interval=12),), "UTC"),
        # Begins on a Wednesday: its first week is a short one.
        ((shift("weekdays", "2026-03-11T09:00:00", 10, "U1", "U2", by_day=WEEKDAYS),), "Europe/Berlin"),
        ((shift("nights", "2026-01-05T22:00:00", 8, "U1", "U2", by_day=list(DAYS)),), "Europe/Berlin"),
        ((shift("sundays", "2026-01-04T20:00:00", 16, "U3", "U2", by_day=["SU", "WE"], week_start="SU"),), "UTC"),
        ((shift("long", "2026-01-09T18:00:00", 62, "U1", "U2"),), "Europe/Berlin"),
        (
            (
                shift("all", "2026-01-05T09:00:00", 168, "U1", "U2", until="2026-04-10T09:00:00"),
                shift("over", "2026-01-05T09:00:00", 8, "U3", "U2", by_day=WEEKDAYS, level=2, time_zone="Asia/Tokyo"),
                {**shift("once", "2026-03-18T12:00:00", 5, level=3), "type": "single_event", "users": ["U1"]},
            ),
            "Europe/Berlin",
        ),
        ((shift("later", "2026-01-05T09:00:00", 336, "U1", "U2", interval=2),), "Europe/Berlin"),
    ],
    ids=[
        "week", "index", "day", "office", "half days", "weekdays", "nights", "sundays", "long", "levels", "fortnight",
    ],
)  # fmt: skip
def test_same_people_are_on_call_for_eight_weeks(tmp_path: Path, shifts: tuple[dict[str, Any], ...], zone: str) -> None:
    told = schedule(*(one["id"] for one in shifts), zone=zone)

    roster = imported(tmp_path, users=USERS, schedules=page(told), shifts=page(*shifts))

    assert roster.notes == []
    assert holders(roster, "shop", NOW, UNTIL) == [on_call(told, shifts, at) for at in times(NOW, UNTIL)]


def test_pages_that_were_not_saved_are_told(tmp_path: Path) -> None:
    assert imported(tmp_path, users={**USERS, "count": 51, "next": "/api/v1/users/?page=2"}).notes == [
        "3 of 51 users are here; save the other pages too"
    ]


def test_two_shifts_of_one_level_are_two_schedules(tmp_path: Path) -> None:
    shifts = [shift(name, "2026-01-05T09:00:00", 168, ref) for name, ref in (("first", "U1"), ("second", "U2"))]
    override = {**shift("o", "2026-03-10T09:00:00", 5), "type": "override", "rolling_users": [["U3"]]}
    told = schedule("first", "second", "o", "gone")

    roster = imported(tmp_path, users=USERS, schedules=page(told), shifts=page(*shifts, override))

    assert [name for kind, name in roster.documents if kind is Kind.SCHEDULE] == ["shop", "shop-second"]
    assert [one.command for one in roster.overrides] == [
        "resile oncall override shop cyd --from 2026-03-10T08:00:00Z --to 2026-03-10T13:00:00Z"
    ]
    assert len(roster.notes) == 2


def test_rules_and_chains_keep_their_order_and_say_what_they_lose(tmp_path: Path) -> None:
    def rule(position: int, kind: str, important: bool = False, **more: Any) -> dict[str, Any]:
        told = {"user_id": "U1", "position": position, "type": kind, "important": important}
        return {"id": f"R{position}{important}", **told, **more}

    rules = page(
        rule(1, "notify_by_email"),
        rule(0, "wait", duration=300),
        rule(2, "notify_by_sms"),
        rule(0, "notify_by_email", important=True),
    )

    def step(position: int, kind: str, **more: Any) -> dict[str, Any]:
        return {"id": f"E{position}", "escalation_chain_id": "C1", "position": position, "type": kind, **more}

    policies = page(
        step(0, "notify_on_call_from_schedule", notify_on_call_from_schedule="S1"),
        step(1, "notify_persons", persons_to_notify=["U2"]),
        step(2, "wait", duration=900),
        step(3, "notify_whole_channel"),
        step(4, "wait", duration=300),
        step(5, "notify_person_next_each_time", persons_to_notify_next_each_time=["U3", "U1"]),
        step(6, "trigger_webhook", action_to_trigger="W1"),
        step(7, "wait", duration=1800),
        step(8, "repeat_escalation"),
    )

    roster = imported(
        tmp_path,
        users=USERS,
        rules=rules,
        schedules=page(schedule("week")),
        shifts=page(shift("week", "2026-01-05T09:00:00", 168, "U1")),
        chains=page(
            {"id": "C1", "name": "Shop chain", "team_id": None}, {"id": "C2", "name": "Empty", "team_id": None}
        ),
        policies=policies,
        teams=page({"id": "T1", "name": "Core", "email": None, "avatar_url": "/x"}),
    )

    assert roster.documents[Kind.PERSON, "ann"]["rules"] == [
        {"use": "mail", "severities": ["SEV1", "SEV2"]},
        {"use": "mail", "after": "5m", "severities": ["SEV3", "SEV4", "SEV5"]},
    ]
    assert roster.documents[Kind.POLICY, "shop-chain"] == {
        "title": "Shop chain",
        "steps": [
            {"page": ["schedule/shop", "person/bob"]},
            {"page": ["person/cyd", "person/ann"], "after": "20m"},
        ],
        "repeat": 5,
        "last": "30m",
    }
    assert roster.documents[Kind.TEAM, "core"]["schedules"] == ["shop"]
    assert roster.notes == [
        "person 'ann': a rule by sms is left out, for the API tells no address; add a contact and a rule for it",
        "person 'ann': important rules are for SEV1 and SEV2, the default ones for the rest",
        "team 'core': the API does not say who is in it; name its members",
        "policy 'shop-chain': a message to a whole chat channel is left out",
        "policy 'shop-chain': a person who is another each time is not known; the step pages all",
        "policy 'shop-chain': a webhook is left out",
        "policy 'empty' has no step that pages anybody; it is left out",
    ]


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"frequency": "monthly"}, "recurs by the month, which is not read"),
        ({"rolling_users": [["U1", "U2"], ["U3"]]}, "of several people who have a turn together the first is taken"),
        ({"interval": 2, "by_day": WEEKDAYS}, "recurs every 2 weeks; here it recurs in each of them"),
        ({"interval": 3}, "is off duty within its turn, which is not said here"),
        ({"duration": 0}, "says neither when it starts nor how long it is"),
        ({"rolling_users": [["GONE"]]}, "calls nobody; it is left out"),
        ({"time_zone": "Moon"}, "zone 'Moon' is no IANA zone; Europe/Berlin is taken"),
        ({"frequency": "daily", "by_day": ["MO"]}, "days that are left out count as turns"),
    ],
)
def test_what_cannot_be_said_is_told(tmp_path: Path, changed: dict[str, Any], says: str) -> None:
    one = {**shift("odd", "2026-01-05T09:00:00", 8, "U1", "U2"), **changed}

    roster = imported(tmp_path, users=USERS, schedules=page(schedule("odd")), shifts=page(one))

    assert any(says in note for note in roster.notes), roster.notes
