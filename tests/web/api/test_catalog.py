"""Documents and contacts by REST, with the same checks and rights as everywhere."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from resile.app.settings import Settings
from resile.app.wiring import Resile, open_resile
from resile.testing.simulated_clock import SimulatedClock
from resile.web.server import create_app

from .conftest import NOW, PASSWORDS
from .visitor import Visitor

ANN = "/api/v1/catalog/person/ann"
MAIL = {"name": "mail", "channel": "email", "address": "ann@example.org"}


@pytest.fixture
def resile(tmp_path: Path) -> Iterator[Resile]:
    with open_resile(Settings(data=tmp_path), clock=SimulatedClock(NOW)) as opened:
        yield opened


@pytest.fixture
def admin(resile: Resile) -> Visitor:
    return Visitor(create_app(resile, passwords=PASSWORDS)).set_up()


def test_document_is_made_changed_and_taken_out(admin: Visitor) -> None:
    client = admin.program("read", "write").client

    assert client.put(ANN, json={"body": {"title": "Ann"}}).json()["documents"][0]["number"] == 1
    again = client.put(ANN, json={"body": {"title": "Anna"}})
    assert (again.status_code, again.json()["detail"]) == (
        400,
        "person 'ann' is in the catalog already; change it there, or use another name",
    )
    late = client.put(ANN, json={"body": {}, "expected": 7})
    assert late.status_code == 409
    assert "is not as you saw it: token:" in late.json()["detail"]
    assert client.put(ANN, json={"body": {"title": "Anna"}, "expected": 1}).json()["documents"][0]["number"] == 2
    wrong = client.put(ANN, json={"body": {"colour": "red"}, "expected": 2})
    assert "unknown field colour" in wrong.json()["detail"]
    assert client.delete(f"{ANN}?expected=1").status_code == 409
    assert client.delete(f"{ANN}?expected=2").json()["documents"][0].get("body") is None
    assert [one["number"] for one in client.get(ANN).json()["documents"]] == [3, 2, 1]
    assert client.delete("/api/v1/catalog/person/zoe?expected=1").status_code == 404


def test_who_may_only_read_writes_nothing(resile: Resile, admin: Visitor) -> None:
    reader = admin.program("read").client

    assert reader.put(ANN, json={"body": {}}).status_code == 403
    assert reader.delete(f"{ANN}?expected=1").status_code == 403
    assert resile.catalog.versions() == {}


def test_what_may_leave_somebody_waiting_is_told(admin: Visitor) -> None:
    client = admin.program("read", "write").client
    client.put(ANN, json={"body": {}})
    client.put("/api/v1/catalog/policy/default", json={"body": {"steps": [{"page": ["person/ann"]}]}})

    assert client.get("/api/v1/catalog/warnings").json() == {
        "warnings": ["person 'ann' has no contacts, and policy 'default' pages them; give them contacts"]
    }


def test_contact_is_proven_by_its_code(resile: Resile, admin: Visitor) -> None:
    client = admin.program("read", "write", "admin").client
    client.put(ANN, json={"body": {"contacts": [MAIL]}})

    sent = client.post("/api/v1/contacts/ann/mail/code")

    assert sent.status_code == 202
    (message,) = resile.paging.recent_messages(person="ann")
    wrong = client.post("/api/v1/contacts/ann/mail/verify", json={"code": "letters"})
    assert (wrong.status_code, "this is not the code" in wrong.json()["detail"]) == (400, True)
    done = client.post("/api/v1/contacts/ann/mail/verify", json={"code": message.title[:6]})
    assert done.json()["contacts"][0]["verified_at"]
    assert client.get("/api/v1/contacts/ann").json() == done.json()
    assert client.get("/api/v1/contacts/zoe").status_code == 404


def test_program_that_is_neither_the_person_nor_an_admin_proves_nothing(admin: Visitor) -> None:
    client = admin.program("read", "write").client
    client.put(ANN, json={"body": {"contacts": [MAIL]}})

    refused = client.post("/api/v1/contacts/ann/mail/code")

    assert refused.status_code == 403
    assert "may not verify contacts of ann; let them do it, or an admin" in refused.json()["detail"]
