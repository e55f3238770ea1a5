import csv
import io
import json
import re
from xml.etree import ElementTree as ET

import pytest
from fastapi.testclient import TestClient

from resile.app.wiring import Resile

from .conftest import INJECTION, browser_of, draft, take_in
from .test_restore_page import text_of

CHARTS = ("incidents", "groups", "phases", "distribution", "survival", "attribution")


def test_two_windows_are_compared_with_interval_and_chance(site: TestClient) -> None:
    text = text_of(site.get("/compare?a_from=2023-06-01&a_to=2023-09-01&b_from=2023-09-01&b_to=2023-12-01").text)

    assert "1 Sep – 30 Nov 2023: " in text
    assert re.search(r"p [=<] 0\.\d+", text)
    assert re.search(r"ratio of medians · 95 % sure 0\.\d\d–\d\.\d\d", text)


def test_the_two_stretches_stand_in_place_of_the_window_that_holds_them(site: TestClient) -> None:
    usual = text_of(site.get("/compare").text)
    named = text_of(site.get("/compare?a_from=2023-06-01&a_to=2023-07-01&b_from=2023-07-01&b_to=2023-08-01").text)
    sides = text_of(site.get("/compare?dimension=service").text)

    assert "Window all known" not in usual
    assert "Before 1 Jun – 30 Jun 2023" in named
    assert "After 1 Jul – 31 Jul 2023" in named
    assert "Window all known" in sides


def test_a_filter_that_leaves_nothing_has_no_window_of_its_own(site: TestClient) -> None:
    for path in ("/restore", "/incidents"):
        assert "Window all known: nothing" in text_of(site.get(f"{path}?service=nobody-at-all").text)
    assert "Window 2023-06-01 to 2023-06-30" in text_of(
        site.get("/restore?service=nobody-at-all&from=2023-06-01&to=2023-07-01").text
    )


def test_two_services_are_compared(site: TestClient) -> None:
    text = text_of(site.get("/compare?dimension=service&a=checkout&b=search").text)

    assert re.search(r"search: .* in the median, .* checkout", text)


def test_a_clear_difference_is_not_called_chance(empty: Resile) -> None:
    slow = [draft(f"s{i}", minutes=500 + i, services=("slow",)) for i in range(40)]
    quick = [draft(f"q{i}", minutes=5 + i % 7, services=("quick",)) for i in range(40)]
    take_in(empty, slow + quick)

    text = text_of(browser_of(empty).get("/compare?dimension=service&a=slow&b=quick").text)

    assert re.search(r"65 times shorter than slow, 8\.7 h", text)
    assert "Chance alone" not in text
    assert "p < 0.001" in text


@pytest.mark.parametrize(
    "query", ["a_from=never", "a_from=2024-02-01&a_to=2024-01-01", "dimension=colour", "dimension=week"]
)
def test_a_nonsense_comparison_is_told_and_the_rest_is_shown(site: TestClient, query: str) -> None:
    answer = site.get(f"/compare?{query}")

    assert answer.status_code == 200
    assert "was understood" in text_of(answer.text)
    assert "Side by side" in text_of(answer.text)


def test_a_value_nobody_has_gives_no_ratio_but_a_sentence(site: TestClient) -> None:
    text = text_of(site.get("/compare?dimension=service&a=checkout&b=nobody").text)

    assert "nobody has no median to compare: it holds no incident." in text


@pytest.mark.parametrize("name", CHARTS)
def test_each_picture_leaves_as_specification_svg_and_csv(site: TestClient, name: str) -> None:
    specification = site.get(f"/charts/{name}.vl.json?severity=SEV2&severity=SEV3")
    drawn = site.get(f"/charts/{name}.svg?severity=SEV2&severity=SEV3")
    rows = list(csv.reader(io.StringIO(site.get(f"/charts/{name}.csv?severity=SEV2&severity=SEV3").text)))

    assert json.loads(specification.text)["$schema"].startswith("https://vega.github.io/schema/vega-lite/")
    assert ET.fromstring(drawn.text).tag.endswith("svg")  # noqa: S314 - our own drawing
    assert drawn.headers["content-type"] == "image/svg+xml"
    assert len(rows) > 2
    assert all(len(row) == len(rows[0]) for row in rows)


def test_a_list_leaves_whole_whatever_page_was_shown(empty: Resile) -> None:
    take_in(empty, [draft(str(i)) for i in range(1_203)])

    rows = list(csv.DictReader(io.StringIO(browser_of(empty).get("/charts/incident-list.csv?page=3").text)))

    assert len({row["incident_id"] for row in rows}) == 1_203


def test_a_cell_is_no_formula_for_a_spreadsheet(empty: Resile) -> None:
    take_in(empty, [draft("a", title="=HYPERLINK(1)", team="\n=1+1")])

    text = browser_of(empty).get("/charts/incident-list.csv").text

    assert "'=HYPERLINK(1)" in text
    assert "'\n=1+1" in text


def test_an_unknown_file_is_a_page(site: TestClient) -> None:
    for path in ("/charts/moon.svg", "/charts/incidents.exe", "/charts/medians.svg"):
        answer = site.get(path)
        assert answer.status_code == 404
        assert "There is no file" in text_of(answer.text)


def test_every_figure_has_its_definition(site: TestClient) -> None:
    definitions = site.get("/definitions").text
    named = set()
    for path in ("/restore", "/compare", "/restore?clock=impact_to_detected"):
        named |= set(re.findall(r'href="/definitions#([\w-]+)"', site.get(path).text))

    assert {"median_s", "p90_s", "mean_s"} <= named
    for name in named:
        assert f'id="{name}"' in definitions, name


def test_colours_are_remembered_and_lead_nowhere_else(site: TestClient) -> None:
    answer = site.get("/theme?to=dark&next=/definitions", follow_redirects=False)
    away = site.get("/theme?to=light&next=//evil.example/", follow_redirects=False)

    assert answer.headers["location"] == "/definitions"
    assert "theme=dark" in answer.headers["set-cookie"]
    assert away.headers["location"] == "/"
    site.cookies.clear()


def test_times_are_in_the_readers_zone_with_utc_on_hover(site: TestClient) -> None:
    site.cookies.set("zone", "Asia%2FTokyo")
    html = site.get("/incidents/test:odd-0").text
    site.cookies.clear()

    assert re.search(
        r'<time datetime="2024-03-22T12:00:00Z"[^>]*title="2024-03-22 12:00:00 UTC">2024-03-22 21:00:00<', html
    )


def test_a_zone_that_is_none_is_utc(site: TestClient) -> None:
    site.cookies.set("zone", "..%2F..%2Fetc%2Fpasswd")
    html = site.get("/incidents/test:odd-0").text
    site.cookies.clear()

    assert 'data-zone="UTC"' in html
    assert INJECTION not in html
