"""Names that nobody would give, very many incidents, hardly any: what a demo does not show."""

from collections.abc import Iterator
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Page, expect

from resile.app.access import Access
from resile.app.settings import Settings
from resile.app.wiring import Resile, open_resile
from resile.model.draft import Draft
from resile.model.severity import Severity
from resile.testing.simulated_clock import SimulatedClock

from .conftest import EMOJI, INJECTION, LONG, NOW, PASSWORDS, RIGHT_TO_LEFT, draft, faults_of, opened, served, take_in

pytestmark = pytest.mark.browser

NAMES = (INJECTION, LONG, RIGHT_TO_LEFT, EMOJI, "x" * 200, "W" * 120, "a/b?c=d&e=%20#f")
# 720 pixels are what is left of 1440 at 200 %.
WIDTHS = (720, 390)
PATHS = (
    "/restore",
    "/incidents?sort=duration&page=7",
    "/compare?dimension=service",
    f"/incidents/{quote('test:5-' + 'W' * 100)}",
)


def crowd() -> Iterator[Draft]:
    """More incidents than are drawn one by one, under odd names, some with a dozen services."""
    for i in range(2_200):
        name = NAMES[i % len(NAMES)]
        many = tuple(f"service {k} of {name[:60]}" for k in range(12))
        yield draft(
            f"{i}-{name[:100]}" if name.startswith("W") else str(i),
            minutes=None if i % 40 == 0 else 1 + i * 37 % 5_000,
            days_ago=1 + i % 300,
            title=f"{name} {i}",
            services=many if i % 9 == 0 else (f"{name[:100]} {i % 30}",),
            team=name,
            severity=list(Severity)[i % 5],
            labels={name[:60]: name},
        )


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with open_resile(Settings(data=tmp_path_factory.mktemp("odd")), clock=SimulatedClock(NOW)) as resile:
        take_in(resile, list(crowd()))
        with served(resile) as found:
            yield found


@pytest.fixture
def page(browser: Browser, odd: str) -> Iterator[Page]:
    context = opened(browser, odd, width=1440)
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("width", WIDTHS)
def test_odd_names_shut_nobody_out_and_widen_no_page(browser: Browser, odd: str, width: int) -> None:
    context = opened(browser, odd, width=width, theme="dark")
    page = context.new_page()
    faults: list[str] = []

    for path in PATHS:
        page.goto(odd + path)
        faults += faults_of(page, path)

    context.close()
    assert faults == []


def test_long_names_are_cut_after_two_lines(page: Page, odd: str) -> None:
    page.goto(odd + "/incidents")

    heights = page.eval_on_selector_all("table.list tbody tr", "rows => rows.map(row => row.offsetHeight)")

    assert max(heights) < 220


def test_the_picture_of_all_incidents_fills_its_sheet(page: Page, odd: str) -> None:
    page.goto(odd + "/restore")

    frame = page.locator(".frame").bounding_box()
    below = page.locator(".plot.filling + footer").bounding_box()

    assert frame is not None
    assert below is not None
    # The footer's own padding, and no more.
    assert 0 <= below["y"] - (frame["y"] + frame["height"]) < 2


def test_the_incident_under_the_pointer_is_found_in_a_big_picture(page: Page, odd: str) -> None:
    page.goto(odd + "/restore", wait_until="networkidle")
    picture = page.locator("svg[data-dots]")
    with page.expect_response("**/restore/dots*"):
        picture.hover()
    # The longest stands by itself; where, is computed here once more from what the picture says of itself.
    ident, *at = picture.evaluate(
        """async (one) => {
            const { dots } = await (await fetch(one.dataset.dots)).json();
            const [started, lasted, ident] = dots.reduce((a, b) => (b[1] > a[1] ? b : a));
            const [low, high, from, to] = ["lowS", "highS", "from", "to"].map((name) => Number(one.dataset[name]));
            const { left, top, width, height } = one.getBoundingClientRect();
            const up = Math.log(lasted / low) / Math.log(high / low);
            return [ident, left + ((started - from) / (to - from)) * width, top + (1 - up) * height];
        }"""
    )

    page.mouse.move(*at)
    expect(page.locator(".tooltip")).to_contain_text(ident)
    page.mouse.click(*at)

    page.wait_for_url("**/incidents/*")
    expect(page.locator("h1")).to_contain_text(ident)


def test_pages_of_a_long_list_keep_what_was_asked(page: Page, odd: str) -> None:
    page.goto(odd + "/incidents?severity=SEV2&sort=duration&order=asc&q=checkout")

    page.get_by_role("link", name="Next").click()

    expect(page.locator(".pager")).to_contain_text("51–")
    for kept in ("severity=SEV2", "sort=duration", "order=asc", "q=checkout", "page=2"):
        assert kept in page.url


@pytest.mark.parametrize("minutes", [30, None])
def test_a_single_incident_fills_every_page(browser: Browser, empty: Resile, minutes: float | None) -> None:
    take_in(empty, [draft("1", minutes=minutes, services=("checkout",))])
    faults: list[str] = []

    with served(empty) as address:
        context = opened(browser, address, width=390)
        page = context.new_page()
        for path in ("/restore", "/incidents", "/compare", "/incidents/test:1"):
            page.goto(address + path)
            faults += faults_of(page, path)
        context.close()

    assert faults == []


def test_an_admins_settings_shut_nobody_out(browser: Browser, empty: Resile) -> None:
    secret = Access(empty.accounts, empty.clock, PASSWORDS).make_set_up_link()

    with served(empty) as address:
        context = opened(browser, address, width=390)
        page = context.new_page()
        page.goto(f"{address}/setup#{secret}")
        page.get_by_label("Name").fill("ann")
        page.get_by_label("Password").fill("four words do well")
        page.get_by_role("button", name="Make the admin").click()
        page.wait_for_url("**/settings")
        page.locator("#user-name").fill("somebody-" + "x" * 55)
        page.get_by_role("button", name="Add and show").click()
        page.locator("#token-name").fill("ci-" + "t" * 60)
        page.get_by_role("button", name="Make a token").click()
        expect(page.get_by_text("The new token.")).to_be_visible()

        faults = faults_of(page, "/settings")
        is_cut = page.get_by_role("button", name="Disable somebody").evaluate(
            "one => one.getBoundingClientRect().right > innerWidth"
        )
        context.close()

    assert faults == []
    assert not is_cut
