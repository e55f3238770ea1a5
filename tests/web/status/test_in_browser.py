"""The page in a real browser: nobody is shut out, in either theme, on a phone or at a desk."""

import asyncio
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
import uvicorn
from playwright.sync_api import Browser, Page

from resile.app.access import LOCAL
from resile.model.time import DAY, HOUR, MINUTE
from tests.web.pages.conftest import HEIGHT, WIDTHS, browser, faults_of
from tests.web.status.world import StatusWorld

__all__ = ["browser"]
pytestmark = pytest.mark.browser
SHOTS = os.environ.get("RESILE_STATUS_SHOTS")
LONG = "Payments by card and by bank transfer fail for some customers of some banks in some countries " * 2
ENDLESS = "x" * 180


@pytest.fixture
def address(world: StatusWorld) -> Iterator[str]:
    """The page on a real socket, without the thread that follows: what it shows is put there by `look`."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        config = uvicorn.Config(world.app, log_config=None, lifespan="off")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listening])))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(timeout=30)


def in_all_ways(page: Page, address: str, path: str, name: str) -> list[str]:
    """The faults of one page in both widths and both themes."""
    faults = []
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        # Each time another address, for the browser keeps what it has read for ten seconds.
        page.goto(f"{address}{path}?{name}-{theme}")
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": HEIGHT})
            faults += faults_of(page, f"{path} at {width} in the {theme}")
            if SHOTS:
                page.screenshot(path=Path(SHOTS) / f"{name}-{width}-{theme}.png", full_page=True)
    return faults


def test_nobody_is_shut_out(world: StatusWorld, browser: Browser, address: str) -> None:
    # Only that axe can be run on it: the page itself has no script, and forbids all.
    context = browser.new_context(bypass_csp=True)
    page = context.new_page()
    faults: list[str] = []
    page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)

    world.clock.advance(40 * DAY)
    world.look()
    faults += in_all_ways(page, address, "/", "well")

    past = world.declare()
    world.publish(past, f"{LONG}\n\n{ENDLESS}", "investigating", LONG + ENDLESS, shop="partial_outage")
    world.clock.advance(2 * DAY)
    world.publish(past, "It is over.\nWe are sorry.", "resolved")
    world.clock.advance(DAY)
    its = world.declare()
    world.publish(its, "Some payments fail.", "investigating", "Payments fail", shop="partial_outage")
    world.clock.advance(30 * MINUTE)
    world.publish(its, "It is the card network.", "identified", shop="major_outage", api="degraded_performance")
    world.restore(its)
    world.look()
    faults += in_all_ways(page, address, "/", "incident")
    faults += in_all_ways(page, address, "/history", "history")

    now = world.clock.now()
    use = world.resile.communication.maintenance
    use.add(LOCAL, "New disks", ["deliverer"], starts_at=now, ends_at=now + HOUR, text="Hooks wait, and come later.")
    use.add(LOCAL, LONG[:150], ["checkout"], starts_at=now + DAY, ends_at=now + DAY + timedelta(hours=3))
    world.publish(its, "It is over.", "resolved")
    world.look()
    faults += in_all_ways(page, address, "/", "maintenance")
    faults += in_all_ways(page, address, "/subscribe", "subscribe")

    context.close()
    assert faults == []


def test_it_works_by_keyboard_and_without_scripts(world: StatusWorld, browser: Browser, address: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    world.publish(world.declare(), "Some payments fail.", "investigating", "Payments fail", shop="partial_outage")
    world.look()

    page.goto(address + "/")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/incidents/*")
    assert page.locator("h1").inner_text() == "Payments fail"

    page.goto(address + "/subscribe")
    page.get_by_label("E-mail address, or https:// address").fill("ann@example.org")
    page.get_by_label("Online shop").check()
    page.keyboard.press("Tab")
    page.get_by_role("button", name="Ask for updates").press("Enter")
    page.wait_for_selector("text=One more step")
    assert context.cookies() == []
    context.close()
