"""Whatever stands in an export, it is read or told of, and what is written can be applied."""

import copy
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from resile.model.catalog import check_references, document_of
from resile.sources.rosters import grafana_oncall, opsgenie, pagerduty
from resile.sources.rosters.roster import Roster

from . import test_grafana_oncall, test_opsgenie, test_pagerduty
from .world import saved

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ODD: tuple[Any, ...] = (
    None, True, 0, -1, 10**18, 1.5, "", "x" * 3_000, "\x00\u2028", "支払い", "2026-13-45", "9999-12-31T23:59:59Z",
    "0001-01-01T00:00:00+14:00", [], {}, [None], [[]], {"id": 7},
)  # fmt: skip
N_TRIES = 300


def of_pagerduty() -> dict[str, Any]:
    layers = [
        test_pagerduty.layer("a", "P1", "P2", start="2026-03-02T09:00:00+01:00", length_s=604_800),
        test_pagerduty.layer(
            "b", "P3", start="2026-01-01T00:00:00Z", length_s=86_400, restrictions=[test_pagerduty.WEEKEND]
        ),
    ]
    rules = [{"urgency": "high", "start_delay_in_minutes": 5, "contact_method": {"id": "C1"}}]
    methods = [{"id": "C1", "type": "sms_contact_method", "country_code": 1, "address": "555"}]
    users = [test_pagerduty.user("P1", contact_methods=methods, notification_rules=rules, teams=[{"id": "T1"}])]
    targets = [{"id": "S1", "type": "schedule_reference"}, {"id": "P9", "type": "user_reference", "summary": "Zoe"}]
    policy = {"id": "E1", "name": "P", "num_loops": 1, "escalation_rules": [{"targets": targets}]}
    override = {"start": "2026-04-01T00:00:00Z", "end": "2026-04-02T00:00:00Z", "user": {"id": "P1"}}
    shown = {"rendered_schedule_entries": [override]}
    return {
        "users": users,
        "schedules": [test_pagerduty.schedule(*layers, override_subschedule=shown, final_schedule=shown)],
        "escalation_policies": [policy],
        "teams": [{"id": "T1", "name": "Core"}],
        "services": [{"id": "V1", "name": "S", "teams": [{"id": "T1"}], "escalation_policy": {"id": "E1"}}],
    }


def of_opsgenie() -> list[dict[str, Any]]:
    contact = {"contactMethod": "sms", "to": "1-555", "enabled": True}
    rotation = test_opsgenie.rotation(
        "r", "weekly", "2026-01-05T09:00:00Z", "U1", "U2", timeRestriction=test_opsgenie.time_of_day(20, 8)
    )
    recipient = {"type": "schedule", "id": "S1"}
    rule = {"condition": "if-not-acked", "notifyType": "next", "recipient": recipient, "delay": {"timeAmount": 5}}
    step = {"contact": {"method": "sms", "to": "1-555"}, "sendAfter": {"timeAmount": 1, "timeUnit": "minutes"}}
    return [
        {"data": [test_opsgenie.user("U1", userContacts=[contact]), test_opsgenie.user("U2")], "totalCount": 2},
        {"data": [test_opsgenie.schedule(rotation, {**rotation, "name": "q"})]},
        {"data": [{"id": "E1", "name": "E", "ownerTeam": {"id": "T1"}, "rules": [rule], "repeat": {"count": 1}}]},
        {"data": {"id": "T1", "name": "T", "members": [{"user": {"id": "U1", "username": "ann@example.org"}}]}},
        {"data": {"id": "R1", "actionType": "create-alert", "steps": [step]}},
    ]


def of_grafana() -> list[dict[str, Any]]:
    shifts = [
        test_grafana_oncall.shift("a", "2026-01-05T09:00:00", 8, "U1", "U2", by_day=["MO", "TU"]),
        test_grafana_oncall.shift("b", "2026-01-05T09:00:00", 24, "U3", frequency="daily", until="2026-05-01T00:00:00"),
    ]
    policies = [
        {"id": "E1", "escalation_chain_id": "C1", "position": 0, "type": "notify_persons", "persons_to_notify": ["U1"]},
        {"id": "E2", "escalation_chain_id": "C1", "position": 1, "type": "wait", "duration": 300},
    ]
    rules = [{"id": "R1", "user_id": "U1", "type": "notify_by_email", "position": 0, "important": False}]
    page = test_grafana_oncall.page
    return [
        test_grafana_oncall.USERS,
        page(*shifts),
        page(test_grafana_oncall.schedule("a", "b")),
        page({"id": "C1", "name": "C", "team_id": "T1"}),
        page(*policies),
        page(*rules),
    ]


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every container with each of its keys or numbers."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in list(items):
        yield value, key
        yield from places(inner)


@pytest.mark.parametrize(
    ("read", "made"),
    [(pagerduty.read, of_pagerduty), (opsgenie.read, of_opsgenie), (grafana_oncall.read, of_grafana)],
    ids=["pagerduty", "opsgenie", "grafana-oncall"],
)
def test_odd_values_anywhere_end_in_documents_that_can_be_applied(
    tmp_path: Path, read: Callable[[Path, datetime], Roster], made: Callable[[], Any]
) -> None:
    chance = np.random.default_rng(7)
    whole = made()

    for _ in range(N_TRIES):
        answer = copy.deepcopy(whole)
        for _ in range(int(chance.integers(1, 4))):
            found = list(places(answer))
            container, key = found[chance.integers(len(found))]
            container[key] = copy.deepcopy(ODD[chance.integers(len(ODD))])
        roster = read(saved(tmp_path, all=answer), NOW)

        documents = {key: document_of(*key, body) for key, body in roster.checked().items()}
        check_references(documents, places={})


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be"])
def test_answers_are_read_however_a_shell_saved_them(tmp_path: Path, encoding: str) -> None:
    mark = "\ufeff" if encoding == "utf-16-be" else ""
    (tmp_path / "users.json").write_text(f'{mark}{{"users": [{{"id": "U1", "name": "Änn"}}]}}', encoding=encoding)

    roster = pagerduty.read(tmp_path, NOW)

    assert [body["title"] for body in roster.documents.values()] == ["Änn"]
