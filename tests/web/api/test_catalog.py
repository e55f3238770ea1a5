"""Documents and contacts by REST, with the same checks and rights as everywhere."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from resile.app.access import LOCAL
from resile.app.settings import Settings
from resile.app.wiring import Resile, open_resile
from resile.model.catalog import Kind
from resile.testing.simulated_clock import SimulatedClock
from resile.web.server import create_app

from .conftest import NOW, PASSWORDS
from .visitor import Visitor

ANN = "/api/v1/catalog/person/ann"
MAIL = {"name": "mail", "channel": "email", "address": "ann@example.org"}


@pytest.fixture
def resile(tmp_path: Path, fresh_data: Callable[[Path], Path]) -> Iterator[Resile]:
    with open_resile(Settings(data=fresh_data(tmp_path)), clock=SimulatedClock(NOW)) as opened:
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


HOOK = "https://hooks.example.org/services/T0/B0/kSecretToken"
WAYS = [
    {"name": "mobile", "channel": "sms", "address": "+15550100"},
    {"name": "hook", "channel": "slack", "address": HOOK},
    MAIL,
]
SHORT = ["…0100", "hooks.example.org/…", "a…@example.org"]
SECRETS = ("5550100", "kSecretToken", "ann@")


def seen(visitor: Visitor) -> list[list[str]]:
    """Ann's addresses by every address that tells them, her first version before the second's."""
    listed = [one for one in visitor.get("/api/v1/catalog").json()["documents"] if one["name"] == "ann"]
    versions = visitor.get(ANN).json()["documents"]
    contacts = visitor.get("/api/v1/contacts/ann").json()["contacts"]
    found = [[way["address"] for way in one["body"]["contacts"]] for one in (*listed, *versions)]
    return [*found, [one["contact"]["address"] for one in contacts]]


@pytest.fixture
def anns(admin: Visitor) -> Visitor:
    """The admin, where there are Ann Example, whose account is ann2, with an address she had before, and Eve."""
    client = admin.program("read", "write", name="setup").client
    for number, title in enumerate(("Ann", "Ann Example")):
        body = {"title": title, "user": "ann2", "contacts": WAYS}
        assert client.put(ANN, json={"body": body, "expected": number or None}).status_code == 200
    assert client.put(ANN.replace("ann", "eve"), json={"body": {}}).status_code == 200
    return admin


def test_who_may_only_read_sees_addresses_of_others_shortened(anns: Visitor) -> None:
    for reader in (anns.new_user("eve", "viewer"), anns.program("read")):
        assert seen(reader) == [SHORT] * 4
        pages = [
            reader.get(path).text for path in ("/catalog", "/catalog/person/ann", "/catalog/person/ann?from=1&to=2")
        ]
        assert [secret for page in pages for secret in SECRETS if secret in page] == []
        assert "Addresses are shortened for everybody but ann" in pages[1]


def test_search_finds_no_address_that_is_shortened(anns: Visitor) -> None:
    eve, editor = anns.new_user("eve", "viewer"), anns.new_user("dan", "editor")

    for secret in SECRETS:
        assert "/catalog/person/ann" not in eve.get("/catalog", params={"q": secret}).text
        assert "/catalog/person/ann" in editor.get("/catalog", params={"q": secret}).text


def test_person_and_who_may_write_see_addresses_whole(anns: Visitor) -> None:
    whole = [one["address"] for one in WAYS]
    people = [anns, anns.new_user("ann2", "viewer"), anns.new_user("dan", "editor")]
    programs = [anns.program("read", "admin"), anns.program("read", "write", name="editing")]

    for visitor in (*people, *programs):
        assert seen(visitor) == [whole] * 4
        page = visitor.get("/catalog/person/ann").text
        assert [secret for secret in SECRETS if secret not in page] == []
        assert "Addresses are shortened" not in page


def test_without_accounts_addresses_are_whole(resile: Resile) -> None:
    here = Visitor(create_app(resile, passwords=PASSWORDS))
    resile.catalog.apply(LOCAL, resile.catalog.changes_to({(Kind.PERSON, "bob"): ({"contacts": [MAIL]}, "")}))

    assert MAIL["address"] in here.get("/catalog/person/bob").text
