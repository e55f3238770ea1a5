import csv
import io
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from resile.app.deployments import STATES
from resile.app.settings import Settings
from resile.app.wiring import Resile, open_resile
from resile.model.change import DeploymentKind
from resile.testing.simulated_clock import SimulatedClock
from resile.web.pages import delivery_exports

from .conftest import INJECTION, NOW, browser_of, draft, take_in
from .deliveries import deployed, some_months
from .test_restore_page import hrefs, tags, text_of


@pytest.fixture(scope="module")
def months(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Resile]:
    """Some months of deliveries; only to be looked at."""
    settings = Settings(data=tmp_path_factory.mktemp("months"))
    with open_resile(settings, clock=SimulatedClock(NOW)) as resile:
        some_months(resile)
        yield resile


@pytest.fixture(scope="module")
def shop(months: Resile) -> TestClient:
    return browser_of(months)


def test_the_message_comes_first_and_speaks_of_the_service_deployed_most(shop: TestClient) -> None:
    html = shop.get("/delivery").text

    message = re.search(r'class="message">(.*?)</p>', html)
    assert message is not None
    assert text_of(message[1]).startswith("shop is deployed 2.3 a week, and 2.5 % of deployments fail.")
    assert html.index('class="message"') < html.index("<dl")


def test_five_headlines_have_value_interval_and_n(shop: TestClient) -> None:
    text = text_of(shop.get("/delivery?service=shop").text)

    for part in (
        "1.7 d", "80 changes", "2.3 a week", "40 deployments", "2.5 %", "1 of 40 deployments", "1.5 h", "1 failure",
        "0 of 40 deployments",
    ):  # fmt: skip
        assert part in text
    assert text.count("95 % sure") >= 3


def test_each_headline_leads_to_the_deployments_behind_it(shop: TestClient) -> None:
    html = shop.get("/delivery?service=shop").text

    figures = re.findall(r'<span class="note">[^<]*<a href="([^"]*)">([^<]*)</a>', html)
    assert len(figures) == 5
    for href, words in figures:
        n = re.search(r"(?:in )?(\d+)(?: of \d+)? (?:deployments?|failures?)(?:, .*)?$", words)
        assert n is not None
        listed = text_of(shop.get(unescape(href)).text)
        assert f"of {n[1]} " in listed if n[1] != "0" else "No deployment here." in listed, (words, href)
    failed = text_of(shop.get("/delivery?service=shop&show=failed").text)
    assert "1–1 of 1 " in failed
    assert "test:outage" in failed


def test_every_metric_says_why_it_is_so_step_by_step(shop: TestClient) -> None:
    html = shop.get("/delivery?service=shop").text

    whys = re.findall(r'<details class="why">(.*?)</details>', html, flags=re.DOTALL)
    assert len(whys) == 5
    for why in whys:
        text = text_of(why)
        assert re.search(r"Definition\..*Counted\..*Left out\..*So\.", text), text
        assert "href=" in why
    assert "1 deployment that did not succeed" in text_of(whys[1])
    assert "1 deployment to other environments" in text_of(whys[1])


def test_what_is_missing_is_named_after_the_figures_in_whole_sentences(shop: TestClient) -> None:
    text = text_of(shop.get("/delivery").text)

    assert text.index("40 deployments") < text.index("Not known")
    assert "The commits of 2 of 2 deployments of search are not known" in text
    assert "No deployments known for billing, though there were incidents" in text


def test_the_bar_of_stages_holds_the_way_that_most_changes_took(shop: TestClient) -> None:
    html = shop.get("/delivery?service=shop").text

    bar = re.search(r'<svg class="phases".*?</svg>', html, flags=re.DOTALL)
    assert bar is not None
    assert "commit_to_deployment" not in bar[0]
    assert len(re.findall("<rect", bar[0])) in {1, 5}
    assert "Changes of which a border between is not known" in html


def test_every_picture_leaves_as_rows_drawing_and_specification(shop: TestClient) -> None:
    offered = hrefs(shop.get("/delivery").text)

    for name in ("delivery", "delivery-trend", "deployments", "lead-time-stages"):
        assert f"/charts/{name}.csv" in offered
        table = shop.get(f"/charts/{name}.csv?service=shop")
        assert "shop" in table.text.splitlines()[1]
        assert shop.get(f"/charts/{name}.svg?service=shop").text.startswith("<svg")
        assert "vega-lite" in shop.get(f"/charts/{name}.vl.json?service=nobody").json()["$schema"]


