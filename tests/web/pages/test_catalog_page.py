"""The catalog in the browser: what there is, its versions, and the forms that write and remove documents."""

import re
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx import Response
from playwright.sync_api import Browser, expect

from resile.app.access import LOCAL, Identity
from resile.app.settings import Settings
from resile.app.templates import check_template_renders
from resile.app.wiring import Resile, open_resile
from resile.channels.terminal import Terminal
from resile.model.catalog import Kind, document_of
from resile.model.paging_documents import TemplateDocument
from resile.ports.account_store import Scope
from resile.sources.catalog_folder import file_text, read_text
from resile.testing.simulated_clock import SimulatedClock
from resile.web.pages.catalog_examples import EXAMPLES

from .conftest import INJECTION, LONG, NOW, browser_of, faults_of, faults_of_all, opened, served

BOB = Identity(by="user:bob", name="bob", scopes=frozenset(Scope))
ROTATION = {"name": "primary", "starts": "2024-03-04 09:00", "every": "week", "people": ["ann", "bob"]}


def apply(resile: Resile, by: Identity = LOCAL, **bodies: dict[str, object]) -> None:
    """Documents by `kind__name`."""
    keys = {(Kind(key.partition("__")[0]), key.partition("__")[2]): (body, "") for key, body in bodies.items()}
    resile.catalog.apply(by, resile.catalog.changes_to(keys))


def fill(resile: Resile) -> None:
    apply(
        resile,
        person__ann={"title": "Ann"},
        person__bob={"title": INJECTION},
        team__payments={"title": LONG, "members": ["ann", "bob"]},
        schedule__payments={"zone": "Europe/Berlin", "layers": [ROTATION]},
    )
    apply(resile, BOB, person__ann={"title": "Ann Example", "zone": "Europe/Berlin"})
    apply(resile, person__ann={"title": "Ann Example", "zone": "Asia/Tokyo"})


@pytest.fixture
def resile(tmp_path: Path, fresh_data: Callable[[Path], Path]) -> Iterator[Resile]:
    with open_resile(Settings(data=fresh_data(tmp_path)), clock=SimulatedClock(NOW)) as opened_one:
        fill(opened_one)
        yield opened_one


@pytest.fixture
def client(resile: Resile) -> TestClient:
    return browser_of(resile)


def form(client: TestClient, path: str, **fields: str) -> Response:
    """Send a form as the page holds it."""
    token = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/catalog/new").text)
    assert token is not None
    return client.post(path, data={"csrf_token": token[1], **fields}, follow_redirects=False)


def message_of(page: str) -> str:
    found = re.search(r'<p class="message[^"]*">(.*?)</p>', page, re.DOTALL)
    assert found is not None
    return unescape(re.sub(r"<[^>]+>", "", found[1])).replace("\xa0", " ")


def problem_of(page: str) -> str:
    found = re.search(r'<p class="problem"[^>]*>(.*?)</p>', page, re.DOTALL)
    assert found is not None, page
    return unescape(found[1])


def seen_in(page: str) -> dict[str, str]:
    """The hidden fields by which the form says what it was made from."""
    return dict(re.findall(r'name="(expected|seen)" value="([^"]*)"', page))


def written(text: str) -> str:
    """What stands in a page's text field."""
    found = re.search(r"<textarea[^>]*>\n(.*?)</textarea>", text, re.DOTALL)
    assert found is not None
    return unescape(found[1])


def test_page_counts_documents_by_kind_and_leads_to_each(client: TestClient) -> None:
    page = client.get("/catalog").text

    assert message_of(page) == "4 documents in the catalog."
    assert 'href="/catalog/person/ann"' in page
    assert "there is no policy, so that nobody is paged for anything" in page
    assert message_of(client.get("/catalog?kind=person").text) == "2 people."
    assert message_of(client.get("/catalog?q=TOKYO").text) == "1 document found for “TOKYO”."
    assert INJECTION not in page


def test_many_documents_stand_on_several_pages(resile: Resile, client: TestClient) -> None:
    apply(resile, **{f"service__s{number:03}": {} for number in range(105)})

    assert "all 105" in client.get("/catalog").text
    first, second = (client.get(f"/catalog?kind=service&page={page}").text for page in (1, 2))
    assert "1–100 of 105" in first
    assert "101–105 of 105" in second
    assert client.get("/catalog?kind=service&page=99").text.count("s104") == second.count("s104")


def test_document_shows_what_it_says_and_every_version_with_its_difference(client: TestClient) -> None:
    page = unescape(client.get("/catalog/person/ann").text)

    assert message_of(page) == "Ann Example"
    assert "title: Ann Example\nzone: Asia/Tokyo" in page
    assert [f"Version {n}</b>" in page for n in (1, 2, 3)] == [True] * 3
    assert '<span class="gone">-zone: Europe/Berlin\n</span><span class="added">+zone: Asia/Tokyo\n</span>' in page
    assert "user:bob" in page
    assert "schedule payments</a>" in page
    compared = client.get("/catalog/person/ann?from=1&to=3").text
    assert '<span class="gone">-title: Ann\n' in compared
    assert client.get("/catalog/person/zoe").status_code == 404
    assert client.get("/catalog/pet/ann").status_code == 404


