"""Incidents through the API: listed, shown, declared and carried through, each change with its author."""

import json
from datetime import timedelta
from typing import Any

import pytest
from httpx2 import Response
from typer.testing import CliRunner

from resile.app.wiring import Resile
from resile.cli.main import app as command_line
from resile.model.time import format_instant
from resile.testing.simulated_clock import SimulatedClock

from .conftest import NOW
from .visitor import Visitor


def declare(visitor: Visitor, **fields: Any) -> Response:
    return visitor.client.post("/api/v1/incidents", json={"title": "Checkout fails", **fields})


def send(visitor: Visitor, command: str, *, version: str | None = None, **fields: Any) -> Response:
    headers = {} if version is None else {"if-match": version}
    path = "/api/v1/incidents/INC-1/commands"
    return visitor.client.post(path, json={"command": command, **fields}, headers=headers)


def test_a_declared_incident_has_an_address_a_version_and_an_author(visitor: Visitor) -> None:
    visitor.set_up()
    program = visitor.program("read", "write")

    answer = declare(program, severity="critical", services=["checkout"], team="Payments", labels={"cause": "deploy"})

    assert answer.status_code == 201
    assert answer.headers["location"] == "/api/v1/incidents/INC-1"
    assert answer.headers["etag"] == '"2"'
    shown = program.get(answer.headers["location"])
    assert shown.json() == answer.json()
    assert {name: shown.json()[name] for name in ("severity", "services", "team", "labels", "status")} == {
        "severity": "SEV1",
        "services": ["checkout"],
        "team": "Payments",
        "labels": {"cause": "deploy"},
        "status": "open",
    }
    assert {event["by"] for event in shown.json()["timeline"]} == {"token:ci"}


def test_an_incident_is_carried_from_its_beginning_to_its_end(visitor: Visitor, clock: SimulatedClock) -> None:
    declare(visitor)
    for command, fields in [
        ("impact_began", {"at": format_instant(NOW - timedelta(minutes=5))}),
        ("acknowledge", {"text": "ann"}),
        ("severity", {"severity": "minor"}),
        ("identify", {"text": "a deployment"}),
        ("note", {"text": "rolled back"}),
        ("update", {"text": "It works again.", "status": "monitoring"}),
        ("mitigate", {}),
        ("restore", {}),
        ("close", {}),
        ("reopen", {"reason": "not over"}),
        ("describe", {"title": "Payments fail", "services": ["payments"], "team": None, "labels": {"cause": "deploy"}}),
        ("mark", {"exclusion": "drill", "reason": "a rehearsal"}),
    ]:
        clock.advance(timedelta(minutes=1))
        answer = send(visitor, command, **fields)
        assert answer.status_code == 200, (command, answer.text)

    incident = visitor.get("/api/v1/incidents/INC-1").json()
    assert incident["title"] == "Payments fail"
    assert incident["services"] == ["payments"]
    assert incident["severity"] == "SEV3"
    assert incident["exclusion"] == "drill"
    assert incident["n_reopened"] == 1
    assert incident["responder"] == "ann"
    assert incident["cause"] == "a deployment"
    assert incident["instants"]["impact_began"]["at"] == "2024-04-01T11:55:00Z"
    assert incident["instants"]["restored"] is None
    assert [phase["phase"] for phase in incident["phases"]] == ["detect", "acknowledge", "identify"]


def test_an_instant_that_was_wrong_is_corrected_or_taken_back(visitor: Visitor, clock: SimulatedClock) -> None:
    declare(visitor)
    clock.advance(timedelta(hours=1))
    event_id = send(visitor, "restore").json()["instants"]["restored"]["event_id"]

    moved = send(visitor, "correct", event_id=event_id, to="2024-04-01T12:30:00+00:00", reason="the log says so")
    assert moved.json()["instants"]["restored"]["at"] == "2024-04-01T12:30:00Z"
    gone = send(visitor, "correct", event_id=event_id, to=None, reason="a slip")
    assert gone.json()["status"] == "open"


def test_who_never_acknowledged_and_what_never_was_the_cause_are_taken_back_with_their_events(
    visitor: Visitor, clock: SimulatedClock
) -> None:
    declare(visitor)
    clock.advance(timedelta(minutes=1))
    taken = send(visitor, "acknowledge", text="bob").json()["instants"]["acknowledged"]["event_id"]
    found = send(visitor, "identify", text="a full disk").json()["instants"]["identified"]["event_id"]

    send(visitor, "correct", event_id=taken, to=None, reason="a slip")
    after = send(visitor, "correct", event_id=found, to=None, reason="a slip").json()

    assert (after["responder"], after["cause"]) == (None, None)
    assert send(visitor, "identify", text="an expired certificate").json()["cause"] == "an expired certificate"


def test_one_incident_is_merged_into_another(visitor: Visitor, clock: SimulatedClock) -> None:
    declare(visitor)
    declare(visitor, title="The same")
    clock.advance(timedelta(seconds=1))

    merged = send(visitor, "merge", into="INC-2")

    assert merged.json()["merged_into"] == "INC-2"
    assert visitor.get("/api/v1/incidents/INC-2").json()["absorbed"] == ["INC-1"]
    assert visitor.get("/api/v1/incidents").json()["total"] == 1


def test_who_decided_on_an_older_version_is_told_and_nothing_changes(visitor: Visitor) -> None:
    version = declare(visitor).headers["etag"]
    assert send(visitor, "acknowledge", version=version).status_code == 200

    late = send(visitor, "restore", version=version)

    assert late.status_code == 409
    assert "is at version 3, not 2" in late.json()["detail"]
    assert visitor.get("/api/v1/incidents/INC-1").json()["version"] == 3
    assert send(visitor, "restore", version="*").status_code == 200