def test_rows_of_a_picture_of_deployments_are_the_ones_that_the_page_counts(shop: TestClient) -> None:
    drawn = list(csv.DictReader(io.StringIO(shop.get("/charts/deployments.csv?service=shop").text)))
    failed = list(csv.DictReader(io.StringIO(shop.get("/charts/deployment-list.csv?service=shop&show=failed").text)))

    assert len(drawn) == 40
    assert [one["incidents"] for one in drawn if one["incidents"]] == ["test:outage"]
    assert [(one["version"], one["evidence"]) for one in failed] == [("v16.0.0", "window")]
    assert shop.get("/charts/deployment-list.svg").status_code == 404
    assert shop.get("/charts/deployments.csv?service=nobody").text.count("\n") == 1


def test_a_file_that_is_cut_says_so_in_its_last_row(shop: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery_exports, "MAX_PER_PAGE", 10)
    monkeypatch.setattr(delivery_exports, "MOST_ROWS", 30)

    *rows, last = csv.reader(io.StringIO(shop.get("/charts/deployments.csv?service=shop").text))

    assert len(rows) == 1 + 30
    assert last == ["10 more are left out; narrow the filters", *[""] * (len(rows[0]) - 1)]


def test_the_undefined_is_a_dash_with_its_reason(shop: TestClient) -> None:
    text = text_of(shop.get("/delivery?service=search").text)

    assert "no changes known that were deployed in the window for search" in text
    assert "change lead time" in text
    assert "–" in text


def test_failed_deployments_are_told_by_shape_and_word(shop: TestClient) -> None:
    html = shop.get("/delivery?service=shop").text

    strip = re.search(r'<div class="strips-frame">(.*?)</section>', html, flags=re.DOTALL)
    assert strip is not None
    assert 'class="failed-sign"' in strip[1]
    assert 'href="/deployments/test:v16.0.0"' in strip[1]
    assert 'class="incident-bar"' in strip[1]
    assert "✕ failed" in shop.get("/delivery?service=shop&show=failed").text


def test_other_environments_are_shown_where_they_are_asked_for(shop: TestClient) -> None:
    assert "v0-staging" not in shop.get("/delivery").text
    assert "v0-staging" in shop.get("/delivery?environment=staging").text
    assert "v0-staging" in shop.get("/delivery?environment=any").text


@pytest.mark.parametrize("state", STATES)
def test_every_kind_of_deployment_can_be_listed(shop: TestClient, state: str) -> None:
    answer = shop.get(f"/delivery?show={state}")

    assert answer.status_code == 200
    assert "was understood" not in text_of(answer.text)


@pytest.mark.parametrize(
    "query",
    ["show=asleep", "page=0", "page=999", "window=soon", "definitions=google", "from=banana", "severity=SEV1", "x=3"],
)
def test_nonsense_in_the_address_is_told_and_the_rest_is_shown(shop: TestClient, query: str) -> None:
    answer = shop.get(f"/delivery?service=shop&{query}")

    assert answer.status_code == 200
    text = text_of(answer.text)
    assert "was understood" in text
    assert "Every deployment" in text


def test_filters_that_leave_nothing_say_so(shop: TestClient) -> None:
    text = text_of(shop.get("/delivery?from=1999-01-01&to=1999-02-01").text)

    assert "No deployment here." in text
    assert shop.get("/delivery?service=nobody").status_code == 200


def test_a_sent_filter_form_becomes_a_tidy_address(shop: TestClient) -> None:
    answer = shop.get(
        "/delivery?last=&from=&to=&add_service=shop&add_environment=production&window=48h&definitions=",
        follow_redirects=False,
    )

    assert answer.status_code == 303
    assert answer.headers["location"] == "/delivery?service=shop&environment=production&window=48h"


def test_middlewares_definitions_can_be_asked_for(shop: TestClient) -> None:
    answer = shop.get("/delivery?definitions=middleware")

    assert answer.status_code == 200
    assert "middleware" in text_of(answer.text)
    assert re.search(r'class="number" href="[^"]*show=failed', answer.text)
    # Its recovery time is of incidents, whatever caused them: it leads to no deployments.
    assert "resolved in the window, whatever caused them" in text_of(answer.text)
    assert "show=incident_known" not in answer.text.partition('id="deployments"')[0]


