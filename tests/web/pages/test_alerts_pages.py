"""Alerts and why, by page and by REST."""

import re
from datetime import timedelta

import pytest
from fastapi.testclient import TestClient
from msgspec.structs import replace

from resile.app.wiring import Resile
from resile.model.alert import AlertState, Outcome

from .conftest import INJECTION, LONG, NOW, browser_of
from .paging_world import alert, arrive, fill, message_of, page
from .test_restore_page import text_of


@pytest.fixture
def world(empty: Resile) -> Resile:
    fill(empty)
    incident_id = page(empty)
    arrive(
        empty,
        [
            alert(1, title="Errors", incident_id=incident_id),
            alert(2, title="Disk full", outcome=Outcome.SILENCED, at=NOW - timedelta(minutes=1)),
            alert(3, title="Slow", outcome=Outcome.CLEARED, state=AlertState.RESOLVED, at=NOW - timedelta(minutes=2)),
        ],
    )
    return empty


def titles(html: str) -> list[str]:
    return re.findall(r'<b class="clip">(.*?)</b>', html)


def test_without_alerts_the_page_leads_to_the_doors(empty: Resile) -> None:
    html = browser_of(empty).get("/alerts").text

    assert "No alert has arrived yet" in text_of(html)
    assert "resile door add" in html
    assert 'href="/doors"' in html


def test_the_list_says_what_became_of_each_and_why(world: Resile) -> None:
    html = browser_of(world).get("/alerts").text

    assert message_of(html) == "2 alerts fire."
    assert titles(html) == ["Errors", "Disk full", "Slow"]
    assert "silenced by ann until 14:00: known" in text_of(html)


def test_firing_ones_stand_before_those_that_are_over(world: Resile) -> None:
    arrive(world, [alert(4, title="Just over", state=AlertState.RESOLVED, at=NOW + timedelta(seconds=1))])

    assert titles(browser_of(world).get("/alerts").text) == ["Errors", "Disk full", "Just over", "Slow"]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("q=DISK", ["Disk full"]),
        ("q=checkout", ["Errors", "Disk full", "Slow"]),
        ("outcome=silenced", ["Disk full"]),
        ("state=firing", ["Errors", "Disk full"]),
        ("state=firing&q=err", ["Errors"]),
        ("q=zzz", []),
        ("q=%00", ["Errors", "Disk full", "Slow"]),
    ],
)
def test_the_list_is_narrowed(world: Resile, asked: str, found: list[str]) -> None:
    assert titles(browser_of(world).get(f"/alerts?{asked}").text) == found


@pytest.mark.parametrize("asked", ["outcome=eaten", "state=asleep", "before=yesterday", "q=" + "x" * 300])
def test_nonsense_in_the_address_is_told_and_the_rest_is_shown(world: Resile, asked: str) -> None:
    answer = browser_of(world).get(f"/alerts?{asked}")

    assert answer.status_code == 200
    assert "Not everything was understood" in text_of(answer.text)


def test_ten_thousand_alerts_are_paged_through_without_losing_one(empty: Resile) -> None:
    arrive(
        empty,
        [
            alert(number, title=f"alert {number}", state=AlertState.RESOLVED, at=NOW - timedelta(seconds=number))
            for number in range(10_000)
        ],
    )
    browser, path, seen = browser_of(empty), "/alerts", []

    while path:
        html = browser.get(path).text
        seen += titles(html)
        following = re.search(r'rel="next" href="([^"]+)"', html)
        path = following[1].replace("&amp;", "&") if following else ""

    assert seen == [f"alert {number}" for number in range(10_000)]


def test_one_alert_tells_stage_by_stage(world: Resile) -> None:
    html = browser_of(world).get(f"/alerts/{alert(1).id}").text

    assert message_of(html) == "It fires; it declared INC-1: no incident of its group is open."
    stages = re.findall(r"<li[^>]*><span class=\"muted\">([^<]+)</span><span>([^<]+)", html)
    assert [(name, reason.strip()) for name, reason in stages] == [
        ("Seen before?", "it fires anew"),
        ("Silenced?", "no silence fits"),
        ("Route", "route default fits"),
        ("Incident", "no incident of its group is open"),
    ]
    assert "javascript:" not in html
    assert "number=1" in html


