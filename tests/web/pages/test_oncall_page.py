"""On call in the browser and by REST: who, until when, gaps, and the forms that change it."""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from playwright.sync_api import Browser

from resile.app.access import LOCAL
from resile.app.settings import Settings
from resile.app.wiring import Resile, open_resile
from resile.model.catalog import Kind
from resile.ports.feed_book import FeedOf
from resile.testing.simulated_clock import SimulatedClock

from .conftest import INJECTION, LONG, NOW, browser_of, faults_of, faults_of_all, opened, served

ROTATION = {"name": "primary", "starts": "2024-03-04 09:00", "every": "week", "people": ["ann", "bob"]}
OFFICE = {**ROTATION, "name": INJECTION, "hours": [{"from": "9:00", "until": "17:00"}]}


def fill(resile: Resile) -> None:
    """Two schedules: one without a gap, one that is a gap at night and has odd names."""
    documents = {
        (Kind.PERSON, "ann"): ({"title": "Ann"}, ""),
        (Kind.PERSON, "bob"): ({}, ""),
        (Kind.SCHEDULE, "payments"): ({"title": "Payments", "zone": "Europe/Berlin", "layers": [ROTATION]}, ""),
        (Kind.SCHEDULE, "office"): ({"title": LONG, "zone": "Asia/Kathmandu", "layers": [OFFICE]}, ""),
    }
    resile.catalog.apply(LOCAL, resile.catalog.changes_to(documents))


@pytest.fixture
def browser_window(tmp_path: Path, fresh_data: Callable[[Path], Path]) -> Iterator[TestClient]:
    with open_resile(Settings(data=fresh_data(tmp_path)), clock=SimulatedClock(NOW)) as resile:
        fill(resile)
        yield browser_of(resile)


def form(client: TestClient, path: str, **fields: str):
    """Send a form as the page holds it."""
    page = client.get("/oncall/payments").text
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert token is not None
    return client.post(path, data={"csrf_token": token[1], **fields}, follow_redirects=False)


def message_of(page: str) -> str:
    found = re.search(r'<p class="message[^"]*">(.*?)</p>', page, re.DOTALL)
    assert found is not None
    return re.sub(r"<[^>]+>", "", found[1]).replace("\xa0", " ")


def test_without_schedules_the_page_says_how_to_write_one(tmp_path: Path, fresh_data: Callable[[Path], Path]) -> None:
    with open_resile(Settings(data=fresh_data(tmp_path)), clock=SimulatedClock(NOW)) as resile:
        page = browser_of(resile).get("/oncall").text

    assert message_of(page) == "No schedule is known yet."
    assert "resile apply" in page


def test_page_says_who_is_called_and_where_nobody_is(browser_window: TestClient) -> None:
    page = browser_window.get("/oncall").text

    # 12:00 UTC is 17:45 in Kathmandu: the office is closed.
    assert message_of(page) == f"Nobody is on call for {LONG}."
    assert "outside the hours of every rotation" in page
    assert "14 gaps" in page or "15 gaps" in page


def test_schedule_says_until_when_and_who_is_next(browser_window: TestClient) -> None:
    page = browser_window.get("/oncall/payments").text

    assert message_of(page) == "ann is on call until Monday 2024-04-08 09:00, then bob."
    assert INJECTION not in browser_window.get("/oncall/office").text


def test_taking_over_and_taking_it_back_by_the_forms(browser_window: TestClient) -> None:
    answer = form(browser_window, "/do/oncall/payments/take", person="bob", because="ann is ill")

    assert answer.status_code == 303
    page = browser_window.get("/oncall/payments").text
    # He has ann's week as well as his own.
    assert message_of(page) == "bob is on call until Monday 2024-04-15 09:00, then ann."
    assert "ann is ill" in page
    entered = re.search(r'name="override" value="([0-9a-f]+)"', page)
    assert entered is not None
    form(browser_window, "/do/oncall/payments/remove", override=entered[1])
    assert message_of(browser_window.get("/oncall/payments").text).startswith("ann is on call until Monday 2024-04-08")


def test_override_is_by_the_clock_of_the_schedule(browser_window: TestClient) -> None:
    times = {"starts_at": "2024-04-02T09:00", "ends_at": "2024-04-03T09:00"}
    form(browser_window, "/do/oncall/payments/override", person="-", **times)

    told = browser_window.get("/api/v1/oncall/payments?from=2024-04-02&to=2024-04-04").json()

    # Berlin is two hours ahead of UTC in April.
    assert [(one["person"], one["starts_at"], one["because"]) for one in told["duties"]] == [
        ("ann", "2024-04-02T00:00:00Z", "turn"),
        (None, "2024-04-02T07:00:00Z", "taken_off"),
        ("ann", "2024-04-03T07:00:00Z", "turn"),
    ]


def test_swap_by_rest_and_what_is_refused(browser_window: TestClient) -> None:
    path = "/api/v1/oncall/payments/overrides"
    swap = {"change": "swap", "first_at": "2024-04-02T00:00:00Z", "second_at": "2024-04-09T00:00:00Z"}

    answer = browser_window.post(path, json=swap)

    assert answer.status_code == 201
    assert [one["person"] for one in answer.json()["overrides"]] == ["bob", "ann"]
    refused = browser_window.post(path, json={"change": "take", "person": "zoe"})
    assert (refused.status_code, refused.json()["detail"]) == (
        400,
        "person 'zoe' is not in the catalog; add them first",
    )
    assert browser_window.post("/api/v1/oncall/nobody/overrides", json=swap).status_code == 404
    assert browser_window.delete("/api/v1/oncall/overrides/none").status_code == 404
    removed = browser_window.delete(f"/api/v1/oncall/overrides/{answer.json()['overrides'][0]['id']}")
    assert removed.status_code == 200


