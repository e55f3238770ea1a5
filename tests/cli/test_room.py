"""The incident's room from the terminal: roles, tasks, notes, evidence, calling in, and the whole of it as files."""

import json
from pathlib import Path

import pytest

from tests.app.picture_samples import SVG, picture_bytes
from tests.cli.terminal import Terminal


@pytest.fixture
def terminal(terminal: Terminal) -> Terminal:
    terminal.run("incident", "declare", "Checkout fails", "--service", "checkout", "--by", "ann")
    return terminal


def room(terminal: Terminal, *arguments: str) -> str:
    command, *more = arguments
    return terminal.says("incident", command, "INC-1", *more, "--by", "ann")


def test_roles_tasks_and_evidence_are_shown_as_they_stand(terminal: Terminal) -> None:
    assert room(terminal, "role", "commander") == "INC-1 ann is commander.\n"
    assert room(terminal, "role", "commander", "bob") == "INC-1 bob is commander.\n"
    assert room(terminal, "task", "Roll back", "--owner", "bob") == "INC-1 has one task more.\n"
    room(terminal, "task", "Call the bank")
    room(terminal, "evidence", "Board", "--url", "https://grafana.example/d/1", "--chart")

    shown = terminal.says("incident", "show", "INC-1")
    task_id = next(line.split()[0] for line in shown.splitlines() if line.strip().endswith("bob") and "Roll" in line)
    room(terminal, "task", "--id", task_id, "--done")

    assert "Commander: bob" in shown
    assert "Roll back" in shown
    assert "https://grafana.example/d/1" in shown
    after = terminal.says("incident", "show", "INC-1")
    assert "1 task done or dropped." in after
    room(terminal, "role", "commander", "bob", "--lay-down")
    assert "Commander: " not in terminal.says("incident", "show", "INC-1")


def test_note_gets_other_words_and_evidence_is_withdrawn(terminal: Terminal, tmp_path: Path) -> None:
    log = tmp_path / "lines.log"
    log.write_text("ERROR password=hunter2\n")
    room(terminal, "note", "first words")
    note_id = terminal.json("incident", "show", "INC-1")["timeline"][-1]["id"]
    room(terminal, "edit-note", note_id, "better words")
    room(terminal, "evidence", "Lines", "--log", str(log))
    found = terminal.json("incident", "show", "INC-1")["timeline"][-1]["id"]

    assert room(terminal, "withdraw", found, "--reason", "a password") == f"INC-1 {found} withdrawn.\n"

    exported = terminal.says("incident", "export", "INC-1")
    assert "better words" in exported
    assert "hunter2" not in exported
    assert "hunter2" not in terminal.says("incident", "export", "INC-1", "--format", "jsonl")


def test_room_leaves_with_its_pictures(terminal: Terminal, tmp_path: Path) -> None:
    picture = tmp_path / "graph.png"
    picture.write_bytes(picture_bytes())
    room(terminal, "evidence", "Graph", "--picture", str(picture))
    target = tmp_path / "out"

    said = terminal.says("incident", "export", "INC-1", "--to", str(target))

    assert "written to" in said
    (kept,) = [path for path in target.iterdir() if path.suffix == ".png"]
    assert f"![Graph]({kept.name})" in (target / "incident.md").read_text(encoding="utf-8")
    lines = terminal.says("incident", "export", "INC-1", "--format", "jsonl").splitlines()
    header, first = json.loads(lines[0]), json.loads(lines[1])
    assert (header["format"], header["format_version"]) == ("resile-incident", 1)
    assert header["pictures"] == [{"id": kept.stem, "file": kept.name, "media_type": "image/png"}]
    assert (first["kind"], first["title"], len(lines)) == ("declared", "Checkout fails", header["version"] + 1)


def test_people_are_called_in_by_service(terminal: Terminal, tmp_path: Path) -> None:
    documents = tmp_path / "catalog" / "all.yaml"
    documents.parent.mkdir()
    documents.write_text(
        "kind: person\nname: dea\ncontacts: [{name: mail, channel: email, address: dea@example.org}]\n---\n"
        "kind: team\nname: payments\nmembers: [dea]\n---\nkind: service\nname: payments\nowner: payments\n"
    )
    terminal.run("apply", str(documents.parent), "--yes")

    assert room(terminal, "call-in", "service/payments", "--because", "the ledger") == "INC-1: called in dea.\n"
    assert "Called in dea" in terminal.says("incident", "show", "INC-1")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["role", "INC-1", "king"], "role 'king' is unknown; use commander, deputy, scribe, liaison, expert"),
        (["role", "INC-9", "commander"], "incident INC-9 is not known"),
        (["task", "INC-1"], "say what is to be done, or which task with --id"),
        (["task", "INC-1", "--id", "x", "--done", "--drop"], "give one of --done, --drop and --open"),
        (["evidence", "INC-1", "Lines", "--log", "/nowhere/x"], "/nowhere/x cannot be read"),
        (["evidence", "INC-1", "Nothing"], "there is nothing to show"),
        (["call-in", "INC-1", "payments"], "'payments' is no target"),
        (["call-in", "INC-1", "service/payments"], "service payments is not in the catalog"),
        (["export", "INC-1", "--format", "pdf"], "--format 'pdf' is unknown; use markdown or jsonl"),
        (["export", "INC-9"], "incident 'INC-9' is not known"),
        (["edit-note", "INC-1", "x", "y"], "has no note 'x'"),
        (["withdraw", "INC-1", "x"], "has no note, evidence or message 'x'"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(terminal: Terminal, arguments: list[str], sentence: str) -> None:
    assert sentence in terminal.refuses("incident", *arguments)


def test_what_is_no_picture_is_refused(terminal: Terminal, tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    path.write_bytes(SVG)

    assert "this is no picture that can be read" in terminal.refuses(
        "incident", "evidence", "INC-1", "Graph", "--picture", str(path)
    )


def test_note_brings_its_pictures_and_incident_is_detected_and_escalated(terminal: Terminal, tmp_path: Path) -> None:
    (tmp_path / "pool.png").write_bytes(picture_bytes())

    assert room(terminal, "note", "The pool is **full**.", "--picture", str(tmp_path / "pool.png")) == (
        "INC-1 noted; it is open.\n"
    )
    told = terminal.json("incident", "show", "INC-1")["timeline"]
    note = told[-1]
    assert note["text"] == f"The pool is **full**.\n\n![](picture:{note['pictures'][0]})"
    detected = next(one["id"] for one in told if one["kind"] == "detected")
    terminal.run("incident", "correct", "INC-1", detected, "--never", "--reason", "nobody saw it", "--by", "ann")
    assert room(terminal, "detect") == "INC-1 detected; it is open.\n"
    assert "no policy" in terminal.refuses("incident", "escalate", "INC-1", "--by", "ann").lower()


def test_what_runs_and_what_was_promised_is_shown_with_its_ids(terminal: Terminal) -> None:
    assert "give one of --stop, --refuse and --undo" in terminal.refuses(
        "incident", "step", "INC-1", "r1", "--by", "ann"
    )
    assert "r1" in terminal.refuses("incident", "step", "INC-1", "r1", "--stop", "--by", "ann")
    room(terminal, "update", "--audience", "customers", "We look.", "--next", "20m", "--title", "Checkout fails")
    draft = next(line for line in terminal.says("incident", "show", "INC-1").splitlines() if "customers" in line)
    room(terminal, "update", "--draft", draft.split()[0], "--publish")

    assert "The next update is promised to customers by " in terminal.says("incident", "show", "INC-1")
