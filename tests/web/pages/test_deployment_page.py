import re
from collections.abc import Iterator
from datetime import timedelta

import pytest

from resile.app.settings import Settings
from resile.app.wiring import Resile, open_resile
from resile.model.change import DeploymentStatus
from resile.testing.simulated_clock import SimulatedClock

from .conftest import NOW, browser_of, draft, take_in
from .deliveries import deployed, some_months
from .test_incident_pages import token_in
from .test_restore_page import hrefs, text_of


@pytest.fixture
def months(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Resile]:
    settings = Settings(data=tmp_path_factory.mktemp("months"))
    with open_resile(settings, clock=SimulatedClock(NOW)) as resile:
        some_months(resile)
        yield resile


def test_a_deployment_shows_what_it_brought_and_who_said_what(months: Resile) -> None:
    html = browser_of(months).get("/deployments/test:v1.0.0").text

    text = text_of(html)
    assert "It brought 2 commits, and no failure is known of it." in text
    assert "Make it better (1)" in text
    assert "2 reviews" in text
    assert "https://github.com/acme/shop/pull/1" in hrefs(html)
    assert "succeeded; version v1.0.0 ci" in text
    assert "/deployments/test:v2.0.0" in hrefs(html)
    assert "/deployments/test:v0.0.0" in hrefs(html)


def test_a_failed_one_says_which_incident_by_which_evidence_and_how_sure(months: Resile) -> None:
    html = browser_of(months).get("/deployments/test:v16.0.0").text

    text = text_of(html)
    assert "✕ failed" in text
    assert "and may have caused test:outage." in text
    assert "Checkout fails" in text
    assert "the incident began soon after it" in text
    assert "possible (40 %)" in text
    assert "/incidents/test:outage" in hrefs(html)


def test_incidents_around_it_are_suggested_its_services_first(months: Resile) -> None:
    take_in(months, [draft("near", days_ago=49.9, services=("billing",), title="Bills are late")])
    html = browser_of(months).get("/deployments/test:v16.0.0").text

    suggested = re.findall(r'<option value="([^"]*)">([^<]*)</option>', html)
    assert suggested == [("test:outage", "Checkout fails"), ("test:near", "Bills are late")]


def test_one_that_never_succeeded_says_so(months: Resile) -> None:
    text = text_of(browser_of(months).get("/deployments/test:broken").text)

    assert "It never succeeded: failed, so it counts in no metric." in text


def test_a_late_status_stands_beside_the_first(months: Resile) -> None:
    first = deployed("late", days_ago=4, status=DeploymentStatus.RUNNING)
    months.deliveries.record([first, deployed("late", days_ago=3.9)])

    text = text_of(browser_of(months).get("/deployments/test:late").text)

    assert text.index("running; version late") < text.index("succeeded; version late")


def test_somebody_can_say_that_it_did_not_cause_the_incident(months: Resile) -> None:
    browser = browser_of(months)
    page = browser.get("/deployments/test:v16.0.0").text
    form = {
        "csrf_token": token_in(page), "deployment_id": "test:v16.0.0", "incident_id": "test:outage", "is_cause": "no",
        "reason": "the provider was down",
    }  # fmt: skip

    answer = browser.post("/do/link", data=form)

    text = text_of(answer.text)
    assert answer.url.path == "/deployments/test:v16.0.0"
    assert "no failure is known of it" in text
    assert "It did not cause test:outage (Checkout fails), says local: the provider was down." in text
    assert "It did not cause test:outage local" in text
    assert "0 of 40 deployments" in text_of(browser.get("/delivery?service=shop").text)


def test_somebody_can_say_that_it_caused_one_and_is_believed(months: Resile) -> None:
    browser = browser_of(months)
    page = browser.get("/deployments/test:s1").text
    form = {
        "csrf_token": token_in(page), "deployment_id": "test:s1", "incident_id": " test:other ", "is_cause": "yes",
        "reason": "",
    }  # fmt: skip

    text = text_of(browser.post("/do/link", data=form).text)

    assert "and caused test:other" in text
    assert "somebody said so" in text
    assert "certain (100 %)" in text


@pytest.mark.parametrize(
    ("incident", "reason", "said"),
    [
        ("", "", "no incident is named"),
        ("INC-999", "", "incident 'INC-999' is not known"),
        ("test:outage", "x" * 600, "the reason has 600 characters"),
    ],
)
def test_what_cannot_be_said_is_refused_with_a_sentence(months: Resile, incident: str, reason: str, said: str) -> None:
    browser = browser_of(months)
    token = token_in(browser.get("/deployments/test:s1").text)
    before = months.deliveries.last_seq()

    answer = browser.post(
        "/do/link",
        data={"csrf_token": token, "deployment_id": "test:s1", "incident_id": incident, "reason": reason},
    )

    assert answer.status_code == 409
    assert said in text_of(answer.text)
    assert months.deliveries.last_seq() == before


def test_a_form_of_another_site_is_refused(months: Resile) -> None:
    browser = browser_of(months)
    browser.get("/deployments/test:s1")

    answer = browser.post("/do/link", data={"csrf_token": "x", "deployment_id": "test:s1", "incident_id": "test:other"})

    assert answer.status_code == 403


def test_an_unknown_deployment_is_said_to_be_unknown(months: Resile) -> None:
    answer = browser_of(months).get("/deployments/nobody")

    assert answer.status_code == 404
    assert "There is no deployment nobody." in text_of(answer.text)


def test_an_incidents_page_shows_what_was_deployed_in_the_day_before_it(months: Resile) -> None:
    take_in(months, [draft("later", days_ago=2 - 30 / 24, services=("shop",))])
    browser = browser_of(months)

    text = text_of(browser.get("/incidents/test:outage").text)
    later = text_of(browser.get("/incidents/test:later").text)

    assert "v16.0.0" in text
    assert "1 h before it began" in text
    assert "No deployment is known from that day." in later


def test_an_open_deployment_is_not_counted_as_before(months: Resile) -> None:
    began = NOW - timedelta(days=33.4)
    told = deployed("odd", days_ago=33.5, service="billing", status=DeploymentStatus.RUNNING)
    months.deliveries.record([told])

    assert began > told.at
    assert "No deployment is known" in text_of(browser_of(months).get("/incidents/test:other").text)


def test_neighbours_are_those_of_one_environment_however_it_is_written(empty: Resile) -> None:
    told = deployed("v2", days_ago=2, environment="Production"), deployed("v1", days_ago=3)
    empty.deliveries.record(told)

    html = browser_of(empty).get(f"/deployments/{told[0].subject}").text

    assert f'href="/deployments/{told[1].subject}"' in html
