"""An incident's room in real browsers: two people at once, a keyboard alone, a thumb."""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from resile.app.access import LOCAL, Access
from resile.app.accounts import Accounts
from resile.app.growing import Growing
from resile.app.incidents import command_incident, declare
from resile.app.settings import Settings
from resile.app.wiring import Resile, open_resile
from resile.model.event import Acknowledged, Closed, Mitigated, Restored
from resile.model.incident import InstantName
from resile.model.lifecycle import Declare, Describe, Merge, Note, Reach
from resile.model.room_event import EvidenceKind, Role, UpdatePromised
from resile.model.room_lifecycle import AddEvidence, AddTask, TakeRole
from resile.model.severity import Severity
from resile.ports.account_store import Role as Right
from resile.testing.simulated_clock import SimulatedClock

from .conftest import INJECTION, LONG, NOW, PASSWORDS, faults_of_all, opened, served
from .paging_world import fill, page
from .test_paging_in_browser import live

pytestmark = pytest.mark.browser

PICTURE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
SAID = (Acknowledged, Mitigated, Restored, Closed)
DRAG_IN = """async ([field, body]) => {
    const bytes = Uint8Array.from(atob(body), (one) => one.charCodeAt(0));
    const transfer = new DataTransfer();
    transfer.items.add(new File([bytes], "graph.png", { type: "image/png" }));
    const dropped = { bubbles: true, cancelable: true, dataTransfer: transfer };
    document.querySelector(field).dispatchEvent(new DragEvent("drop", dropped));
}"""


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
def two(world: Resile, browser: Browser, address: str) -> Iterator[tuple[Page, Page]]:
    """Ann's browser and bob's, both logged in."""
    access = Access(world.accounts, world.clock, PASSWORDS)
    anns = access.set_up(access.make_set_up_link(), "ann", "correct horse battery")
    identity = access.of_session(anns)
    assert identity is not None
    access.choose_password(
        Accounts(world.accounts, world.clock).add_user(identity, "bob", Right.EDITOR), "purple monkey"
    )
    bobs = access.login("bob", "purple monkey", address="127.0.0.1")
    contexts = []
    for session in (anns, bobs):
        context = opened(browser, address, width=1440)
        context.add_cookies([{"name": "resile_session", "value": session, "url": address}])
        contexts.append(context)
    yield contexts[0].new_page(), contexts[1].new_page()
    for context in contexts:
        context.close()


def incident(resile: Resile) -> str:
    told = Declare(title="Checkout fails", severity=Severity.SEV2, services=("checkout",))
    return declare(resile, told, by="user:ann").incident.id


def test_two_people_at_once_see_each_other_and_lose_nothing(
    world: Resile, address: str, two: tuple[Page, Page]
) -> None:
    ann, bob = two
    incident_id = incident(world)
    for one in two:
        one.goto(f"{address}/incidents/{incident_id}")
        live(one)
    bob.evaluate("window.isTheSame = true")

    # A note by one is seen by the other without a reload.
    ann.keyboard.press("n")
    ann.locator("#note-text").fill("The **pool** is full.")
    ann.evaluate(DRAG_IN, ["#note-text", PICTURE])
    expect(ann.locator("#act-note [data-told]")).to_have_text("The picture is in the text.")
    ann.keyboard.press("Control+Enter")
    expect(bob.locator("#live-timeline strong")).to_have_text("pool")
    expect(bob.locator("#live-timeline img")).to_have_js_property("naturalWidth", 1)
    assert bob.evaluate("window.isTheSame")

    # Both change its words: the second is shown both texts, with their own in the form.
    for one in two:
        one.get_by_role("link", name=re.compile("edit the note")).click()
    bob.locator("#edit-text").fill("The pool of payments is full.")
    bob.get_by_role("button", name="Save").click()
    expect(bob.locator("#live-timeline")).to_contain_text("The pool of payments is full.")
    ann.locator("#edit-text").fill("The pool has 5 connections.")
    ann.get_by_role("button", name="Save").click()
    expect(ann.locator("#refused")).to_contain_text("bob changed this note while you did")
    expect(ann.locator(".theirs pre")).to_have_text("The pool of payments is full.")
    expect(ann.locator("#edit-text")).to_have_value("The pool has 5 connections.")
    ann.locator("#edit-text").fill("The pool of payments has 5 connections.")
    ann.get_by_role("button", name="Save").click()
    expect(bob.locator("#live-timeline")).to_contain_text("The pool of payments has 5 connections.")

    # Both tap Restored: it is restored once, and the second hears who was first.
    ann.evaluate("disconnect()")
    bob.get_by_role("button", name="Restored").click()
    expect(bob.locator(".message")).to_contain_text("Restored")
    ann.get_by_role("button", name="Restored").click()
    expect(ann.locator("#refused")).to_contain_text("bob said that it is restored")
    kinds = [type(event).__name__ for event in world.timelines.read(incident_id)]
    assert kinds.count("Restored") == 1


