"""resile's own metrics: what Prometheus reads, who may, and that no label grows without bound."""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace
from prometheus_client.parser import text_string_to_metric_families

from resile.app.access import LOCAL
from resile.app.own_metrics import OTHER, OwnMetrics
from resile.app.settings import load_settings
from resile.app.wiring import Resile, open_resile
from resile.model.alert import Outcome
from resile.model.errors import StoreError
from resile.model.escalation import EscalationState
from resile.model.message import MessageClass, MessageState
from resile.ports.channel import Receipt
from resile.ports.paging_store import Changes, Timer, TimerKind
from resile.testing.paging_model import START, alert, at, changes, escalation, handed, message
from resile.testing.simulated_clock import SimulatedClock
from resile.web.server import create_app

from .api.conftest import PASSWORDS
from .api.visitor import Visitor

Values = dict[tuple[str, tuple[tuple[str, str], ...]], float]


@pytest.fixture
def resile(tmp_path: Path, fresh_data: Callable[[Path], Path]) -> Iterator[Resile]:
    with open_resile(load_settings(data=fresh_data(tmp_path / "data")), clock=SimulatedClock(START)) as opened:
        yield opened


def read(text: bytes) -> Values:
    """As Prometheus' own parser reads it."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def value(values: Values, name: str, **labels: str) -> float:
    return values[name, tuple(sorted(labels.items()))]


def test_how_long_messages_dwelt_is_told_by_channel_and_class(resile: Resile) -> None:
    own = OwnMetrics(resile, ["sms"])
    own.sent(message("a"), dwell_s=3, took_s=1)
    own.failed(message("a"), is_uncertain=True)
    own.delivered(message("a"), took_s=12)

    values = read(own.text())

    its = {"channel": "sms", "class": "page"}
    assert value(values, "resile_message_dwell_seconds_sum", **its) == 4
    assert value(values, "resile_message_dwell_seconds_bucket", le="2.0", **its) == 0
    assert value(values, "resile_message_dwell_seconds_bucket", le="5.0", **its) == 1
    assert value(values, "resile_message_delivery_seconds_sum", **its) == 12
    assert value(values, "resile_message_failures_total", outcome="uncertain", **its) == 1


def test_how_paging_stands_is_told(resile: Resile) -> None:
    clock = resile.clock
    assert isinstance(clock, SimulatedClock)
    resile.paging.commit(
        Changes(
            messages=(message("a"), message("b", message_class=MessageClass.NOTICE)),
            escalations=(escalation("INC-1"), escalation("INC-2", state=EscalationState.UNREACHABLE)),
            timers=(Timer(kind=TimerKind.ESCALATION, subject="INC-1", due_at=at(1)),),
        )
    )
    clock.advance(timedelta(minutes=3))

    values = read(OwnMetrics(resile, []).text())

    assert value(values, "resile_messages", **{"class": "page", "state": "queued"}) == 1
    assert value(values, "resile_messages", **{"class": "page", "state": "failed"}) == 0
    assert value(values, "resile_escalations", state="running") == 1
    assert value(values, "resile_escalations", state="unreachable") == 1
    assert value(values, "resile_tick_lag_seconds") == 120
    assert value(values, "resile_outbox_lag_seconds") == 180
    assert value(values, "resile_store_up") == 1


def test_alerts_that_fire_are_counted_however_many_there_are(resile: Resile) -> None:
    resile.paging.commit(changes(*(alert(f"a{n}", outcome=Outcome.JOINED) for n in range(10_001))))

    assert value(read(OwnMetrics(resile, []).text()), "resile_alerts_firing", outcome="joined") == 10_001


def test_doors_are_told_by_their_kind(resile: Resile) -> None:
    resile.doors.add(LOCAL, "alertmanager", "one")
    resile.doors.add(LOCAL, "alertmanager", "two")
    resile.doors.count_refused({"alertmanager/one": 2, "alertmanager/two": 3})

    values = read(OwnMetrics(resile, []).text())

    assert value(values, "resile_door_refused_total", kind="alertmanager") == 5
    assert value(values, "resile_journal_waiting") == 0


def test_channels_that_nobody_set_up_have_one_name_together(resile: Resile) -> None:
    own = OwnMetrics(resile, ["sms"])
    for n in range(500):
        own.sent(message(f"m{n}", channel=f"channel-{n}"), dwell_s=0, took_s=0)

    channels = {dict(labels)["channel"] for _, labels in read(own.text()) if "channel" in dict(labels)}

    assert channels == {OTHER}


def test_arrival_is_measured_once_however_often_the_provider_tells_it(resile: Resile) -> None:
    own = OwnMetrics(resile, ["sms"])
    resile.receipts.measures = own
    queued = message("a")
    resile.paging.commit(Changes(messages=(queued,)))
    resile.paging.commit(Changes(messages=(handed(queued, 0),)))
    clock = resile.clock
    assert isinstance(clock, SimulatedClock)
    clock.advance(timedelta(seconds=7))

    for _ in range(2):
        resile.receipts.take("sms", [Receipt(message_id="a", state=MessageState.DELIVERED, number=1)])

    its = {"channel": "sms", "class": "page"}
    assert value(read(own.text()), "resile_message_delivery_seconds_sum", **its) == 7
    assert value(read(own.text()), "resile_message_delivery_seconds_count", **its) == 1


def test_stores_that_cannot_be_read_are_told_as_such(resile: Resile, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise StoreError("the database is gone; bring it back")

    monkeypatch.setattr(type(resile.paging), "counts", fail)

    values = read(OwnMetrics(resile, []).text())

    assert value(values, "resile_store_up") == 0
    assert ("resile_escalations", (("state", "running"),)) not in values


def test_whoever_may_read_reads_them_and_strangers_are_refused_without_a_page(resile: Resile) -> None:
    app = create_app(resile, passwords=PASSWORDS)
    assert read(Visitor(app).get("/metrics").content)

    admin = Visitor(app).set_up()

    assert Visitor(app).get("/metrics").status_code == 401
    assert admin.program("deploy").get("/metrics").status_code == 403
    answer = admin.program("read", name="prometheus").get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    assert value(read(answer.content), "resile_store_up") == 1


def test_without_accounts_only_this_machine_reads_them(resile: Resile) -> None:
    app = create_app(replace(resile), passwords=PASSWORDS)

    assert Visitor(app, address="203.0.113.9").get("/metrics").status_code == 403


def test_every_metric_stands_on_its_page(resile: Resile) -> None:
    own = OwnMetrics(resile, ["sms"])
    own.follow(lambda: {"ticking": 0.1})
    own.failed(message("a"), is_uncertain=False)
    resile.doors.add(LOCAL, "alertmanager")
    page = (Path(__file__).parents[2] / "docs/reference/metrics.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"^\| `(resile_\w+)` \|", page, flags=re.MULTILINE))

    families = text_string_to_metric_families(own.text().decode())
    told = {f"{one.name}_total" if one.type == "counter" else one.name for one in families}

    assert {name for name in told if name.startswith("resile_")} == documented
