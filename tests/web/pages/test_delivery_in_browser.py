"""Deliveries in a real browser: nobody is shut out, and the keyboard is enough."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from resile.app.settings import Settings
from resile.app.wiring import open_resile
from resile.testing.simulated_clock import SimulatedClock

from .conftest import INJECTION, LONG, NOW, faults_of_all, opened, served
from .deliveries import deployed, some_months

pytestmark = pytest.mark.browser

PAGES = (
    "/delivery",
    "/delivery?service=search&show=failed&window=soon",
    "/delivery?environment=any&definitions=middleware",
    "/delivery?from=1999-01-01&to=1999-02-01",
    "/deployments/test:v16.0.0",
    "/deployments/test:v1.0.0",
    "/deployments/test:odd",
    "/deployments/nobody",
    "/services",
    "/services/shop",
    "/services/billing",
    "/services/nobody",
    "/teams/web",
    "/incidents/test:outage",
)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Some months of deliveries, one of them with odd names, on a real socket."""
    with open_resile(Settings(data=tmp_path_factory.mktemp("months")), clock=SimulatedClock(NOW)) as resile:
        some_months(resile)
        resile.deliveries.record([deployed("odd", days_ago=8, service=LONG, version=INJECTION, title=INJECTION)])
        with served(resile) as found:
            yield found


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    context = opened(browser, address, width=1440)
    yield context.new_page()
    context.close()


def test_no_page_of_deliveries_shuts_anybody_out(browser: Browser, address: str) -> None:
    assert faults_of_all(browser, address, PAGES) == []


def test_why_can_be_asked_by_keyboard_alone(page: Page, address: str) -> None:
    page.goto(address + "/delivery?service=shop")

    page.locator("details.why > summary").nth(2).focus()
    page.keyboard.press("Enter")
    expect(page.locator("details.why").nth(2)).to_contain_text("1 of 40 successful deployments failed")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")

    page.wait_for_url(re.compile("show=failed"))
    expect(page.locator("table.deployments")).to_contain_text("v16.0.0")


def test_filters_can_be_changed_by_keyboard_alone(page: Page, address: str) -> None:
    page.goto(address + "/delivery")

    page.locator("details.filters > summary").focus()
    page.keyboard.press("Enter")
    page.get_by_label("One more service").focus()
    page.keyboard.type("search")
    page.keyboard.press("Enter")

    page.wait_for_url(re.compile("service=search"))
    expect(page.locator(".chip", has_text="Service search")).to_be_visible()
    expect(page.locator(".message")).to_contain_text("Deployed")


def test_a_person_says_what_caused_what_by_keyboard_alone(page: Page, address: str) -> None:
    page.goto(address + "/deployments/test:s1")

    page.get_by_text("It caused an incident").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.type("test:other")
    page.keyboard.press("Tab")
    page.keyboard.type("its log says so")
    page.keyboard.press("Enter")

    expect(page.locator(".message")).to_contain_text("caused test:other")
    expect(page.locator(".evidence")).to_contain_text("certain")
    expect(page.locator(".reports")).to_contain_text("its log says so")


def test_the_cross_of_a_failed_deployment_opens_it(page: Page, address: str) -> None:
    page.goto(address + "/delivery?service=shop")

    page.locator(".strip a[href='/deployments/test:v16.0.0']").first.click()

    page.wait_for_url("**/deployments/test:v16.0.0")
    expect(page.locator("h1")).to_contain_text("v16.0.0")
