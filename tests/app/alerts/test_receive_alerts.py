"""Alerts and signs of life that wait in the journal reach incidents and pages."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from resile.app.access import LOCAL
from resile.app.alerts import AlertQuestions
from resile.app.receive import receiver_of
from resile.app.settings import Settings
from resile.app.wiring import Resile, open_resile
from resile.model.alert import Alert, AlertState, Beat
from resile.model.catalog import Kind
from resile.ports.delivery_door import DoorOptions, Understood
from resile.ports.journal import Delivery, Verdict
from resile.testing.simulated_clock import SimulatedClock

START = datetime(2026, 3, 2, 8, tzinfo=UTC)


class Told:
    """A door whose bodies are what they tell, as JSON."""

    def understand(self, delivery: Delivery) -> Understood:
        if delivery.id.startswith("beat"):
            return Understood(beats=(msgspec.json.decode(delivery.body, type=Beat),))
        return Understood(alerts=tuple(msgspec.json.decode(delivery.body, type=list[Alert])))


def told(_kind: str, _options: DoorOptions) -> Told:
    return Told()


@pytest.fixture
def resile(tmp_path: Path, fresh_data: Callable[[Path], Path]) -> Iterator[Resile]:
    with open_resile(Settings(data=fresh_data(tmp_path)), clock=SimulatedClock(START)) as opened:
        person = {"contacts": [{"name": "mail", "channel": "email", "address": "ann@example.org"}]}
        wanted = {
            (Kind.PERSON, "ann"): (person, ""),
            (Kind.POLICY, "default"): ({"steps": [{"page": ["person/ann"]}]}, ""),
        }
        opened.catalog.apply(LOCAL, opened.catalog.changes_to(wanted))
        yield opened


def deliver(resile: Resile, name: str, body: object) -> None:
    resile.journal.append(Delivery(door="test", id=name, received_at=START, body=msgspec.json.encode(body)))


def alert(name: str, second: int = 0, state: AlertState = AlertState.FIRING) -> Alert:
    return Alert(
        door="test",
        fingerprint=name,
        state=state,
        title=name,
        starts_at=START - timedelta(minutes=1),
        told_at=START - timedelta(seconds=60 - second),
        service="shop",
    )


def test_alerts_in_the_journal_become_incidents_and_pages(resile: Resile) -> None:
    deliver(resile, "one", [alert("errors"), alert("latency")])
    deliver(resile, "broken", {"no": "alert"})
    deliver(resile, "two", [alert("errors", 1, AlertState.RESOLVED)])
    receiver = receiver_of(resile, understands=told)

    receiver.process_waiting()

    verdicts = {entry.delivery.id: entry.verdict for entry in resile.journal.entries()}
    assert verdicts == {"one": Verdict.TAKEN, "broken": Verdict.FAILED, "two": Verdict.TAKEN}
    rows = {row.title: row for row in AlertQuestions(resile.paging).listed()}
    assert {name: (row.state, row.incident_id) for name, row in rows.items()} == {
        "errors": ("resolved", "INC-1"),
        "latency": ("firing", "INC-1"),
    }
    assert [page.address for page in resile.paging.messages_of(["INC-1"])] == ["ann@example.org"]


def test_what_the_journal_hands_twice_changes_nothing(resile: Resile) -> None:
    deliver(resile, "one", [alert("errors")])
    deliver(resile, "two", [alert("errors", 1, AlertState.RESOLVED)])
    deliver(resile, "beat", Beat(door="heartbeat/backup", told_at=START, is_ok=False))
    receiver = receiver_of(resile, understands=told)
    receiver.process_waiting()
    before = resile.timelines.last_seq(), AlertQuestions(resile.paging).listed()

    assert resile.journal.replay() == 3
    receiver.process_waiting()

    assert (resile.timelines.last_seq(), AlertQuestions(resile.paging).listed()) == before
