"""The tutorial, done as it is written."""

import json
import re
from pathlib import Path

import pytest

from tests.e2e.program import Program

PAGE = Path(__file__).parents[2] / "docs/tutorial/first-report.md"


def blocks(language: str) -> list[str]:
    """The page's fenced blocks of a language, in order."""
    text = PAGE.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Program:
    """Every command of the page, pasted one block after the other; only to be looked at afterwards."""
    program = Program(tmp_path_factory.mktemp("tutorial"))
    (program.folder / "outages.csv").write_text(blocks("csv")[0], encoding="utf-8")
    commands = blocks("sh")
    at = next(n for n, block in enumerate(commands) if "--guess" in block)
    for block in commands[: at + 1]:
        program.shell(block)
    (program.folder / "outages.yaml").write_text(blocks("yaml")[0], encoding="utf-8")
    for block in commands[at + 1 :]:
        program.shell(block)
    return program


def test_tutorial_leads_to_a_report_with_the_promised_figures(done: Program) -> None:
    report = json.loads((done.folder / "report.json").read_text(encoding="utf-8"))

    assert report["excluded"]["planned"] == 1
    assert report["excluded"]["contradictory"] == 1
    assert report["overall"]["n_restored"] == 11
    assert report["overall"]["n_open"] == 1
    by_service = {group["key"]["service"]: group for group in report["groups"]}
    # 37, 43 and 51 minutes for login.
    assert by_service["login"]["median_s"] == 43 * 60
    assert by_service["search"]["n_open"] == 1


def test_tutorial_leads_to_documents_that_can_be_handed_on(done: Program) -> None:
    html = (done.folder / "report.html").read_text(encoding="utf-8")
    pdf = (done.folder / "report.pdf").read_bytes()

    assert "search" in html
    assert not re.search(r"""(src|href)=["']https?://(?!www\.w3\.org)""", html)
    assert pdf.startswith(b"%PDF-")


def test_proposed_mapping_reads_the_history_too(program: Program) -> None:
    (program.folder / "outages.csv").write_text(blocks("csv")[0], encoding="utf-8")
    proposed = program.run("import", "table", "outages.csv", "--guess").stdout
    (program.folder / "guess.yaml").write_text(proposed, encoding="utf-8")

    program.run("import", "table", "outages.csv", "--mapping", "guess.yaml")

    overall = program.json("report", "restore")["overall"]
    assert overall["n_restored"] >= 11
    assert overall["n_open"] == 1
