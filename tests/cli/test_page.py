"""`resile page`, and the pages of an incident in the terminal."""

from pathlib import Path

import pytest

from resile.app.receive import receiving_alone
from resile.app.settings import load_settings
from resile.app.wiring import open_resile
from resile.model.message import MessageState
from tests.cli.terminal import Terminal
from tests.web.pages.paging_world import first_page, moved

CATALOG = """\
kind: person
name: ann
contacts:
- {name: mobile, channel: sms, address: "+15550100123"}
---
kind: person
name: bob
contacts:
- {name: mail, channel: email, address: bob@example.org}
---
kind: schedule
name: payments
zone: Europe/Berlin
layers:
- name: primary
  starts: 2020-03-02 09:00
  every: week
  people: [ann]
---
kind: team
name: payments
members: [ann, bob]
---
kind: policy
name: default
steps:
- page: [schedule/payments]
- {after: 5m, page: [person/bob]}
"""


@pytest.fixture
def staffed(terminal: Terminal, tmp_path: Path) -> Terminal:
    (tmp_path / "catalog").mkdir()
    (tmp_path / "catalog" / "all.yaml").write_text(CATALOG)
    terminal.says("apply", str(tmp_path / "catalog"), "--yes")
    return terminal


@pytest.mark.parametrize(
    ("named", "people"),
    [
        ((), "ann"),
        (("--person", "bob"), "bob"),
        (("--schedule", "payments"), "ann"),
        (("--team", "payments"), "ann, bob"),
        (("--policy", "default"), "ann"),
        (("--person", "bob", "--schedule", "payments"), "ann, bob"),
    ],
)
def test_somebody_is_paged_in_one_line(staffed: Terminal, named: tuple[str, ...], people: str) -> None:
    said = staffed.says("page", "Checkout fails", *named, "--severity", "SEV2", "--service", "checkout")

    assert said == f"INC-1 declared; paging {people}.\n"


def test_a_page_that_nobody_sends_yet_says_so(staffed: Terminal) -> None:
    alone = staffed.run("page", "Checkout fails")
    with receiving_alone(staffed.folder):
        served = staffed.run("page", "Checkout fails")

    assert f"no server of {staffed.folder} runs: the page goes out once resile up does" in " ".join(
        alone.stderr.split()
    )
    assert served.stderr == ""


def test_an_incident_shows_its_pages(staffed: Terminal) -> None:
    staffed.says("page", "Checkout fails", "--by", "zoe")

    shown = staffed.says("incident", "show", "INC-1")

    assert "Paging ann  policy default, step 1 of 2, round 1 of 3; next at" in shown
    assert "sms …0123" in shown
    assert "+15550100123" not in shown.partition("Page to")[2]


def test_the_timeline_tells_pages_in_words_with_how_far_each_came(staffed: Terminal) -> None:
    staffed.says("page", "Checkout fails", "--by", "zoe")
    with open_resile(load_settings(data=staffed.folder)) as resile:
        moved(resile, first_page(resile, "INC-1"), MessageState.SENDING, MessageState.HANDED, MessageState.DELIVERED)

    shown = " ".join(staffed.says("incident", "show", "INC-1").split())

    assert "Step 1: pages ann" in shown
    assert "ann by sms (mobile): handed over after" in shown
    assert "; arrived after" in shown
    assert "arrived 20" in shown.partition("Page to")[2]
    assert "message_id" not in shown
    assert "because=" not in shown


def test_phases_say_how_soon_somebody_was_paged_before_anything_is_restored(staffed: Terminal) -> None:
    staffed.says("page", "Checkout fails", "--by", "zoe")

    said = " ".join(staffed.says("report", "phases").split())

    assert "resile paged for 1 incident: no page could be handed over." in said
    assert staffed.json("report", "phases")["paged"]["detected_to_paged"] == {
        "n": 0,
        "n_never": 1,
        "median_s": None,
        "median_low_s": None,
        "median_high_s": None,
    }


def test_somebody_whom_several_steps_call_is_named_once(staffed: Terminal) -> None:
    staffed.says("page", "Checkout fails", "--person", "ann", "--schedule", "payments")

    assert "Paging ann  " in staffed.says("incident", "show", "INC-1")


def test_an_incident_that_never_paged_shows_no_pages(terminal: Terminal) -> None:
    terminal.says("incident", "declare", "by hand")

    assert "Page to" not in terminal.says("incident", "show", "INC-1")


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("",), "needs a text"),
        (("x", "--person", "mallory"), "reaches nobody now"),
        (("x", "--policy", "moon"), "is not in the catalog"),
        (("x", "--severity", "quite bad"), "severity"),
    ],
)
def test_a_page_that_cannot_be_is_refused(staffed: Terminal, words: tuple[str, ...], why: str) -> None:
    assert why in staffed.refuses("page", *words)
    assert "INC-1" not in staffed.says("incident", "list")


def test_without_a_catalog_nobody_can_be_paged(terminal: Terminal) -> None:
    assert "nobody answers for it" in terminal.refuses("page", "x")
