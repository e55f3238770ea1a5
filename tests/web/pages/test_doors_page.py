"""Doors in the browser: what is connected, connecting a sender, trying it, and letting it go."""

import html
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from playwright.sync_api import Browser, expect

from resile.app.access import LOCAL
from resile.app.door_kinds import KINDS
from resile.app.settings import Settings
from resile.app.wiring import Resile, open_resile
from resile.ports.delivery_door import DoorOptions
from resile.ports.journal import Delivery, Verdict
from resile.testing.simulated_clock import SimulatedClock
from resile.web.server import create_app
from tests.web.api.visitor import Visitor

from .conftest import INJECTION, LONG, NOW, PASSWORDS, browser_of, faults_of_all, opened, served


def fill(resile: Resile) -> None:
    """Doors of several kinds, at one of which nothing works."""
    resile.doors.add(LOCAL, "alertmanager", options=DoorOptions(service=LONG))
    resile.doors.add(LOCAL, "github", "shop")
    resile.doors.add(LOCAL, "heartbeat", "backup", options=DoorOptions(every_s=3_600, grace_s=600))
    resile.doors.count_refused({"alertmanager": 1_234})
    for number in range(3):
        at = NOW - timedelta(minutes=number)
        resile.journal.append(Delivery(door="alertmanager", id=str(number), received_at=at, body=b"{}"))
    told = [(Verdict.FAILED, f"its body: {INJECTION}"), (Verdict.UNMAPPED, "something else"), (Verdict.TAKEN, "")]
    resile.journal.conclude([(seq, *one) for seq, one in enumerate(told, start=1)])


@pytest.fixture
def resile(tmp_path: Path, fresh_data: Callable[[Path], Path]) -> Iterator[Resile]:
    with open_resile(Settings(data=fresh_data(tmp_path)), clock=SimulatedClock(NOW)) as found:
        yield found


def send(client: TestClient, path: str, **fields: str):
    """Send a form as the page holds it."""
    token = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/doors?kind=json").text)
    assert token is not None
    return client.post(path, data={"csrf_token": token[1], **fields}, follow_redirects=False)


def message_of(page: str) -> str:
    found = re.search(r'<p class="message[^"]*">(.*?)</p>', page, re.DOTALL)
    assert found is not None
    return html.unescape(re.sub(r"<[^>]+>", "", found[1])).replace("\xa0", " ")


def test_page_says_where_it_fails_and_why(resile: Resile) -> None:
    assert message_of(browser_of(resile).get("/doors").text) == "Nothing is connected yet."
    fill(resile)

    page = browser_of(resile).get("/doors?show=alertmanager").text

    assert message_of(page) == "3 doors are open; what arrived could not be processed at alertmanager."
    assert f"its body: {INJECTION}" in html.unescape(page)
    assert INJECTION not in page
    assert "1,234" in page


def test_senders_that_most_people_have_come_first_and_each_once(resile: Resile) -> None:
    page = browser_of(resile).get("/doors").text

    offered = re.findall(r'href="/doors\?kind=(\w+)#connect"', page)
    assert offered[:4] == ["prometheus", "alertmanager", "grafana", "pagerduty"]
    assert sorted(offered) == sorted(KINDS)
    assert offered[-1] == "cdevents"


def test_sender_is_connected_and_its_secret_shown_once(resile: Resile) -> None:
    client = browser_of(resile)

    answer = send(client, "/do/doors/add", kind="prometheus", name="eu")

    door = resile.doors.all()["prometheus/eu"]
    secret = resile.doors.secret_of(door)
    assert secret is not None
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert f"credentials: {secret}" in answer.text
    assert "path_prefix: /doors/prometheus/eu" in answer.text
    again = client.get("/doors?show=prometheus/eu").text
    assert secret not in again
    assert "credentials: SECRET" in again


