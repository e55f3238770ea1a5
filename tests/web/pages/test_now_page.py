"""Now: the one message, what is open by urgency, the buttons, what is overdue, who is on call."""

import re

import pytest
from fastapi.testclient import TestClient
from msgspec.structs import replace

from resile.app.incidents import declare
from resile.app.wiring import Resile
from resile.model.errors import StoreError
from resile.model.lifecycle import Declare
from resile.model.message import MessageState
from resile.model.severity import Severity
from resile.model.time import MINUTE

from .conftest import INJECTION, browser_of, draft, take_in
from .paging_world import fill, first_page, message_of, moved, nobody_reachable, page, wait
from .test_restore_page import text_of


@pytest.fixture
def world(empty: Resile) -> Resile:
    fill(empty)
    return empty


def press(browser: TestClient, action: str, incident_id: str, **fields: str):
    token = re.search(r'name="csrf_token" value="([^"]+)"', browser.get("/oncall/payments").text)
    assert token is not None
    said = {"csrf_token": token[1], "incident_id": incident_id, "back": "now", **fields}
    return browser.post(f"/do/paging/{action}", data=said, follow_redirects=False)


def test_with_nothing_open_it_says_who_is_on_call(world: Resile) -> None:
    # 12:00 UTC is 17:45 in Kathmandu: the office is closed.
    assert message_of(browser_of(world).get("/now").text) == "All quiet, but nobody is on call for Office."


def test_without_a_catalog_it_is_quiet_and_says_what_to_write(empty: Resile) -> None:
    html = browser_of(empty).get("/now").text

    assert message_of(html) == "All quiet. No schedule is known yet, so nobody is on call."
    assert "resile apply" in html


def test_what_nobody_has_taken_is_the_message_with_how_long_it_waits(world: Resile) -> None:
    page(world, "Checkout fails", severity=Severity.SEV2)
    wait(world, minutes=6)

    assert message_of(browser_of(world).get("/now").text) == "1 incident is open; nobody has taken INC-1 for 6 min."


def test_the_most_urgent_stands_first_and_who_has_one_is_said(world: Resile) -> None:
    taken = page(world, "mild and taken", severity=Severity.SEV1)
    mild = page(world, "mild", severity=Severity.SEV4)
    bad = page(world, "bad", severity=Severity.SEV1)
    nobody = page(world, "nobody", severity=Severity.SEV5)
    world.pager.acknowledge(taken, who="ann", by="user:ann")
    nobody_reachable(world, nobody)

    html = browser_of(world).get("/now").text

    assert re.findall(r'<article [^>]*id="open-([^"]+)"', html) == [nobody, bad, mild, taken]
    assert "ann has it" in text_of(html)


def test_nobody_reachable_shouts(world: Resile) -> None:
    incident_id = page(world)
    nobody_reachable(world, incident_id)

    html = browser_of(world).get("/now").text

    assert message_of(html) == "Nobody is reachable for INC-1. Call somebody yourself."
    assert re.search(r'<article class="sheet card shouting"', html)
    assert "nobody reachable" in text_of(html)
    assert "Its whole policy has passed and nobody answered. Call somebody, or take it yourself." in text_of(html)


def test_what_a_screen_reader_is_told_does_not_change_with_the_minutes(world: Resile) -> None:
    page(world)
    said = [said_in(browser_of(world).get("/now").text)]
    world.clock.advance(9 * MINUTE)  # type: ignore[attr-defined]
    said.append(said_in(browser_of(world).get("/now").text))

    assert said == ["1 incident is open; nobody has taken INC-1."] * 2


def test_the_start_page_leads_here_where_resile_pages_people(world: Resile) -> None:
    answer = browser_of(world).get("/", follow_redirects=False)

    assert (answer.status_code, answer.headers["location"]) == (307, "/now")


def said_in(html: str) -> str:
    found = re.search(r'<p class="message"[^>]*data-said="([^"]*)"', html)
    assert found is not None
    return found[1]


def test_one_button_takes_an_incident_and_leads_back(world: Resile) -> None:
    incident_id = page(world)
    browser = browser_of(world)

    answer = press(browser, "acknowledge", incident_id)

    assert (answer.status_code, answer.headers["location"]) == (303, "/now")
    assert message_of(browser.get("/now").text) == "1 incident is open; local has INC-1."


def test_escalating_pages_the_next_and_restoring_ends_it(world: Resile) -> None:
    incident_id = page(world)
    browser = browser_of(world)

    press(browser, "escalate", incident_id)
    people = {one.person for one in world.paging.messages_of([incident_id])}
    press(browser, "restore", incident_id)

    assert people == {"ann", "bob"}
    assert message_of(browser.get("/now").text).startswith("All quiet")


def test_what_cannot_be_done_is_said_on_the_page(world: Resile) -> None:
    incident_id = page(world)
    browser = browser_of(world)
    press(browser, "restore", incident_id)

    answer = press(browser, "restore", incident_id)

    assert answer.status_code == 409
    assert "Not done:" in answer.text
    assert press(browser, "acknowledge", "INC-77").status_code == 409
    assert press(browser, "acknowledge", "\x00").status_code in {400, 409}


def test_a_form_from_elsewhere_takes_nothing(world: Resile) -> None:
    incident_id = page(world)
    browser = browser_of(world)

    answer = browser.post("/do/paging/acknowledge", data={"incident_id": incident_id, "back": "now"})

    assert answer.status_code == 403
    assert "nobody has it" in text_of(browser.get("/now").text)


