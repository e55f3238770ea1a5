"""The heartbeat goes out as long as pages would, and no longer."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from structlog.testing import capture_logs

from resile.app.audit import Audit, OutwardHeartbeat, caller_of
from resile.app.engine import Engine
from resile.app.listening import Listening
from resile.app.notify import Notifier
from resile.app.tick import Ticker
from resile.model.errors import ConfigError, DeliveryError, StoreError
from resile.model.escalation import EscalationState
from resile.ports.journal import Delivery
from resile.ports.paging_store import Changes, Timer, TimerKind
from resile.testing.loopback_http import LoopbackHttp, Reply
from resile.testing.memory_journal import MemoryJournal
from resile.testing.memory_paging import MemoryPagingStore
from resile.testing.memory_store import MemoryTimelineStore
from resile.testing.paging_model import START, escalation, message
from resile.testing.simulated_clock import SimulatedClock

ALIVE = {"ticking": 0.4, "sending": 0.1}


class World:
    """Stores in memory, and an audit over them."""

    def __init__(self) -> None:
        self.clock = SimulatedClock(START)
        self.timelines = MemoryTimelineStore()
        self.paging = MemoryPagingStore(self.timelines)
        self.journal = MemoryJournal()
        self.silent: dict[str, float] = dict(ALIVE)
        self.audit = Audit(self.paging, self.journal, self.clock, silent_s=lambda: self.silent, folder=Path())

    def late(self, minutes: float) -> list[str]:
        self.clock.advance(timedelta(minutes=minutes))
        return self.audit.troubles()


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def site() -> Iterator[LoopbackHttp]:
    with LoopbackHttp() as opened:
        yield opened


def test_it_does_not_pass_on_a_disk_without_room_though_nothing_is_late(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resile.app.room.ENOUGH_BYTES", 2**62)

    assert world.audit.troubles() == ["the disk is nearly full"]


def test_it_passes_while_nothing_is_late(world: World) -> None:
    world.paging.commit(
        Changes(
            messages=(message("a", incident_id="INC-1"),),
            escalations=(escalation("INC-1"),),
            timers=(Timer(kind=TimerKind.ESCALATION, subject="INC-1", due_at=START),),
        )
    )

    assert world.late(1.9) == []


def test_a_timer_that_is_late_fails_it(world: World) -> None:
    world.paging.commit(Changes(timers=(Timer(kind=TimerKind.ALERT, subject="x", due_at=START),)))

    assert world.late(2.1) == ["a timer is overdue"]


def test_a_page_that_waits_fails_it_unless_its_incident_pages_nobody_any_more(world: World) -> None:
    world.paging.commit(Changes(messages=(message("a", incident_id="INC-1"),), escalations=(escalation("INC-1"),)))
    assert world.late(2.1) == ["a message is overdue"]

    taken = escalation("INC-1", version=2, state=EscalationState.ACKNOWLEDGED)
    world.paging.commit(Changes(escalations=(taken,)))

    assert world.audit.troubles() == []


def test_a_message_whose_sender_died_fails_it(world: World) -> None:
    world.paging.commit(Changes(messages=(message("a"),)))
    until = START + timedelta(seconds=40)
    assert world.paging.claim_messages(now=START, until=until, by="who dies", limit=1)

    assert world.late(1) == []
    assert world.late(2) == ["a message is overdue"]


def test_a_journal_that_does_not_move_fails_it(world: World) -> None:
    world.journal.append(Delivery(door="alertmanager", id="1", received_at=START, body=b"{}"))

    assert world.late(2.1) == ["the journal does not move"]


@pytest.mark.parametrize("silent", [{}, {"ticking": 31.0, "sending": 0.0}])
def test_a_loop_that_stands_still_fails_it(world: World, silent: dict[str, float]) -> None:
    world.silent = silent

    assert "the ticking loop stands still" in world.audit.troubles()


def test_stores_that_cannot_be_read_fail_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise StoreError("the disk is gone; bring it back")

    monkeypatch.setattr(world.paging, "next_timer_at", fail)

    assert world.audit.troubles() == ["the stores cannot be read (the disk is gone; bring it back)"]


def test_the_address_is_called_only_when_the_audit_passes_and_the_reason_is_said_once(site: LoopbackHttp) -> None:
    troubles: list[str] = []
    call = caller_of(f"{site.address}/ping/secret", allowed=["127.0.0.1"])
    heart = OutwardHeartbeat(lambda: troubles, call, every=timedelta(minutes=1))

    with capture_logs() as logs:
        assert heart.beat()
        troubles.append("a timer is overdue")
        assert not heart.beat()
        assert not heart.beat()
        troubles.clear()
        assert heart.beat()

    assert [request.path for request in site.requests] == ["/ping/secret"] * 2
    assert [(log["event"], log.get("why")) for log in logs] == [
        ("heartbeat held back", ["a timer is overdue"]),
        ("heartbeat goes out again", None),
    ]


def test_an_address_that_does_not_answer_disturbs_nothing_and_its_secret_is_not_logged(site: LoopbackHttp) -> None:
    heart = OutwardHeartbeat(
        list, caller_of(f"{site.address}/ping/secret", allowed=["127.0.0.1"]), every=timedelta(minutes=1)
    )
    site.fails = [Reply(status=500), Reply(status=302, headers={"location": "http://127.0.0.1/secret"})]

    with capture_logs() as logs:
        assert not heart.beat()
        assert not heart.beat()
        assert heart.beat()

    assert "secret" not in str(logs)


def test_a_fault_of_its_own_does_not_end_it() -> None:
    def fail() -> list[str]:
        raise ZeroDivisionError

    assert not OutwardHeartbeat(fail, lambda: None, every=timedelta(minutes=1)).beat()


def test_an_address_inside_our_own_network_is_refused_unless_it_is_allowed(site: LoopbackHttp) -> None:
    with pytest.raises(ConfigError, match="allowed_addresses"):
        caller_of("http://169.254.169.254/latest/meta-data", allowed=[])
    inside = caller_of(f"{site.address.replace('127.0.0.1', 'localhost')}/ping", allowed=[])
    with pytest.raises(DeliveryError):
        inside()
    assert site.requests == []


def test_the_engines_loops_say_that_they_turn(world: World) -> None:
    handlers: dict[TimerKind, Any] = {}
    ticker = Ticker(world.paging, world.clock, handlers, by="a")
    notifier = Notifier(world.paging, world.timelines, world.clock, {}, links=None, by="a")
    engine = Engine(world.paging, world.clock, ticker, notifier, listening=Listening(world.clock.now()))
    assert engine.silent_s() == {}

    engine.start()
    began = monotonic()
    first = dict(engine._turned_at)
    try:
        while any(engine._turned_at[loop] <= at for loop, at in first.items()):
            assert monotonic() - began < 10
    finally:
        engine.stop()

    assert set(engine.silent_s()) == {"ticking", "sending"}
    assert all(seconds < 10 for seconds in engine.silent_s().values())