def test_change_is_shown_before_it_is_made(resile: Resile, client: TestClient) -> None:
    text = "kind: person\r\nname: ann\r\ntitle: Anna\r\n"

    shown = form(client, "/do/catalog/person/ann", text=text, expected="3", do="preview")

    assert shown.status_code == 200
    assert "+title: Anna\n" in shown.text
    assert resile.catalog.people()["ann"].title == "Ann Example"
    done = form(client, "/do/catalog/person/ann", text=text, do="apply", **seen_in(shown.text))
    assert (done.status_code, done.headers["location"]) == (303, "/catalog/person/ann")
    newest = resile.catalog.history(Kind.PERSON, "ann")[0]
    assert (newest.number, newest.body, newest.by) == (4, {"title": "Anna"}, "local")


def test_what_channels_say_of_addresses_is_told_before_a_change_is_made(resile: Resile) -> None:
    client = browser_of(resile)
    assert isinstance(client.app, FastAPI)
    client.app.state.channels = {"terminal": Terminal()}
    text = (
        "kind: person\nname: ann\ncontacts:\n- {name: screen, channel: terminal, address: tty7}\n"
        "- {name: mobile, channel: sms, address: '+15550100'}\n"
    )

    shown = unescape(form(client, "/do/catalog/person/ann", text=text, expected="3").text)

    assert "contact 'screen': 'tty7' is no address of the terminal; write -" in shown
    assert "channel sms is not set up here" in shown


def test_text_that_was_changed_after_its_difference_was_shown_is_shown_again(
    resile: Resile, client: TestClient
) -> None:
    shown = form(client, "/do/catalog/person/ann", text="kind: person\nname: ann\n", expected="3", do="preview")

    again = form(
        client,
        "/do/catalog/person/ann",
        text="kind: person\nname: ann\ntitle: Eve\n",
        do="apply",
        **seen_in(shown.text),
    )

    assert again.status_code == 200
    assert "+title: Eve\n" in again.text
    assert len(resile.catalog.history(Kind.PERSON, "ann")) == 3


def test_what_somebody_else_wrote_meanwhile_is_told_and_not_lost(resile: Resile, client: TestClient) -> None:
    text = "kind: person\nname: ann\ntitle: Anna\n"
    apply(resile, BOB, person__ann={"title": "Annabel"})

    refused = form(client, "/do/catalog/person/ann", text=text, expected="3", do="preview")

    assert refused.status_code == 409
    assert "person 'ann' is not as you saw it: user:bob wrote version 4 meanwhile" in problem_of(refused.text)
    assert written(refused.text) == text
    assert seen_in(refused.text)["expected"] == "4"
    shown = form(client, "/do/catalog/person/ann", text=text, expected="4", do="preview")
    assert "-title: Annabel\n" in shown.text


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("kind: person\nname: ann\ncolour: red\n", "person 'ann': object contains unknown field colour"),
        ("kind: person\nname: ann\nzone: Moon/Base\n", "zone 'Moon/Base' is unknown"),
        ("kind: person\nname: bob\n", "this is person 'bob', and the page is of person 'ann'"),
        ("kind: person\nname: ann\n  title: [\n", "the document, row 3: mapping values are not allowed here"),
        ("", "the document holds no documents; write one, which begins with kind: and name:"),
        ("kind: person\nname: ann\n---\nkind: person\nname: bob\n", "the document holds 2 documents; write one"),
        ("just words", "the document, row 1: no document of the catalog; begin it with kind: and name:"),
        ("kind: pet\nname: rex\n", "the document, row 1: kind 'pet' is unknown; use one of person, team"),
        ("a" * 200_001, "the document is longer than 200000 characters"),
        ("kind: person\nname: ann\ntitle: \x07\n", "special characters are not allowed"),
    ],
)
def test_what_is_wrong_is_told_at_the_form_and_nothing_is_changed(
    resile: Resile, client: TestClient, text: str, says: str
) -> None:
    answer = form(client, "/do/catalog/person/ann", text=text, expected="3", do="apply")

    assert answer.status_code == 400
    assert says in problem_of(answer.text)
    assert 'aria-invalid="true"' in answer.text
    assert len(resile.catalog.history(Kind.PERSON, "ann")) == 3


@pytest.mark.parametrize("kind", list(Kind))
def test_every_example_is_a_document_that_can_be_read(client: TestClient, kind: Kind) -> None:
    page = client.get(f"/catalog/new?kind={kind}").text

    said, name, body = read_text(written(page), shown="example")

    assert said is kind
    assert written(page) == EXAMPLES[kind]
    document = document_of(kind, name, body)
    assert not isinstance(document, TemplateDocument) or check_template_renders(document) == []