@pytest.mark.parametrize("version", ["latest", '"x"', "-1", '"1", "2"'])
def test_an_if_match_that_is_no_version_is_refused(visitor: Visitor, version: str) -> None:
    declare(visitor)

    answer = send(visitor, "restore", version=version)

    assert answer.status_code == 400
    assert "is no version" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("command", "fields", "status", "says"),
    [
        ("reopen", {}, 409, "is still open"),
        ("detect", {}, 409, "detected is known already"),
        ("restore", {"at": "2024-04-02T00:00:00Z"}, 409, "lies in the future"),
        ("restore", {"at": "2024-03-01T00:00:00Z"}, 409, "would be before detected"),
        ("restore", {"at": "2024-03-01T00:00:00"}, 400, "timezone"),
        ("restore", {"at": "0001-01-01T00:00:00+14:00"}, 400, "outside 1900"),
        ("restore", {"at": 1_711_972_800}, 400, "is no text"),
        ("restore", {"colour": "red"}, 400, "colour"),
        ("severity", {"severity": "awful"}, 400, "severity 'awful' is unknown"),
        ("merge", {"into": "INC-1"}, 409, "cannot be merged into itself"),
        ("merge", {"into": "INC-9"}, 409, "INC-9 is not known"),
        ("note", {"text": " "}, 400, "text"),
        ("note", {"text": "a\u0000b"}, 400, "NUL"),
        ("note", {"text": "x" * 20_001}, 400, "at most 20000"),
        ("correct", {"event_id": "00009", "to": None, "reason": "why"}, 409, "no instant with event id '00009'"),
        ("correct", {"event_id": "00002", "to": None}, 400, "reason"),
        ("correct", {"event_id": "00002", "to": None, "reason": " "}, 400, "reason"),
        ("dance", {}, 400, "command"),
    ],
)
def test_a_command_that_does_not_fit_is_refused_with_its_reason_and_changes_nothing(
    visitor: Visitor, command: str, fields: dict[str, Any], status: int, says: str
) -> None:
    before = declare(visitor).json()

    answer = send(visitor, command, **fields)

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert says in answer.json()["detail"]
    assert visitor.get("/api/v1/incidents/INC-1").json() == before


@pytest.mark.parametrize("command", ["note", "merge"])
def test_a_command_to_an_incident_that_is_not_known_is_not_found(visitor: Visitor, command: str) -> None:
    answer = send(visitor, command, **({"text": "x"} if command == "note" else {"into": "INC-2"}))

    assert answer.status_code == 404


def test_what_declares_nothing_is_refused(visitor: Visitor) -> None:
    for fields in (
        {"title": ""},
        {"title": "x" * 501},
        {"services": ["x"] * 101},
        {"severity": "awful"},
        {"id": "INC-7"},
    ):
        assert declare(visitor, **fields).status_code == 400
    assert visitor.get("/api/v1/incidents").json()["total"] == 0


def test_the_list_pages_through_every_incident_once_in_its_order(filled: Resile, visitor: Visitor) -> None:
    seen: list[dict[str, Any]] = []
    page = 1
    while True:
        answer = visitor.get(f"/api/v1/incidents?sort=duration&order=asc&per_page=25&page={page}").json()
        seen += answer["rows"]
        page += 1
        if page > answer["n_pages"]:
            break

    assert len(seen) == answer["total"] == len({row["incident_id"] for row in seen})
    durations = [row["duration_s"] for row in seen if row["duration_s"] is not None]
    assert durations == sorted(durations)


def test_the_list_narrows_by_the_filters_of_the_reports(filled: Resile, visitor: Visitor) -> None:
    answer = visitor.get("/api/v1/incidents?severity=SEV2&per_page=1000").json()
    report = visitor.get("/api/v1/report/restore?severity=SEV2").json()["overall"]

    assert {row["severity"] for row in answer["rows"]} == {"SEV2"}
    assert answer["total"] == report["n_restored"] + report["n_open"]


def test_excluded_incidents_are_as_many_as_the_report_says(filled: Resile, visitor: Visitor) -> None:
    excluded = visitor.get("/api/v1/report/restore").json()["excluded"]

    for reason in ("planned", "drill", "noise"):
        assert visitor.get(f"/api/v1/incidents?excluded={reason}").json()["total"] == excluded[reason]


@pytest.mark.parametrize(
    "words",
    ["per_page=0", "per_page=1001", "page=0", "page=99999999999", "sort=colour", "order=up", "state=x", "color=1"],
)
def test_a_list_out_of_bounds_is_refused(visitor: Visitor, words: str) -> None:
    assert visitor.get(f"/api/v1/incidents?{words}").status_code == 400


def test_a_timeline_comes_in_parts_that_join(filled: Resile, visitor: Visitor) -> None:
    incident = visitor.get("/api/v1/incidents?per_page=1").json()["rows"][0]["incident_id"]
    whole = visitor.get(f"/api/v1/incidents/{incident}").json()["timeline"]
    joined: list[Any] = []
    after: int | None = 0
    while after is not None:
        part = visitor.get(f"/api/v1/incidents/{incident}/timeline?after={after}&limit=2").json()
        assert len(part["events"]) <= 2
        joined += part["events"]
        after = part["next"]

    assert joined == whole
    assert len(whole) > 2


def test_an_incident_is_shown_as_the_terminal_shows_it(filled: Resile, visitor: Visitor) -> None:
    for row in visitor.get("/api/v1/incidents?per_page=5").json()["rows"]:
        incident_id = row["incident_id"]
        arguments = ["--data", str(filled.settings.data), "incident", "show", incident_id, "--json"]
        said = CliRunner().invoke(command_line, arguments)

        assert json.loads(said.stdout) == visitor.get(f"/api/v1/incidents/{incident_id}").json()
