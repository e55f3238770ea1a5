"""Updates, maintenance windows and subscribers in the browser."""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from playwright.sync_api import Browser, expect

from resile.app.access import LOCAL
from resile.app.incidents import command_incident, declare, show_incident
from resile.app.settings import load_settings
from resile.app.update_drafts import Wording
from resile.app.wiring import Resile, open_resile
from resile.model.catalog import Kind
from resile.model.event import Updated
from resile.model.lifecycle import ChangeSeverity, Declare
from resile.model.room import Room, room_of
from resile.model.severity import Severity
from resile.model.time import MINUTE
from resile.ports.subscriber_book import Subscriber
from resile.testing.simulated_clock import SimulatedClock

from .conftest import INJECTION, LONG, NOW, browser_of, faults_of_all, opened, served

PAGE = "/settings/maintenance"


@pytest.fixture
def resile(tmp_path: Path, fresh_data: Callable[[Path], Path]) -> Iterator[Resile]:
    given = load_settings(data=fresh_data(tmp_path), updates=[{"audience": "executives", "agree": 1}])
    with open_resile(given, clock=SimulatedClock(NOW)) as found:
        wanted = {(Kind.SERVICE, name): ({"title": name.capitalize()}, "") for name in ("checkout", "search")}
        found.catalog.apply(LOCAL, found.catalog.changes_to(wanted))
        declare(found, Declare(title=INJECTION, severity=Severity.SEV1, services=("checkout",)), by="user:ann")
        yield found


def send(client: TestClient, path: str, *, seen_on: str, **fields: object) -> Response:
    """Send a form as the page holds it."""
    token = re.search(r'name="csrf_token" value="([^"]+)"', client.get(seen_on).text)
    assert token is not None
    return client.post(path, data={"csrf_token": token[1], **fields}, follow_redirects=False)


def room(resile: Resile) -> Room:
    view = show_incident(resile, "INC-1")
    assert view is not None
    return room_of(view.timeline)


def test_draft_is_changed_and_published_by_one_form_and_the_promise_is_counted_down(resile: Resile) -> None:
    client = browser_of(resile)
    aim = {"incident_id": "INC-1", "seen_on": "/incidents/INC-1"}
    assert send(client, "/do/update/draft", audience="customers", **aim).status_code == 303
    (draft_id,) = room(resile).drafts
    form = {
        "draft_id": draft_id,
        "title": "Payments fail",
        "text": f"We look.\r\n{INJECTION}",
        "following": "20m",
        "component": ["checkout"],
        "state": ["partial_outage"],
        "how": "publish",
    }

    assert send(client, "/do/update/edit", **form, **aim).status_code == 303
    again = send(client, "/do/update/edit", **form, **aim)

    (sent,) = room(resile).updates
    assert isinstance(sent, Updated)
    assert (sent.title, sent.text, sent.components) == (
        "Payments fail",
        f"We look.\n{INJECTION}",
        {"checkout": "partial_outage"},
    )
    assert again.status_code == 409
    assert "dropped or changed" in again.text
    resile.clock.advance(11 * MINUTE)  # type: ignore[attr-defined]
    page = client.get("/incidents/INC-1").text
    assert "in\u00a09\u00a0min" in page
    assert INJECTION not in page
    resile.clock.advance(12 * MINUTE)  # type: ignore[attr-defined]
    assert "overdue\u00a0by\u00a03\u00a0min" in client.get("/incidents/INC-1").text
    assert send(client, "/do/update/withdraw", audience="customers", **aim).status_code == 303
    assert "Promised update" not in client.get("/incidents/INC-1").text