def test_form_that_will_not_do_is_shown_again_with_the_reason(resile: Resile) -> None:
    client = browser_of(resile)

    answer = send(client, "/do/doors/add", kind="heartbeat", name="backup", every="soon")

    assert answer.status_code == 409
    assert "is no length of time" in answer.text
    assert 'value="soon"' in answer.text
    nameless = send(client, "/do/doors/add", kind="json")
    assert "needs a name of its own, which is part of its address; give it one." in nameless.text
    short = send(client, "/do/doors/add", kind="sentry", secret="short")  # noqa: S106 - it will not do
    assert "the given secret will not do" in short.text.lower()
    assert "short" not in re.findall(r'value="([^"]*)"', short.text)
    assert resile.doors.all() == {}


def test_secret_that_the_sender_made_is_on_no_page(resile: Resile) -> None:
    given = "a-secret-of-pagerduty"

    answer = send(browser_of(resile), "/do/doors/add", kind="pagerduty_webhook", secret=given)

    assert answer.status_code == 200
    assert given not in answer.text
    assert resile.doors.secret_of(resile.doors.all()["pagerduty_webhook"]) == given


def test_test_and_removal_by_the_forms(resile: Resile) -> None:
    fill(resile)
    with TestClient(
        create_app(resile, passwords=PASSWORDS), base_url="http://127.0.0.1", client=("127.0.0.1", 5)
    ) as client:
        tried = send(client, "/do/doors/test", door="github/shop")
        gone = send(client, "/do/doors/remove", door="github/shop")
        twice = send(client, "/do/doors/remove", door="github/shop")

    assert "The test is kept as unmapped" in tried.text
    assert (gone.status_code, twice.status_code) == (303, 409)
    assert "github/shop" not in resile.doors.all()


def test_page_says_what_became_of_a_test_alert(resile: Resile) -> None:
    fill(resile)
    app = create_app(resile, passwords=PASSWORDS)
    with TestClient(app, base_url="http://127.0.0.1", client=("127.0.0.1", 5)) as client:
        tried = send(client, "/do/doors/test", door="alertmanager")

    assert "The alert is <b>declared</b>" in tried.text
    assert 'href="/incidents/INC-1"' in tried.text


def test_only_admins_keep_the_doors_where_there_are_accounts(resile: Resile) -> None:
    fill(resile)
    admin = Visitor(create_app(resile, passwords=PASSWORDS)).set_up()
    editor = admin.new_user("bob", "editor")

    assert admin.get("/doors").status_code == 200
    for path in ("/doors", "/doors?show=alertmanager"):
        refused = editor.get(path)
        assert refused.status_code == 403
        assert "1,234" not in refused.text


@pytest.mark.browser
def test_pages_shut_nobody_out(browser: Browser, resile: Resile) -> None:
    fill(resile)

    with served(resile) as address:
        paths = ["/doors", "/doors?show=alertmanager", "/doors?show=heartbeat/backup&kind=json", "/doors?kind=sentry"]
        faults = faults_of_all(browser, address, paths)

    assert not faults


@pytest.mark.browser
def test_door_is_opened_copied_and_removed_by_keyboard_and_on_a_phone(browser: Browser, resile: Resile) -> None:
    with served(resile) as address:
        context = opened(browser, address, width=390)
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        page = context.new_page()
        page.goto(f"{address}/doors")
        page.get_by_role("link", name="Signs of life").press("Enter")
        page.get_by_label("Name").fill("backup")
        page.get_by_label("Awaited every").fill("1h")
        page.get_by_label("Awaited every").press("Enter")
        expect(page.get_by_role("heading", name="Door heartbeat/backup for signs of life is open")).to_be_visible()

        page.get_by_role("button", name="Copy Address").press("Enter")
        expect(page.get_by_role("button", name="Copied Address")).to_be_visible()
        door = resile.doors.all()["heartbeat/backup"]
        copied = page.evaluate("navigator.clipboard.readText()")
        assert copied == f"{address}/doors/heartbeat/backup/{resile.doors.secret_of(door)}"

        page.goto(f"{address}/doors?show=heartbeat/backup")
        page.get_by_text("Remove…").press("Enter")
        page.get_by_role("button", name="Remove heartbeat/backup").press("Enter")
        expect(page.get_by_text("Nothing is connected yet.")).to_be_visible()
        context.close()