def test_an_alert_that_is_not_known_is_a_page_with_a_way_out(world: Resile) -> None:
    answer = browser_of(world).get("/alerts/nobody<b>")

    assert answer.status_code == 404
    assert "<b>." not in answer.text


@pytest.mark.parametrize("name", [INJECTION, LONG])
def test_odd_titles_are_text(empty: Resile, name: str) -> None:
    arrive(empty, [alert(1, title=name, description=name, playbook="javascript:alert(1)")])
    browser = browser_of(empty)

    for path in ("/alerts", f"/alerts/{alert(1).id}"):
        html = browser.get(path).text
        assert "<script>alert" not in html
        assert "<img src=x" not in html
        assert "javascript:" not in html


def test_alerts_of_one_delivery_are_not_lost_between_two_pages(empty: Resile) -> None:
    arrive(
        empty,
        [
            alert(number, title=f"alert {number}", state=AlertState.RESOLVED, at=NOW - timedelta(minutes=number // 70))
            for number in range(350)
        ],
    )
    browser, path, seen = browser_of(empty), "/alerts", []

    while path:
        html = browser.get(path).text
        seen += titles(html)
        following = re.search(r'rel="next" href="([^"]+)"', html)
        path = following[1].replace("&amp;", "&") if following else ""

    assert sorted(seen) == sorted(f"alert {number}" for number in range(350))


def silence_form(browser: TestClient, **fields: str):
    html = browser.get(f"/alerts/{alert(1).id}").text
    token = re.search(r'name="csrf_token" value="([^"]+)"', html)
    lines = re.search(r"<textarea[^>]*>(.*?)</textarea>", html, re.DOTALL)
    assert token is not None
    assert lines is not None
    said = {"csrf_token": token[1], "alert_id": alert(1).id, "match": lines[1], "lasts": "2h", "because": "known"}
    return browser.post("/do/silence", data=said | fields, follow_redirects=False)


def test_a_silence_is_made_with_what_the_alert_says_and_ended_on_now(world: Resile) -> None:
    browser = browser_of(world)

    answer = silence_form(browser)
    made = world.alerting.silences.listed()
    shown = browser.get("/now").text
    token = re.search(r'name="csrf_token" value="([^"]+)"', shown)
    assert token is not None
    browser.post("/do/silence/end", data={"csrf_token": token[1], "silence_id": made[0].id})

    assert answer.status_code == 303
    assert [one.matchers for one in made] == [["alertname=Errors", "number=1", "service=checkout"]]
    assert "alertname=Errors, number=1, service=checkout" in shown
    assert world.alerting.silences.listed() == []


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"lasts": "soon"}, "is not understood"),
        ({"match": "\n"}, "would mute every alert"),
        ({"match": "x=~("}, "pattern"),
        ({"because": " "}, "needs a reason"),
    ],
)
def test_a_silence_that_cannot_be_meant_is_refused_and_the_form_kept(
    world: Resile, fields: dict[str, str], words: str
) -> None:
    answer = silence_form(browser_of(world), **fields)

    assert answer.status_code == 409
    assert words in text_of(answer.text)
    assert world.alerting.silences.listed() == []


def test_what_no_line_can_say_is_not_offered_for_a_silence(empty: Resile) -> None:
    odd = alert(1, title="Odd")
    labels = {"a=b": "x", "tilde": "~x", "lines": "x\ny", "plain": "y", "quote": '"><script>'}
    arrive(empty, [replace(odd, alert=replace(odd.alert, labels=labels))])

    html = browser_of(empty).get(f"/alerts/{odd.id}").text

    lines = re.search(r"<textarea[^>]*>(.*?)</textarea>", html, re.DOTALL)
    assert lines is not None
    assert lines[1].splitlines() == ["plain=y", "quote=&#34;&gt;&lt;script&gt;"]