def test_what_was_published_is_corrected_and_withdrawn_by_forms_that_ask_why(resile: Resile) -> None:
    client = browser_of(resile)
    aim = {"incident_id": "INC-1", "seen_on": "/incidents/INC-1"}
    said = Wording(title="Payments fail", text="All of them.", components={"checkout": "major_outage"})
    draft_id = resile.communication.updates.say(LOCAL, "INC-1", "customers", said=said).id
    form = {"draft_id": draft_id, "title": "Payments fail", "component": ["checkout"], "state": ["partial_outage"]}

    bare = send(client, "/do/update/correct", text=f"Some. {INJECTION}", reason=" ", **form, **aim)
    assert (bare.status_code, "for a reason" in bare.text) == (409, True)
    assert INJECTION not in bare.text
    done = send(client, "/do/update/correct", text="Some.", reason=f"counted {INJECTION}", **form, **aim)
    assert done.status_code == 303
    (update,) = room(resile).updates
    assert (update.text, update.components) == ("Some.", {"checkout": "partial_outage"})
    page = client.get("/incidents/INC-1").text
    assert "by local: counted" in page
    assert INJECTION not in page
    assert send(client, "/do/update/retract", draft_id=draft_id, reason="", **aim).status_code == 409
    assert send(client, "/do/update/retract", draft_id=draft_id, reason="wrong one", **aim).status_code == 303

    page = client.get("/incidents/INC-1").text
    assert "by local: wrong one" in page
    assert "Some." not in page
    assert room(resile).updates == ()


def test_of_two_who_correct_the_same_words_at_once_the_second_is_shown_what_they_say_by_now(resile: Resile) -> None:
    client = browser_of(resile)
    aim = {"incident_id": "INC-1", "seen_on": "/incidents/INC-1"}
    draft_id = resile.communication.updates.say(
        LOCAL, "INC-1", "customers", said=Wording(title="It fails", text="All.")
    ).id
    form = {"draft_id": draft_id, "title": "It fails", "reason": "counted wrongly"}

    def seen() -> str:
        (found,) = re.findall(r'name="seen" value="([^"]*)"', client.get("/incidents/INC-1").text)
        return str(found)

    shown = seen()
    resile.clock.advance(MINUTE)  # type: ignore[attr-defined]
    assert send(client, "/do/update/correct", text="Some.", seen=shown, **form, **aim).status_code == 303

    late = send(client, "/do/update/correct", text="Most.", seen=shown, **form, **aim)

    assert (late.status_code, "local corrected this update" in late.text) == (409, True)
    assert "Most.</textarea>" in late.text
    assert room(resile).updates[0].text == "Some."
    assert send(client, "/do/update/correct", text="Most.", seen=seen(), **form, **aim).status_code == 303
    assert room(resile).updates[0].text == "Most."


def test_what_was_typed_is_kept_where_it_was_refused(resile: Resile) -> None:
    client = browser_of(resile)
    aim = {"incident_id": "INC-1", "seen_on": "/incidents/INC-1"}
    send(client, "/do/update/draft", audience="executives", **aim)
    (draft_id,) = room(resile).drafts
    form = {"draft_id": draft_id, "title": "It burns", "text": "All of it.", "following": "soon"}

    page = send(client, "/do/update/edit", **form, **aim)
    unagreed = send(client, "/do/update/edit", **{**form, "following": "30m", "how": "publish"}, **aim)

    assert page.status_code == 409
    assert "All of it." in page.text
    assert 'value="soon"' in page.text
    assert unagreed.status_code == 409
    assert "1 more person has to agree" in unagreed.text
    assert send(client, "/do/update/agree", draft_id=list(room(resile).drafts)[-1], **aim).status_code == 409
    assert send(client, "/do/update/drop", draft_id=list(room(resile).drafts)[-1], **aim).status_code == 303
    assert room(resile).updates == ()


def test_draft_says_why_its_template_was_not_used(resile: Resile) -> None:
    text = "{% if incident.severity == 'SEV4' %}{{ nonsense }}{% endif %}It burns."
    body = {"message": "update", "audience": "executives", "text": text}
    resile.catalog.apply(LOCAL, resile.catalog.changes_to({(Kind.TEMPLATE, "ours"): (body, "")}))
    resile.communication.updates.draft(LOCAL, "INC-1", "executives")
    assert next(iter(room(resile).drafts.values())).draft.text == "It burns."

    command_incident(resile, "INC-1", ChangeSeverity(Severity.SEV4), by="user:ann")
    resile.communication.updates.draft(LOCAL, "INC-1", "executives")

    page = browser_of(resile).get("/incidents/INC-1").text
    assert page.count("The template was not used, and these are our own words: template &#39;ours&#39; cannot be") == 1