def test_new_document_is_added_and_not_twice(resile: Resile, client: TestClient) -> None:
    text = "kind: policy\nname: payments\nsteps:\n- page: [person/ann]\n"
    shown = form(client, "/do/catalog/new", text=text, do="preview")

    assert "person &#39;ann&#39; has no contacts, and policy &#39;payments&#39; pages them" in shown.text
    done = form(client, "/do/catalog/new", text=text, do="apply", **seen_in(shown.text))

    assert done.headers["location"] == "/catalog/policy/payments"
    assert list(resile.catalog.policies()) == ["payments"]
    again = form(client, "/do/catalog/new", text=text, do="preview")
    assert "policy 'payments' is in the catalog already; change it there" in problem_of(again.text)


def test_document_is_removed_once_nobody_names_it_and_can_come_back(resile: Resile, client: TestClient) -> None:
    named = form(client, "/do/catalog/person/ann/remove", expected="3", sure="yes")
    assert named.status_code == 409
    assert "person 'ann' cannot be taken out: team 'payments', schedule 'payments' names it" in problem_of(named.text)

    unsure = form(client, "/do/catalog/team/payments/remove", expected="1")
    assert "tick that you are sure" in problem_of(unsure.text)
    done = form(client, "/do/catalog/team/payments/remove", expected="1", sure="yes")

    assert done.headers["location"] == "/catalog?kind=team"
    assert resile.catalog.teams() == {}
    page = client.get("/catalog/team/payments").text
    assert "was taken out" in message_of(page)
    text, hidden = written(page), seen_in(page)
    shown = form(client, "/do/catalog/team/payments", text=text, do="preview", expected=hidden["expected"])
    form(client, "/do/catalog/team/payments", text=text, do="apply", **seen_in(shown.text))
    assert list(resile.catalog.teams()) == ["payments"]


def test_earlier_version_can_be_edited_again(client: TestClient) -> None:
    page = client.get("/catalog/person/ann?edit=1").text

    assert written(page) == file_text("person", "ann", {"title": "Ann"})
    assert seen_in(page)["expected"] == "3"


def test_form_of_another_site_is_refused(client: TestClient) -> None:
    answer = client.post("/do/catalog/person/ann", data={"text": "x", "csrf_token": "forged"})

    assert answer.status_code == 403


CONTACTS = [
    {"name": "mobile", "channel": "sms", "address": "+15550100"},
    {"name": "mail", "channel": "email", "address": "x" * 80 + "@example.org"},
]


def test_contact_is_proven_by_the_code_that_came_there(resile: Resile, client: TestClient) -> None:
    apply(resile, person__cyd={"contacts": CONTACTS})
    path = "/settings/contacts/cyd/mobile"
    assert "Send a code" in client.get("/catalog/person/cyd").text

    assert form(client, f"{path}/send").headers["location"] == "/catalog/person/cyd#contacts"

    (message,) = resile.paging.recent_messages(person="cyd")
    assert message.text not in client.get("/catalog/person/cyd").text
    refused = form(client, f"{path}/confirm", code="nonsense")
    assert refused.status_code == 400
    assert problem_of(refused.text) == (
        "contact 'mobile' of cyd: this is not the code that was sent; look at the newest message"
    )
    form(client, f"{path}/confirm", code=message.title[:6])
    assert resile.contacts.verified_of("cyd") == {"mobile"}
    assert "since " in client.get("/catalog/person/cyd").text
    assert form(client, "/settings/contacts/zoe/mobile/send").status_code == 404
    assert form(client, "/settings/contacts/cyd/pager/send").status_code == 400


@pytest.mark.browser
def test_catalog_is_edited_by_keyboard_at_a_phones_width(resile: Resile, browser: Browser) -> None:
    with served(resile) as address:
        context = opened(browser, address, width=390)
        page = context.new_page()
        page.goto(f"{address}/catalog/person/ann")
        page.locator("summary", has_text="Edit").press("Enter")
        page.get_by_label("The document, in YAML").fill("kind: person\nname: ann\ntitle: Anna\n")
        page.get_by_role("button", name="Show the difference").press("Enter")

        expect(page.get_by_role("heading", name="What will change")).to_be_visible()
        assert faults_of(page, "preview") == []
        page.get_by_role("button", name="Apply this change").press("Enter")
        expect(page.get_by_text("Version 4").first).to_be_visible()
        context.close()


@pytest.mark.browser
def test_pages_are_open_to_everybody_in_every_width_and_theme(resile: Resile, browser: Browser) -> None:
    apply(resile, policy__payments={"steps": [{"page": ["team/payments", "schedule/payments"]}]})
    apply(resile, person__cyd={"contacts": CONTACTS})
    resile.contacts.send_code(LOCAL, "cyd", "mobile")
    paths = [
        "/catalog/person/cyd", "/catalog", "/catalog?kind=person", "/catalog?q=nothing-like-it",
        "/catalog/new?kind=policy", "/catalog/person/ann?from=1&to=3", "/catalog/team/payments?edit=1",
        "/catalog/person/bob", "/catalog/person/zoe",
    ]  # fmt: skip
    with served(resile) as address:
        assert faults_of_all(browser, address, paths) == []
