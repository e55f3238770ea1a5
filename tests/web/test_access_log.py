"""Lines of the log: all of them, each whole, in order."""

import asyncio
import io
import json
import sys

import pytest
import structlog

from resile.web.access_log import GatheredLines, loggable
from resile.web.server import log_to_stderr


class Counting(io.StringIO):
    n_writes = 0

    def write(self, text: str) -> int:
        self.n_writes += 1
        return super().write(text)


class Broken(io.StringIO):
    def write(self, _text: str) -> int:
        raise BrokenPipeError


def test_lines_of_one_turn_of_the_loop_are_written_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    written = Counting()
    monkeypatch.setattr(sys, "stderr", written)
    lines = GatheredLines()

    async def story() -> None:
        for turn in range(3):
            for number in range(10):
                lines.info(f"{turn}-{number}")
            await asyncio.sleep(0)

    asyncio.run(story())
    lines.info("after")

    expected = [f"{turn}-{number}" for turn in range(3) for number in range(10)] + ["after"]
    assert written.getvalue().splitlines() == expected
    assert written.n_writes == 4


def test_log_that_nobody_can_read_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", Broken())

    GatheredLines().info("line")


def test_lines_are_json_whatever_is_in_them(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.StringIO()
    monkeypatch.setattr(sys, "stderr", written)
    log_to_stderr()
    try:
        structlog.get_logger().info("asked", path="a\n\udcff\u2028", of=ValueError("x"), number=float("nan"))
    finally:
        structlog.reset_defaults()

    (line,) = written.getvalue().splitlines()
    assert json.loads(line)["event"] == "asked"


@pytest.mark.parametrize(
    ("path", "logged"),
    [
        ("/answer/secret", "/answer/…"),
        ("/act/secret/and/more", "/act/…"),
        ("//answer/secret", "//answer/…"),
        ("/resile/act/secret/answer/x", "/resile/act/…"),
        ("/feeds/secret.ics", "/feeds/…"),
        ("/answer", "/answer"),
        ("/answers/x", "/answers/x"),
        ("/incidents/INC-1", "/incidents/INC-1"),
    ],
)
def test_a_path_is_logged_without_the_secret_in_it(path: str, logged: str) -> None:
    assert loggable(path) == logged
