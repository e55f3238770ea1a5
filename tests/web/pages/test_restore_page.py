import re
from html import unescape
from html.parser import HTMLParser
from typing import cast
from urllib.parse import parse_qs, urlsplit

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from resile.analytics.query import Query
from resile.analytics.sentences import message
from resile.analytics.words import duration, number
from resile.app import report
from resile.app.pictures import moved
from resile.app.questions import known_window
from resile.app.wiring import Resile
from resile.web.pages.pictures.bars import waterfall
from resile.web.pages.restore import windows_to_compare
from resile.web.pages.warming import warm_up

from .conftest import browser_of, draft, take_in


def text_of(html: str) -> str:
    """What a reader sees, without tags and with plain spaces."""
    plain = unescape(re.sub(r"<[^>]+>", "", re.sub(r"<(title|style|script)\b.*?</\1>", "", html, flags=re.DOTALL)))
    return re.sub(r"\s+", " ", plain.replace("\u00a0", " "))


def tags(html: str) -> list[tuple[str, dict[str, str]]]:
    """Every tag with its attributes, as a browser reads them."""
    found: list[tuple[str, dict[str, str]]] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            found.append((tag, {name: value or "" for name, value in attrs}))

    Reader().feed(html)
    return found


def hrefs(html: str) -> list[str]:
    return [unescape(one) for one in re.findall(r'href="([^"]*)"', html)]


def url_words(href: str) -> dict[str, str]:
    """The words of an address, each with its last value."""
    return {name: values[-1] for name, values in parse_qs(urlsplit(href).query).items()}


def test_the_start_page_leads_to_time_to_restore(site: TestClient) -> None:
    answer = site.get("/")

    assert answer.url.path == "/restore"
    assert answer.status_code == 200


def test_the_message_comes_first_and_is_computed_from_the_data(site: TestClient, year: Resile) -> None:
    found = report.restore(year, Query(window=known_window(year), by=("service",)))

    html = site.get("/restore?every=week").text

    assert message(found).split(".")[0] in text_of(html)
    assert text_of(html).index("Half of incidents") < text_of(html).index("one in ten takes longer")


def test_headline_figures_are_those_of_the_report(site: TestClient, year: Resile) -> None:
    overall = report.restore(year, Query(window=known_window(year), by=("service",))).overall

    text = text_of(site.get("/restore").text)

    for figure in (duration(overall.p90_s), duration(overall.mean_s), number(overall.n_restored)):
        assert figure in text
    assert f"{overall.n_open} open" in text


def test_a_filter_is_part_of_the_address_and_of_every_link(site: TestClient) -> None:
    html = site.get("/restore?severity=SEV2&last=90d").text

    behind = [one for one in hrefs(html) if one.startswith("/incidents?") and "from=" not in one]

    assert behind
    for one in behind:
        assert parse_qs(urlsplit(one).query)["severity"] == ["SEV2"]
        assert parse_qs(urlsplit(one).query)["last"] == ["90d"]


def test_a_filter_can_be_taken_away_by_its_chip_even_under_an_alias(site: TestClient) -> None:
    html = site.get("/restore?severity=critical&severity=SEV2").text

    away = re.search(r'href="([^"]*)" aria-label="Remove Severity SEV1"', html)

    assert away is not None
    assert parse_qs(urlsplit(unescape(away[1])).query) == {"severity": ["SEV2"]}


def test_the_filter_form_answers_with_the_tidy_address(site: TestClient) -> None:
    sent = {
        "last": "90d", "from": "", "to": "", "add_service": "checkout", "add_team": "", "label_name": "region",
        "label_value": "eu-central", "clock": "", "add_by": "",
    }  # fmt: skip

    answer = site.get("/restore", params=sent, follow_redirects=False)

    assert answer.status_code == 303
    assert parse_qs(urlsplit(answer.headers["location"]).query) == {
        "last": ["90d"],
        "service": ["checkout"],
        "label:region": ["eu-central"],
    }


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("from=banana", "from: time 'banana' is not ISO 8601"),
        ("severity=huge", "severity 'huge' is unknown"),
        ("colour=blue", "'colour' is no filter"),
        ("from=2024-03-01&to=2024-02-01", "not after it starts"),
        ("last=soon", "'soon' is no length of time"),
        ("clock=cuckoo", "clock 'cuckoo' is unknown"),
        ("by=", ""),
        ("by=colour", "cannot group or filter by 'colour'"),
        ("sort=beauty", "sort 'beauty' is unknown"),
        ("page=-3", "page '-3' is no number"),
        ("page=9999", "page 9999 is beyond the last one"),
        ("minutes=many", "minutes 'many' is no number"),
        ("phase=moon", "phase 'moon' is unknown"),
        ("against=all", "against 'all' is unknown"),
    ],
)
def test_a_nonsense_filter_is_told_and_the_rest_is_shown(site: TestClient, query: str, said: str) -> None:
    answer = site.get(f"/restore?{query}&every=month")

    assert answer.status_code == 200
    assert said in text_of(answer.text)
    assert ("was understood" in text_of(answer.text)) == bool(said)
    assert "Every incident, and the median per month" in text_of(answer.text)


