import re
from html import escape
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient

from resile.app.wiring import Resile
from resile.model.draft import Draft, Step
from resile.model.event import Exclusion, Source
from resile.model.severity import Severity
from resile.model.time import HOUR, MINUTE

from .conftest import EMOJI, INJECTION, LONG, NOW, RIGHT_TO_LEFT, browser_of, draft, take_in
from .test_restore_page import text_of


def token_in(html: str) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', html)
    assert found is not None
    return found[1]


def test_a_search_finds_by_title_id_and_service(empty: Resile) -> None:
    take_in(empty, [draft("a", title="Disk full"), draft("b", services=("diskette",)), draft("c", title="other")])

    text = text_of(browser_of(empty).get("/incidents?q=disk").text)

    assert "2 incidents found for “disk”" in text
    assert "test:c" not in text


def test_excluded_incidents_are_shown_with_their_reason_when_asked(empty: Resile) -> None:
    take_in(empty, [draft("a", exclusion=Exclusion.PLANNED), draft("b", exclusion=Exclusion.NOISE), draft("c")])
    browser = browser_of(empty)

    planned = text_of(browser.get("/incidents?excluded=planned").text)

    assert "1 excluded from every measure: planned" in planned
    assert "test:a" in planned
    assert "test:b" not in planned
    assert "2 excluded from every measure" in text_of(browser.get("/incidents?excluded=all").text)
    assert "1 incident." in text_of(browser.get("/incidents").text)


def test_open_incidents_are_marked(empty: Resile) -> None:
    take_in(empty, [draft("a", minutes=None), draft("b")])

    html = browser_of(empty).get("/incidents").text

    assert html.count('class="tag open"') == 1


def test_a_list_without_rows_says_why(site: TestClient) -> None:
    assert "The filters leave none" in text_of(site.get("/incidents?q=zzzzzz").text)
    assert "Nothing is excluded as" not in text_of(site.get("/incidents").text)


@pytest.mark.parametrize(
    "query", ["sort=colour", "state=asleep", "excluded=why", "page=0", "page=99999", "q=" + "x" * 300]
)
def test_a_nonsense_list_filter_is_told_and_the_rest_is_shown(site: TestClient, query: str) -> None:
    answer = site.get(f"/incidents?{query}")

    assert answer.status_code == 200
    assert "was understood" in text_of(answer.text)


@pytest.mark.parametrize("name", [INJECTION, LONG, RIGHT_TO_LEFT, EMOJI])
def test_odd_names_are_shown_as_they_are_and_do_nothing(site: TestClient, name: str) -> None:
    for path in ("/incidents", f"/incidents?service={quote(name)}", f"/restore?service={quote(name)}", "/restore"):
        html = site.get(path).text
        assert str(escape(name)).replace("&#x27;", "&#39;").replace("&quot;", "&#34;") in html, path
        assert "<script>alert" not in html
        assert "<img src=x" not in html


def test_an_address_from_an_import_is_followed_only_if_it_is_one(site: TestClient) -> None:
    assert "javascript:" not in site.get("/incidents/test:odd-0").text


def test_an_incident_tells_how_long_it_took_and_who_says_so(empty: Resile) -> None:
    began = NOW - 5 * HOUR
    steps = (
        Step("impact_began", began, Source.INFERRED),
        Step("detected", began + 2 * MINUTE, Source.MEASURED),
        Step("acknowledged", began + 5 * MINUTE, Source.HUMAN, "Ann"),
        Step("restored", began + 12 * MINUTE, Source.MEASURED),
        Step("updated", began + 6 * MINUTE, text="We look into it.", status="investigating"),
    )
    plain = draft("a", title="Checkout fails", services=("checkout",), severity=Severity.SEV2)
    take_in(
        empty,
        [
            type(plain)(
                origin="test",
                ref="b",
                title="Checkout fails",
                services=("checkout",),
                severity=Severity.SEV2,
                steps=steps,
            ),
            plain,
        ],
    )

    text = text_of(browser_of(empty).get("/incidents/test:b").text)

    assert "Restored 10 min after it was detected." in text
    assert "12 min from impact to restoration" in text
    assert "7 min identify to verify" in text
    assert "acknowledged by Ann" in text
    assert "We look into it." in text
    assert "median of checkout SEV2" in text
    assert "Not known: cause identified, mitigated." in text


def test_contradictions_are_reported_not_repaired(empty: Resile) -> None:
    take_in(empty, [draft("a", minutes=-30)])

    text = text_of(browser_of(empty).get("/incidents/test:a").text)

    assert "contradict each other" in text
    assert re.search(r"Restored \(.*\) is before detected", text)


def test_an_unknown_incident_is_a_page_with_a_way_out(site: TestClient) -> None:
    answer = site.get("/incidents/no/such/thing<b>")

    assert answer.status_code == 404
    assert "There is no incident no/such/thing<b>." in text_of(answer.text)
    assert "<b>." not in answer.text