def test_messages_that_nobody_hands_over_are_overdue(world: Resile) -> None:
    page(world)
    wait(world, minutes=3)

    text = text_of(browser_of(world).get("/now").text)

    assert "A message is not handed over, the oldest due for 3 min" in text
    assert "Paging is late for INC-1" in text


def test_with_nothing_open_what_is_late_is_the_message(world: Resile) -> None:
    incident_id = page(world)
    moved(world, first_page(world, incident_id), MessageState.FAILED, because="no such number")
    press(browser_of(world), "restore", incident_id)

    html = browser_of(world).get("/now").text

    assert message_of(html) == "No incident is open, but something needs a look."


def test_a_page_that_failed_says_why(world: Resile) -> None:
    incident_id = page(world)
    moved(world, first_page(world, incident_id), MessageState.FAILED, because="no such number")

    text = text_of(browser_of(world).get("/now").text)

    assert "no such number" in text
    assert "1 page could not be handed over in the last 24 h" in text


def test_gaps_within_a_day_are_told(world: Resile) -> None:
    text = text_of(browser_of(world).get("/now").text)

    assert "Gaps within 24 h" in text
    assert "nobody Office" in text


def test_what_was_declared_without_paging_stands_there_and_imports_are_counted_apart(world: Resile) -> None:
    take_in(world, [draft("a", minutes=None), draft("b", minutes=None), draft("c")])
    browser = browser_of(world)
    declared = browser.post("/api/v1/incidents", json={"title": "Told by hand"}, headers=own_form(browser))
    wait(world, seconds=1)

    text = text_of(browser.get("/now").text)

    assert declared.status_code == 201
    assert "Told by hand" in text
    assert "nobody is paged" in text
    assert "2 imported incidents are open elsewhere" in text


def own_form(browser: TestClient) -> dict[str, str]:
    token = re.search(r'name="csrf_token" value="([^"]+)"', browser.get("/settings").text)
    return {"x-csrf-token": token[1]} if token else {}


def test_hostile_titles_are_text(world: Resile) -> None:
    page(world, INJECTION, services=(INJECTION,))

    html = browser_of(world).get("/now").text

    assert "<script>alert" not in html
    assert "<img src=x" not in html


def test_somebody_else_is_paged_from_the_incidents_page(world: Resile) -> None:
    incident_id = page(world)
    browser = browser_of(world)

    answer = press(browser, "also", incident_id, back="", target="person/bob")
    nobody = press(browser, "also", incident_id, back="", target="")
    unknown = press(browser, "also", incident_id, back="", target="person/mallory")

    assert (answer.status_code, answer.headers["location"]) == (303, f"/incidents/{incident_id}#done-paging")
    assert {one.person for one in world.paging.messages_of([incident_id])} == {"ann", "bob"}
    assert (nobody.status_code, unknown.status_code) == (409, 409)
    assert "nobody was chosen" in nobody.text


class FullDisk:
    """Facts of a folder to which nothing can be written."""

    def refresh(self) -> int:
        raise StoreError("facts cannot be written: the disk is full; free some of it")


def test_who_is_paged_is_seen_also_while_the_disk_is_full(world: Resile) -> None:
    page(world, "Checkout fails")

    html = browser_of(replace(world, facts=FullDisk())).get("/now").text

    assert "Checkout fails" in html
    assert "the disk is full" in text_of(html)


def test_what_nobody_answers_stands_on_top_however_many_came_after_it(
    world: Resile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resile.app.standing.MAX_SHOWN", 3)
    monkeypatch.setattr("resile.app.now.MAX_OPEN", 3)
    monkeypatch.setattr("resile.app.now.MAX_SHOWN", 3)
    take_in(world, [draft("imported", minutes=None)])
    oldest = page(world, "oldest", severity=Severity.SEV3)
    nobody_reachable(world, oldest)
    for n in range(4):
        declare(world, Declare(title=f"by hand {n}"), by="user:zoe")
    later = []
    for n in range(6):
        wait(world, seconds=1)
        later.append(page(world, f"later {n}", severity=Severity.SEV1))

    html = browser_of(world).get("/now").text

    assert re.findall(r'<article [^>]*id="open-([^"]+)"', html)[:3] == [oldest, *later[:2]]
    assert html.count('<span class="tag">nobody is paged</span>') == 3
    assert "5 more are open." in text_of(html)
    assert "1 imported incident is open elsewhere" in text_of(html)


def test_message_counts_all_that_nobody_has_taken(world: Resile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resile.app.standing.MAX_SHOWN", 2)
    monkeypatch.setattr("resile.app.now.MAX_SHOWN", 2)
    for n in range(5):
        page(world, f"one {n}")

    running = message_of(browser_of(world).get("/now").text)
    for n in range(1, 4):
        nobody_reachable(world, f"INC-{n}")
    wait(world, seconds=3)

    assert running == "5 incidents are open; nobody has taken INC-1 and 4 more for less than a minute."
    assert message_of(browser_of(world).get("/now").text).startswith("Nobody is reachable for ")
    assert " and 1 more." in message_of(browser_of(world).get("/now").text)


def test_a_disk_that_is_nearly_full_needs_a_look(world: Resile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resile.app.room.ENOUGH_BYTES", 2**62)

    html = browser_of(world).get("/now").text

    assert message_of(html) == "No incident is open, but something needs a look."
    assert "The disk is nearly full: " in text_of(html)
