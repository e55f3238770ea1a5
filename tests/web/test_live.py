"""The stream of what happens, on a real socket."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import pytest

from resile.app.incidents import command_incident, declare
from resile.app.settings import Settings
from resile.app.wiring import Resile, open_resile
from resile.model.lifecycle import Declare, Note
from resile.testing.simulated_clock import SimulatedClock
from tests.web.pages.conftest import served

NOW = datetime(2024, 4, 1, 12, tzinfo=UTC)
PATIENCE_S = 30


@pytest.fixture
def resile(tmp_path: Path, fresh_data: Callable[[Path], Path]) -> Iterator[Resile]:
    with open_resile(Settings(data=fresh_data(tmp_path)), clock=SimulatedClock(NOW)) as opened:
        yield opened


@pytest.fixture
def address(resile: Resile) -> Iterator[str]:
    with served(resile) as found:
        yield found


@contextmanager
def listening(address: str, asked: str = "", **headers: str) -> Iterator[Iterator[dict[str, str]]]:
    """Events one by one, comments left out."""
    url = f"{address}/api/v1/stream{asked}"
    with httpx2.stream("GET", url, timeout=PATIENCE_S, headers=headers) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield _events(answer.iter_lines())


def _events(lines: Iterator[str]) -> Iterator[dict[str, str]]:
    event: dict[str, str] = {}
    for line in lines:
        if line.startswith(":"):
            continue
        if line:
            name, _, value = line.partition(": ")
            event[name] = value
        elif event:
            yield event
            event = {}


def kinds(events: Iterator[dict[str, str]], n: int) -> list[str]:
    return [json.loads(next(events)["data"])["kind"] for _ in range(n)]


def test_what_happens_is_told_at_once_to_everybody(resile: Resile, address: str) -> None:
    with listening(address) as ann, listening(address) as bob:
        assert (next(ann)["event"], next(bob)["event"]) == ("start", "start")

        incident_id = declare(resile, Declare(title="x"), by="user:ann").incident.id

        told = [next(ann), next(ann)]
        assert [json.loads(one["data"])["kind"] for one in told] == ["declared", "detected"]
        assert json.loads(told[0]["data"])["incident_id"] == incident_id
        assert kinds(bob, 2) == ["declared", "detected"]


def test_who_comes_back_with_the_last_id_misses_nothing_and_hears_nothing_twice(resile: Resile, address: str) -> None:
    with listening(address) as events:
        next(events)
        incident_id = declare(resile, Declare(title="x"), by="user:ann").incident.id
        last = [next(events), next(events)][-1]["id"]
    command_incident(resile, incident_id, Note("while nobody listened"), by="user:ann")

    with listening(address, "?lasts=0", **{"last-event-id": last}) as events:
        assert next(events)["event"] == "start"
        assert kinds(events, 1) == ["noted"]
        assert list(events) == []


def test_all_that_ever_happened_can_be_read_from_the_beginning(resile: Resile, address: str) -> None:
    for _ in range(400):
        declare(resile, Declare(title="x"), by="user:ann")

    with listening(address, "?after=0&lasts=0") as events:
        next(events)
        seqs = [json.loads(one["data"])["seq"] for one in events]

    assert len(seqs) == 800
    assert seqs == sorted(set(seqs))


@pytest.mark.parametrize("asked", ["?after=-1", "?after=x", "?lasts=601", f"?after={'9' * 40}"])
def test_nonsense_is_refused(resile: Resile, address: str, asked: str) -> None:
    answer = httpx2.get(f"{address}/api/v1/stream{asked}", timeout=PATIENCE_S)

    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
    del resile


@pytest.mark.parametrize("last", ["x", "-1", "9" * 25, "\xb2"])
def test_a_last_id_that_is_none_is_refused(resile: Resile, address: str, last: str) -> None:
    answer = httpx2.get(
        f"{address}/api/v1/stream", headers={"last-event-id": last.encode("latin-1")}, timeout=PATIENCE_S
    )

    assert answer.status_code == 400
    del resile


def test_more_watchers_than_may_are_told_to_ask_otherwise(
    resile: Resile, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resile.web.live.MAX_WATCHERS", 1)
    with listening(address) as events:
        next(events)

        answer = httpx2.get(f"{address}/api/v1/stream", timeout=PATIENCE_S)

    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "10"
    del resile


def test_who_comes_with_an_id_from_beyond_the_end_hears_what_follows(resile: Resile, address: str) -> None:
    incident_id = declare(resile, Declare(title="x"), by="user:ann").incident.id
    with listening(address, "?after=1000") as events:
        next(events)
        command_incident(resile, incident_id, Note("after a backup was put back"), by="user:ann")

        assert kinds(events, 1) == ["noted"]


def test_silence_is_broken_so_that_a_reader_knows_that_somebody_speaks(
    resile: Resile, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resile.web.live.BEAT_EVERY_S", 0.05)
    with listening(address) as events:
        assert [next(events)["event"] for _ in range(3)] == ["start", "beat", "beat"]
    del resile
