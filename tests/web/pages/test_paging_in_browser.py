"""The faces of paging in a real browser: a thumb, a keyboard, and what changes without a reload."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace
from playwright.sync_api import Browser, BrowserContext, Page, expect

from resile.app.links import Deed
from resile.app.settings import Settings
from resile.app.wiring import Resile, open_resile
from resile.model.alert import AlertState, Outcome
from resile.model.escalation import EscalationState
from resile.model.message import MessageState
from resile.model.severity import Severity
from resile.model.time import MINUTE
from resile.testing.simulated_clock import SimulatedClock

from .conftest import INJECTION, LONG, NOW, faults_of_all, opened, served
from .paging_world import alert, arrive, fill, first_page, moved, nobody_reachable, page

pytestmark = pytest.mark.browser


@pytest.fixture
def world(tmp_path: Path, fresh_data: Callable[[Path], Path]) -> Iterator[Resile]:
    with open_resile(Settings(data=fresh_data(tmp_path)), clock=SimulatedClock(NOW)) as resile:
        fill(resile)
        yield resile


@pytest.fixture
def address(world: Resile) -> Iterator[str]:
    with served(world) as found:
        yield found


@pytest.fixture
def phone(browser: Browser, address: str) -> Iterator[Page]:
    context = opened(browser, address, width=390)
    yield context.new_page()
    context.close()


def live(shown: Page) -> None:
    """Wait until what happens is heard."""
    expect(shown.locator("#live-state")).to_have_text("live")


def pass_time(resile: Resile, length: timedelta) -> None:
    clock = resile.clock
    assert isinstance(clock, SimulatedClock)
    clock.advance(length)


def state(resile: Resile, incident_id: str) -> EscalationState:
    return resile.paging.escalations([incident_id])[incident_id].state


def test_an_incident_is_taken_with_one_thumb(world: Resile, address: str, phone: Page) -> None:
    incident_id = page(world, "Checkout fails", severity=Severity.SEV2)
    phone.goto(address + "/now")

    button = phone.get_by_role("button", name="Acknowledge INC-1")
    box = button.bounding_box()
    button.click()

    expect(phone.locator(".message")).to_contain_text("local has INC-1")
    assert state(world, incident_id) is EscalationState.ACKNOWLEDGED
    assert box is not None
    # A thumb needs 44 pixels; this button is reached without scrolling.
    assert box["height"] >= 44
    assert box["width"] >= 300
    assert box["y"] + box["height"] < 844


def test_what_happens_is_seen_without_a_reload(world: Resile, address: str, phone: Page) -> None:
    phone.goto(address + "/now")
    live(phone)
    phone.evaluate("window.isTheSame = true")

    incident_id = page(world, "Checkout fails")
    expect(phone.locator(".message")).to_contain_text("nobody has taken INC-1")
    world.pager.acknowledge(incident_id, who="ann", by="user:ann")

    expect(phone.locator(".message")).to_contain_text("ann has INC-1")
    expect(phone.locator("#live-said")).to_contain_text("ann has INC-1")
    assert phone.evaluate("window.isTheSame")


def test_receipts_come_in_on_the_incidents_page(world: Resile, address: str, phone: Page) -> None:
    incident_id = page(world)
    other = page(world, "another")
    phone.goto(f"{address}/incidents/{incident_id}")
    live(phone)
    phone.evaluate("window.isTheSame = true")

    moved(world, first_page(world, other), MessageState.HANDED)
    moved(world, first_page(world, incident_id), MessageState.SENDING, MessageState.HANDED, MessageState.DELIVERED)

    expect(phone.locator("#live-paging .page-state").first).to_have_text("arrived")
    expect(phone.locator("#live-timeline .moves")).to_contain_text("arrived after")
    assert phone.evaluate("window.isTheSame")


def test_nothing_is_torn_away_from_whoever_writes(world: Resile, address: str, phone: Page) -> None:
    incident_id = page(world)
    phone.goto(f"{address}/incidents/{incident_id}")
    live(phone)
    phone.get_by_text("Note", exact=False).first.click()
    phone.locator("#note-text").fill("The pager was mut")

    moved(world, first_page(world, incident_id), MessageState.HANDED)
    expect(phone.locator("#live-timeline .moves")).to_contain_text("handed over")
    phone.locator("#note-text").press_sequentially("ed.")

    expect(phone.locator("#note-text")).to_have_value("The pager was muted.")
    phone.get_by_role("button", name="Write down").click()
    expect(phone.locator("#live-timeline")).to_contain_text("The pager was muted.")


def test_a_button_that_has_the_focus_stays_the_same_while_others_come(world: Resile, address: str, phone: Page) -> None:
    page(world, "first", severity=Severity.SEV3)
    phone.goto(address + "/now")
    live(phone)
    button = phone.get_by_role("button", name="Acknowledge INC-1")
    button.focus()
    button.evaluate("one => { one.dataset.mark = 'kept'; }")

    page(world, "second", severity=Severity.SEV1)

    expect(phone.locator("#open-INC-2")).to_be_visible()
    assert phone.evaluate("document.activeElement.dataset.mark") == "kept"
    phone.keyboard.press("Enter")
    expect(phone.locator("#open-INC-1")).to_contain_text("local has it")


def test_there_is_one_stream_however_much_happens(world: Resile, address: str, phone: Page) -> None:
    asked: list[str] = []
    phone.on("request", lambda request: asked.append(request.url) if "/stream" in request.url else None)
    phone.goto(address + "/now")
    live(phone)

    for number in range(3):
        page(world, f"incident {number}")
    expect(phone.locator("#open-INC-3")).to_be_visible()

    assert len(asked) == 1


def test_a_lost_connection_is_said_and_what_was_missed_comes_back(
    world: Resile, browser: Browser, address: str
) -> None:
    context: BrowserContext = opened(browser, address, width=390)
    shown = context.new_page()
    shown.goto(address + "/now")
    live(shown)

    context.set_offline(True)
    # What is open stays open in an emulated tunnel; the stream is ended as a proxy would.
    shown.evaluate("disconnect(); unheard();")
    expect(shown.locator("#live-state")).to_contain_text("The connection is lost")
    page(world, "while nobody listened")
    context.set_offline(False)

    live(shown)
    expect(shown.locator("#open-INC-1")).to_contain_text("while nobody listened")
    context.close()


def test_now_is_used_by_the_keyboard_alone(world: Resile, address: str, phone: Page) -> None:
    incident_id = page(world)
    phone.goto(address + "/now")
    live(phone)

    for _ in range(12):
        phone.keyboard.press("Tab")
        if phone.evaluate("document.activeElement.textContent").startswith("Acknowledge"):
            break
    phone.keyboard.press("Enter")

    expect(phone.locator(".message")).to_contain_text("local has INC-1")
    assert state(world, incident_id) is EscalationState.ACKNOWLEDGED


def test_a_link_is_answered_without_scripts(world: Resile, browser: Browser, address: str) -> None:
    incident_id = page(world)
    token = world.links.token(first_page(world, incident_id).id, Deed.ACKNOWLEDGE, now=NOW)
    context = browser.new_context(java_script_enabled=False, viewport={"width": 390, "height": 844})
    shown = context.new_page()

    shown.goto(f"{address}/answer/{token}")
    shown.get_by_role("button", name="Acknowledge").click()

    expect(shown.get_by_role("status")).to_have_text("You took INC-1. Nobody else is paged for it.")
    assert state(world, incident_id) is EscalationState.ACKNOWLEDGED
    context.close()


def test_no_page_of_paging_shuts_anybody_out(world: Resile, browser: Browser, address: str) -> None:
    first = page(world, "Checkout fails", severity=Severity.SEV2, services=("checkout", "payments"))
    odd = page(world, INJECTION, severity=Severity.SEV1, services=(LONG,))
    taken = page(world, LONG, severity=Severity.SEV3)
    moved(world, first_page(world, first), MessageState.SENDING, MessageState.HANDED, MessageState.DELIVERED)
    moved(world, first_page(world, odd), MessageState.FAILED, because=LONG)
    nobody_reachable(world, odd)
    world.pager.acknowledge(taken, who="ann", by="user:ann")
    flapping = alert(1, title="Errors", incident_id=first)
    arrive(
        world,
        [
            replace(flapping, n_fired=3),
            alert(2, title=INJECTION, outcome=Outcome.SILENCED),
            alert(3, title=LONG, outcome=Outcome.CLEARED, state=AlertState.RESOLVED, warnings=(LONG,)),
        ],
    )
    pass_time(world, 3 * MINUTE)
    token = world.links.token(first_page(world, first).id, Deed.ACT, now=NOW)
    pages = (
        "/now",
        "/alerts",
        "/alerts?q=nothing",
        *(f"/alerts/{alert(number).id}" for number in (1, 2, 3)),
        "/alerts/nobody",
        *(f"/incidents/{incident_id}" for incident_id in (first, odd, taken)),
        f"/answer/{token}",
    )

    assert faults_of_all(browser, address, pages) == []
