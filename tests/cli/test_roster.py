"""Another tool's export from the terminal: files to look at, then to apply."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.terminal import Terminal

ANN = {"id": "P1", "name": "Ann Example", "email": "ann@example.org", "contact_methods": []}
LAYER = {
    "name": "Layer 1",
    "start": "2020-01-06T09:00:00+01:00",
    "rotation_virtual_start": "2020-01-06T09:00:00+01:00",
    "rotation_turn_length_seconds": 604_800,
    "users": [{"user": {"id": "P1", "type": "user_reference", "summary": "Ann Example"}}],
}
OVERRIDE = {"start": "2090-01-01T00:00:00Z", "end": "2090-01-02T00:00:00Z", "user": {"id": "P1"}}
SCHEDULE = {
    "id": "S1",
    "name": "Shop",
    "time_zone": "Europe/Berlin",
    "schedule_layers": [LAYER],
    "override_subschedule": {"rendered_schedule_entries": [OVERRIDE]},
}
POLICY = {
    "id": "E1",
    "name": "Default",
    "num_loops": 1,
    "escalation_rules": [
        {
            "escalation_delay_in_minutes": 10,
            "targets": [{"id": "S1", "type": "schedule_reference"}],
            "escalation_rule_assignment_strategy": {"type": "round_robin"},
        }
    ],
}


@pytest.fixture
def export(tmp_path: Path) -> Path:
    folder = tmp_path / "export"
    folder.mkdir()
    answers: dict[str, Any] = {
        "users": {"users": [ANN]},
        "schedule-S1": {"schedule": SCHEDULE},
        "policies": {"escalation_policies": [POLICY]},
    }
    for name, answer in answers.items():
        (folder / f"{name}.json").write_text(json.dumps(answer))
    return folder


def test_export_becomes_files_that_apply_takes(terminal: Terminal, export: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"

    said = terminal.says("roster", "import", "pagerduty", str(export), "--out", str(out))

    assert f"1 person, 1 schedule, 1 policy in {out}." in said
    assert "- policy 'default', step 1: round robin is not known; the step pages all" in said
    command = "resile oncall override shop ann-example --from 2090-01-01T00:00:00Z --to 2090-01-02T00:00:00Z"
    assert command in said
    assert command in (out / "NOTES.md").read_text()
    assert "3 of 3 documents changed." in terminal.says("apply", str(out), "--yes")
    assert terminal.json("oncall", "--at", "2026-03-20")[0]["now"]["person"] == "ann-example"
    assert "is on call from" in terminal.says(*command.split()[1:])


def test_files_that_are_there_are_not_written_over(terminal: Terminal, export: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    terminal.says("roster", "import", "pagerduty", str(export), "--out", str(out))

    sentence = terminal.refuses("roster", "import", "pagerduty", str(export), "--out", str(out))

    assert "is there already and not empty; name another with --out, or remove it" in sentence


@pytest.mark.parametrize(
    ("tool", "file", "says"),
    [
        ("victorops", "[]", "tool 'victorops' is unknown; use one of pagerduty, opsgenie, grafana-oncall"),
        ("opsgenie", "{}", "holds nothing of Opsgenie that is read"),
        ("pagerduty", '{"users": []}', "holds nothing of PagerDuty that is read"),
        ("grafana-oncall", "<html>", "one.json, row 1: no JSON"),
        ("pagerduty", "[" * 5000, "no JSON"),
        ("pagerduty", "", "holds nothing of PagerDuty that is read"),
    ],
)
def test_what_is_no_export_is_one_sentence(terminal: Terminal, tmp_path: Path, tool: str, file: str, says: str) -> None:
    (tmp_path / "one.json").write_text(file)

    sentence = terminal.refuses("roster", "import", tool, str(tmp_path / "one.json"), "--out", str(tmp_path / "out"))

    assert says in sentence
    assert not (tmp_path / "out").exists()


def test_folder_without_answers_and_none_at_all_are_told(terminal: Terminal, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()

    assert "holds no *.json" in terminal.refuses("roster", "import", "opsgenie", str(tmp_path / "empty"))
    assert "does not exist; name a file" in terminal.refuses("roster", "import", "opsgenie", str(tmp_path / "gone"))


def test_json_says_what_came_of_it(terminal: Terminal, export: Path, tmp_path: Path) -> None:
    told = terminal.json("roster", "import", "pagerduty", str(export), "--out", str(tmp_path / "out"))

    assert {one["kind"] for one in told["documents"]} == {"person", "schedule", "policy"}
    assert told["overrides"][0]["person"] == "ann-example"
    assert len(told["notes"]) == 1
