import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from .conftest import WIDTHS, faults_of_all, opened

pytestmark = pytest.mark.browser

PAGES = (
    "/restore",
    "/restore?from=banana&severity=SEV2&by=team&by=severity&phase=identify&minutes=9",
    "/incidents",
    "/incidents?excluded=all",
    "/incidents?q=nothing-like-this",
    "/incidents/test:odd-0",
    "/incidents/nobody",
    "/compare",
    "/compare?dimension=service",
    "/definitions",
    "/charts/moon.svg",
    "/restore?from=1999-01-01&to=1999-02-01",
    "/incidents?phase=identify&sort=duration",
    "/settings",
    "/login",
    "/setup",
    "/welcome",
    "/api/v1/docs",
    "/nothing-here",
)


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    context = opened(browser, address, width=1440)
    yield context.new_page()
    context.close()


def test_no_page_shuts_anybody_out(browser: Browser, address: str) -> None:
    assert faults_of_all(browser, address, PAGES) == []


def test_the_first_tab_leads_to_the_content_and_focus_can_be_seen(page: Page, address: str) -> None:
    page.goto(address + "/restore")

    page.keyboard.press("Tab")
    skip = page.locator(":focus")
    assert skip.inner_text() == "Skip to the content"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")

    assert page.evaluate("document.activeElement.closest('main') !== null")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_filters_can_be_changed_by_keyboard_alone(page: Page, address: str) -> None:
    page.goto(address + "/restore")

    page.locator("details.filters > summary").focus()
    page.keyboard.press("Enter")
    page.get_by_label("SEV2").focus()
    page.keyboard.press("Space")
    page.get_by_role("button", name="Apply").focus()
    page.keyboard.press("Enter")

    page.wait_for_url(re.compile("severity=SEV2"))
    assert "add_service" not in page.url
    expect(page.locator(".chip", has_text="Severity SEV2")).to_be_visible()


def test_the_slider_answers_while_it_moves(page: Page, address: str) -> None:
    page.goto(address + "/restore", wait_until="networkidle")
    answer = page.locator("#what-if-answer")
    expect(answer).to_contain_text("Median")
    before = answer.inner_text()

    page.locator("#minutes").focus()
    page.keyboard.press("End")

    expect(answer).not_to_have_text(before)
    assert page.locator("#minutes-shown").inner_text() == page.locator("#minutes").get_attribute("max")


def test_colours_change_at_once_and_stay(page: Page, address: str) -> None:
    page.goto(address + "/restore")
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")

    page.get_by_role("button", name="Dark").click()
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.goto(address + "/definitions")

    assert dark != light
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == dark


def test_times_are_in_the_readers_zone_from_the_first_visit(page: Page, address: str) -> None:
    page.goto(address + "/incidents/test:odd-0")

    detected = page.locator("table time").first
    expect(detected).to_have_text("2024-03-22 21:00:00")
    assert detected.get_attribute("title") == "2024-03-22 12:00:00 UTC"


def test_a_dot_opens_its_incident(page: Page, address: str) -> None:
    page.goto(address + "/restore")

    dot = page.locator(".dots a[href='/incidents/test:odd-3']").first
    dot.evaluate("one => one.dispatchEvent(new MouseEvent('click', {bubbles: true, cancelable: true}))")

    page.wait_for_url("**/incidents/test:odd-3")
    expect(page.locator("h1")).to_contain_text("test:odd-3")


def test_one_key_opens_the_note(page: Page, address: str) -> None:
    page.goto(address + "/incidents/test:odd-2")

    page.keyboard.press("n")

    expect(page.locator("#note-text")).to_be_focused()


def test_suggestions_come_when_the_form_is_opened(page: Page, address: str) -> None:
    page.goto(address + "/restore")
    assert page.locator("#known-service option").count() == 0

    page.locator("details.filters > summary").click()

    expect(page.locator("#known-service option[value=checkout]")).to_have_count(1)


def test_the_phone_has_its_bar_below_and_loses_nothing(browser: Browser, address: str) -> None:
    context = opened(browser, address, width=390)
    page = context.new_page()
    page.goto(address + "/restore")

    bar = page.locator("nav.nav").bounding_box()
    last = page.locator("section.sheet").last.bounding_box()
    page.locator("nav.nav summary").click()
    menu = page.locator("nav.nav details.further > ul").bounding_box()
    names = page.locator("nav.nav details.further a").all_inner_texts()
    page.get_by_role("link", name="Playbooks").click()
    expect(page).to_have_url(address + "/playbooks")
    context.close()

    assert names[:3] == ["Delivery", "Alerts", "Playbooks"]
    assert menu is not None
    assert menu["x"] >= 0
    assert menu["x"] + menu["width"] <= 390
    assert bar is not None
    assert last is not None
    assert bar["y"] + bar["height"] == pytest.approx(844, abs=1)
    assert last["width"] <= 390


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("path", ["/restore?by=severity", "/compare?dimension=severity"])
def test_no_median_is_shown_without_its_interval(browser: Browser, address: str, path: str, width: int) -> None:
    context = opened(browser, address, width=width)
    page = context.new_page()
    page.goto(address + path)

    intervals = page.locator("td.num b + span.muted").all()
    is_shown = [interval.is_visible() for interval in intervals]
    context.close()

    assert is_shown
    assert all(is_shown)


def test_every_page_works_without_scripts(browser: Browser, address: str) -> None:
    context = browser.new_context(java_script_enabled=False, viewport={"width": 1440, "height": 900})
    page = context.new_page()

    page.goto(address + "/restore")
    page.locator("details.filters > summary").click()
    page.get_by_label("SEV3").check()
    page.get_by_role("button", name="Apply").click()
    narrowed = page.url
    page.get_by_role("button", name="Compute").click()
    answer = page.locator("#what-if-answer").inner_text()
    context.close()

    assert "severity=SEV3" in narrowed
    assert "add_" not in narrowed
    assert answer.startswith(("Median", "No incident"))
