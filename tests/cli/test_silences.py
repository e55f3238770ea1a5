"""Silences from the terminal."""

from pathlib import Path

import pytest

from tests.cli.terminal import Terminal


def test_silence_is_made_listed_and_ended(terminal: Terminal) -> None:
    assert terminal.says("silence", "list") == "No silence holds, or is to.\n"

    said = terminal.says("silence", "add", "service=shop", "host=~db-.*", "--for", "2h", "--because", "deploy")

    assert "mutes service=shop, host=~db-.* from" in said
    made = said.split()[1]
    listed = terminal.is_wide(200).says("silence", "list")
    assert made in listed
    assert "deploy" in listed
    assert "command line" in listed
    assert terminal.says("silence", "end", made) == f"Silence {made} mutes nothing any more.\n"
    assert terminal.says("silence", "list") == "No silence holds, or is to.\n"
    assert "ended" in terminal.says("silence", "list", "--all")


def test_silence_as_json(terminal: Terminal) -> None:
    made = terminal.json(
        "silence", "add", "env=test", "--every", "sat 02:00-04:00", "--zone", "Europe/Berlin", "--because", "backup"
    )

    assert (made["every"], made["zone"], made["ends_at"]) == ("sat 02:00-04:00", "Europe/Berlin", None)
    assert terminal.json("silence", "list") == [made]
    assert terminal.json("silence", "end", made["id"])["ended_by"] == "command line"
    assert terminal.json("silence", "list") == []


def test_silence_for_a_person_of_the_catalog(terminal: Terminal, tmp_path: Path) -> None:
    (tmp_path / "catalog").mkdir()
    (tmp_path / "catalog/ann.yaml").write_text("kind: person\nname: ann\n")
    terminal.says("apply", str(tmp_path / "catalog"), "--yes")

    made = terminal.json("silence", "add", "env=test", "--for", "3d", "--because", "move", "--by", "ann")

    assert made["by"] == "person:ann"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("add", "shop", "--for", "2h", "--because", "x"), "'shop' is not understood; write service=payments"),
        (("add", "a=b", "--because", "x"), "needs an end"),
        (("add", "a=b", "--for", "soon", "--because", "x"), "length 'soon' is not understood"),
        (("add", "a=b", "--for", "2h", "--because", ""), "needs a reason"),
        (("add", "a=~(", "--for", "2h", "--because", "x"), "pattern '(' of a cannot be read"),
        (("add", "a=b", "--every", "now and then", "--because", "x"), "write sat 02:00-04:00"),
        (("end", "nope"), "no silence 'nope' holds"),
    ],
)
def test_what_cannot_be_meant_is_one_sentence(terminal: Terminal, arguments: tuple[str, ...], says: str) -> None:
    assert says in terminal.refuses("silence", *arguments)
