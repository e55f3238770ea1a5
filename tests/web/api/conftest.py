"""The real application on the real store, with some months of simulated incidents."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import structlog
from argon2 import PasswordHasher
from fastapi import FastAPI

from resile.app.passwords import Passwords
from resile.app.settings import Settings
from resile.app.wiring import Resile, open_resile
from resile.model.draft import incident_id_of
from resile.model.history import record_history
from resile.ports.timeline_store import Append
from resile.testing.history import simulated_year
from resile.testing.simulated_clock import SimulatedClock
from resile.web.server import create_app

from .visitor import Visitor

NOW = datetime(2024, 4, 1, 12, tzinfo=UTC)
# As cheap as argon2 lets it be.
PASSWORDS = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


@pytest.fixture(autouse=True)
def _logs_to_this_test() -> None:
    """A command line that ran in an earlier test has sent the logs to its standard error, which is closed by now."""
    structlog.reset_defaults()


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock(NOW)


@pytest.fixture
def resile(tmp_path: Path, fresh_data: Callable[[Path], Path], clock: SimulatedClock) -> Iterator[Resile]:
    with open_resile(Settings(data=fresh_data(tmp_path)), clock=clock) as opened:
        yield opened


@pytest.fixture
def app(resile: Resile) -> FastAPI:
    return create_app(resile, passwords=PASSWORDS)


@pytest.fixture
def visitor(app: FastAPI) -> Visitor:
    return Visitor(app)


@pytest.fixture
def filled(resile: Resile) -> Resile:
    """A store with 120 incidents of a simulated year."""
    drafts = list(simulated_year(NOW, np.random.default_rng(1), n=120))
    resile.timelines.append(
        [
            Append(incident_id_of(each.origin, each.ref), 0, tuple(record_history(each, [], now=NOW, by="import:x")))
            for each in drafts
        ]
    )
    return resile
