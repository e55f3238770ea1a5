from datetime import UTC, datetime

import pytest

from resile.app.settings import load_settings
from resile.app.wiring import open_resile
from resile.ports.journal import Delivery
from tests.cli.terminal import Terminal

NAME = "github/shop-with-a-rather-long-name-that-nobody-may-cut"


@pytest.mark.parametrize("columns", [60, 80, 200])
def test_addresses_of_doors_are_whole_at_any_width(terminal: Terminal, columns: int) -> None:
    terminal.run("door", "add", "github", "--name", NAME.removeprefix("github/"), "--service", "checkout")

    said = terminal.is_wide(columns).says("door", "list")

    assert f"/doors/{NAME}" in said
    assert "checkout" in said
    assert "never" in said
    assert max(len(line.rstrip()) for line in said.splitlines()) <= max(columns, len(NAME) + 12)


@pytest.mark.parametrize("columns", [60, 200])
def test_a_thousand_entries_are_listed_with_whole_names_and_instants(terminal: Terminal, columns: int) -> None:
    at = datetime(2024, 5, 1, 12, tzinfo=UTC)
    with open_resile(load_settings(data=terminal.folder)) as resile:
        sent = [
            resile.journal.submit(Delivery(door=NAME, id=str(n), received_at=at, headers={}, body=b"{}"))
            for n in range(1_000)
        ]
        for one in sent:
            one.result()

    said = terminal.is_wide(columns).says("journal", "list", "--limit", "1000")

    assert said.count(NAME) == 1_000
    assert said.count("2024-05-01 12:00:00") == 1_000
    assert said.count("waiting") == 1_000
