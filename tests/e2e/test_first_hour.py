"""A new user's first hour: import, report, look, stop."""

import json
import signal
import sqlite3
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from tests.e2e.program import Program

HISTORY = """\
ref,summary,began,over,system,priority
A-1,Checkout fails,2026-01-06T09:00:00Z,2026-01-06T09:30:00Z,checkout,1
A-2,Search is slow,2026-01-07T09:00:00Z,2026-01-07T11:00:00Z,search,3
A-3,Search is slow,2026-01-08T09:00:00Z,2026-01-08T10:00:00Z,search,3
A-4,Broken row,yesterday,2026-01-08T10:00:00Z,search,3
"""
MAPPING = """\
id: ref
title: summary
detected: began
restored: over
service: system
severity: {column: priority, values: {"1": SEV1, "3": SEV3}}
"""
PASSWORD = "four words make one"  # noqa: S105 - of nobody
PAGES = (
    "/",
    "/restore",
    "/incidents",
    "/incidents/own:A-1",
    "/api/v1/report/restore",
    "/api/v1/openapi.json",
    "/healthz",
)


@pytest.fixture(scope="module")
def imported_once(tmp_path_factory: pytest.TempPathFactory) -> Program:
    """A small history with one bad row, imported."""
    program = Program(tmp_path_factory.mktemp("imported"))
    (program.folder / "own.csv").write_text(HISTORY, encoding="utf-8")
    (program.folder / "own.yaml").write_text(MAPPING, encoding="utf-8")
    # Exit code 1: some rows were refused, the rest was taken.
    done = program.run("import", "table", "own.csv", "--mapping", "own.yaml", "--name", "own", code=1)
    assert "own.csv.refused.csv" in done.stdout
    return program


@pytest.fixture
def imported(imported_once: Program, tmp_path: Path) -> Program:
    """The same once more, to do with it what one likes."""
    return imported_once.copied_to(tmp_path)


@pytest.fixture(scope="module")
def up(imported_once: Program, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Program, str]]:
    """The same once more, served, and at what address."""
    program = imported_once.copied_to(tmp_path_factory.mktemp("up"))
    with program.serving("up") as server:
        yield program, server.address


def get(address: str) -> tuple[int, str]:
    """Status and body."""
    try:
        with urllib.request.urlopen(address, timeout=30) as answer:  # noqa: S310 - an address that resile printed
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_bad_row_is_told_with_its_place_and_can_be_mended_and_imported(imported: Program) -> None:
    refused = imported.folder / "own.csv.refused.csv"
    text = refused.read_text(encoding="utf-8")
    assert "A-4" in text
    assert "A-1" not in text

    refused.write_text(text.replace("yesterday", "2026-01-08T08:00:00Z"), encoding="utf-8")
    imported.run("import", "table", refused.name, "--mapping", "own.yaml", "--name", "own")

    assert imported.json("report", "restore")["overall"]["n_restored"] == 4


def test_report_in_the_terminal_leads_with_the_median_and_names_every_group(imported: Program) -> None:
    shown = imported.run("report", "restore", "--by", "service").stdout

    assert "checkout" in shown
    assert "search" in shown
    assert "60 min" in shown


def test_report_as_json_is_one_object_with_the_figures(imported: Program) -> None:
    report = imported.json("report", "restore", "--by", "severity")

    assert report["overall"]["median_s"] == 3600
    assert report["overall"]["mean_s"] == 4200
    assert {group["key"]["severity"]: group["n_restored"] for group in report["groups"]} == {"SEV1": 1, "SEV3": 2}


def test_every_page_answers_and_the_interface_returns_the_command_lines_json(up: tuple[Program, str]) -> None:
    program, address = up

    answers = {path: get(address + path)[0] for path in PAGES}
    report = json.loads(get(address + "/api/v1/report/restore?by=severity")[1])

    assert answers == dict.fromkeys(PAGES, 200)
    assert report == program.json("report", "restore", "--by", "severity")


def test_nonsense_in_an_address_gives_a_page_that_says_what_was_not_understood(up: tuple[Program, str]) -> None:
    status, page = get(up[1] + "/restore?from=yesterdayish&clock=cuckoo")

    assert status < 500
    assert "yesterdayish" in page
    assert "cuckoo" in page


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_server_says_where_it_is_ready_ends_cleanly_and_leaves_the_data_whole(
    imported: Program, how: signal.Signals
) -> None:
    with imported.serving("up") as server:
        assert get(server.address + "/healthz") == (200, "ok\n")
        code = server.stop(how)
        server.drain()

    ready, link, *logs = server.said.splitlines()
    assert code == 0
    assert ready == f"resile is ready: {server.address}/"
    assert f"{server.address}/setup#" in link
    assert [json.loads(line)["event"] for line in logs] == ["request answered"]
    with sqlite3.connect(imported.folder / "data/resile.db") as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_an_import_while_the_server_runs_shows_on_its_pages(up: tuple[Program, str]) -> None:
    program, address = up
    before = json.loads(get(address + "/api/v1/report/restore")[1])
    more = HISTORY.splitlines()[0] + "\nA-9,Login fails,2026-01-09T09:00:00Z,2026-01-09T09:10:00Z,login,1\n"
    (program.folder / "more.csv").write_text(more, encoding="utf-8")
    program.run("import", "table", "more.csv", "--mapping", "own.yaml", "--name", "own")

    after = json.loads(get(address + "/api/v1/report/restore")[1])

    assert after["overall"]["n_restored"] == before["overall"]["n_restored"] + 1


def test_an_empty_folder_teaches_instead_of_failing(program: Program) -> None:
    assert program.json("report", "restore")["overall"]["n_restored"] == 0
    with program.serving("up") as server:
        status, page = get(server.address + "/")

    assert status == 200
    assert "resile import" in page


@pytest.mark.browser
def test_first_admin_is_made_through_the_printed_link_once_and_then_everybody_logs_in(
    imported: Program, chromium_path: str
) -> None:
    with imported.serving("up") as server, sync_playwright() as playwright:
        link = server.wait_for(r"http://\S+/setup#\S+")
        browser = playwright.chromium.launch(executable_path=chromium_path)
        page = browser.new_page()
        page.set_default_timeout(90_000)
        page.goto(link)
        page.get_by_label("Name").fill("ann")
        page.get_by_label("Password").first.fill(PASSWORD)
        page.get_by_role("button", name="Make the admin").click()
        page.goto(server.address + "/incidents")
        seen_by_ann = page.content()
        stranger = browser.new_context().new_page()
        stranger.goto(server.address + "/incidents")
        seen_by_stranger = stranger.content()
        address_of_stranger = stranger.url
        page.goto(link)
        address_of_used_link = page.url
        browser.close()
        server.stop(signal.SIGTERM)
        server.drain()
    with imported.serving("up") as again:
        again.stop(signal.SIGTERM)
        again.drain()

    assert "Checkout fails" in seen_by_ann
    assert "/login" in address_of_stranger
    assert "Checkout fails" not in seen_by_stranger
    assert "/setup" not in address_of_used_link
    assert server.said.count(link.rpartition("#")[2]) == 1
    assert PASSWORD not in server.said
    assert again.said == f"resile is ready: {again.address}/\n"