def test_groups_stand_worst_first_and_can_be_turned_round(site: TestClient) -> None:
    name = re.compile(r'<td class="name"><a href="/incidents[^"]*" title="[^"]*"><b class="clip">([^<]*)</b>')
    found = name.findall(site.get("/restore?by=severity").text)
    turned = site.get("/restore?by=severity&sort=median&order=asc").text

    assert len(found) > 2
    assert name.findall(turned) == found[::-1]
    assert 'aria-sort="ascending"' in turned


def test_the_waterfall_ends_where_its_parts_lead(year: Resile) -> None:
    window = known_window(year)
    found = moved(year, Query(window=window), *windows_to_compare(window, "halves")).attribution
    assert found is not None

    fall = waterfall(found, ("before", "after"))

    assert sum(part.seconds for part in found.parts) == pytest.approx(
        found.mean_after_s - found.mean_before_s, abs=1e-6
    )
    assert fall.n_others > 0
    for one, next_one in zip(fall.steps, fall.steps[1:], strict=False):
        assert float(one.end) == pytest.approx(float(next_one.begin), abs=0.11)


def test_the_what_if_question_is_answered_on_the_page_and_beside_the_slider(site: TestClient) -> None:
    page = text_of(site.get("/restore?phase=identify&minutes=10").text)
    beside = text_of(site.get("/restore/what-if?phase=identify&minutes=10").text).strip()

    assert beside.startswith("Median ")
    assert beside in page


def test_an_empty_history_invites_to_import(empty: Resile) -> None:
    browser = browser_of(empty)

    for path in ("/restore", "/incidents", "/compare"):
        answer = browser.get(path)
        assert answer.status_code == 200
        assert "resile import" in text_of(answer.text)
        assert "simulated data" not in text_of(answer.text)


def test_a_window_without_incidents_says_so(site: TestClient) -> None:
    text = text_of(site.get("/restore?from=1999-01-01&to=1999-02-01").text)

    assert "No incident of this window" in text


def test_only_open_incidents_have_no_median_yet(empty: Resile) -> None:
    take_in(empty, [draft("1", minutes=None), draft("2", minutes=None)])

    text = text_of(browser_of(empty).get("/restore").text)

    assert "2 incidents are open and none is restored yet" in text


def test_one_incident_is_no_trend(empty: Resile) -> None:
    take_in(empty, [draft("1", minutes=38)])

    text = text_of(browser_of(empty).get("/restore").text)

    assert "The one incident was restored within 38 min. Too few incidents to speak of a trend." in text


def test_simulated_data_is_called_simulated_on_every_page(site: TestClient) -> None:
    for path in ("/restore", "/incidents", "/compare", "/definitions", "/incidents/nobody", "/settings"):
        assert "Everything here is simulated" in site.get(path).text, path


def test_thousands_of_groups_come_in_pages(empty: Resile) -> None:
    take_in(empty, [draft(str(i), minutes=1 + i, services=(f"service {i}",)) for i in range(2_500)])
    browser = browser_of(empty)

    first, last = browser.get("/restore").text, browser.get("/restore?page=125").text

    assert "2\u202f500 groups, page 1 of 125" in first
    assert "service 2499" in first
    assert "service 0<" in last


def test_ten_thousand_incidents_are_drawn_as_paths_and_found_by_page(empty: Resile) -> None:
    take_in(empty, [draft(str(i), minutes=5 + i % 900, days_ago=1 + i % 80) for i in range(10_000)])
    browser = browser_of(empty)

    html = browser.get("/restore").text
    listed = browser.get("/incidents?page=200").text

    assert len(html) < 600_000
    assert "data-dots=" in html
    assert html.count("<circle") < 300
    assert len(browser.get("/restore/dots").json()["dots"]) == 10_000
    assert "9\u202f951–10\u202f000 of 10\u202f000" in listed


def test_no_page_needs_an_inline_script_or_style(site: TestClient) -> None:
    for path in ("/restore", "/incidents", "/compare", "/definitions", "/incidents/test:odd-0"):
        html = site.get(path).text
        for tag, names in tags(html):
            assert tag != "style", path
            assert tag != "script" or names["src"].startswith("/static/"), path
            assert not [name for name in names if name == "style" or name.startswith("on")], (path, tag)
            assert not names.get("src", "/").startswith(("http", "//")), (path, tag)


def test_warming_up_needs_nothing_but_the_application(site: TestClient, empty: Resile) -> None:
    warm_up(cast("FastAPI", site.app))
    warm_up(cast("FastAPI", browser_of(empty).app))

    assert site.get("/restore").status_code == 200