def test_open_failures_are_no_failures_without_an_incident(empty: Resile) -> None:
    take_in(empty, [draft("going", days_ago=1, minutes=None, services=("shop",))])
    empty.deliveries.record([deployed("a", days_ago=1.01), deployed("b", days_ago=5)])
    html = browser_of(empty).get("/delivery").text

    text = text_of(html)
    assert "1 failed deployment whose incident is known, 1 of them open" in text
    assert "nobody knows how long recovery took" not in text


def test_an_empty_store_shows_the_way_out(empty: Resile) -> None:
    text = text_of(browser_of(empty).get("/delivery").text)

    assert "No deployments yet." in text
    assert "resile import git path/to/clone --service checkout" in text
    assert "curl -X POST http://127.0.0.1/api/v1/deployments" in text


def test_ten_thousand_deployments_are_paged(tmp_path: Path) -> None:
    with open_resile(Settings(data=tmp_path), clock=SimulatedClock(NOW)) as resile:
        for first in range(0, 10_000, 2_000):
            resile.deliveries.record([deployed(f"d{n:05}", days_ago=1 + n * 0.03) for n in range(first, first + 2_000)])
        browser = browser_of(resile)

        newest = browser.get("/delivery")
        last = text_of(browser.get("/delivery?page=500").text)

    assert "1–20 of 10 000" in text_of(newest.text)
    assert "d09999" in last
    assert len(newest.content) < 600_000


def test_names_from_elsewhere_do_nothing(empty: Resile) -> None:
    empty.deliveries.record([deployed("x", days_ago=2, service=INJECTION, environment="production", version=INJECTION)])
    browser = browser_of(empty)

    for path in ("/delivery", "/deployments/test:x", "/services"):
        html = browser.get(path).text
        assert "<script>alert(1)</script>" not in html
        assert not [one for name, one in tags(html) if name == "img"]


def test_suggestions_name_what_is_deployed(shop: TestClient) -> None:
    assert shop.get("/choices/of-deliveries/service").json() == ["search", "shop"]
    assert shop.get("/choices/of-deliveries/environment").json() == ["production", "staging"]


def test_services_and_teams_show_both_sides(shop: TestClient) -> None:
    service = text_of(shop.get("/services/shop").text)
    team = text_of(shop.get("/teams/web").text)

    assert "shop is deployed 2.3 a week; half of incidents are restored within 1.5 h." in service
    for text in (service, team):
        assert "Delivery" in text
        assert "Recovery" in text
    assert "Checkout fails" in team
    assert "Slow pages" in team
    assert "Nothing is known of the service nobody" in text_of(shop.get("/services/nobody").text)
    assert shop.get("/teams/nobody").status_code == 404


def test_the_list_of_services_holds_those_with_deployments_and_those_with_incidents(shop: TestClient) -> None:
    text = text_of(shop.get("/services").text)

    assert "3 services" in text
    for name in ("billing", "search", "shop"):
        assert name in text
    assert "is no number from" in text_of(shop.get("/services?page=x").text)


def test_services_that_were_never_deployed_say_how_to_change_that(empty: Resile) -> None:
    take_in(empty, [draft("a", services=("billing",))])
    browser = browser_of(empty)

    text = text_of(browser.get("/services/billing").text)
    assert "No deployment of billing is known; half of incidents are restored within 30 min." in text
    assert "resile import git PATH --service billing" in text


def test_the_fixes_behind_the_rework_rate_are_listed_told_ones_and_found_ones(empty: Resile) -> None:
    patched = [deployed(f"v{name}", days_ago=days) for name, days in (("1.0.0", 9.0), ("1.0.1", 8.9), ("2.0.0", 5.0))]
    empty.deliveries.record([*patched, deployed("w", days_ago=3, unplanned=DeploymentKind.HOTFIX)])
    html = browser_of(empty).get("/delivery?show=unplanned").text

    text = text_of(html)
    assert "2 of 4 deployments" in text
    assert "1–2 of 2" in text
    assert {"/deployments/test:v1.0.1", "/deployments/test:w"} <= set(hrefs(html))


def test_a_team_whose_incidents_name_no_service_has_no_deliveries_of_anybody(empty: Resile) -> None:
    take_in(empty, [draft("alone", team="people")])
    empty.deliveries.record([deployed("a", days_ago=5)])

    html = browser_of(empty).get("/teams/people").text

    assert "\x00" not in html
    assert "No deployment of its services is known" in text_of(html)
    assert "no deployments known for" not in text_of(html).lower()
