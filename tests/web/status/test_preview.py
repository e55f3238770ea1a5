"""The page in the product that previews the public one, its words in the terminal, and what the doctor says of it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace
from playwright.sync_api import Browser, expect

from resile.app.doctor_status import of_components, of_links, of_publishing
from resile.app.settings import Settings
from resile.app.wiring import open_resile
from resile.model.time import HOUR, MINUTE
from resile.testing.simulated_clock import SimulatedClock
from tests.web.pages.conftest import browser, browser_of, faults_of_all, served

from .world import NOW, StatusWorld

__all__ = ["browser"]


def test_preview_shows_what_the_public_sees(world: StatusWorld) -> None:
    site = browser_of(world.resile)
    world.publish(world.declare(), "Some payments fail.", "investigating", "Payments fail", shop="partial_outage")

    page = site.get("/status-page").text.replace("\xa0", " ")
    assert 'href="https://status.acme.example/"' in page
    assert "Partial System Outage" in page
    shown = site.get("/status-page/preview/")
    assert "Some payments fail." in shown.text
    assert "set-cookie" not in shown.headers
    assert "frame-ancestors 'self'" in shown.headers["content-security-policy"]
    history = shown.text.split('href="')
    assert any(one.startswith("/status-page/preview/history") for one in history)
    own = next(one.split('"')[0] for one in history if one.startswith("/status-page/preview/incidents/"))
    assert site.get(own).status_code == 200
    assert site.get("/status-page/preview/nothing").status_code == 404
    assert site.get("/status-page/preview", follow_redirects=False).headers["location"] == "/status-page/preview/"

    world.publish("INC-1", "It is over.", "resolved")
    assert "It is over." in site.get("/status-page/preview/").text


def test_without_settings_it_says_how_to_switch_it_on(tmp_path: Path, fresh_data: Callable[[Path], Path]) -> None:
    with open_resile(Settings(data=fresh_data(tmp_path)), clock=SimulatedClock(NOW)) as resile:
        page = browser_of(resile).get("/status-page").text.replace("\xa0", " ")

    assert "switched off" in page
    assert "[status]" in page
    assert "/catalog/new?kind=component" in page


@pytest.mark.browser
def test_page_that_previews_shuts_nobody_out(world: StatusWorld, browser: Browser) -> None:
    with served(world.resile) as address:
        assert faults_of_all(browser, address, ["/status-page"]) == []
        page = browser.new_page()
        page.goto(f"{address}/status-page")
        framed = page.frame_locator("iframe")
        expect(framed.get_by_role("heading", name="Components")).to_be_visible()
        framed.get_by_role("link", name="History").click()
        expect(framed.get_by_role("heading", name="History")).to_be_visible()
        page.close()


def test_doctor_names_what_customers_are_not_told(world: StatusWorld) -> None:
    its = world.declare()
    world.clock.advance(MINUTE)

    said = [str(one) for one in of_publishing(world.resile, world.clock.now())]
    why = "SEV1, open, and nothing was published of it; publish an update for customers"
    assert said == [f"incident INC-1 is on no status page: {why}"]

    world.publish(its, "We look into it.", "investigating")
    assert list(of_publishing(world.resile, world.clock.now())) == []
    world.restore(its)
    world.clock.advance(HOUR + MINUTE)
    (one,) = of_publishing(world.resile, world.clock.now())
    assert "is still open on the status page" in str(one)
    world.publish(its, "It is over.", "resolved")
    assert list(of_publishing(world.resile, world.clock.now())) == []


def test_doctor_says_that_links_of_subscribers_lead_nowhere(world: StatusWorld) -> None:
    def said(server: str | None, **status: str) -> list[str]:
        told = {"status": status, "channels": {"email": {"host": "mail"}}, "base_url": server}
        return [str(one) for one in of_links(replace(world.resile, settings=Settings.model_validate(told)))]

    (one,) = said(None)
    assert "can neither confirm nor leave: their links lead to http://127.0.0.1:8322" in one
    assert said("https://resile.example") == []
    assert said(None, base_url="https://status.example") == []


def test_doctor_names_components_and_services_that_do_not_meet(world: StatusWorld) -> None:
    said = sorted(str(one).split(":")[0] for one in of_components(world.resile))
    assert said == ["components api, cellar stand for no service"]

    world.catalog(shop={"title": "Shop"})
    said = sorted(str(one).split(":")[0] for one in of_components(world.resile))
    assert said == ["components api, cellar, shop stand for no service", "service checkout is part of no component"]
