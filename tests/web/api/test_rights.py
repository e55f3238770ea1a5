"""Who may what, how guessing is slowed down, and where no secret may be found."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
import structlog
from fastapi import FastAPI
from structlog.testing import capture_logs

from resile.app.access import MAX_ATTEMPTS_HERE
from resile.testing.simulated_clock import SimulatedClock

from .visitor import ADMIN, ORIGIN, Visitor

DECLARE = {"title": "Checkout fails"}


def test_guessing_passwords_is_slowed_down_and_says_until_when(app: FastAPI, clock: SimulatedClock) -> None:
    Visitor(app).set_up()
    stranger = Visitor(app)
    for _ in range(MAX_ATTEMPTS_HERE):
        assert stranger.log_in(ADMIN[0], "wrong password").status_code == 403

    answer = stranger.log_in(*ADMIN)

    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "3600"
    clock.advance(timedelta(hours=1, seconds=1))
    assert stranger.log_in(*ADMIN).status_code == 303


def test_the_form_says_the_same_of_an_unknown_name_and_a_wrong_password(app: FastAPI) -> None:
    Visitor(app).set_up()
    stranger = Visitor(app)

    unknown, wrong = stranger.log_in("eve", "wrong password"), stranger.log_in("ann", "wrong password")

    assert unknown.status_code == wrong.status_code == 403
    assert unknown.text.replace("eve", "ann") == wrong.text


@pytest.mark.parametrize(
    ("scopes", "reads", "writes", "keeps"),
    [
        (("read",), 200, 403, 403),
        (("read", "write"), 200, 201, 403),
        (("admin",), 403, 403, 403),
        (("read", "admin"), 200, 403, 200),
    ],
)
def test_a_token_may_what_its_scopes_say_and_no_more(
    visitor: Visitor, scopes: tuple[str, ...], reads: int, writes: int, keeps: int
) -> None:
    program = visitor.set_up().program(*scopes)

    assert program.get("/api/v1/incidents").status_code == reads
    assert program.client.post("/api/v1/incidents", json=DECLARE).status_code == writes
    assert program.get("/api/v1/accounts/changes").status_code == keeps


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/v1/incidents/INC-1/acknowledge"),
        ("POST", "/api/v1/incidents/INC-1/escalate"),
        ("POST", "/api/v1/incidents/INC-1/commands"),
        ("POST", "/api/v1/pages"),
        ("POST", "/api/v1/silences"),
        ("DELETE", "/api/v1/silences/1"),
        ("PUT", "/api/v1/catalog/person/ann"),
        ("DELETE", "/api/v1/catalog/person/ann"),
        ("POST", "/api/v1/oncall/payments/overrides"),
        ("DELETE", "/api/v1/oncall/overrides/1"),
        ("POST", "/api/v1/contacts/ann/mobile/code"),
        ("POST", "/api/v1/doors"),
    ],
)
def test_who_may_only_read_neither_answers_nor_pages_nor_silences(visitor: Visitor, method: str, path: str) -> None:
    program = visitor.set_up().program("read")

    answer = program.client.request(method, path, json={})

    assert answer.status_code == 403
    assert answer.json()["detail"] == "token:ci may not write here; ask an admin"


def test_a_form_without_its_token_does_nothing(visitor: Visitor) -> None:
    visitor.set_up()
    forms = [f"/do/paging/{one}" for one in ("acknowledge", "escalate", "restore", "also")]

    for path in [*forms, "/do/silence", "/do/silence/end", "/do/catalog/new", "/do/catalog/person/ann"]:
        answer = visitor.client.post(path, data={"incident_id": "INC-1"}, headers={"origin": ORIGIN})

        assert answer.status_code == 403, path
        assert "not from a page of this session" in answer.text, path


def test_a_viewer_reads_and_keeps_their_own_account_but_changes_nothing_else(visitor: Visitor) -> None:
    visitor.set_up()
    viewer = visitor.new_user("bob", "viewer")
    token = viewer.form_token("/settings")

    assert viewer.get("/api/v1/incidents").status_code == 200
    declared = viewer.client.post("/api/v1/incidents", json=DECLARE, headers={"x-csrf-token": token})
    assert declared.status_code == 403
    assert "bob may not write" in declared.json()["detail"]
    added = viewer.send("/settings/users", seen_on="/settings", name="eve", role="admin")
    assert added.status_code == 403
    assert "needs the right to admin" in added.text
    changed = viewer.send(
        "/settings/password", seen_on="/settings", old="purple monkey dishwasher", new="correct horse battery"
    )
    assert changed.status_code == 303


@pytest.mark.parametrize("value", ["", "resile_", "resile_" + "x" * 43, "x" * 100_00, "é"])
def test_a_made_up_token_is_nobody(visitor: Visitor, value: str) -> None:
    visitor.set_up()
    stranger = Visitor(visitor.client.app)  # type: ignore[arg-type]

    answer = stranger.get("/api/v1/incidents", headers=[(b"authorization", b"Bearer " + value.encode())])

    assert answer.status_code == 401


def test_an_expired_or_revoked_token_is_nobody(visitor: Visitor, clock: SimulatedClock) -> None:
    visitor.set_up()
    program = visitor.program("read", name="soon")
    revoked = visitor.program("read", name="revoked")
    accounts = visitor.client.app.state.resile.accounts  # type: ignore[attr-defined]
    ids = {token.name: token.id for token in accounts.tokens()}

    assert visitor.send(f"/settings/tokens/{ids['revoked']}/revoke", seen_on="/settings").status_code == 303
    assert revoked.get("/api/v1/incidents").status_code == 401
    assert program.get("/api/v1/incidents").status_code == 200
    clock.advance(timedelta(days=30))
    assert program.get("/api/v1/incidents").status_code == 401


def test_a_browsers_session_does_not_lend_its_rights_to_a_bad_token(visitor: Visitor) -> None:
    visitor.set_up()

    assert visitor.get("/api/v1/incidents", headers={"authorization": "Bearer resile_x"}).status_code == 401


def test_no_secret_lies_in_the_files_of_the_data_folder(visitor: Visitor, tmp_path: Path) -> None:
    visitor.set_up()
    token = visitor.new_token("read")
    page = visitor.send("/settings/users", seen_on="/settings", name="bob", role="viewer").text
    link = page.partition("/welcome#")[2].partition("<")[0]
    secrets = [token, link, visitor.client.cookies["resile_session"], ADMIN[1]]
    assert all(len(secret) > 20 for secret in secrets)

    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())

    assert b"user:bob" in written
    for secret in secrets:
        assert secret.encode() not in written


def test_the_log_names_who_asked_for_what_path_and_no_more(visitor: Visitor) -> None:
    structlog.reset_defaults()
    with capture_logs() as logs:
        visitor.set_up()
        token = visitor.new_token("read")
        visitor.get("/incidents?q=our+secret+project")
        program = Visitor(visitor.client.app, authorization=f"Bearer {token}")  # type: ignore[arg-type]
        program.get("/api/v1/incidents?service=secret-service")
        Visitor(visitor.client.app).log_in("typed my secret password", "another secret")  # type: ignore[arg-type]

    told = json.dumps(logs)
    answered = [log for log in logs if log["event"] == "request answered"]
    assert {log["by"] for log in answered} >= {"local", "user:ann", "token:ci"}
    assert all(
        set(log) == {"event", "log_level", "method", "path", "status", "duration_s", "by", "address"}
        for log in answered
    )
    for secret in ("secret", token, ADMIN[1], visitor.client.cookies["resile_session"]):
        assert secret not in told
