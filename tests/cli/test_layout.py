"""What the terminal shows when there is little room, and when names would rather be obeyed than read."""

import json
from pathlib import Path

import pytest

from tests.cli.terminal import Terminal

LONG = "a name of many words that no column of a terminal holds in one line"
ESCAPES = "\x1b[31mred\x1b[0m \x1b]0;owned\x07\x9b2J"
HARMLESS = "[31mred[0m ]0;owned2J"


def declared(terminal: Terminal, title: str, service: str) -> None:
    done = terminal.run("incident", "declare", title, "--service", service, "--at", "2024-03-01T10:00Z")
    terminal.run("incident", "restore", done.stdout.split()[0], "--at", "2024-03-01T11:00Z")


@pytest.fixture
def long_names(terminal: Terminal) -> Terminal:
    declared(terminal, LONG, LONG)
    declared(terminal, "短い名前ではない題名がここに入ります" * 3, "日本語のとても長いサービス名前です")
    return terminal


@pytest.mark.parametrize("columns", [60, 80, 120, 200])
@pytest.mark.parametrize(
    "command",
    [
        ("report", "restore", "--by", "service"),
        ("report", "trend", "--every", "month"),
        ("report", "phases", "--by", "service"),
    ],
)
def test_every_column_has_its_head_and_its_figures_however_narrow(
    long_names: Terminal, columns: int, command: tuple[str, ...]
) -> None:
    said = long_names.is_wide(columns).says(*command)

    heads = [line.split() for line in said.splitlines() if "P90" in line and "Median" in line]
    assert heads
    assert all(head[-1] == "n" for head in heads)
    assert "60 min" in said
    assert "…" not in said.replace(" … ", " ")


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_a_long_title_is_cut_and_nothing_else_of_the_row(long_names: Terminal, columns: int) -> None:
    said = long_names.is_wide(columns).says("incident", "list")

    assert said.count("2024-03-01 10:00") == 2
    assert said.count("60 min") == 2
    assert "Severity" in said
    ids = [row["incident_id"] for row in long_names.json("incident", "list")["rows"]]
    assert all(part in said for incident_id in ids for part in (incident_id[:6], incident_id[-2:]))


def test_a_wide_terminal_holds_a_long_id_in_one_line(terminal: Terminal, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("ref,began\nCheckout of the shop (TCP)@1786351227,2024-03-01 10:00\n")
    (tmp_path / "t.yaml").write_text("id: ref\ndetected: began\norigin: checks\n")
    terminal.run("import", "table", str(tmp_path / "t.csv"), "--mapping", str(tmp_path / "t.yaml"))

    said = terminal.is_wide(160).says("incident", "list")

    assert "checks:Checkout of the shop (TCP)@1786351227" in said


def test_the_line_of_periods_is_as_long_as_it_says(year: Terminal) -> None:
    said = year.is_wide(50).says("report", "restore").splitlines()

    at = next(i for i, line in enumerate(said) if line.startswith("Median of each week, the last 30"))
    line, *scale = said[at + 1].split()
    assert len(line) == 30
    assert "–" in "".join(scale)


@pytest.mark.parametrize("command", [("report", "restore", "--by", "service"), ("incident", "list")])
def test_a_name_cannot_command_the_terminal(terminal: Terminal, command: tuple[str, ...]) -> None:
    declared(terminal, ESCAPES, ESCAPES)

    said = terminal.says(*command)

    assert HARMLESS.split(maxsplit=1)[0] in said
    assert not [sign for sign in said if (sign != "\n" and ord(sign) < 32) or 127 <= ord(sign) < 160]


def test_a_name_cannot_command_the_terminal_from_an_incident_or_an_error(terminal: Terminal) -> None:
    declared(terminal, ESCAPES, "checkout")
    (row,) = terminal.json("incident", "list")["rows"]

    shown = terminal.says("incident", "show", row["incident_id"])
    refused = terminal.refuses("incident", "show", ESCAPES)

    assert HARMLESS.split(maxsplit=1)[0] in shown
    assert "\x1b" not in shown + refused


def test_a_row_is_explained_on_one_line_that_commands_nothing(terminal: Terminal, tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text(
        json.dumps({"id": "a\x1b[2Jb", "started": "no\ntime\x1b[2J", "ended": "2024-03-01T11:00Z"}), encoding="utf-8"
    )
    mapping = tmp_path / "mapping.yaml"
    mapping.write_text("id: id\ndetected: started\nrestored: ended\n", encoding="utf-8")

    done = terminal.run("import", "table", str(rows), "--mapping", str(mapping), "--explain", code=1)

    (explained,) = [line for line in done.stdout.splitlines() if line.startswith("rows.jsonl")]
    assert "\x1b" not in done.stdout
    assert "no time" in explained


def test_a_group_whose_name_holds_a_colon_is_named_in_full(terminal: Terminal) -> None:
    declared(terminal, "one", "eu: checkout")

    assert "eu: checkout: fewer than 50 restored" in " ".join(
        terminal.says("report", "restore", "--by", "service").split()
    )


@pytest.mark.parametrize("command", [("incident", "declare", "\udcff"), ("report", "restore", "--service", "a\udcff")])
def test_an_argument_that_is_no_text_is_refused_in_a_sentence(terminal: Terminal, command: tuple[str, ...]) -> None:
    declared(terminal, "one", "checkout")

    assert "no text in this locale" in terminal.refuses(*command)
    assert len(terminal.json("incident", "list")["rows"]) == 1
