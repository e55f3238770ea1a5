"""One incident that pages: who was paged by which way, how far each page came, what is next; and its timeline."""

from datetime import timedelta

import pytest

from resile.app.incidents import command_incident, declare
from resile.app.paging_lines import MAX_MOVES, grouped
from resile.app.wiring import Resile
from resile.model.alert import Outcome
from resile.model.event import AlertCleared, AlertFired, Event, Paged, PageMoved, Source
from resile.model.incident import InstantName, fold
from resile.model.lifecycle import Declare, Reach, Reopen
from resile.model.message import MessageState
from resile.model.severity import Severity
from resile.web.pages.timeline import lines_of

from .conftest import INJECTION, LONG, NOW, browser_of
from .paging_world import alert, arrive, fill, first_page, moved, nobody_reachable, page, wait
from .test_incident_pages import token_in
from .test_restore_page import text_of


@pytest.fixture
def world(empty: Resile) -> Resile:
    fill(empty)
    return empty


def test_pages_stand_there_with_their_receipts_and_how_long_each_took(world: Resile) -> None:
    incident_id = page(world, severity=Severity.SEV2)
    wait(world, seconds=2)
    moved(world, first_page(world, incident_id), MessageState.SENDING, MessageState.HANDED)
    wait(world, seconds=3)
    moved(world, first_page(world, incident_id), MessageState.DELIVERED)
    wait(world, seconds=40)
    world.pager.acknowledge(incident_id, who="ann", by="user:ann")
    arrive(world, [alert(1, title="Errors", outcome=Outcome.JOINED, incident_id=incident_id)])

    text = text_of(browser_of(world).get(f"/incidents/{incident_id}").text)

    assert "Taken by ann" in text
    assert "2 s from detection to the first page handed over" in text
    assert "43 s from there to the acknowledgement" in text
    assert "mobile …0123" in text
    assert "+15550100123" not in text
    assert "arrived after 2 s" in text
    assert "Errors" in text


def test_time_to_restore_shows_detection_page_and_acknowledgement_measured(world: Resile) -> None:
    incident_id = page(world, severity=Severity.SEV2)
    wait(world, seconds=2)
    moved(world, first_page(world, incident_id), MessageState.SENDING, MessageState.HANDED)
    wait(world, seconds=40)
    world.pager.acknowledge(incident_id, who="ann", by="user:ann")

    text = text_of(browser_of(world).get("/restore").text)

    assert "Detected → paged n 1 2 s" in text
    assert "Paged → acknowledged n 1 40 s" in text
    assert "a page was handed over 2 s after detection, and it was acknowledged 40 s after that" in text


def test_a_running_policy_says_which_step_runs_and_when_the_next_begins(world: Resile) -> None:
    incident_id = page(world)
    browser = browser_of(world)

    text = text_of(browser.get(f"/incidents/{incident_id}").text)

    assert "Paging ann" in text
    assert "policy default, version 1 · round 1 of 2" in text
    assert "1. schedule/payments · runs" in text
    assert "2. person/bob · begins 12:05:00" in text
    assert "ann is tried next by mail at 12:02:00" in text


def test_the_snapshot_stays_when_the_policy_is_edited(world: Resile) -> None:
    incident_id = page(world)
    fill(world, office="renamed")

    assert "version 1" in text_of(browser_of(world).get(f"/incidents/{incident_id}").text)


def test_a_page_that_failed_says_why_and_nobody_reachable_shouts(world: Resile) -> None:
    incident_id = page(world)
    moved(world, first_page(world, incident_id), MessageState.FAILED, because=INJECTION)
    nobody_reachable(world, incident_id)

    html = browser_of(world).get(f"/incidents/{incident_id}").text

    assert '<div id="live-notices" data-live>\n<p class="shout">' in html
    assert f'data-said="{incident_id} is open; nobody is reachable."' in html
    assert "<script>alert" not in html
    assert "failed" in text_of(html)


def test_an_incident_that_never_paged_shows_nothing_of_paging(world: Resile) -> None:
    incident_id = declare(world, Declare(title="by hand"), by="user:ann").incident.id

    html = browser_of(world).get(f"/incidents/{incident_id}").text

    assert 'id="live-paging"' not in html
    assert "Acknowledge" in html


def test_what_paging_tells_meanwhile_does_not_refuse_what_somebody_writes(world: Resile) -> None:
    incident_id = page(world)
    browser = browser_of(world)
    version = str(len(world.timelines.read(incident_id)))
    aim = {"csrf_token": token_in(browser.get(f"/incidents/{incident_id}").text), "incident_id": incident_id}
    moved(world, first_page(world, incident_id), MessageState.HANDED)

    noted = browser.post("/do/note", data={**aim, "version": version, "text": "The pager was muted."})

    assert "The pager was muted." in text_of(noted.text)


def told(kind: type[Event], number: int, **fields: object) -> Event:
    at = NOW + timedelta(seconds=number)
    base = {"id": f"{number:05}", "at": at, "recorded_at": at, "by": "resile", "source": Source.MEASURED}
    return kind(**base, **fields)  # type: ignore[arg-type]


def test_a_pages_moves_are_one_line_under_their_step(world: Resile) -> None:
    incident_id = page(world)
    for state in (MessageState.SENDING, MessageState.HANDED, MessageState.DELIVERED):
        moved(world, first_page(world, incident_id), state)
    timeline = world.timelines.read(incident_id)

    lines = lines_of(timeline, fold(incident_id, timeline))

    assert [line.what for line in lines] == ["Declared", "Detected", "Paging began", "Step 1"]
    assert [move.text for move in lines[-1].moves] == ["ann by sms (mobile): handed over after 0 s; arrived after 0 s"]


def test_a_flapping_alert_is_one_line_however_often_it_comes(world: Resile) -> None:
    events = [
        told(AlertFired if number % 2 == 0 else AlertCleared, number, alert_id="a", title="flaps")
        for number in range(100)
    ]

    found = grouped(events)

    assert len(found.within) == 99
    assert len(found.moves["00000"]) == MAX_MOVES + 1
    assert found.moves["00000"][0].text == f"{99 - MAX_MOVES} more before these"
    del world


def test_moves_of_unknown_kinds_and_of_other_messages_keep_their_words(world: Resile) -> None:
    events = [
        told(PageMoved, 1, message_id="update", state="handed", person="zoe"),
        told(Paged, 2, message_id="m", person=LONG, channel="sms"),
        told(PageMoved, 3, message_id="m", state="levitated", because="magic"),
    ]

    found = grouped(events)

    assert "00001" not in found.within
    assert found.moves["00002"][0].text == f"{LONG} by sms: levitated after 1 s: magic"
    del world


def test_page_of_a_reopened_incident_names_nobody_who_took_it_before(world: Resile) -> None:
    incident_id = page(world, severity=Severity.SEV2)
    command_incident(world, incident_id, Reach(InstantName.ACKNOWLEDGED, text="ann"), by="user:ann")
    wait(world, minutes=5)
    command_incident(world, incident_id, Reach(InstantName.RESTORED), by="user:ann")
    wait(world, minutes=5)
    taken = browser_of(world).get(f"/incidents/{incident_id}").text
    command_incident(world, incident_id, Reopen("it is back"), by="user:bob")

    open_again = browser_of(world).get(f"/incidents/{incident_id}").text

    # Beside its name; the timeline still tells of it.
    assert 'name">acknowledged by ann' in taken
    assert 'name">acknowledged by ann' not in open_again
    assert f"{incident_id} is open" in open_again