def test_form_that_says_nonsense_shows_why_and_changes_nothing(browser_window: TestClient) -> None:
    answer = form(browser_window, "/do/oncall/payments/override", person="bob", starts_at="soon", ends_at="later")

    assert answer.status_code == 409
    assert "time &#39;soon&#39; is not understood; write 2026-03-02T09:00" in answer.text
    # What was written stands there still.
    assert '<details open><summary class="button">Override' in answer.text
    assert 'name="starts_at" value="soon" required' in answer.text
    assert "<option selected>bob</option>" in answer.text
    assert browser_window.get("/api/v1/oncall/payments").json()["overrides"] == []


@pytest.mark.parametrize(
    ("change", "times"),
    [("take", {}), ("override", {"starts_at": "2024-04-02T09:00", "ends_at": "2024-04-03T09:00"})],
)
def test_nobody_is_put_on_duty_whom_nobody_chose(
    browser_window: TestClient, change: str, times: dict[str, str]
) -> None:
    page = browser_window.get("/oncall/payments").text
    # A browser refuses an empty choice that is required, so that "nobody" needs a value of its own.
    first = re.search(rf'id="{change}-person"[^>]*><option value="([^"]*)"', page)
    assert first is not None
    assert first[1] == ""

    answer = form(browser_window, f"/do/oncall/payments/{change}", person="", **times)

    assert (answer.status_code, "choose who is on call" in answer.text) == (409, True)
    assert browser_window.get("/api/v1/oncall/payments").json()["overrides"] == []


def test_that_nobody_is_called_is_told_in_the_colour_of_trouble(browser_window: TestClient) -> None:
    assert '<b class="bad">Nobody\xa0is\xa0on\xa0call</b>' in browser_window.get("/oncall").text
    assert '<b class="bad">Nobody\xa0is\xa0on\xa0call</b>' in browser_window.get("/oncall/office").text
    assert "<b>ann</b>" in browser_window.get("/oncall/payments").text


def test_who_comes_from_elsewhere_changes_nothing(browser_window: TestClient) -> None:
    answer = browser_window.post("/do/oncall/payments/take", data={"person": "bob"}, follow_redirects=False)

    assert answer.status_code == 403
    assert browser_window.get("/api/v1/oncall/payments").json()["overrides"] == []


def test_catalog_by_rest_with_every_version(browser_window: TestClient) -> None:
    told = browser_window.get("/api/v1/catalog").json()["documents"]
    versions = browser_window.get("/api/v1/catalog/person/ann").json()["documents"]

    assert [(one["kind"], one["name"]) for one in told][:2] == [("person", "ann"), ("person", "bob")]
    assert [(one["number"], one["by"], one["body"]) for one in versions] == [(1, "local", {"title": "Ann"})]
    assert browser_window.get("/api/v1/catalog/person/zoe").status_code == 404


@pytest.mark.browser
def test_no_page_of_duty_shuts_anybody_out(
    browser: Browser, tmp_path: Path, fresh_data: Callable[[Path], Path]
) -> None:
    with open_resile(Settings(data=fresh_data(tmp_path)), clock=SimulatedClock(NOW)) as resile:
        fill(resile)
        resile.oncall.take(LOCAL, "payments", "bob", "ann is ill")
        resile.feeds.make(LOCAL, FeedOf.PERSON, "ann")
        resile.feeds.make(LOCAL, FeedOf.SCHEDULE, "payments")
        pages = ("/oncall", "/oncall/payments", "/oncall/payments?weeks=12&step=-1", "/oncall/office", "/oncall/nobody")
        with served(resile) as address:
            assert faults_of_all(browser, address, pages) == []


@pytest.mark.browser
def test_calendar_is_brought_in_by_hand(browser: Browser, tmp_path: Path, fresh_data: Callable[[Path], Path]) -> None:
    day = f"{NOW + timedelta(days=3):%Y%m%d}"
    event = "BEGIN:VEVENT\nUID:{uid}\nDTSTART;VALUE=DATE:{day}\nSUMMARY:{who}\nEND:VEVENT\n"
    events = "".join(event.format(uid=who, day=day, who=who) for who in ("ann", LONG))
    with open_resile(Settings(data=fresh_data(tmp_path / "data")), clock=SimulatedClock(NOW)) as resile:
        fill(resile)
        with served(resile) as address, closing(opened(browser, address, width=390)) as context:
            page = context.new_page()
            page.goto(f"{address}/oncall/payments")
            for button in ("Show what would change", "Bring in"):
                page.get_by_text("Bring a calendar in").click()
                file = {
                    "name": "a.ics",
                    "mimeType": "text/calendar",
                    "buffer": f"BEGIN:VCALENDAR\n{events}END:VCALENDAR\n",
                }
                page.locator("#import-file").set_input_files([{**file, "buffer": file["buffer"].encode()}])
                page.get_by_role("button", name=button).click()
                page.get_by_text("1 event could not be placed").wait_for()
                assert faults_of(page, button) == []
                if folder := os.environ.get("RESILE_LOOK"):
                    page.screenshot(path=f"{folder}/import-{len(button)}.png", full_page=True)

        assert [
            one.override.person for one in resile.oncall.calendar("payments", NOW, NOW + timedelta(days=9)).overrides
        ] == ["ann"]
