"""A world for each test."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from resile.app.settings import load_settings
from resile.app.wiring import open_resile
from resile.testing.loopback_smtp import LoopbackSmtp
from resile.testing.simulated_clock import SimulatedClock
from resile.testing.webhook_sink import WebhookSink

from .world import ADDRESS, NOW, World

Begin = Callable[..., World]


@pytest.fixture
def begin(tmp_path: Path, fresh_data: Callable[[Path], Path]) -> Iterator[Begin]:
    """Opens a world with some settings more."""
    with ExitStack() as opened:
        yield lambda **settings: opened.enter_context(_world(fresh_data(tmp_path / "data"), **settings))


@contextmanager
def _world(data: Path, **settings: object) -> Iterator[World]:
    with LoopbackSmtp() as mail, WebhookSink() as hook:
        channels = {
            "email": {"host": "127.0.0.1", "port": mail.port, "tls": "none", "from": "Status <status@example.org>"}
        }
        given = load_settings(
            data=data, base_url=ADDRESS, channels=channels, allowed_addresses=["127.0.0.1"], **settings
        )
        clock = SimulatedClock(NOW)
        with open_resile(given, clock=clock) as resile:
            yield World(resile, clock, mail, hook)


@pytest.fixture
def world(begin: Begin) -> World:
    """One with the usual settings."""
    return begin()
