"""Playbooks in the terminal: kept byte for byte, checked by file and line, opened for incidents."""

import os
from datetime import date
from pathlib import Path

import pytest

from resile.app.playbook_lint import lint_files
from resile.app.playbook_sample import PLAYBOOK_EXAMPLE

from .terminal import Terminal

NAME = "checkout-errors"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    playbooks = tmp_path / "catalog" / "playbooks"
    playbooks.mkdir(parents=True)
    (playbooks / f"{NAME}.md").write_bytes(PLAYBOOK_EXAMPLE.encode())
    (playbooks / "README.md").write_text("Our playbooks.")
    (tmp_path / "catalog" / "teams.yaml").write_text("kind: team\nname: payments\n")
    return tmp_path / "catalog"


def test_text_goes_in_and_out_byte_for_byte(terminal: Terminal, folder: Path, tmp_path: Path) -> None:
    text = PLAYBOOK_EXAMPLE.replace("\n", "\r\n") + "no line end: é"
    (folder / "playbooks" / f"{NAME}.md").write_bytes(text.encode())

    assert f"+++ playbooks/{NAME}.md" in terminal.says("apply", str(folder), "--yes")
    terminal.run("export", str(tmp_path / "out"))

    assert (tmp_path / f"out/catalog/playbooks/{NAME}.md").read_bytes() == text.encode()
    assert "The catalog is as" in terminal.says("apply", str(tmp_path / "out/catalog"))


def test_files_are_looked_through_by_line_and_the_exit_code_says_how_bad(terminal: Terminal, folder: Path) -> None:
    path = folder / "playbooks" / f"{NAME}.md"
    terminal.run("playbook", "lint", str(folder), code=0)
    path.write_text(PLAYBOOK_EXAMPLE.replace("owner: payments\n", ""))
    said = terminal.run("playbook", "lint", str(path), code=1).stdout
    assert f"mend    {path}:1  nobody owns it; add owner: and the name of a team" in said
    assert "1 playbook, 1 thing to mend." in said
    path.write_text(PLAYBOOK_EXAMPLE.replace(" timeout=20s", ""))
    said = terminal.run("playbook", "lint", str(folder), code=2).stdout
    assert f"unsafe  {path}:20  step 'last-deploys' has no timeout; add timeout=20s" in said
    assert "line 20: step 'last-deploys' has no timeout" in terminal.refuses("apply", str(folder), "--yes")
    (folder / "playbooks" / "Not A Name.md").write_bytes(b"\xff")
    said = terminal.run("playbook", "lint", str(folder), code=2).stdout
    assert "Not A Name.md:1  playbook 'Not A Name' cannot be used as a name; use 1 to 64 small letters" in said
    assert "Not A Name.md:1  line 1: this is no UTF-8; save the file as UTF-8" in said
    assert f"{path}:20" in said


def test_catalog_is_looked_through_with_its_links_and_owners(terminal: Terminal, folder: Path) -> None:
    (folder / "teams.yaml").write_text("kind: team\nname: payment\n")
    (folder / "elsewhere.md").write_text("---\nplaybook: elsewhere\n---\nSee [it](playbooks/checkout-errors.md).\n")
    terminal.run("apply", str(folder), "--yes")

    said = terminal.run("playbook", "lint", code=1).stdout
    assert f"mend    {NAME}:5  its owner payments is no team of the catalog; did you mean payment?" in said
    assert "leads nowhere" not in said
    assert "there is no playbook 'roof'" in terminal.refuses("playbook", "lint", "roof")


def test_playbook_is_listed_shown_and_opened(terminal: Terminal, folder: Path) -> None:
    assert "resile playbook show --example" in " ".join(terminal.says("playbook", "list").split())
    assert terminal.says("playbook", "show", "--example") == PLAYBOOK_EXAMPLE
    terminal.run("apply", str(folder), "--yes")
    terminal.run("incident", "declare", "Checkout fails", "--service", "checkout")

    said = terminal.says("playbook", "list")
    assert f"{NAME}  Checkout error rate is high" in said
    assert "opened 0 times, used 0 times" in said
    assert terminal.says("playbook", "show", NAME) == PLAYBOOK_EXAMPLE
    assert "no version 2 of playbook" in terminal.refuses("playbook", "show", NAME, "--version", "2")
    assert "no playbook fits incident INC-1; name one" in terminal.refuses("playbook", "open", "INC-1")
    opened = terminal.says("playbook", "open", "INC-1", NAME)
    assert opened == f"Playbook {NAME} is open for INC-1: somebody chose it.\n"
    (row,) = terminal.json("playbook", "list")
    assert (row["effect"]["n_opened"], row["effect"]["n_used"], row["n_steps"]) == (1, 1, {"read": 2, "change": 2})
    assert terminal.json("playbook", "show", NAME)["playbook"]["steps"][0]["timeout"] == "PT20S"


def test_example_of_the_how_to_is_the_one_that_is_printed() -> None:
    page = Path(__file__).parents[2] / "docs/how-to/playbooks.md"

    assert page.read_text(encoding="utf-8").split("````")[1].removeprefix("markdown\n") == PLAYBOOK_EXAMPLE


def test_folder_is_looked_through_where_there_is_no_catalog(folder: Path, tmp_path: Path, terminal: Terminal) -> None:
    elsewhere = Terminal(tmp_path / "nothing", pytest.MonkeyPatch())

    elsewhere.run("playbook", "lint", str(folder), code=0)
    assert not (tmp_path / "nothing").exists()


def test_a_pipe_among_playbooks_is_told_of_and_not_waited_for(folder: Path) -> None:
    os.mkfifo(folder / "playbooks/pipe.md")

    [told] = [one for one in lint_files(folder, teams=None, today=date(2026, 3, 4)) if one.name == "pipe"]

    assert [fault.what for fault in told.faults] == ["is no file"]
