"""The log of the doors does not grow with each refusal."""

import asyncio
import sqlite3
from collections import Counter
from pathlib import Path

import pytest
import structlog
from structlog.testing import capture_logs

from resile.app.few_lines import FIRST
from resile.web.doors.refusal_log import RefusalLog
from tests.web.doors.world import served

N = 3 * FIRST


def test_strangers_who_are_refused_are_said_a_few_times_and_then_counted(tmp_path: Path) -> None:
    structlog.reset_defaults()
    with capture_logs() as logs, served(tmp_path / "data") as world:
        world.door("prometheus")
        for number in range(N):
            refused = world.post("/doors/prometheus/api/v2/alerts", b"[]", authorization=f"Bearer {number}")
            assert refused.status_code == 401
        assert world.post("/doors/nothing", b"[]").status_code == 404

    said = Counter(log["status"] for log in logs if log["event"] == "request answered")
    assert said == {401: FIRST, 404: 1}
    (left_out,) = [log for log in logs if log["event"] == "lines left out"]
    assert (left_out["said"], left_out["door"], left_out["how"]) == ("request answered", "prometheus", "401")
    assert left_out["n"] == N - FIRST


def test_journal_that_cannot_be_written_fills_no_log(tmp_path: Path) -> None:
    with served(tmp_path / "data") as world:
        secret = world.door("prometheus")
    journal = tmp_path / "data/journal.sqlite3"
    with sqlite3.connect(journal) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    structlog.reset_defaults()

    with capture_logs() as logs, served(tmp_path / "data") as world:
        for _ in range(N):
            answer = world.post("/doors/prometheus/api/v2/alerts", b"[]", authorization=f"Bearer {secret}")
            assert answer.status_code == 503

    events = Counter(log["event"] for log in logs)
    assert events["delivery not taken"] == events["request answered"] == FIRST
    assert {log["n"] for log in logs if log["event"] == "lines left out"} == {N - FIRST}
    assert events["lines left out"] == 2


def test_what_was_left_out_is_said_once_a_minute_while_it_lasts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resile.web.doors.refusal_log.EVERY_S", 0.05)
    structlog.reset_defaults()

    async def story() -> None:
        log = RefusalLog()
        for _ in range(2):
            for _ in range(N):
                log.failed("delivery not taken", kind="github", error=OSError("full"), path="/doors/github")
            # Timers of one loop come in their order.
            is_later = asyncio.Event()
            asyncio.get_running_loop().call_later(0.06, is_later.set)
            await is_later.wait()

    with capture_logs() as logs:
        asyncio.run(story())

    assert [one["n"] for one in logs if one["event"] == "lines left out"] == [N - FIRST, N]