def test_window_is_entered_moved_and_cancelled_and_nonsense_is_refused(resile: Resile) -> None:
    client = browser_of(resile)
    form = {"title": f"New disks {INJECTION}", "service": ["checkout"], "starts_at": "", "ends_at": "2024-04-01T14:00"}
    assert send(client, "/do/maintenance/add", seen_on=PAGE, **form).status_code == 303
    (window,) = resile.communication.maintenance.listed()
    page = client.get(PAGE).text
    assert "Maintenance is <b>under way</b>; 0 subscribers hear of it." in page.replace("\xa0", " ")
    assert INJECTION not in page

    which = {"window_id": window.id, "seen_on": PAGE}
    assert send(client, "/do/maintenance/move", ends_at="2024-04-01T15:00Z", version=1, **which).status_code == 303
    stale = send(client, "/do/maintenance/move", ends_at="2024-04-01T16:00Z", version=1, **which)
    assert (stale.status_code, "changed meanwhile" in stale.text) == (409, True)
    assert send(client, "/do/maintenance/finish", **which).status_code == 303
    assert send(client, "/do/maintenance/cancel", **which).status_code == 409
    bad = send(client, "/do/maintenance/add", seen_on=PAGE, **form | {"ends_at": "tomorrow", "text": "kept words"})
    assert bad.status_code == 409
    assert "kept words" in bad.text
    assert send(client, "/do/maintenance/add", seen_on=PAGE, **form | {"service": []}).status_code == 409


def test_subscribers_are_shown_with_why_they_were_put_aside(resile: Resile) -> None:
    subscribe(resile, 120)
    client = browser_of(resile)

    first = client.get(PAGE).text

    assert "119 told, 1 put aside" in first
    assert "550 5.1.1 unknown" in first
    following = re.search(r'href="([^"]+)">More', first)
    assert following is not None
    assert "a119@example.net" in client.get(following[1]).text
    assert send(client, "/do/subscribers/remove", seen_on=PAGE, subscriber_id="s-000").status_code == 303
    assert send(client, "/do/subscribers/remove", seen_on=PAGE, subscriber_id="s-000").status_code == 409


def subscribe(resile: Resile, n: int) -> None:
    """So many, of which the first bounced."""
    book = resile.communication.subscribers._book
    for number in range(n):
        one = Subscriber(
            id=f"s-{number:03}",
            channel="email",
            address=f"a{number:03}@example.net",
            components=(LONG,) if number == 1 else (),
            confirmed_at=NOW,
        )
        book.confirm(one)
    with resile.communication.tellings._database.writing() as connection:  # type: ignore[attr-defined]
        connection.exec_driver_sql(
            "UPDATE subscribers SET n_bounced = 3, put_aside_at = 0, because = '550 5.1.1 unknown' WHERE id = 's-000'"
        )


@pytest.mark.browser
def test_customers_are_told_with_a_thumb_and_nobody_is_shut_out(resile: Resile, browser: Browser) -> None:
    subscribe(resile, 3)
    resile.communication.maintenance.add(
        LOCAL, LONG, ["checkout"], starts_at=NOW + MINUTE, ends_at=NOW + timedelta(hours=1)
    )
    with served(resile) as address:
        context = opened(browser, address, width=390)
        page = context.new_page()
        page.goto(f"{address}/incidents/INC-1")
        page.get_by_text("Draft an update").click()
        page.get_by_role("button", name="Draft it").click()
        page.get_by_label("What they read").fill("We look into it.")
        page.get_by_role("button", name="Publish", exact=True).click()

        expect(page.locator("#live-updates")).to_contain_text("We look into it.")
        expect(page.locator(".promise")).to_contain_text("in 30 min")
        published = page.locator(".published li")
        published.locator("summary").first.click()
        published.get_by_label("What they read").fill("We know the cause.")
        published.get_by_label("Why?").first.fill("we looked again")
        published.get_by_role("button", name="Publish the correction").click()
        expect(published).to_contain_text("by local: we looked again")
        context.close()
        leave = resile.communication.subscribers.leave_url("s-001")
        assert faults_of_all(browser, address, ["/incidents/INC-1", PAGE, leave]) == []

    (update,) = room(resile).updates
    assert (update.by, update.text) == ("local", "We know the cause.")