def test_from_declared_to_closed_by_the_keyboard_alone(world: Resile, browser: Browser, address: str) -> None:
    context = opened(browser, address, width=1440)
    shown = context.new_page()
    keys = shown.keyboard
    shown.goto(address + "/now")
    live(shown)

    keys.press("d")
    shown.wait_for_url("**/declare")
    keys.type("Checkout fails")
    keys.press("Enter")
    shown.wait_for_url("**/incidents/INC-1")
    for key, button, following in (("a", "Acknowledge", "Mitigated"), ("m", "Mitigated", "Restored")):
        live(shown)
        keys.press(key)
        expect(shown.locator(":focus")).to_contain_text(button)
        keys.press("Enter")
        expect(shown.locator(":focus")).to_contain_text(following)
    keys.press("n")
    keys.type("nrc? are letters here")
    keys.press("Control+Enter")
    # The focus comes back to where the form was, once the answer is there.
    expect(shown.locator("summary:focus")).to_contain_text("Note")
    expect(shown.locator("#live-timeline")).to_contain_text("nrc? are letters here")
    keys.press("t")
    keys.type("Tell support")
    keys.press("Enter")
    expect(shown.locator("summary:focus")).to_contain_text("Add a task")
    expect(shown.locator("#tasks-list")).to_contain_text("Tell support")
    keys.press("Shift+?")
    expect(shown.locator("dialog")).to_be_visible()
    keys.press("Escape")
    expect(shown.locator("dialog")).to_be_hidden()
    keys.press("f")
    expect(shown.get_by_role("radio", name="People")).to_be_checked()
    keys.press("r")
    keys.press("Enter")
    expect(shown.locator(":focus")).to_contain_text("Close")
    keys.press("c")
    keys.press("Enter")
    expect(shown.locator("#live-instants")).to_contain_text("Closed")

    kinds = [type(event) for event in world.timelines.read("INC-1")]
    assert [kind for kind in kinds if kind in SAID] == list(SAID)
    context.close()


def test_on_a_phone_the_next_thing_to_say_is_under_the_thumb(world: Resile, browser: Browser, address: str) -> None:
    incident_id = page(world, "Checkout fails", severity=Severity.SEV2, services=("checkout",))
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    shown = context.new_page()
    shown.goto(f"{address}/incidents/{incident_id}")
    live(shown)

    # What has the focus does not lie behind the bar.
    link = shown.locator("#live-known a").last
    link.focus()
    lowest, bar = link.bounding_box(), shown.locator("#act-next").bounding_box()
    assert lowest is not None
    assert bar is not None
    assert lowest["y"] + lowest["height"] <= bar["y"]

    for words, says in (("Acknowledge", "acknowledged"), ("Mitigated", "mitigated"), ("Restored", "")):
        button = shown.locator("#act-next .button.primary", has_text=words)
        # Where something is, is known once the styles are there.
        shown.wait_for_load_state("load")
        box, bar = button.bounding_box(), shown.locator("nav.nav").bounding_box()
        assert box is not None
        assert bar is not None
        assert box["height"] >= 44
        assert 844 / 2 < box["y"] < box["y"] + box["height"] <= bar["y"]
        button.tap()
        if says:
            expect(shown.locator("#live-subject .tag")).to_have_text(says)
    expect(shown.locator(".message")).to_contain_text("Restored")
    assert shown.evaluate("document.documentElement.scrollWidth") == 390
    context.close()


