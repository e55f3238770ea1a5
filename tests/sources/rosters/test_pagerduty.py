"""PagerDuty's export becomes documents by which the same people are on call, and says what it could not keep."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from resile.model.catalog import Kind
from resile.sources.rosters.pagerduty import read
from resile.sources.rosters.roster import Roster

from .world import holders, saved, times

NOW = datetime(2026, 3, 1, tzinfo=UTC)
UNTIL = NOW + timedelta(weeks=8)  # summer time begins in between, in America and in Europe
PEOPLE = {"P1": "Ann Example", "P2": "Bob Example", "P3": "Çyd Ëxample"}
NAMES = {"P1": "ann-example", "P2": "bob-example", "P3": "cyd-example"}


def user(ref: str, **more: Any) -> dict[str, Any]:
    return {"id": ref, "name": PEOPLE[ref], "email": f"{ref.lower()}@example.org", "type": "user", **more}


def turn(*refs: str) -> list[dict[str, Any]]:
    return [{"user": {"id": ref, "type": "user_reference", "summary": PEOPLE[ref]}} for ref in refs]


def layer(name: str, *refs: str, start: str, length_s: int, **more: Any) -> dict[str, Any]:
    return {
        "id": name,
        "name": name,
        "start": start,
        "rotation_virtual_start": start,
        "rotation_turn_length_seconds": length_s,
        "users": turn(*refs),
        "restrictions": [],
        "end": None,
        **more,
    }


def schedule(*layers: dict[str, Any], zone: str = "Europe/Berlin", **more: Any) -> dict[str, Any]:
    """As GET answers it: the uppermost layer first."""
    return {"id": "S1", "name": "Shop", "time_zone": zone, "schedule_layers": list(layers), **more}


DAYTIME = {"type": "daily_restriction", "start_time_of_day": "08:00:00", "duration_seconds": 36_000}
NIGHT = {"type": "daily_restriction", "start_time_of_day": "20:00:00", "duration_seconds": 43_200}
WEEKEND = {
    "type": "weekly_restriction",
    "start_time_of_day": "18:00:00",
    "start_day_of_week": 5,
    "duration_seconds": 225_000,  # 62 h 30 min
}


def on_call(told: Mapping[str, Any], at: datetime) -> str | None:
    """Who is on call in PagerDuty: the first of its layers with somebody; turns are counted on the local clock."""
    zone = ZoneInfo(told["time_zone"])
    shown = at.astimezone(zone).replace(tzinfo=None)
    for one in told["schedule_layers"]:
        ends = one["end"]
        if at < datetime.fromisoformat(one["start"]) or (ends and at >= datetime.fromisoformat(ends)):
            continue
        if one["restrictions"] and not any(within(restriction, shown) for restriction in one["restrictions"]):
            continue
        first = datetime.fromisoformat(one["rotation_virtual_start"]).astimezone(zone).replace(tzinfo=None)
        number = int((shown - first).total_seconds() // one["rotation_turn_length_seconds"])
        return NAMES[one["users"][number % len(one["users"])]["user"]["id"]]
    return None


def within(restriction: Mapping[str, Any], shown: datetime) -> bool:
    hour, minute, _ = map(int, restriction["start_time_of_day"].split(":"))
    for days_ago in range(8):
        begins = (shown - timedelta(days=days_ago)).replace(hour=hour, minute=minute, second=0)
        if restriction["type"] == "weekly_restriction" and begins.isoweekday() != restriction["start_day_of_week"]:
            continue
        if begins <= shown < begins + timedelta(seconds=restriction["duration_seconds"]):
            return True
    return False


def imported(folder: Path, **answers: Any) -> Roster:
    roster = read(saved(folder, **answers), NOW)
    roster.checked()
    return roster


USERS = {"users": [user(ref) for ref in PEOPLE]}
WEEK_S, DAY_S = 604_800, 86_400


@pytest.mark.parametrize(
    "told",
    [
        schedule(layer("week", "P1", "P2", "P3", start="2026-01-05T09:00:00+01:00", length_s=WEEK_S)),
        schedule(layer("day", "P1", "P2", start="2025-12-31T17:30:00-05:00", length_s=DAY_S), zone="America/New_York"),
        schedule(layer("fortnight", "P2", "P1", start="2024-07-01T09:00:00+02:00", length_s=2 * WEEK_S)),
        schedule(layer("hours", "P1", "P2", "P3", start="2026-01-01T00:00:00Z", length_s=8 * 3600), zone="UTC"),
        # Begins in the middle of a turn, and ends.
        schedule(
            layer(
                "late", "P1", "P2", "P3", start="2026-03-11T12:00:00+01:00", length_s=WEEK_S,
                rotation_virtual_start="2026-01-05T09:00:00+01:00", end="2026-04-10T12:00:00+02:00",
            )
        ),
        # Its virtual start lies after its start.
        schedule(
            layer(
                "early", "P1", "P2", "P3", start="2026-03-03T12:00:00+01:00", length_s=DAY_S,
                rotation_virtual_start="2026-03-20T09:00:00+01:00",
            )
        ),
        # The uppermost is listed first.
        schedule(
            layer("weekend", "P3", start="2026-01-01T00:00:00+01:00", length_s=WEEK_S, restrictions=[WEEKEND]),
            layer("day", "P1", "P2", start="2026-01-05T08:00:00+01:00", length_s=DAY_S, restrictions=[DAYTIME, NIGHT]),
            layer("all", "P2", "P3", start="2026-03-04T08:00:00+01:00", length_s=2 * DAY_S),
        ),
        schedule(
            layer(
                "office", "P1", "P2", start="2026-01-05T09:00:00+01:00", length_s=WEEK_S,
                restrictions=[
                    {**WEEKEND, "start_day_of_week": day, "start_time_of_day": "09:00:00", "duration_seconds": 28_800}
                    for day in range(1, 6)
                ],
            )
        ),
    ],
    ids=["week", "day", "fortnight", "hours", "late", "early", "layers", "office"],
)  # fmt: skip
def test_same_people_are_on_call_for_eight_weeks(tmp_path: Path, told: dict[str, Any]) -> None:
    roster = imported(tmp_path, users=USERS, schedule={"schedule": told})

    assert holders(roster, "shop", NOW, UNTIL) == [on_call(told, at) for at in times(NOW, UNTIL)]
    assert roster.notes == []


def test_order_of_layers_follows_what_the_answer_shows(tmp_path: Path) -> None:
    def shown(ref: str) -> list[dict[str, Any]]:
        return [{"start": "2026-03-02T00:00:00Z", "end": "2026-03-03T00:00:00Z", "user": {"id": ref}}]

    layers = [
        layer("low", "P1", start="2026-01-01T00:00:00Z", length_s=DAY_S, rendered_schedule_entries=shown("P1")),
        layer("high", "P2", start="2026-01-01T00:00:00Z", length_s=DAY_S, rendered_schedule_entries=shown("P2")),
    ]
    told = schedule(*layers, zone="UTC", final_schedule={"rendered_schedule_entries": shown("P2")})

    roster = imported(tmp_path, users=USERS, schedule={"schedule": told})

    assert [one["name"] for one in roster.documents[Kind.SCHEDULE, "shop"]["layers"]] == ["low", "high"]


def test_overrides_that_are_not_over_are_commands(tmp_path: Path) -> None:
    entries = [
        {"start": "2026-02-01T00:00:00Z", "end": "2026-02-02T00:00:00Z", "user": {"id": "P2"}},
        {"start": "2026-03-10T09:00:00+01:00", "end": "2026-03-11T09:00:00+01:00", "user": {"id": "P2"}},
    ]
    told = schedule(
        layer("week", "P1", start="2026-01-05T09:00:00+01:00", length_s=WEEK_S),
        override_subschedule={"rendered_schedule_entries": entries},
    )

    roster = imported(tmp_path, users=USERS, schedule={"schedule": told})

    assert [one.command for one in roster.overrides] == [
        "resile oncall override shop bob-example --from 2026-03-10T08:00:00Z --to 2026-03-11T08:00:00Z"
    ]
    at = datetime(2026, 3, 10, 12, tzinfo=UTC)
    assert holders(roster, "shop", at, at + timedelta(minutes=30)) == ["bob-example"]


def test_people_keep_their_contacts_and_rules(tmp_path: Path) -> None:
    methods = [
        {"id": "C1", "type": "email_contact_method", "address": "ann@example.org"},
        {"id": "C2", "type": "phone_contact_method", "country_code": 49, "address": "030 1234"},
        {"id": "C3", "type": "sms_contact_method", "country_code": 1, "address": "555-0100"},
        {"id": "C4", "type": "push_notification_contact_method", "address": "device"},
    ]

    def rule(urgency: str, after: int, method: str) -> dict[str, Any]:
        return {"urgency": urgency, "start_delay_in_minutes": after, "contact_method": {"id": method}}

    rules = [rule("high", 5, "C2"), rule("high", 0, "C3"), rule("high", 0, "C4"), rule("low", 0, "C1")]
    ann = user("P1", time_zone="Europe/Berlin", contact_methods=methods, notification_rules=rules, teams=[{"id": "T1"}])
    bob = user("P2", time_zone="Eastern Time (US & Canada)")

    roster = imported(tmp_path, users={"users": [ann, bob]}, teams={"teams": [{"id": "T1", "name": "Core"}]})

    urgent, other = ["SEV1", "SEV2"], ["SEV3", "SEV4", "SEV5"]
    assert roster.documents[Kind.PERSON, "ann-example"] == {
        "title": "Ann Example",
        "zone": "Europe/Berlin",
        "contacts": [
            {"name": "mail", "channel": "email", "address": "ann@example.org"},
            {"name": "phone", "channel": "voice", "address": "+490301234"},
            {"name": "sms", "channel": "sms", "address": "+15550100"},
        ],
        "rules": [
            {"use": "sms", "severities": urgent},
            {"use": "phone", "after": "5m", "severities": urgent},
            {"use": "mail", "severities": other},
        ],
    }
    assert roster.documents[Kind.PERSON, "bob-example"]["contacts"][0]["address"] == "p2@example.org"
    assert roster.documents[Kind.TEAM, "core"]["members"] == ["ann-example"]
    assert roster.notes == [
        "person 'ann-example': a contact by push_notification is left out",
        "person 'ann-example': rules for high urgency are for SEV1 and SEV2, those for low urgency for the rest",
        "person 'bob-example': zone 'Eastern Time (US & Canada)' is no IANA zone; it is left out",
    ]


def test_policies_and_services_keep_their_order_and_say_what_they_lose(tmp_path: Path) -> None:
    def rule(delay: int, *targets: dict[str, Any], **more: Any) -> dict[str, Any]:
        return {"escalation_delay_in_minutes": delay, "targets": list(targets), **more}

    shop = {"id": "S1", "type": "schedule_reference"}
    policy = {
        "id": "E1",
        "name": "Shop policy",
        "num_loops": 3,
        "teams": [{"id": "T1"}],
        "escalation_rules": [
            rule(15, shop, {"id": "P1", "type": "user_reference"}),
            rule(10, {"id": "GONE", "type": "schedule_reference", "summary": "Old"}),
            rule(
                30,
                {"id": "P9", "type": "user_reference", "summary": "Zoe"},
                escalation_rule_assignment_strategy={"type": "round_robin"},
            ),
        ],
    }
    service = {"id": "V1", "name": "Checkout API", "teams": [{"id": "T1"}], "escalation_policy": {"id": "E1"}}

    roster = imported(
        tmp_path,
        users=USERS,
        schedules={"schedules": [schedule(layer("w", "P1", start="2026-01-05T09:00:00Z", length_s=WEEK_S))]},
        rest={"escalation_policies": [policy], "teams": [{"id": "T1", "name": "Core"}], "services": [service]},
    )

    assert roster.documents[Kind.POLICY, "shop-policy"] == {
        "title": "Shop policy",
        "steps": [
            {"page": ["schedule/shop", "person/ann-example"]},
            {"page": ["person/zoe"], "after": "25m"},
        ],
        "repeat": 3,
        "last": "30m",
    }
    assert roster.documents[Kind.TEAM, "core"]["policy"] == "shop-policy"
    assert roster.documents[Kind.SERVICE, "checkout-api"] == {
        "title": "Checkout API",
        "owner": "core",
        "policy": "shop-policy",
        "aliases": ["Checkout API"],
    }
    assert roster.notes == [
        "a schedule 'Old' of a policy is not in the export",
        "policy 'shop-policy', step 2 pages nobody who is known; it is left out",
        "person 'zoe' is named, and is not among the users: they have no contacts yet",
        "policy 'shop-policy', step 3: round robin is not known; the step pages all",
    ]


def test_pages_that_were_not_saved_are_told(tmp_path: Path) -> None:
    first = {"users": [user("P1")], "limit": 1, "offset": 0, "more": True}
    second = {"users": [user("P2")], "limit": 1, "offset": 1, "more": True}

    assert imported(tmp_path, first=first, second=second).notes == [
        "there are more users than were saved; save those with offset=2 too"
    ]
    (tmp_path / "second.json").unlink()
    assert imported(tmp_path).notes == ["there are more users than were saved; save those with offset=1 too"]


def test_nonsense_is_told_and_never_fatal(tmp_path: Path) -> None:
    answers = {
        "users": [{"id": "P1", "name": "A" * 300}, {"id": "P2", "name": "支払い"}, {"name": "nobody"}, 7],
        "schedules": [
            {"id": "S1", "name": "Bad", "time_zone": "Mars", "schedule_layers": [{"name": "x"}, 3]},
            {
                "id": "S2",
                "name": "Empty",
                "time_zone": "UTC",
                "schedule_layers": [layer("e", start="soon", length_s=5)],
            },
        ],
        "escalation_policies": [{"id": "E1", "name": "Nothing", "escalation_rules": [{"targets": None}]}],
        "services": "none",
    }

    roster = imported(tmp_path, everything=answers, nothing=[None, 5])

    assert (Kind.POLICY, "nothing") not in roster.documents
    assert (Kind.PERSON, "p2") in roster.documents
    assert any("zone 'Mars' is no IANA zone; UTC is taken" in one for one in roster.notes)