def test_a_note_is_written_down_and_a_correction_stays_visible(empty: Resile) -> None:
    take_in(empty, [draft("a", minutes=30)])
    browser = browser_of(empty)
    page = browser.get("/incidents/test:a").text
    aim = {"csrf_token": token_in(page), "incident_id": "test:a"}

    noted = browser.post("/do/note", data={**aim, "version": "3", "text": "The pager was muted."})
    moved = browser.post(
        "/do/correct",
        data={**aim, "version": "4", "event_id": "00002", "to": "2024-03-22T11:50:00Z", "reason": "the graph says so"},
    )

    assert "The pager was muted." in text_of(noted.text)
    assert "Restored 40 min after it was detected." in text_of(moved.text)
    assert "first said 2024-03-22 12:00:00" in text_of(moved.text)
    assert "the graph says so" in text_of(moved.text)


def test_an_incident_excluded_by_hand_counts_nowhere_until_counted_again(empty: Resile) -> None:
    take_in(empty, [draft("a"), draft("b")])
    browser = browser_of(empty)
    aim = {"csrf_token": token_in(browser.get("/incidents/test:a").text), "incident_id": "test:a"}

    browser.post("/do/mark", data={**aim, "version": "3", "exclusion": "noise", "reason": "a test page"})
    without = text_of(browser.get("/incidents").text)
    browser.post("/do/mark", data={**aim, "version": "4", "exclusion": ""})

    assert "1 incident." in without
    assert "2 incidents." in text_of(browser.get("/incidents").text)


def test_an_open_incident_is_acknowledged_and_restored_by_two_buttons(empty: Resile) -> None:
    take_in(empty, [draft("a", minutes=None, days_ago=0.01)])
    browser = browser_of(empty)
    aim = {"csrf_token": token_in(browser.get("/incidents/test:a").text), "incident_id": "test:a"}

    browser.post("/do/reach", data={**aim, "version": "2", "instant": "acknowledged"})
    text = text_of(browser.post("/do/reach", data={**aim, "version": "3", "instant": "restored"}).text)

    assert "Restored 14 min 24 s after it was detected." in text


def test_a_form_from_elsewhere_changes_nothing(empty: Resile) -> None:
    take_in(empty, [draft("a")])
    browser = browser_of(empty)
    browser.get("/incidents/test:a")

    answer = browser.post("/do/note", data={"incident_id": "test:a", "version": "3", "text": "forged"})

    assert answer.status_code == 403
    assert "forged" not in browser.get("/incidents/test:a").text


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_time_out_of_all_reach_is_refused_and_spoils_no_page(empty: Resile, at: str) -> None:
    take_in(empty, [draft(str(n), minutes=n + 1) for n in range(30)])
    browser = browser_of(empty)
    aim = {"csrf_token": token_in(browser.get("/incidents/test:1").text), "incident_id": "test:1", "version": "3"}

    reached = browser.post("/do/reach", data={**aim, "instant": "impact_began", "at": at})
    moved = browser.post("/do/correct", data={**aim, "event_id": "00002", "to": at})

    assert (reached.status_code, moved.status_code) == (409, 409)
    assert "lies outside 1900 to 2200" in text_of(moved.text)
    assert browser.get("/restore").status_code == 200


@pytest.mark.parametrize("number", ["0" * 11 + "1" + "9" * 20, "0" * 11 + "1" + "0" * 5_000])
@pytest.mark.parametrize("path", ["/incidents?page=", "/restore?page=", "/restore/what-if?phase=detect&minutes="])
def test_a_number_of_countless_digits_is_told_and_left_out(site: TestClient, path: str, number: str) -> None:
    assert site.get(path + number).status_code == 200


def test_an_update_without_a_status_of_its_own_is_said_once(empty: Resile) -> None:
    began = Step("detected", NOW - HOUR, Source.REPORTED)
    updates = tuple(
        Step("updated", NOW - HOUR, Source.REPORTED, text=f"now {one}", status=one) for one in ("Update", "Watching")
    )
    take_in(empty, [Draft(origin="test", ref="1", title="slow", steps=(began, *updates))])

    text = text_of(browser_of(empty).get("/incidents/test:1").text)

    assert "Update: Update" not in text
    assert "Update: Watching" in text


def test_of_many_services_a_list_tells_three_and_how_many_more(empty: Resile) -> None:
    take_in(empty, [draft("1", services=("a-1", "a-2", "a-3", "a-4", "a-5"))])

    text = text_of(browser_of(empty).get("/incidents").text)

    assert "a-3 and 2 more" in text
    assert "a-4" not in text


def test_a_list_is_narrowed_to_a_phase_and_a_nonsense_one_is_told(empty: Resile) -> None:
    began = NOW - HOUR
    told = (("detected", 0), ("acknowledged", 5), ("restored", 50))
    steps = tuple(Step(name, began + minutes * MINUTE, Source.HUMAN) for name, minutes in told)
    take_in(empty, [Draft(origin="test", ref="told", title="told", steps=steps), draft("untold")])
    browser = browser_of(empty)

    taken = text_of(browser.get("/incidents?phase=acknowledge").text)
    joined = text_of(browser.get("/incidents?phase=acknowledge%2Bidentify%2Bmitigate%2Bverify").text)

    assert "1 incident with a known time of waiting for a responder." in taken
    assert "test:told" in taken
    assert "test:untold" in joined
    assert "test:told" not in joined
    assert "phase 'verify+detect' is unknown" in text_of(browser.get("/incidents?phase=verify%2Bdetect").text)