# What a page says, part by part and in order, without times, which go on.
PARTS = """() => [...document.querySelectorAll("[data-live]")].map(
    (part) => part.id + " " + part.innerText.replace(/[0-9]+/g, "0").replace(/\\s+/g, " ")
)"""


def test_page_that_followed_says_what_one_says_that_is_loaded_now(
    world: Resile, browser: Browser, address: str
) -> None:
    incident_id = page(world, "Checkout fails", severity=Severity.SEV2, services=("checkout",))
    context = opened(browser, address, width=390)
    shown, loaded = context.new_page(), context.new_page()
    shown.goto(f"{address}/incidents/{incident_id}")
    live(shown)
    # Whoever tapped has the focus on what to say next, and only looks from then on.
    shown.locator("#act-next .button.primary", has_text="Acknowledge").click()
    expect(shown.locator("#act-next :focus")).to_contain_text("Mitigated")

    world.communication.updates.say(LOCAL, incident_id, "customers")
    expect(shown.locator("#updates-all .published")).to_contain_text("Problems with checkout")
    world.communication.updates.draft(LOCAL, incident_id, "executives")
    command_incident(world, incident_id, AddTask("Call the bank", "bob"), by="user:bob")
    command_incident(world, incident_id, Note("The **pool** is full."), by="user:bob")
    command_incident(world, incident_id, Reach(InstantName.RESTORED), by="user:bob")
    expect(shown.locator(".message")).to_contain_text("Restored")
    expect(shown.locator("#act-next")).not_to_contain_text("Mitigated")
    expect(shown.locator("#live-timeline strong")).to_have_text("pool")

    loaded.goto(f"{address}/incidents/{incident_id}")
    live(loaded)
    assert shown.evaluate(PARTS) == loaded.evaluate(PARTS)
    # The focus stays where it was on the page, so that a keyboard goes on from there.
    assert shown.evaluate("document.activeElement !== document.body")
    context.close()


def test_what_was_typed_outlives_another_form_and_a_lost_session(
    world: Resile, address: str, two: tuple[Page, Page]
) -> None:
    ann, _ = two
    incident_id = incident(world)
    command_incident(world, incident_id, AddTask("Tell support"), by="user:bob")
    ann.goto(f"{address}/incidents/{incident_id}")
    live(ann)
    ann.keyboard.press("n")
    ann.locator("#note-text").fill("half a note")

    ann.get_by_role("button", name="Done: Tell support").click()
    expect(ann.locator("#tasks-list .done")).to_contain_text("Tell support")
    expect(ann.locator("#note-text")).to_have_value("half a note")

    ann.locator("#note-text").fill("x" * 20_000)
    ann.get_by_role("button", name="Write down").click()
    assert "20,000 characters are more than 10,000" in ann.locator("#note-text").evaluate(
        "one => one.validationMessage"
    )
    # What one left as it was is not put back over what somebody else wrote there meanwhile.
    ann.evaluate("document.querySelectorAll('#act-more, #more-describe').forEach((one) => { one.open = true; })")
    ann.locator("#describe-services").fill("checkout, cart")
    command_incident(world, incident_id, Describe(title="Payments fail"), by="user:bob")
    ann.goto(f"{address}/incidents/{incident_id}")
    expect(ann.locator("#describe-services")).to_have_value("checkout, cart")
    expect(ann.locator("#describe-title")).to_have_value("Payments fail")
    live(ann)

    ann.locator("#note-text").fill("the whole note")
    ann.context.clear_cookies()
    ann.get_by_role("button", name="Write down").click()
    expect(ann.locator("body")).not_to_contain_text("Payments fail")
    access = Access(world.accounts, world.clock, PASSWORDS)
    session = access.login("bob", "purple monkey", address="127.0.0.1")
    ann.context.add_cookies([{"name": "resile_session", "value": session, "url": address}])
    ann.goto(f"{address}/incidents/{incident_id}")
    expect(ann.locator("#note-text")).to_have_value("the whole note")
    ann.get_by_role("button", name="Write down").click()
    expect(ann.locator("#live-timeline")).to_contain_text("the whole note")
    expect(ann.locator("#note-text")).to_have_value("")


