"""Folders with the incidents that the commands are tried on."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from resile.app.import_history import import_history
from resile.app.settings import load_settings
from resile.app.wiring import open_resile
from resile.ports.source import Place, Taken
from resile.testing.history import simulated_year
from resile.testing.simulated_clock import SimulatedClock
from tests.cli.terminal import Terminal

YEAR_ENDS = datetime(2025, 1, 1, tzinfo=UTC)


@pytest.fixture
def terminal(tmp_path: Path, fresh_data: Callable[[Path], Path], monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """A terminal over a data folder with nothing in it yet."""
    return Terminal(fresh_data(tmp_path / "data"), monkeypatch)


@pytest.fixture(scope="session")
def year_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a simulated 2024; for reading only."""
    folder = tmp_path_factory.mktemp("year")
    drafts = simulated_year(YEAR_ENDS, np.random.default_rng(4), n=240)
    readings = [Taken(draft, Place("simulated year", row)) for row, draft in enumerate(drafts, start=1)]
    clock = SimulatedClock(YEAR_ENDS)
    with open_resile(load_settings(data=folder), clock=clock) as resile:
        import_history(readings, timelines=resile.timelines, facts=resile.facts, clock=clock)
    return folder


@pytest.fixture
def year(year_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """A terminal over a simulated 2024."""
    return Terminal(year_folder, monkeypatch)
