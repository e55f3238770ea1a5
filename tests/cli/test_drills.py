"""`resile drill` in the terminal."""

from pathlib import Path

import pytest

from tests.cli.terminal import Terminal

CATALOG = """\
kind: person
name: ann
contacts:
- {name: mail, channel: email, address: ann@example.org}
---
kind: schedule
name: shop
zone: Europe/Berlin
layers:
- {name: primary, starts: 2020-03-02 09:00, every: week, people: [ann]}
---
kind: schedule
name: empty
zone: Europe/Berlin
"""


@pytest.fixture
def on_call(terminal: Terminal, tmp_path: Path) -> Terminal:
    (tmp_path / "all.yaml").write_text(CATALOG)
    terminal.run("apply", str(tmp_path), "--yes")
    return terminal


def test_whom_it_would_page_is_said_before_it_does(on_call: Terminal) -> None:
    said = on_call.says("drill", "ring")

    assert said.startswith("A ring drill would page ann.\nNobody else: nobody is on call for empty")
    assert "none begins by itself" in said
    assert on_call.says("drill", "list").startswith("No drills yet")


def test_who_did_not_answer_yet_is_listed(on_call: Terminal) -> None:
    assert on_call.says("drill", "ring", "--now").startswith("Paging ann.")

    assert "0 of 1 answered" in on_call.says("drill", "list")
    answer = on_call.json("drill", "list")["drills"][0]["answers"][0]
    assert (answer["person"], answer["is_open"]) == ("ann", True)
    assert "under way" in on_call.refuses("drill", "ring", "--now")