def test_what_was_promised_counts_down_and_is_told_at_its_marks(world: Resile, browser: Browser, address: str) -> None:
    incident_id = incident(world)
    growing = Growing(incident_id, world.timelines.read(incident_id), now=NOW, by="user:ann")
    growing.tell(UpdatePromised, audience="customers", due_at=NOW + timedelta(minutes=6))
    world.timelines.append(growing.appends())
    context = opened(browser, address, width=390)
    shown = context.new_page()
    # The reader's clock is another one than the server's, and passes as the test says.
    shown.clock.install(time=NOW + timedelta(days=400))
    shown.route("**/api/v1/stream*", lambda _: None)
    shown.goto(f"{address}/incidents/{incident_id}")
    count, said = shown.get_by_role("timer"), shown.locator("#count-said")
    assert re.fullmatch(r"in (6|5 min 5\ds?).*", (count.text_content() or "").replace("\xa0", " "))
    expect(said).to_be_empty()

    # From now on no answer comes: it counts down all the same.
    shown.route("**/incidents/**", lambda route: route.abort())
    shown.clock.fast_forward(61_000)
    expect(said).to_have_text("The promised update for customers is due in five minutes.")
    expect(count).to_have_class(re.compile("warn"))
    expect(shown.locator("#live-state")).to_contain_text("The connection is lost")
    # As after a night with the lid closed.
    shown.clock.fast_forward(3_600_000)
    expect(said).to_have_text("The promised update for customers is overdue.")
    expect(count).to_have_text(re.compile(r"overdue.by.5\d.min"))
    shown.unroute("**/incidents/**")
    shown.clock.run_for(16_000)
    # A proxy keeps the stream to itself: what is shown is renewed, and said not to be live.
    expect(shown.locator("#live-state")).to_have_text("Not live: renewed every 15 s.")
    context.close()


def test_whoever_is_logged_out_while_writing_goes_on_writing(
    world: Resile, address: str, two: tuple[Page, Page]
) -> None:
    ann, _ = two
    incident_id = incident(world)
    ann.goto(f"{address}/incidents/{incident_id}")
    live(ann)
    ann.get_by_text("Severity", exact=False).first.click()
    ann.locator("#severity-new").select_option("SEV1")
    ann.context.clear_cookies()
    ann.evaluate("refresh(false)")
    expect(ann.locator("#live-state")).to_contain_text("You are logged out. What you typed is still here")
    expect(ann.locator("#severity-new")).to_have_value("SEV1")

    # Logged in anew elsewhere: the same form is taken.
    access = Access(world.accounts, world.clock, PASSWORDS)
    session = access.login("bob", "purple monkey", address="127.0.0.1")
    ann.context.add_cookies([{"name": "resile_session", "value": session, "url": address}])
    ann.evaluate("refresh(false)")
    expect(ann.locator("#live-state")).not_to_contain_text("logged out")
    ann.locator("#act-severity").get_by_role("button", name="Change").click()
    expect(ann.locator("#live-subject .sev")).to_have_text("SEV1")


def test_no_room_shuts_anybody_out(world: Resile, browser: Browser, address: str) -> None:
    full = page(world, LONG, severity=Severity.SEV1, services=(LONG[:80], "payments"))
    for command in (
        TakeRole(Role.COMMANDER, LONG),
        AddTask(LONG, "bob"),
        AddEvidence(
            evidence=EvidenceKind.LOG, title=INJECTION, text=LONG + "\n" + INJECTION, url="https://example.org/x"
        ),
        Note(f"# Heading\n\n- {LONG}\n\n```\n{LONG}\n```\n\n| a | b |\n|---|---|\n| {LONG} | 1 |"),
        Reach(InstantName.MITIGATED),
    ):
        command_incident(world, full, command, by="user:ann")
    note_id = next(event.id for event in world.timelines.read(full) if type(event).__name__ == "Noted")
    gone = incident(world)
    command_incident(world, gone, Merge(full), by="user:ann")

    paths = ("/declare", f"/incidents/{full}", f"/incidents/{full}?edit={note_id}", f"/incidents/{gone}")
    assert faults_of_all(browser, address, paths) == []
