"""The room through the API: roles, tasks, notes that two people change, evidence, and what lies beside it."""

from typing import Any

import pytest
from httpx2 import Response

from tests.app.picture_samples import picture_bytes

from .visitor import Visitor

PATH = "/api/v1/incidents/INC-1"


@pytest.fixture
def program(visitor: Visitor) -> Visitor:
    found = visitor.set_up().program("read", "write")
    told = {"title": "Checkout fails", "services": ["checkout"]}
    assert found.client.post("/api/v1/incidents", json=told).status_code == 201
    return found


def post(program: Visitor, path: str, **body: Any) -> Response:
    return program.client.post(f"{PATH}/{path}", json=body)


def test_roles_are_taken_handed_over_and_laid_down(program: Visitor) -> None:
    post(program, "roles", role="commander", person="ann")
    post(program, "roles", role="expert", person="eve")
    answer = post(program, "roles", role="commander", person="bob")

    assert [(one["role"], one["person"], one["from_person"]) for one in answer.json()["roles"]] == [
        ("commander", "bob", "ann"),
        ("expert", "eve", None),
    ]
    gone = program.client.delete(f"{PATH}/roles/expert/eve")
    assert [one["person"] for one in gone.json()["roles"]] == ["bob"]
    again = program.client.delete(f"{PATH}/roles/expert/eve")
    assert (again.status_code, again.json()["detail"]) == (
        409,
        "incident INC-1: expert is nobody, not 'eve'; look again",
    )


def test_tasks_are_added_given_to_somebody_and_done(program: Visitor) -> None:
    task = post(program, "tasks", text="Fail over", owner="bob").json()["tasks"][0]

    changed = program.client.patch(f"{PATH}/tasks/{task['id']}", json={"state": "done", "owner": None})

    told = changed.json()["tasks"][0]
    assert (told["text"], told["owner"], told["state"]) == ("Fail over", None, "done")
    assert program.client.patch(f"{PATH}/tasks/nope", json={"state": "done"}).status_code == 409


def test_two_who_change_a_note_lose_nothing(program: Visitor) -> None:
    note = post(program, "notes", text="Errors since **12:04**").json()["notes"][0]
    assert note["html"] == "<p>Errors since <strong>12:04</strong></p>\n"
    address = f"{PATH}/notes/{note['id']}"

    first = program.client.patch(address, json={"text": "Errors since 12:05", "seen": note["seen"]})
    second = program.client.patch(address, json={"text": "Errors, 40 %", "seen": note["seen"]})

    assert first.status_code == 200
    assert second.status_code == 409
    told = second.json()
    assert told["detail"] == "incident INC-1: ci changed this note while you did; join the two texts and save again"
    assert told["present"]["text"] == "Errors since 12:05"
    joined = {"text": "Errors since 12:05, 40 %", "seen": told["present"]["seen"]}
    third = program.client.patch(address, json=joined)
    assert (third.json()["notes"][0]["text"], third.json()["notes"][0]["n_wordings"]) == (joined["text"], 3)


def test_evidence_is_shown_until_it_is_withdrawn_everywhere(program: Visitor) -> None:
    added = program.client.post(f"{PATH}/pictures", files={"file": ("x.png", picture_bytes())}).json()
    post(program, "evidence", evidence="link", title="Board", url="https://grafana.example/d/1")
    post(program, "evidence", evidence="log", title="Lines", text="password=hunter2")
    room = post(program, "evidence", evidence="picture", title="Graph", picture=added["id"]).json()
    secret, picture = room["evidence"][1]["id"], room["evidence"][2]["id"]

    post(program, "withdraw", event_id=secret, reason="a password")
    after = post(program, "withdraw", event_id=picture).json()

    assert [one["title"] for one in after["evidence"]] == ["Board"]
    assert after["withdrawn"] == {secret: "a password", picture: ""}
    assert "hunter2" not in program.get(PATH).text
    assert "hunter2" not in program.get(f"{PATH}/timeline").text
    assert program.get(added["url"]).status_code == 404


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("roles", {"role": "king", "person": "ann"}),
        ("roles", {"role": "commander", "person": " "}),
        ("tasks", {"text": ""}),
        ("evidence", {"evidence": "link", "title": "x", "url": "javascript:alert(1)"}),
        ("evidence", {"evidence": "log", "title": "x", "text": "a\x00b"}),
        ("evidence", {"evidence": "picture", "title": "x", "picture": "../../etc/passwd"}),
        ("notes", {"text": "x" * 20_001}),
        ("call-in", {"targets": []}),
        ("call-in", {"targets": ["payments"]}),
        ("call-in", {"targets": ["service/payments"]}),
        ("withdraw", {"event_id": "x", "why": "y"}),
    ],
)
def test_what_cannot_be_done_is_refused_and_nothing_is_told(program: Visitor, path: str, body: dict[str, Any]) -> None:
    before = program.get(PATH).json()["version"]

    answer = program.client.post(f"{PATH}/{path}", json=body)

    assert answer.status_code == 400
    assert program.get(PATH).json()["version"] == before


def test_paste_of_ten_megabytes_is_refused_with_one_sentence(program: Visitor) -> None:
    answer = post(program, "notes", text="x" * 10_000_000)

    assert (answer.status_code, answer.json()["detail"]) == (
        413,
        "the body has more than 1,000,000 bytes; send less at once",
    )


def test_change_of_a_room_that_others_changed_is_refused_where_the_version_is_given(program: Visitor) -> None:
    etag = program.get(f"{PATH}/room").headers["etag"]
    post(program, "tasks", text="First")

    late = program.client.post(f"{PATH}/tasks", json={"text": "Second"}, headers={"if-match": etag})

    assert late.status_code == 409
    assert len(program.get(f"{PATH}/room").json()["tasks"]) == 1


def test_who_may_only_read_changes_nothing(program: Visitor, visitor: Visitor) -> None:
    reader = visitor.program("read", name="reader")

    assert reader.get(f"{PATH}/room").status_code == 200
    assert post(reader, "tasks", text="x").status_code == 403
    assert reader.get(f"{PATH}/alerts").json() == {"own": [], "n_own": 0, "beside": []}
    assert reader.get("/api/v1/incidents/INC-9/room").status_code == 404


def test_room_leaves_as_a_file(program: Visitor) -> None:
    added = program.client.post(f"{PATH}/pictures", files={"file": ("x.png", picture_bytes())}).json()
    post(program, "notes", text=f"Look: {added['markdown']}", pictures=[added["id"]])

    read = program.get(f"{PATH}/export")
    lines = program.get(f"{PATH}/export?format=jsonl")

    assert read.headers["content-type"] == "text/markdown; charset=utf-8"
    assert read.headers["content-disposition"] == 'attachment; filename="INC-1.md"'
    assert f"Look: ![](/incidents/INC-1/pictures/{added['id']})" in read.text
    assert lines.headers["content-disposition"] == 'attachment; filename="INC-1.jsonl"'
    assert len(lines.text.splitlines()) == program.get(PATH).json()["version"] + 1
    assert program.get(f"{PATH}/export?format=pdf").status_code == 400
